/** Everything at once, as long as it is wanted: what each part does, how often, and what counts as a fault. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  BatchMeterUsageCommand,
  MarketplaceMeteringClient,
  RegisterUsageCommand,
  type UsageRecord,
} from "@aws-sdk/client-marketplace-metering";
import {
  type BatchInput,
  batchSupply,
  buyerId,
  hourlyProduct,
  loadProducts,
  sellerKey,
} from "../../test/support/usageCatalog.ts";

export interface LifeOptions {
  readonly endpoint: string;
  readonly token: string;
  readonly buyers: number;
  /** Calls of BatchMeterUsage. */
  readonly callsPerSecond: number;
  /** Makes everything that happens now and then happen so many times as often: for a run of seconds. */
  readonly haste: number;
}

/** How often each part came to its end, and what went wrong. */
export interface Tally {
  readonly done: Record<string, number>;
  readonly faults: string[];
}

export interface Life {
  readonly tally: Tally;
  stop(): Promise<void>;
}

const recordsPerCall = 25;
/** A second; so few that each has the time for its answer. */
const callsPerLane = 5;
/** The others are sent again as they were: records would else fill the memory that holds keys for the whole run. */
const freshShare = 0.2;
const rememberedMax = 2_000;
const streams = 3;
const faultsKept = 20;
/** Of the business clock, in seconds a second. */
const pace = 4;

type Ask = (method: string, path: string, body?: unknown) => Promise<Response>;

