/** Lines to paste: each operation that a product uses, by the AWS CLI and SDKs, against this server. */
import type { OperationName } from "../../../api/types.ts";
import { operationsOf, type ProductView } from "./types.ts";

export interface Snippet {
  readonly title: string;
  readonly text: string;
}

export type SnippetLanguage = "cli" | "javascript" | "python";

/** For every tool: where the server is. Keys are made under Credentials. */
export function environment(endpoint: string, region: string): string {
  return `export AWS_ENDPOINT_URL=${endpoint}\nexport AWS_REGION=${region} AWS_DEFAULT_REGION=${region}`;
}

export function snippetsOf(product: ProductView, language: SnippetLanguage): readonly Snippet[] {
  return operationsOf(product.type).map((operation) => ({
    title: operation,
    text: writers[language](operation, membersOf(operation, product)),
  }));
}

type Members = Readonly<Record<string, unknown>>;

/** Stands for the time of the call, which each language writes in its own way. */
const now = "\u0000now";
const token = "\u0000token";

function membersOf(operation: OperationName, product: ProductView): Members {
  const metered = product.dimensions.find(({ kind }) => kind === "metered")?.name ?? "YOUR_DIMENSION";
  const { code } = product;
  switch (operation) {
    case "ResolveCustomer":
      return { RegistrationToken: "TOKEN_FROM_THE_POST" };
    case "GetEntitlements":
      return { ProductCode: code };
    case "RegisterUsage":
      return { ProductCode: code, PublicKeyVersion: product.keyVersions.at(-1) ?? 1 };
    case "MeterUsage":
      return {
        ProductCode: code,
        Timestamp: now,
        UsageDimension: metered,
        UsageQuantity: 1,
        ...(product.type === "agentcore-fcp" ? { ClientToken: token } : {}),
      };
    case "BatchMeterUsage":
      return batch(product, metered);
  }
}

function batch({ code, concurrentAgreementsOnly }: ProductView, dimension: string): Members {
  const customer = { CustomerAWSAccountId: "BUYER_ACCOUNT_ID" };
  const record = { Timestamp: now, Dimension: dimension, Quantity: 1, ...customer };
  // Products of concurrent agreements meter by licence only.
  return concurrentAgreementsOnly
    ? { UsageRecords: [{ ...record, LicenseArn: "LICENSE_ARN" }] }
    : { ProductCode: code, UsageRecords: [record] };
}

type Writer = (operation: OperationName, members: Members) => string;

const kebab = (name: string): string => name.replace(/(?<!^)([A-Z])/g, "-$1").toLowerCase();
const snake = (name: string): string => kebab(name).replaceAll("-", "_");
const isEntitlement = (operation: OperationName): boolean => operation === "GetEntitlements";

function put(json: string, at: Readonly<Record<"now" | "token", string>>): string {
  return json.replaceAll(JSON.stringify(now), at.now).replaceAll(JSON.stringify(token), at.token);
}

const cli: Writer = (operation, members) => {
  const service = isEntitlement(operation) ? "marketplace-entitlement" : "meteringmarketplace";
  const json = put(JSON.stringify(members), { now: `'"$(date +%s)"'`, token: `"'"$(uuidgen)"'"` });
  return `aws ${service} ${kebab(operation)} \\\n  --cli-input-json '${json}'`;
};

const javascript: Writer = (operation, members) => {
  const isOther = isEntitlement(operation);
  const name = isOther ? "client-marketplace-entitlement-service" : "client-marketplace-metering";
  const client = isOther ? "MarketplaceEntitlementServiceClient" : "MarketplaceMeteringClient";
  const input = put(JSON.stringify(members, undefined, 2), { now: "new Date()", token: "crypto.randomUUID()" });
  return `import { ${client}, ${operation}Command } from "@aws-sdk/${name}";

const client = new ${client}();
console.log(await client.send(new ${operation}Command(${input.replaceAll(/"(\w+)":/g, "$1:")})));`;
};

const python: Writer = (operation, members) => {
  const service = isEntitlement(operation) ? "marketplace-entitlement" : "meteringmarketplace";
  const input = put(JSON.stringify(members, undefined, 4), {
    now: "datetime.now(timezone.utc)",
    token: "str(uuid.uuid4())",
  });
  const imports = [
    ...(input.includes("datetime.") ? ["from datetime import datetime, timezone"] : []),
    ...(input.includes("uuid.") ? ["import uuid"] : []),
    "import boto3",
  ];
  return `${imports.join("\n")}

client = boto3.client("${service}")
print(client.${snake(operation)}(**${input}))`;
};

const writers: Readonly<Record<SnippetLanguage, Writer>> = { cli, javascript, python };
