/**
 * The form of a catalogue document: which keys there are and what each may hold. Nothing is changed or filled in here, so
 * a document is the same before and after; defaults are the business of build.ts, references that of check.ts.
 */
import { z } from "zod";
import type { SettingsInput } from "../api/settings.ts";
import type { CredentialKind, EntitlementValue, NotificationForm, ProductType, WorkloadKind } from "../api/types.ts";
import { maskedUrl } from "../api/urls.ts";
import { shown } from "./problems.ts";
import type { CatalogTime } from "./times.ts";
import { isLikelySeconds, parseTime, timeForms } from "./times.ts";

export const productTypes = [
  "saas-subscription",
  "saas-contract",
  "saas-contract-with-consumption",
  "ami-fcp",
  "ami-hourly",
  "container-fcp",
  "container-hourly",
  "container-byol",
  "agentcore-fcp",
] as const satisfies readonly ProductType[];

export const credentialKinds = [
  "iam-user",
  "assumed-role",
  "ec2",
  "ecs-task",
  "eks-irsa",
  "eks-pod-identity",
  "agentcore",
] as const satisfies readonly CredentialKind[];

export const workloadKinds = ["ecs", "fargate", "eks", "ec2", "agentcore"] as const satisfies readonly WorkloadKind[];

export const agreementStates = ["pending", "active", "unsubscribe-pending", "ended", "payment-failed"] as const;
export type AgreementStateName = (typeof agreementStates)[number];

/** A mapping whose unknown keys are errors that name the known ones. */
function strict<const Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? `the keys here are ${known}` : undefined),
  });
}

function text(pattern: RegExp, what: string) {
  return z.string().regex(pattern, { error: (issue) => `${shown(issue.input)} is not ${what}` });
}

/** For members that may hold a secret: the message must not repeat the value. */
function unshownText(pattern: RegExp, what: string) {
  return z.string().regex(pattern, { error: `not ${what}` });
}

function oneOf<const Names extends readonly [string, ...string[]]>(names: Names, what: string) {
  return z.enum(names, {
    error: (issue) =>
      issue.code === "invalid_value" && issue.input !== undefined
        ? `${shown(issue.input)} is not ${what}; one of ${names.join(", ")}`
        : `missing; expected ${what}, one of ${names.join(", ")}`,
  });
}

const time = z.custom<CatalogTime>((value) => parseTime(value) !== undefined, {
  error: ({ input }) => {
    if (input === undefined) return `missing; expected ${timeForms}`;
    return `${shown(input)} ${isLikelySeconds(input) ? "looks like epoch seconds" : "is not a time"}; expected ${timeForms}`;
  },
});

const name = text(/^\S(.{0,253}\S)?$/, "a name of 1 to 255 characters without blanks around it");
const accountId = text(/^\d{12}$/, "an account id of 12 digits");
/** Any name: the lists of Regions grow (L-6), and `enforceRegions: false` accepts what no list holds. */
const region = text(/^[a-z0-9-]{1,64}$/, "a Region name such as us-east-1");
/** K-9: a seller who mixes up the two ids should learn it here. */
const productCode = text(
  /^(?!prod-)[-a-zA-Z0-9/=:_.@]{1,255}$/,
  "a product code (^[-a-zA-Z0-9/=:_.@]*$, 1 to 255, not a prod-… id)",
);
/** B-33: the usual form; licences are compared by their `l-…` tail. */
const licenseArn = text(
  /^arn:aws[a-zA-Z-]*:license-manager::\d{12}:license:l-[0-9a-f]{32}$/,
  "a licence ARN (arn:aws:license-manager::<12 digits>:license:l-<32 hex digits>)",
);

const webUrl = z.url({
  protocol: /^https?$/,
  error: ({ input }) => `${shown(typeof input === "string" ? maskedUrl(input) : input)} is not an http or https URL`,
});

const account = strict({
  id: accountId,
  name: name.optional(),
  customerIdentifier: text(/^[-\w]{1,255}$/, "a CustomerIdentifier of letters and digits").optional(),
  suspended: z.boolean().optional(),
  partition: text(/^aws[a-z-]*$/, "a partition such as aws or aws-cn").optional(),
});

const credential = strict({
  accessKeyId: text(/^\w{1,128}$/, "an access key id of 1 to 128 letters, digits and underscores").optional(),
  secretAccessKey: unshownText(/^\S+$/, "a secret access key: 1 or more characters without blanks").optional(),
  account: accountId,
  kind: oneOf(credentialKinds, "a kind of credential"),
  name: text(/^[\w+=,.@-]{1,64}$/, "a user or role name of 1 to 64 characters (letters, digits, +=,.@-_)").optional(),
  sessionToken: unshownText(/^\S+$/, "a session token: 1 or more characters without blanks").optional(),
  expiresAt: time.optional(),
  allow: z.array(text(/^(\*|[a-z-]+:[\w*?]+)$/i, 'an IAM action pattern such as "aws-marketplace:*"')).optional(),
  resource: name.optional(),
  region: region.optional(),
  products: z.array(productCode).optional(),
  launchedAt: time.optional(),
  stoppedAt: time.optional(),
});

