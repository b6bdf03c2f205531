/** A catalogue for load: many usage keys, no quotas, and a supply of records of which no two share a key. */
import type { CatalogDocument } from "../../src/catalog/schema.ts";
import type { SigningKey } from "./signedClient.ts";

const buyerCount = 400;
const dimensionCount = 24;
/** Back from now, the newest first; the window is 24 hours, so that a test that runs over a full hour stays inside it. */
const hourCount = 20;

const seller = "610000000001";
const firstBuyer = 620000000001;
const code = (name: string): string => name.padEnd(25, "0");

export const loadProducts = { first: code("loadfirst"), second: code("loadsecond") } as const;
export const agentProduct = code("loadagent");
export const hourlyProduct = code("loadhourly");
export const agentDimension = "invocations";
/** An account that subscribed to nothing. */
export const strangerId = "630000000001";
/** Of the first buyer, for the first product. */
export const loadToken = "bG9hZA+token/first==";

export const sellerKey: SigningKey = { accessKeyId: "AKIALOADSELLER000001", secretAccessKey: "load-seller-secret" };
export const agentKey: SigningKey = {
  accessKeyId: "ASIALOADAGENT0000001",
  secretAccessKey: "load-agent-secret",
  sessionToken: "load-agent-session",
};
export const taskKey: SigningKey = {
  accessKeyId: "ASIALOADTASK00000001",
  secretAccessKey: "load-task-secret",
  sessionToken: "load-task-session",
};

export const buyerId = (index: number): string => String(firstBuyer + index);
const dimensionName = (index: number): string => `d${index}`;
const dimensions = Array.from({ length: dimensionCount }, (_, index) => dimensionName(index));

export interface UsageCatalogOptions {
  readonly buyers?: number;
  /** A product whose RSA keys are made at the first start, which takes long enough to be hit by a kill. */
  readonly hourly?: boolean;
}

export function usageCatalog({ buyers = buyerCount, hourly = false }: UsageCatalogOptions = {}): CatalogDocument {
  const everyBuyer = Array.from({ length: buyers }, (_, index) => buyerId(index));
  const products = Object.values(loadProducts);
  const workload = { account: buyerId(0), region: "us-east-1", launchedAt: "now-2h" } as const;
  const common = { seller, createdAt: "now-900d", concurrentAgreementsOnly: false } as const;
  const active = { state: "active", acceptedAt: "now-30d" } as const;
  return {
    accounts: [{ id: seller }, { id: strangerId }, ...everyBuyer.map((id) => ({ id }))],
    credentials: [
      { ...sellerKey, account: seller, kind: "iam-user" },
      {
        ...agentKey,
        ...workload,
        kind: "agentcore",
        resource: `arn:aws:bedrock-agentcore:us-east-1:${buyerId(0)}:runtime/load_agent-a1b2c3d4e5`,
        products: [agentProduct],
      },
      {
        ...taskKey,
        ...workload,
        kind: "ecs-task",
        resource: `arn:aws:ecs:us-east-1:${buyerId(0)}:task/load/0123456789abcdef0123456789abcdef`,
        ...(hourly ? { products: [hourlyProduct] } : {}),
      },
    ],
    products: [
      ...products.map((product) => ({ code: product, type: "saas-subscription" as const, dimensions, ...common })),
      { code: agentProduct, type: "agentcore-fcp", dimensions: [agentDimension], ...common },
      ...(hourly ? [{ code: hourlyProduct, type: "container-hourly" as const, ...common }] : []),
    ],
    agreements: [
      ...products.flatMap((product) => everyBuyer.map((buyer) => ({ product, buyer, ...active }))),
      { product: agentProduct, buyer: buyerId(0), ...active },
      ...(hourly ? [{ product: hourlyProduct, buyer: buyerId(0), ...active }] : []),
    ],
    tokens: [{ value: loadToken, product: loadProducts.first, buyer: buyerId(0) }],
    settings: { quotas: "off" },
  };
}

export interface LoadRecord {
  readonly CustomerAWSAccountId: string;
  readonly Dimension: string;
  /** Epoch seconds. */
  readonly Timestamp: number;
  readonly Quantity: number;
}

export interface BatchInput {
  readonly ProductCode: string;
  readonly UsageRecords: readonly LoadRecord[];
}

/** Batches of records that no other batch of this supply shares a key with. */
export function batchSupply(nowMs = Date.now(), buyers = buyerCount): (records: number) => BatchInput {
  const startSec = Math.floor(nowMs / 1_000);
  const products = Object.values(loadProducts);
  const used = products.map(() => 0);
  let turn = 0;
  const record = (product: number): LoadRecord => {
    let index = used[product] ?? 0;
    used[product] = index + 1;
    if (index >= buyers * dimensionCount * hourCount) throw new Error("the supply of usage keys is used up");
    const quantity = (index % 997) + 1;
    const buyer = index % buyers;
    index = Math.floor(index / buyers);
    const dimension = index % dimensionCount;
    const hour = Math.floor(index / dimensionCount);
    return {
      CustomerAWSAccountId: buyerId(buyer),
      Dimension: dimensionName(dimension),
      Timestamp: startSec - hour * 3_600,
      Quantity: quantity,
    };
  };
  return (records) => {
    turn += 1;
    const product = turn % products.length;
    return {
      ProductCode: products[product] ?? "",
      UsageRecords: Array.from({ length: records }, () => record(product)),
    };
  };
}

/** The usage key of a record, for comparing what was sent with what is kept. */
export function keyOf(product: string, record: LoadRecord): string {
  return [product, record.CustomerAWSAccountId, record.Dimension, Math.floor(record.Timestamp / 3_600)].join("/");
}
