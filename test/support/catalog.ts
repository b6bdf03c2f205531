/**
 * One catalogue for tests that speak to a whole server: two sellers, buyers in every state, products of every type,
 * keys of every kind, licences and registration tokens. Times are written out, to be used with the clock at `startAt`.
 */
import { generateKeyPairSync } from "node:crypto";
import type { AgreementEntry, CatalogDocument, CredentialEntry, ProductEntry } from "../../src/catalog/schema.ts";

/** Saturday morning, mid-month: no rule of month ends is near. */
export const startAt = "2026-08-15T10:20:00Z";
/** `startAt` in epoch seconds. */
export const startSec = Date.parse(startAt) / 1_000;

export const sellers = {
  quayside: "210000000001",
  rival: "210000000002",
  /** Its keys are known in aws-cn only. */
  harbin: "210000000003",
} as const;

export const buyers = {
  /** Subscribed to everything. */
  alder: { account: "310000000001", identifier: "aLd3rQ7wE1z" },
  /** Cancelled 20 minutes ago: in the final hour. */
  birch: { account: "310000000002", identifier: "bIr4cHx8R2y" },
  /** Ended five days ago. */
  cedar: { account: "310000000003", identifier: "cEd5rT9tU3x" },
  /** Subscribed, account suspended. */
  dogwood: { account: "310000000004", identifier: "dOg6wDy1I4w" },
  /** Has registered; subscribe-success has not come. */
  elm: { account: "310000000005", identifier: "eLm7kPo2O5v" },
  /** Subscribed since 08:30 today. */
  fir: { account: "310000000006", identifier: "fIr8sAa3P6u" },
  /** The payment failed. */
  gorse: { account: "310000000007", identifier: "gOr9eSs4A7t" },
  /** Known, but never bought anything. */
  hazel: { account: "310000000008", identifier: "hAz1lDd5S8s" },
  /** On private offers signed before the dimension `alerts` came. */
  juniper: { account: "310000000009", identifier: "jUn2pFf6D9r" },
  /** Of the partition aws-cn. */
  kapok: { account: "310000000010", identifier: "kAp3kGg7F1q" },
} as const;

const code = (name: string): string => name.padEnd(25, "0");

export const products = {
  /** SaaS subscription from before concurrent agreements; the only one with a second Region. */
  logs: code("quaylogs"),
  traces: code("quaytraces"),
  /** Concurrent agreements only. */
  vault: code("quayvault"),
  safe: code("quaysafe"),
  contract: code("quaydesk"),
  consumption: code("quayhelp"),
  rival: code("rivallogs"),
  ami: code("quayscan"),
  amiHourly: code("quayimage"),
  container: code("quayproxy"),
  containerHourly: code("quaygate"),
  otherHourly: code("quaytoll"),
  byol: code("quaybyol"),
  agent: code("quayagent"),
  china: code("harbinlogs"),
} as const;
export const logsEntityId = "prod-quaylogs00001";

const license = (tail: string): string => `arn:aws:license-manager::294406891311:license:l-${tail.padStart(32, "0")}`;

export const licenses = {
  /** alder's two agreements on `vault`. */
  vault1: license("a1"),
  vault2: license("a2"),
  /** alder's on `safe`, and on the legacy product `logs`. */
  safe: license("a3"),
  logs: license("a4"),
  /** In its final hour; ended; of a suspended buyer; active since 08:30. */
  birch: license("b1"),
  cedar: license("c1"),
  dogwood: license("d1"),
  fir: license("f1"),
  /** alder's, on the other seller's product. */
  rival: license("e1"),
  /** Nobody's. */
  unknown: license("99"),
} as const;