/** C-22 */
const dimensionName = text(/^\w{1,15}$/, "a dimension name of 1 to 15 letters, digits and underscores");
const dimensionEntry = strict({
  name: dimensionName,
  unit: name.optional(),
  price: z
    .union([z.string(), z.number()], { error: "expected a price in USD" })
    .refine((price) => /^\d{1,12}(\.\d{1,3})?$/.test(String(price)), {
      error: (issue) => `${shown(issue.input)} is not a price in USD with at most three decimal places`,
    })
    .optional(),
  description: name.optional(),
  addedAt: time.optional(),
});
const dimension = z.union([dimensionName, dimensionEntry], {
  error: (issue) => `${shown(issue.input)} is not a dimension; expected its name, or a mapping with name`,
});

const publicKey = strict({
  version: z.int().min(1, { error: "a key version is 1 or more" }).max(2_147_483_647),
  rotatedAt: time.nullish(),
  privateKeyPem: z.string().optional(),
});

const product = strict({
  code: productCode,
  entityId: text(/^prod-[a-z0-9]{1,64}$/, "a product id (prod-…)").optional(),
  title: name.optional(),
  seller: accountId,
  type: oneOf(productTypes, "a product type"),
  createdAt: time.optional(),
  concurrentAgreementsOnly: z.boolean().optional(),
  dimensions: z.array(dimension).optional(),
  entitlementDimensions: z.array(dimension).optional(),
  enabledRegions: z.array(region).optional(),
  publicKeys: z.array(publicKey).optional(),
  registrationUrl: webUrl.optional(),
  description: z.string().max(2_000, { error: "a description has at most 2,000 characters" }).optional(),
  sendsSns: z.boolean().optional(),
});

const agreementId = text(/^agmt-[-a-zA-Z0-9]{1,64}$/, "an agreement id (agmt-…)");
const agreement = strict({
  id: agreementId.optional(),
  product: productCode,
  buyer: accountId,
  state: oneOf(agreementStates, "a state of an agreement"),
  acceptedAt: time.optional(),
  since: time.optional(),
  pendingAt: time.optional(),
  endedAt: time.optional(),
  agreementEndedAt: time.optional(),
  failedAt: time.optional(),
  license: licenseArn.optional(),
  privateOffer: z.boolean().optional(),
  offer: name.optional(),
  freeTrial: z.boolean().optional(),
  endsAt: time.optional(),
  autoRenew: z.boolean().optional(),
  intent: oneOf(["NEW", "RENEW", "AMEND"], "an intent").optional(),
  previousAgreement: agreementId.optional(),
});

const token = strict({
  value: z.string().min(1, { error: "a registration token is not empty" }),
  product: productCode,
  buyer: accountId,
  agreement: agreementId.optional(),
  license: licenseArn.optional(),
  issuedAt: time.optional(),
});

export type EntitlementInput = EntitlementValue | number | boolean | string;

const INTEGER_MAX = 2_147_483_647;

/** A scalar stands for the member of its kind: whole number, fraction, true or false, text. */
export function entitlementValue(input: unknown): EntitlementValue | undefined {
  if (typeof input === "number") {
    return entitlementValue(Number.isInteger(input) ? { IntegerValue: input } : { DoubleValue: input });
  }
  if (typeof input === "boolean") return { BooleanValue: input };
  if (typeof input === "string") return { StringValue: input };
  if (typeof input !== "object" || input === null) return undefined;
  const [[member, value] = ["", undefined], ...others] = Object.entries(input);
  if (others.length > 0) return undefined;
  if (member === "IntegerValue" && Number.isInteger(value) && Math.abs(value) <= INTEGER_MAX)
    return { IntegerValue: value };
  if (member === "DoubleValue" && Number.isFinite(value)) return { DoubleValue: value };
  if (member === "BooleanValue" && typeof value === "boolean") return { BooleanValue: value };
  if (member === "StringValue" && typeof value === "string") return { StringValue: value };
  return undefined;
}

const entitlement = strict({
  product: productCode,
  buyer: accountId,
  dimension: dimensionName,
  value: z.custom<EntitlementInput>((value) => entitlementValue(value) !== undefined, {
    error: ({ input }) =>
      `${input === undefined ? "missing" : `${shown(input)} is not a value`}; expected a number (whole numbers to ${INTEGER_MAX}), text, true or false, or exactly one of IntegerValue, DoubleValue, BooleanValue, StringValue`,
  }),
  expires: time,
  license: licenseArn.optional(),
});

