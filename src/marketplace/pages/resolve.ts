/** What the sample registration page does as a seller: ResolveCustomer with the official SDK, against this server. */
import type { ResolveCustomerCommandOutput } from "@aws-sdk/client-marketplace-metering";
import { registrationTokenHash } from "../../api/identifiers.ts";
import { isKnownRegion, partitionOf, regionListOf } from "../../api/regions.ts";
import type { Credential, Product } from "../../api/types.ts";
import { isAllowed } from "../../protocol/authorise.ts";
import type { MarketplacePagesOptions } from "./options.ts";

export interface Resolved {
  readonly kind: "resolved";
  readonly customer: Pick<
    ResolveCustomerCommandOutput,
    "CustomerIdentifier" | "CustomerAWSAccountId" | "ProductCode" | "LicenseArn"
  >;
  readonly requestId: string | undefined;
  /** A seller's page remembers which tokens it has had, to make no second account. */
  readonly seenBefore: boolean;
  readonly call: CallFacts;
}

export interface Refused {
  readonly kind: "refused";
  /** Error name; absent where no call could be made. */
  readonly name: string | undefined;
  readonly message: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  readonly call: CallFacts | undefined;
}

export interface CallFacts {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly attempts: number | undefined;
}

export interface SellerCalls {
  resolve(product: Product, token: string): Promise<Resolved | Refused>;
}

const action = "aws-marketplace:ResolveCustomer";
const rememberedMax = 10_000;
/** A planned delay must end in an answer that the page can show, not in the browser's own error. */
const requestMaxMs = 30_000;

export function createSellerCalls(options: MarketplacePagesOptions): SellerCalls {
  const seen = new Set<string>();
  const remember = (token: string): boolean => {
    const hash = registrationTokenHash(token);
    const isKnown = seen.has(hash);
    const [oldest] = seen;
    if (seen.size >= rememberedMax && oldest !== undefined) seen.delete(oldest);
    seen.add(hash);
    return isKnown;
  };
  return {
    resolve: async (product, token) => {
      const credential = sellerCredential(options, product);
      if (credential === undefined) {
        return {
          kind: "refused",
          name: undefined,
          message: `The catalogue has no credential of account ${product.sellerAccountId}, which publishes the product, that allows ${action}. Add one under “credentials”: account ${product.sellerAccountId}, kind iam-user.`,
          status: undefined,
          requestId: undefined,
          call: undefined,
        };
      }
      const answer = await call(options, product, token, credential);
      return answer.kind === "resolved" ? { ...answer, seenBefore: remember(token) } : answer;
    },
  };
}

/** A user's key before a role's: that is what sellers' pages hold most. */
function sellerCredential(options: MarketplacePagesOptions, product: Product): Credential | undefined {
  const usable = options.store.catalog
    .all()
    .credentials.filter(
      (one) =>
        one.accountId === product.sellerAccountId &&
        isAllowed(one.allow, action) &&
        (one.expiresAt === undefined || options.wallClock() < one.expiresAt),
    );
  return (
    usable.find((one) => one.kind === "iam-user") ?? usable.find((one) => one.kind === "assumed-role") ?? usable[0]
  );
}

/** T-8: the seller's choice, among the Regions that offer the operation to the seller's partition. */
function regionFor(options: MarketplacePagesOptions, product: Product): string {
  const partition = options.store.catalog.account(product.sellerAccountId)?.partition ?? "aws";
  const offered = regionListOf("ResolveCustomer", { revision: options.settings().revision }).filter(
    (one) => partitionOf(one) === partition,
  );
  const enabled = product.enabledRegions.find((one) => offered.includes(one) || !isKnownRegion(one));
  return enabled ?? offered[0] ?? product.enabledRegions[0] ?? "us-east-1";
}

async function call(
  options: MarketplacePagesOptions,
  product: Product,
  token: string,
  credential: Credential,
): Promise<Resolved | Refused> {
  // Loaded at the first use: a server whose buyers' pages nobody opens does not pay for it.
  const { MarketplaceMeteringClient, ResolveCustomerCommand } = await import("@aws-sdk/client-marketplace-metering");
  const endpoint = options.publicUrl();
  const region = regionFor(options, product);
  const { accessKeyId, secretAccessKey, sessionToken } = credential;
  const client = new MarketplaceMeteringClient({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    // Signatures are judged by the server's wall clock, which a test may have moved.
    systemClockOffset: options.wallClock() - Date.now(),
  });
  const facts = (attempts: number | undefined): CallFacts => ({ endpoint, region, accessKeyId, attempts });
  try {
    const { $metadata, CustomerIdentifier, CustomerAWSAccountId, ProductCode, LicenseArn } = await client.send(
      new ResolveCustomerCommand({ RegistrationToken: token }),
      { abortSignal: AbortSignal.timeout(requestMaxMs) },
    );
    return {
      kind: "resolved",
      customer: { CustomerIdentifier, CustomerAWSAccountId, ProductCode, LicenseArn },
      requestId: $metadata.requestId,
      seenBefore: false,
      call: facts($metadata.attempts),
    };
  } catch (error) {
    options.log.debug({ err: error, product: product.code }, "the sample registration page was refused");
    return { ...refusalOf(error), call: facts(metadataOf(error).attempts) };
  } finally {
    client.destroy();
  }
}

interface Metadata {
  readonly requestId?: string;
  readonly httpStatusCode?: number;
  readonly attempts?: number;
}

function metadataOf(error: unknown): Metadata {
  return (error as { readonly $metadata?: Metadata } | undefined)?.$metadata ?? {};
}

function refusalOf(error: unknown): Omit<Refused, "call"> {
  const { requestId, httpStatusCode } = metadataOf(error);
  return {
    kind: "refused",
    name: error instanceof Error ? error.name : "Error",
    message: error instanceof Error && error.message !== "" ? error.message : String(error),
    status: httpStatusCode,
    requestId,
  };
}