/** Access key ids. */
export const keys = {
  seller: "AKIASELLER0000000001",
  sellerSession: "ASIASELLER0000000002",
  expired: "ASIASELLER0000000003",
  rival: "AKIARIVAL00000000001",
  china: "AKIACHINA00000000001",
  allowsNothing: "AKIADENY000000000001",
  allowsNothingSession: "ASIADENY000000000006",
  allowsOldNamespace: "AKIADENY000000000002",
  allowsBatchOnly: "AKIADENY000000000003",
  allowsByPattern: "AKIADENY000000000004",
  allowsAll: "AKIADENY000000000005",
  ec2: "ASIAEC2ALDER00000001",
  ec2Other: "ASIAEC2ALDER00000002",
  ec2Denied: "ASIAEC2ALDER00000003",
  ec2Ireland: "ASIAEC2ALDER00000004",
  ec2GovCloud: "ASIAEC2ALDER00000005",
  ec2Seller: "ASIAEC2SELLER0000001",
  ec2Hazel: "ASIAEC2HAZEL00000001",
  ec2Dogwood: "ASIAEC2DOGWOOD000001",
  ec2Juniper: "ASIAEC2JUNIPER000001",
  ecs: "ASIAECSALDER00000001",
  ecsOther: "ASIAECSALDER00000002",
  /** Runs an image of `otherHourly`. */
  ecsToll: "ASIAECSALDER00000003",
  /** In eu-central-2, which only revision 2024 lists for ECS. */
  ecsZurich: "ASIAECSALDER00000004",
  ecsGovCloud: "ASIAECSALDER00000005",
  ecsHazel: "ASIAECSHAZEL00000001",
  ecsSeller: "ASIAECSSELLER0000001",
  eks: "ASIAEKSALDER00000001",
  eksZurich: "ASIAEKSALDER00000002",
  podIdentity: "ASIAEKSALDER00000003",
  agent: "ASIAAGENTALDER000001",
  agentOther: "ASIAAGENTALDER000002",
  laptop: "AKIALAPTOP0000000001",
  role: "ASIAROLEALDER0000001",
} as const;
export type KeyName = keyof typeof keys;

/** Base64 with `+`, `/` and `=`, so that a wrong number of decodings changes it (T-1). */
export const tokens = {
  legacy: "bG9ncyt0b2tlbg/alder+1==",
  vault1: "dmF1bHQx+token/alder==",
  vault2: "dmF1bHQy+token/alder==",
  pending: "cGVuZGluZw/elm+5==",
  rival: "cml2YWw+token/alder==",
  bare: "YmFyZQ+hazel/8==",
} as const;

/** When the token `legacy` was issued. */
export const tokenIssuedAt = "2026-08-15T10:00:00Z";
/** Since when key version 1 of `containerHourly` is rotated out. */
export const keyRotatedAt = "2026-06-01T00:00:00Z";
/** When the workloads with a launch time were launched. */
export const launchedAt = "2026-08-15T09:10:00Z";

// Made once a process: a server that starts or resets would make them anew each time.
const makePem = (): string =>
  generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const pems = [makePem(), makePem()] as const;

export function testCatalog(): CatalogDocument {
  return {
    accounts: [
      { id: sellers.quayside, name: "Quayside Software" },
      { id: sellers.rival, name: "Rival Works" },
      { id: sellers.harbin, name: "Harbin Software", partition: "aws-cn" },
      ...Object.values(buyers).map(({ account, identifier }) => ({
        id: account,
        customerIdentifier: identifier,
        ...(account === buyers.dogwood.account ? { suspended: true } : {}),
        ...(account === buyers.kapok.account ? { partition: "aws-cn" } : {}),
      })),
    ],
    credentials: [...sellerKeys(), ...workloadKeys()].map((entry) => ({
      secretAccessKey: `secret-of-${entry.accessKeyId}`,
      ...(entry.accessKeyId.startsWith("ASIA") ? { sessionToken: `session+of/${entry.accessKeyId}==` } : {}),
      ...entry,
    })),
    products: [...saasProducts(), ...workloadProducts()],
    agreements: [...saasAgreements(), ...licensedAgreements(), ...workloadAgreements()],
    tokens: [
      { value: tokens.legacy, product: products.logs, buyer: buyers.alder.account, issuedAt: tokenIssuedAt },
      {
        value: tokens.vault1,
        product: products.vault,
        buyer: buyers.alder.account,
        license: licenses.vault1,
        issuedAt: tokenIssuedAt,
      },
      {
        value: tokens.vault2,
        product: products.vault,
        buyer: buyers.alder.account,
        license: licenses.vault2,
        issuedAt: tokenIssuedAt,
      },
      { value: tokens.pending, product: products.logs, buyer: buyers.elm.account, issuedAt: tokenIssuedAt },
      { value: tokens.rival, product: products.rival, buyer: buyers.alder.account, issuedAt: tokenIssuedAt },
      { value: tokens.bare, product: products.logs, buyer: buyers.hazel.account, issuedAt: tokenIssuedAt },
    ],
    entitlements: [
      {
        product: products.contract,
        buyer: buyers.alder.account,
        dimension: "users",
        value: 10,
        expires: "2027-07-01T00:00:00Z",
      },
    ],
  };
}