const value = z.custom<EntitlementInput>((given) => entitlementValue(given) !== undefined, {
  error: ({ input }) => `${shown(input)} is not the value of an entitlement`,
});
const offer = strict({
  id: text(/^offer-[-a-zA-Z0-9]{1,64}$/, "an offer id (offer-…)"),
  product: productCode,
  title: name.optional(),
  buyers: z.array(accountId).optional(),
  freeTrialDays: z
    .int()
    .min(7, { error: "a free trial has 7 to 90 days" })
    .max(90, { error: "a free trial has 7 to 90 days" })
    .optional(),
  termDays: z.int().min(1).max(3_660).optional(),
  autoRenew: z.boolean().optional(),
  entitlements: z.record(dimensionName, value).optional(),
  createdAt: time.optional(),
  expiresAt: time.optional(),
});

const role = strict({
  account: accountId,
  name: text(/^[\w+=,.@-]{1,64}$/, "a role name of 1 to 64 characters (letters, digits, +=,.@-_)"),
  allow: z.array(text(/^(\*|[a-z-]+:[\w*?]+)$/i, 'an IAM action pattern such as "aws-marketplace:*"')).optional(),
  trusts: z.array(accountId),
  externalId: text(/^[\w+=,.@:/-]{2,1224}$/, "an external id of 2 to 1,224 characters").optional(),
  sessionMaxSec: z.int().min(900).max(43_200).optional(),
});

const kubernetesName = text(
  /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
  "a name of 1 to 63 lower-case letters, digits and -",
);
const workload = strict({
  id: text(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, "a workload id of 1 to 63 lower-case letters, digits and -"),
  kind: oneOf(workloadKinds, "a kind of workload"),
  account: accountId,
  region: region.optional(),
  role: text(/^[\w+=,.@-]{1,64}$/, "a role name of 1 to 64 characters (letters, digits, +=,.@-_)").optional(),
  resource: name.optional(),
  products: z.array(productCode).optional(),
  allow: z.array(text(/^(\*|[a-z-]+:[\w*?]+)$/i, 'an IAM action pattern such as "aws-marketplace:*"')).optional(),
  cluster: text(/^[A-Za-z0-9][-\w]{0,99}$/, "a cluster name of 1 to 100 letters, digits, - and _").optional(),
  namespace: kubernetesName.optional(),
  serviceAccount: kubernetesName.optional(),
  authorizationToken: unshownText(/^[!-~]{16,512}$/, "an authorization token of 16 to 512 characters").optional(),
  launchedAt: time.optional(),
  stoppedAt: time.optional(),
});

export const notificationForms = ["sns", "eventbridge"] as const satisfies readonly NotificationForm[];

const notificationTarget = strict({
  id: text(/^[-\w]{1,64}$/, "a target id of 1 to 64 letters, digits, - and _").optional(),
  seller: accountId.optional(),
  buyer: accountId.optional(),
  product: productCode.optional(),
  forms: z
    .array(oneOf(notificationForms, "a form of notification"))
    .min(1, { error: `a target takes at least one of ${notificationForms.join(", ")}` })
    .optional(),
  kind: oneOf(["http", "sqs"], "a kind of target"),
  url: webUrl,
  rawDelivery: z.boolean().optional(),
  confirmed: z.boolean().optional(),
  sqs: strict({
    endpoint: webUrl.optional(),
    region: region.optional(),
    accessKeyId: text(/^\w{1,128}$/, "an access key id of 1 to 128 letters, digits and underscores").optional(),
    secretAccessKey: unshownText(/^\S+$/, "a secret access key: 1 or more characters without blanks").optional(),
  }).optional(),
});

export const documentSchema = strict({
  accounts: z.array(account).optional(),
  credentials: z.array(credential).optional(),
  products: z.array(product).optional(),
  agreements: z.array(agreement).optional(),
  tokens: z.array(token).optional(),
  entitlements: z.array(entitlement).optional(),
  offers: z.array(offer).optional(),
  roles: z.array(role).optional(),
  workloads: z.array(workload).optional(),
  notificationTargets: z.array(notificationTarget).optional(),
  /** Only its outer form: file.ts runs the settings' own schema over it, whose defaults must not end up in the document. */
  settings: z
    .custom<Partial<SettingsInput>>((value) => typeof value === "object" && value !== null && !Array.isArray(value), {
      error: "expected a mapping of switches",
    })
    .optional(),
});

export type CatalogDocument = z.infer<typeof documentSchema>;
type Entries<Section extends keyof CatalogDocument> = Extract<CatalogDocument[Section], readonly unknown[]>[number];
export type AccountEntry = Entries<"accounts">;
export type CredentialEntry = Entries<"credentials">;
export type ProductEntry = Entries<"products">;
export type DimensionEntry = z.infer<typeof dimensionEntry>;
export type PublicKeyEntry = z.infer<typeof publicKey>;
export type AgreementEntry = Entries<"agreements">;
export type TokenEntry = Entries<"tokens">;
export type EntitlementEntry = Entries<"entitlements">;
export type OfferEntry = Entries<"offers">;
export type RoleEntry = Entries<"roles">;
export type WorkloadEntry = Entries<"workloads">;
export type TargetEntry = Entries<"notificationTargets">;

export function dimensionForm(entry: string | DimensionEntry): DimensionEntry {
  return typeof entry === "string" ? { name: entry } : entry;
}
