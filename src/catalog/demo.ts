/**
 * The catalogue that a server without `--catalog` starts with: one seller with a product of each kind, a buyer of all of
 * them, and a buyer who has not finished subscribing. Secrets are left out, so they are made at the first start and kept.
 */
import { accessKeyIdFor } from "./derive.ts";
import type { AgreementEntry, CatalogDocument, CredentialEntry, DimensionEntry } from "./schema.ts";

export const demoAccounts = {
  seller: "111122223333",
  /** Subscribed to everything. */
  buyer: "444455556666",
  /** Publishes one product: what another seller's token or product code is refused for. */
  otherSeller: "123443211234",
  /** Has accepted one offer that is not active yet: usage for it is CustomerNotSubscribed. */
  newBuyer: "777788889999",
} as const;

export const demoProducts = {
  legacySaas: "harborlogs4q7x2m9k1t8v5wz",
  concurrentSaas: "harborvault6h3n8r2c9p4y7d",
  contract: "harbordesk9f2k7w4s1m6j3xb",
  ami: "harborscan5t8b1v6q3z9c2gn",
  containerUsage: "harborproxy2d7m4x9h6r1k8s",
  containerHourly: "harborgate8w3p6j1y4n9f5tv",
  agent: "harboragent7c2z5g8q1x4b9m",
  /** Of the other seller. */
  foreign: "lighthousemaps3k6v9t2x5b8",
} as const;

const SELLER_KEY = { account: demoAccounts.seller, kind: "iam-user", name: "metering-service" } as const;
const EC2_KEY = { account: demoAccounts.buyer, kind: "ec2", name: "harbor-scan-instance" } as const;
const ECS_KEY = { account: demoAccounts.buyer, kind: "ecs-task", name: "harbor-gate-task" } as const;
const AGENT_KEY = { account: demoAccounts.buyer, kind: "agentcore", name: "harbor-agent-runtime" } as const;

/** Access key ids of the demo's credentials: the same on every machine, unlike their secrets. */
export const demoRoles = {
  /** BatchMeterUsage, ResolveCustomer, GetEntitlements. */
  seller: accessKeyIdFor(SELLER_KEY),
  /** MeterUsage of `ami`. */
  ec2: accessKeyIdFor(EC2_KEY),
  /** MeterUsage of `containerUsage`, RegisterUsage of `containerHourly`. */
  ecsTask: accessKeyIdFor(ECS_KEY),
  /** MeterUsage of `agent`, with ClientToken. */
  agentCore: accessKeyIdFor(AGENT_KEY),
} as const;

const REGION = "us-east-1";

export function demoCatalog(): CatalogDocument {
  return {
    accounts: [
      { id: demoAccounts.seller, name: "Harbor Software" },
      { id: demoAccounts.buyer, name: "Example Shipping Co." },
      { id: demoAccounts.newBuyer, name: "Sample Freight Ltd." },
      { id: demoAccounts.otherSeller, name: "Lighthouse Tools" },
    ],
    credentials: credentials(),
    products: [...saasProducts(), ...workloadProducts()],
    agreements: agreements(),
    entitlements: [entitlement("users", 25), entitlement("sso", true), entitlement("support_tier", "gold")],
    offers: offers(),
  };
}

type DemoOffer = NonNullable<CatalogDocument["offers"]>[number];

function offers(): DemoOffer[] {
  return [
    { id: "offer-demotrial14days", product: demoProducts.legacySaas, title: "14 days free", freeTrialDays: 14 },
    {
      id: "offer-demoprivate100",
      product: demoProducts.contract,
      title: "Private offer: 100 users for a year",
      buyers: [demoAccounts.newBuyer],
      termDays: 365,
      autoRenew: true,
      entitlements: { users: 100, sso: true, support_tier: "gold" },
    },
  ];
}

function credentials(): CredentialEntry[] {
  const buyer = demoAccounts.buyer;
  return [
    {
      accessKeyId: demoRoles.seller,
      ...SELLER_KEY,
      allow: ["aws-marketplace:*", "cloudtrail:LookupEvents", "sts:AssumeRole"],
    },
    {
      accessKeyId: demoRoles.ec2,
      ...EC2_KEY,
      resource: "i-0123456789abcdef0",
      region: REGION,
      products: [demoProducts.ami],
      launchedAt: "now-2h",
    },
    {
      accessKeyId: demoRoles.ecsTask,
      ...ECS_KEY,
      resource: `arn:aws:ecs:${REGION}:${buyer}:task/demo/0123456789abcdef0123456789abcdef`,
      region: REGION,
      products: [demoProducts.containerUsage, demoProducts.containerHourly],
      launchedAt: "now-2h",
    },
    {
      accessKeyId: demoRoles.agentCore,
      ...AGENT_KEY,
      resource: `arn:aws:bedrock-agentcore:${REGION}:${buyer}:runtime/harbor_agent-a1b2c3d4e5`,
      region: REGION,
      products: [demoProducts.agent],
      launchedAt: "now-2h",
    },
  ];
}