type KeyEntry = CredentialEntry & { readonly accessKeyId: string };

function sellerKeys(): KeyEntry[] {
  const quayside = { account: sellers.quayside, kind: "iam-user" } as const;
  return [
    { accessKeyId: keys.seller, ...quayside, name: "metering" },
    { accessKeyId: keys.sellerSession, account: sellers.quayside, kind: "assumed-role", name: "metering-role" },
    {
      accessKeyId: keys.expired,
      account: sellers.quayside,
      kind: "assumed-role",
      name: "old-role",
      expiresAt: "2020-01-01T00:00:00Z",
    },
    { accessKeyId: keys.rival, account: sellers.rival, kind: "iam-user", name: "metering" },
    { accessKeyId: keys.china, account: sellers.harbin, kind: "iam-user", name: "metering" },
    { accessKeyId: keys.allowsNothing, ...quayside, name: "nothing", allow: [] },
    {
      accessKeyId: keys.allowsNothingSession,
      account: sellers.quayside,
      kind: "assumed-role",
      name: "nothing-role",
      allow: [],
    },
    // S-34: the name of the service in botocore, which is no IAM namespace.
    { accessKeyId: keys.allowsOldNamespace, ...quayside, name: "old-namespace", allow: ["meteringmarketplace:*"] },
    { accessKeyId: keys.allowsBatchOnly, ...quayside, name: "batch", allow: ["aws-marketplace:BatchMeterUsage"] },
    { accessKeyId: keys.allowsByPattern, ...quayside, name: "pattern", allow: ["AWS-Marketplace:?esolve*"] },
    { accessKeyId: keys.allowsAll, ...quayside, name: "all", allow: ["*"] },
  ];
}