export async function startLife(options: LifeOptions): Promise<Life> {
  const tally: Tally = { done: {}, faults: [] };
  const stopping = new AbortController();
  const { signal } = stopping;
  const ask: Ask = async (method, path, body) => {
    const response = await fetch(`${options.endpoint}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${options.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  };
  const told = (name: string): void => {
    tally.done[name] = (tally.done[name] ?? 0) + 1;
  };
  const receiver = await startReceiver(() => told("notifications received"));
  const parts = await partsOf(options, ask, receiver.url);
  const running = Promise.all([
    ...parts.map(({ name, everyMs, run }) => repeat(name, everyMs, run, { tally, signal, told })),
    ...Array.from({ length: streams }, () => follow(options, { tally, signal, told })),
  ]);
  return {
    tally,
    stop: async () => {
      stopping.abort();
      await running;
      await receiver.close();
    },
  };
}

interface Part {
  readonly name: string;
  readonly everyMs: number;
  readonly run: () => Promise<void>;
}

interface Course {
  readonly tally: Tally;
  readonly signal: AbortSignal;
  readonly told: (name: string) => void;
}

function fault({ faults }: Tally, name: string, error: unknown): void {
  if (faults.length < faultsKept) faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
}

/** One at a time; a start that is late is not made up for. */
async function repeat(name: string, everyMs: number, run: () => Promise<void>, course: Course): Promise<void> {
  const { tally, signal, told } = course;
  while (!signal.aborted) {
    const next = sleep(everyMs, undefined, { signal }).catch(() => {});
    try {
      await run();
      told(name);
    } catch (error) {
      fault(tally, name, error);
    }
    await next;
  }
}

/** A console that looks on. */
async function follow({ endpoint, token }: LifeOptions, { tally, signal, told }: Course): Promise<void> {
  try {
    const response = await fetch(`${endpoint}/api/v1/stream`, {
      headers: { authorization: `Bearer ${token}` },
      signal,
    });
    if (!response.ok) throw new Error(`${response.status}`);
    for await (const _ of response.body ?? []) told("pieces of live streams");
    throw new Error("the stream ended");
  } catch (error) {
    if (!signal.aborted) fault(tally, "live stream", error);
  }
}

async function partsOf(options: LifeOptions, ask: Ask, receiverUrl: string): Promise<readonly Part[]> {
  const { endpoint, buyers, callsPerSecond, haste } = options;
  const seller = new MarketplaceMeteringClient({ endpoint, region: "us-east-1", credentials: sellerKey });
  const lanes = Math.max(1, Math.ceil(callsPerSecond / callsPerLane));
  const now = (name: string, seconds: number, run: () => Promise<void>): Part => ({
    name,
    everyMs: (seconds * 1_000) / haste,
    run,
  });
  const read = (path: string) => async () => {
    await (await ask("GET", path)).arrayBuffer();
  };
  const supply = supplyOf(buyers);
  const agreement = await announcedAgreement(ask, receiverUrl);
  await ask("POST", "/clock/run", { rate: pace });
  return [
    ...Array.from({ length: lanes }, () => ({
      name: "BatchMeterUsage",
      everyMs: (lanes * 1_000) / callsPerSecond,
      run: () => meter(seller, supply()),
    })),
    now("exports as CSV", 20, read("/metering-records/export?format=csv")),
    now("exports as Parquet", 45, read("/metering-records/export?format=parquet")),
    now("diagnoses of the doctor", 30, read("/doctor")),
    now("pages of records", 2, read("/metering-records?limit=100")),
    now("pages of calls", 2, read("/calls?limit=100")),
    now("summaries of calls", 5, async () => {
      const { now: to } = (await (await ask("GET", "/clock")).json()) as { readonly now: string };
      const from = new Date(Date.parse(to) - 86_400_000).toISOString();
      await read(`/calls/summary?from=${from}&to=${to}`)();
    }),
    now("sums of usage", 10, read("/usage?groupBy=dimension")),
    now("announcements", 3, async () => {
      await ask("POST", `/agreements/${agreement}/announce`, { kind: "vet-succeeded" });
    }),
    now("workloads run, registered and stopped", 10, () => workload(endpoint, ask)),
    now("moves of the clock", 30, async () => {
      await ask("POST", "/clock/advance", { by: "1m" });
      await ask("POST", "/clock/run", { rate: pace });
    }),
  ];
}

/** An agreement whose announcements go to the receiver. */
async function announcedAgreement(ask: Ask, url: string): Promise<string> {
  const agreements = (await (await ask("GET", `/agreements?product=${loadProducts.first}&limit=1`)).json()) as {
    readonly items: readonly { readonly id: string; readonly seller?: string }[];
  };
  const [agreement] = agreements.items;
  if (agreement === undefined) throw new Error("there is no agreement");
  const { seller } = (await (await ask("GET", `/products/${loadProducts.first}`)).json()) as {
    readonly seller: string;
  };
  const target = (await (
    await ask("POST", "/notification-targets", { seller, kind: "http", url, forms: ["eventbridge"] })
  ).json()) as { readonly id?: string; readonly target?: { readonly id: string } };
  await ask("POST", `/notification-targets/${target.id ?? target.target?.id}/confirm`, { force: true });
  return agreement.id;
}

function supplyOf(buyers: number): () => BatchInput {
  const fresh = batchSupply(Date.now(), buyers);
  const remembered: BatchInput[] = [];
  return () => {
    const old = remembered[Math.floor(Math.random() * remembered.length)];
    if (old !== undefined && Math.random() > freshShare) return old;
    const batch = fresh(recordsPerCall);
    if (remembered.length < rememberedMax) remembered.push(batch);
    return batch;
  };
}

async function meter(seller: MarketplaceMeteringClient, { ProductCode, UsageRecords }: BatchInput): Promise<void> {
  const records: UsageRecord[] = UsageRecords.map((record) => ({
    ...record,
    Timestamp: new Date(record.Timestamp * 1_000),
  }));
  const answer = await seller.send(new BatchMeterUsageCommand({ ProductCode, UsageRecords: records }));
  const bad = (answer.Results ?? []).find(({ Status: status }) => status !== "Success");
  if (bad !== undefined) throw new Error(`a record is ${bad.Status}`);
  if (answer.Results?.length !== UsageRecords.length) throw new Error("records came back unprocessed");
}

/** A task with an identity of its own, which registers and is stopped. */
async function workload(endpoint: string, ask: Ask): Promise<void> {
  const run = (await (
    await ask("POST", "/workloads", { kind: "ecs", account: buyerId(0), products: [hourlyProduct] })
  ).json()) as { readonly id: string };
  const { variables } = (await (await ask("GET", `/workloads/${run.id}/environment`)).json()) as {
    readonly variables: Readonly<Record<string, string>>;
  };
  const response = await fetch(variables.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? "", {
    headers: { authorization: variables.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? "" },
  });
  const key = (await response.json()) as Readonly<Record<"AccessKeyId" | "SecretAccessKey" | "Token", string>>;
  const task = new MarketplaceMeteringClient({
    endpoint,
    region: "us-east-1",
    credentials: {
      accessKeyId: key.AccessKeyId,
      secretAccessKey: key.SecretAccessKey,
      sessionToken: key.Token,
    },
  });
  try {
    await task.send(new RegisterUsageCommand({ ProductCode: hourlyProduct, PublicKeyVersion: 1 }));
  } finally {
    task.destroy();
  }
  await ask("POST", `/workloads/${run.id}/stop`, {});
}

/** An HTTP endpoint that takes notifications. */
async function startReceiver(received: () => void): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    request.resume();
    request.on("end", () => {
      received();
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