type ProductEntry = NonNullable<CatalogDocument["products"]>[number];

function dimension(name: string, unit: string, price: string, description: string): DimensionEntry {
  return { name, unit, price, description };
}

function saasProducts(): ProductEntry[] {
  const seller = demoAccounts.seller;
  return [
    {
      code: demoProducts.legacySaas,
      title: "Harbor Logs (SaaS, pay as you go)",
      seller,
      type: "saas-subscription",
      createdAt: "now-900d",
      concurrentAgreementsOnly: false,
      dimensions: [
        dimension("ingested_gb", "GB", "0.25", "Log data ingested"),
        dimension("searches_1k", "1,000 searches", "0.05", "Searches run"),
        dimension("hosts", "host-hours", "0.012", "Hosts that send logs"),
      ],
      enabledRegions: [REGION, "eu-west-1"],
    },
    {
      code: demoProducts.concurrentSaas,
      title: "Harbor Vault (SaaS, concurrent agreements)",
      seller,
      type: "saas-subscription",
      createdAt: "now-60d",
      concurrentAgreementsOnly: true,
      dimensions: [
        dimension("secrets", "secrets", "0.04", "Secrets stored, by the hour"),
        dimension("api_calls_10k", "10,000 calls", "0.03", "API calls"),
      ],
    },
    {
      code: demoProducts.foreign,
      title: "Lighthouse Maps (SaaS, of another seller)",
      seller: demoAccounts.otherSeller,
      type: "saas-subscription",
      createdAt: "now-700d",
      concurrentAgreementsOnly: false,
      dimensions: [dimension("tiles_1k", "1,000 tiles", "0.02", "Map tiles served")],
    },
    {
      code: demoProducts.contract,
      title: "Harbor Desk (SaaS contract with consumption)",
      seller,
      type: "saas-contract-with-consumption",
      createdAt: "now-400d",
      concurrentAgreementsOnly: false,
      entitlementDimensions: [
        dimension("users", "users", "12", "Users in the contract, by the month"),
        { name: "sso", description: "Single sign-on" },
        { name: "support_tier", description: "Level of support" },
      ],
      dimensions: [dimension("extra_users", "users", "0.02", "Users beyond the contract, by the hour")],
    },
  ];
}

function workloadProducts(): ProductEntry[] {
  const common = { seller: demoAccounts.seller, createdAt: "now-400d", concurrentAgreementsOnly: false };
  return [
    {
      code: demoProducts.ami,
      title: "Harbor Scan (AMI, custom metering)",
      type: "ami-fcp",
      ...common,
      dimensions: [
        dimension("hosts_scanned", "hosts", "0.1", "Hosts scanned"),
        dimension("data_gb", "GB", "0.02", "Data inspected"),
      ],
    },
    {
      code: demoProducts.containerUsage,
      title: "Harbor Proxy (container, custom metering)",
      type: "container-fcp",
      ...common,
      dimensions: [
        dimension("vcpu_hours", "vCPU-hours", "0.045", "Processing"),
        dimension("requests_1m", "1,000,000 requests", "0.6", "Requests served"),
      ],
    },
    {
      code: demoProducts.containerHourly,
      title: "Harbor Gate (container, hourly)",
      type: "container-hourly",
      ...common,
      publicKeys: [{ version: 1, rotatedAt: "now-30d" }, { version: 2 }],
    },
    {
      code: demoProducts.agent,
      title: "Harbor Agent (AgentCore)",
      type: "agentcore-fcp",
      ...common,
      dimensions: [
        dimension("invocations", "invocations", "0.01", "Invocations of the agent"),
        dimension("tokens_1k", "1,000 tokens", "0.004", "Tokens processed"),
      ],
    },
  ];
}

function agreements(): AgreementEntry[] {
  const active = (product: string, since: string): AgreementEntry => ({
    product,
    buyer: demoAccounts.buyer,
    state: "active",
    acceptedAt: since,
  });
  return [
    active(demoProducts.legacySaas, "now-30d"),
    // Two at once, each with a licence of its own: what concurrent agreements are about.
    active(demoProducts.concurrentSaas, "now-30d"),
    active(demoProducts.concurrentSaas, "now-10d"),
    active(demoProducts.contract, "now-30d"),
    active(demoProducts.ami, "now-30d"),
    active(demoProducts.containerUsage, "now-30d"),
    active(demoProducts.containerHourly, "now-30d"),
    active(demoProducts.agent, "now-30d"),
    active(demoProducts.foreign, "now-30d"),
    { product: demoProducts.legacySaas, buyer: demoAccounts.newBuyer, state: "pending", acceptedAt: "now" },
  ];
}

function entitlement(
  name: string,
  value: number | boolean | string,
): NonNullable<CatalogDocument["entitlements"]>[number] {
  const { buyer } = demoAccounts;
  return { product: demoProducts.contract, buyer, dimension: name, value, expires: "now+335d" };
}