function workloadKeys(): KeyEntry[] {
  const alder = buyers.alder.account;
  const home = "us-east-1";
  const ecs = (account: string, task: string, region: string = home) =>
    ({
      account,
      kind: "ecs-task",
      name: "task",
      resource: `arn:aws:ecs:${region}:${account}:task/c/${task}`,
      region,
    }) as const;
  const ec2 = (account: string, resource: string, region: string = home) =>
    ({ account, kind: "ec2", name: "instance", resource, region }) as const;
  return [
    { accessKeyId: keys.ec2, ...ec2(alder, "i-0aaaaaaaaaaaaaaa1") },
    { accessKeyId: keys.ec2Other, ...ec2(alder, "i-0aaaaaaaaaaaaaaa2"), launchedAt },
    { accessKeyId: keys.ec2Denied, ...ec2(alder, "i-0aaaaaaaaaaaaaaa3"), allow: [] },
    { accessKeyId: keys.ec2Ireland, ...ec2(alder, "i-0aaaaaaaaaaaaaaa4", "eu-west-1") },
    { accessKeyId: keys.ec2GovCloud, ...ec2(alder, "i-0aaaaaaaaaaaaaaa5", "us-gov-west-1") },
    { accessKeyId: keys.ec2Seller, ...ec2(sellers.quayside, "i-0bbbbbbbbbbbbbbb1") },
    { accessKeyId: keys.ec2Hazel, ...ec2(buyers.hazel.account, "i-0ccccccccccccccc1") },
    { accessKeyId: keys.ec2Dogwood, ...ec2(buyers.dogwood.account, "i-0ddddddddddddddd1") },
    { accessKeyId: keys.ec2Juniper, ...ec2(buyers.juniper.account, "i-0eeeeeeeeeeeeeee1") },
    { accessKeyId: keys.ecs, ...ecs(alder, "aaaa1"), launchedAt },
    { accessKeyId: keys.ecsOther, ...ecs(alder, "aaaa2"), launchedAt },
    { accessKeyId: keys.ecsToll, ...ecs(alder, "aaaa3"), products: [products.otherHourly] },
    { accessKeyId: keys.ecsZurich, ...ecs(alder, "aaaa4", "eu-central-2") },
    { accessKeyId: keys.ecsGovCloud, ...ecs(alder, "aaaa5", "us-gov-west-1") },
    { accessKeyId: keys.ecsHazel, ...ecs(buyers.hazel.account, "cccc1") },
    { accessKeyId: keys.ecsSeller, ...ecs(sellers.quayside, "bbbb1") },
    { accessKeyId: keys.eks, account: alder, kind: "eks-irsa", name: "pod", resource: "eks/c1/pod-1", region: home },
    {
      accessKeyId: keys.eksZurich,
      account: alder,
      kind: "eks-irsa",
      name: "pod",
      resource: "eks/c2/pod-1",
      region: "eu-central-2",
    },
    {
      accessKeyId: keys.podIdentity,
      account: alder,
      kind: "eks-pod-identity",
      name: "pod",
      resource: "eks/c1/pod-2",
      region: home,
    },
    { accessKeyId: keys.agent, account: alder, kind: "agentcore", name: "agent", resource: "runtime/r1", region: home },
    {
      accessKeyId: keys.agentOther,
      account: alder,
      kind: "agentcore",
      name: "agent",
      resource: "runtime/r2",
      region: home,
    },
    { accessKeyId: keys.laptop, account: alder, kind: "iam-user", name: "developer" },
    { accessKeyId: keys.role, account: alder, kind: "assumed-role", name: "admin" },
  ];
}

/** A dimension that came after juniper's private offers. */
const alerts = { name: "alerts", addedAt: "2026-08-01T00:00:00Z" } as const;

function saasProducts(): ProductEntry[] {
  const legacy = { seller: sellers.quayside, type: "saas-subscription", createdAt: "2024-01-10T00:00:00Z" } as const;
  const concurrent = {
    seller: sellers.quayside,
    type: "saas-subscription",
    createdAt: "2026-07-01T00:00:00Z",
  } as const;
  return [
    {
      ...legacy,
      code: products.logs,
      entityId: logsEntityId,
      dimensions: ["searches", "gb", alerts],
      enabledRegions: ["us-east-1", "eu-west-1"],
    },
    { ...legacy, code: products.traces, dimensions: ["searches"] },
    { ...concurrent, code: products.vault, dimensions: ["secrets", "gb"], enabledRegions: ["us-east-1", "eu-west-1"] },
    { ...concurrent, code: products.safe, dimensions: ["secrets"] },
    { ...legacy, code: products.contract, type: "saas-contract", entitlementDimensions: ["users"] },
    {
      ...legacy,
      code: products.consumption,
      type: "saas-contract-with-consumption",
      entitlementDimensions: ["users"],
      dimensions: ["extra_users"],
    },
    { ...legacy, code: products.rival, seller: sellers.rival, dimensions: ["searches"] },
    {
      ...legacy,
      code: products.china,
      seller: sellers.harbin,
      dimensions: ["searches"],
      enabledRegions: ["cn-northwest-1"],
    },
  ];
}

function workloadProducts(): ProductEntry[] {
  const common = { seller: sellers.quayside, createdAt: "2024-01-10T00:00:00Z" } as const;
  return [
    { ...common, code: products.ami, type: "ami-fcp", dimensions: ["hosts", "gb", alerts] },
    { ...common, code: products.amiHourly, type: "ami-hourly" },
    { ...common, code: products.container, type: "container-fcp", dimensions: ["vcpu", "gb"] },
    {
      ...common,
      code: products.containerHourly,
      type: "container-hourly",
      publicKeys: [
        { version: 1, rotatedAt: keyRotatedAt, privateKeyPem: pems[0] },
        { version: 2, privateKeyPem: pems[1] },
      ],
    },
    {
      ...common,
      code: products.otherHourly,
      type: "container-hourly",
      publicKeys: [{ version: 1, privateKeyPem: pems[0] }],
    },
    { ...common, code: products.byol, type: "container-byol", publicKeys: [{ version: 1, privateKeyPem: pems[0] }] },
    { ...common, code: products.agent, type: "agentcore-fcp", dimensions: ["calls"] },
  ];
}

const long = "2026-07-01T00:00:00Z";

function saasAgreements(): AgreementEntry[] {
  const ofLogs = (buyer: keyof typeof buyers) => ({
    product: products.logs,
    buyer: buyers[buyer].account,
    acceptedAt: long,
  });
  return [
    { ...ofLogs("alder"), state: "active", license: licenses.logs },
    { ...ofLogs("birch"), state: "unsubscribe-pending", pendingAt: "2026-08-15T10:00:00Z" },
    { ...ofLogs("cedar"), state: "ended", endedAt: "2026-08-10T12:00:00Z" },
    { ...ofLogs("dogwood"), state: "active" },
    { ...ofLogs("elm"), state: "pending" },
    { ...ofLogs("fir"), state: "active", acceptedAt: "2026-08-15T08:30:00Z" },
    { ...ofLogs("gorse"), state: "payment-failed", failedAt: long },
    { ...ofLogs("juniper"), state: "active", privateOffer: true },
    { product: products.traces, buyer: buyers.alder.account, state: "active", acceptedAt: long },
    { product: products.contract, buyer: buyers.alder.account, state: "active", acceptedAt: long },
    { product: products.consumption, buyer: buyers.alder.account, state: "active", acceptedAt: long },
    { product: products.china, buyer: buyers.kapok.account, state: "active", acceptedAt: long },
  ];
}

function licensedAgreements(): AgreementEntry[] {
  const ofVault = (buyer: keyof typeof buyers, arn: string) =>
    ({
      product: products.vault,
      buyer: buyers[buyer].account,
      license: arn,
      acceptedAt: "2026-07-05T00:00:00Z",
    }) as const;
  return [
    { ...ofVault("alder", licenses.vault1), id: "agmt-alder-vault-1", state: "active" },
    { ...ofVault("alder", licenses.vault2), id: "agmt-alder-vault-2", state: "active" },
    { ...ofVault("alder", licenses.safe), product: products.safe, state: "active" },
    { ...ofVault("birch", licenses.birch), state: "unsubscribe-pending", pendingAt: "2026-08-15T10:00:00Z" },
    { ...ofVault("cedar", licenses.cedar), state: "ended", endedAt: "2026-08-15T08:00:00Z" },
    { ...ofVault("dogwood", licenses.dogwood), state: "active" },
    { ...ofVault("fir", licenses.fir), state: "active", acceptedAt: "2026-08-15T08:30:00Z" },
    { ...ofVault("alder", licenses.rival), product: products.rival, state: "active" },
  ];
}

function workloadAgreements(): AgreementEntry[] {
  const active = (product: string, buyer: string): AgreementEntry => ({
    product,
    buyer,
    state: "active",
    acceptedAt: long,
  });
  const ofAlder = [
    products.ami,
    products.container,
    products.containerHourly,
    products.otherHourly,
    products.byol,
    products.agent,
  ];
  return [
    ...ofAlder.map((product) => active(product, buyers.alder.account)),
    active(products.ami, buyers.dogwood.account),
    { ...active(products.ami, buyers.juniper.account), privateOffer: true },
  ];
}
