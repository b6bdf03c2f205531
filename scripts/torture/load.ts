/**
 * Load by the official SDK on several nodes: the same records go to different nodes at once, some with another quantity,
 * and what was not acknowledged is sent again until it is, as a client does.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  BatchMeterUsageCommand,
  MarketplaceMeteringClient,
  MeterUsageCommand,
  type UsageRecord,
} from "@aws-sdk/client-marketplace-metering";
import type { SigningKey } from "../../test/support/signedClient.ts";
import {
  agentDimension,
  agentKey,
  agentProduct,
  batchSupply,
  keyOf,
  type LoadRecord,
  sellerKey,
} from "../../test/support/usageCatalog.ts";
import type { UsageLog } from "./log.ts";

const batchLanes = 4;
const agentLanes = 2;
const recordsMax = 25;
/** Of another quantity for the same keys: no quantity of the supply is this large. */
const otherQuantityBy = 100_000;
const conflictShare = 0.15;
const againAfterMs = 100;
/** What is still not acknowledged so long after the last fault is a failure. */
const settleMaxMs = 60_000;

export interface LoadSummary {
  readonly calls: number;
  readonly records: number;
  /** Calls that were answered with an error or not at all, all of them retryable. */
  readonly failed: number;
  /** Records that came back in UnprocessedRecords. */
  readonly unprocessed: number;
  /** What failed calls ended with, by name. */
  readonly errors: Readonly<Record<string, number>>;
}

interface Node {
  readonly seller: MarketplaceMeteringClient;
  readonly agent: MarketplaceMeteringClient;
}

interface Waiting {
  readonly node: number;
  readonly after: number;
  readonly resolve: (ms: number) => void;
}

/** Names and codes of errors that the SDKs retry (SPEC W-40), besides 5xx. */
const retryable = new Set(["ThrottlingException", "TimeoutError", "ECONNREFUSED", "ECONNRESET", "EPIPE", "ETIMEDOUT"]);

export class SdkLoad {
  readonly #log: UsageLog;
  readonly #nodes: readonly Node[];
  readonly #waiting = new Set<Waiting>();
  /** What failed calls ended with, by name. */
  readonly errors: Record<string, number> = {};
  readonly #running: Promise<unknown>;
  #isStopped = false;
  #deadline = Number.POSITIVE_INFINITY;
  #calls = 0;
  #failed = 0;
  #unprocessed = 0;
  #tokens = 0;

  constructor(endpoints: readonly string[], log: UsageLog) {
    this.#log = log;
    this.#nodes = endpoints.map((endpoint) => ({
      seller: clientOf(endpoint, sellerKey),
      agent: clientOf(endpoint, agentKey),
    }));
    const supply = batchSupply();
    const timestamp = new Date();
    const lane = async (job: () => Promise<void>): Promise<void> => {
      while (!this.#isStopped) await job();
    };
    this.#running = Promise.all([
      ...Array.from({ length: batchLanes }, () => lane(() => this.#batchJob(supply))),
      ...Array.from({ length: agentLanes }, () => lane(() => this.#agentJob(timestamp))),
    ]);
    // Told when it is awaited at the end.
    this.#running.catch(() => {});
  }

  /** Milliseconds until a call that was sent to this node after `after` (monotonic) is acknowledged. */
  nextSuccess(node: number, after = performance.now()): Promise<number> {
    return new Promise((resolve) => this.#waiting.add({ node, after, resolve }));
  }

  /** Starts nothing new and sends what is open until it is acknowledged. */
  async stop(): Promise<LoadSummary> {
    this.#isStopped = true;
    this.#deadline = performance.now() + settleMaxMs;
    await this.#running;
    for (const { seller, agent } of this.#nodes) {
      seller.destroy();
      agent.destroy();
    }
    const { count: records } = this.#log.total();
    const [calls, failed, unprocessed] = [this.#calls, this.#failed, this.#unprocessed];
    return { calls, records, failed, unprocessed, errors: this.errors };
  }

  async #batchJob(supply: ReturnType<typeof batchSupply>): Promise<void> {
    const { ProductCode: product, UsageRecords: records } = supply(1 + Math.floor(Math.random() * recordsMax));
    const others = records.map((record) => ({ ...record, Quantity: record.Quantity + otherQuantityBy }));
    const nodes = this.#someNodes();
    const variants = nodes.map((_, index) => (index > 0 && Math.random() < conflictShare ? others : records));
    for (const variant of variants) {
      for (const record of variant) this.#log.sent(keyOf(product, record), record.Quantity);
    }
    await Promise.all(nodes.map((node, index) => this.#meterBatch(node, product, variants[index] ?? records)));
  }

  /** Until each record is answered. */
  async #meterBatch(first: number, product: string, records: readonly LoadRecord[]): Promise<void> {
    let open = records;
    for (let node = first; open.length > 0; node = this.#anyNode()) {
      const sending = open;
      const answer = await this.#send(node, ({ seller }) =>
        seller.send(new BatchMeterUsageCommand({ ProductCode: product, UsageRecords: sending.map(wireForm) })),
      );
      if (answer === undefined) continue;
      for (const { UsageRecord: record, Status: status, MeteringRecordId: id } of answer.Results ?? []) {
        const sent = loadForm(record);
        this.#log.answered(keyOf(product, sent), sent.Quantity, status, id);
      }
      const back = (answer.UnprocessedRecords ?? []).map(loadForm);
      if ((answer.Results ?? []).length + back.length !== sending.length) {
        this.#log.violate(`a batch of ${sending.length} was answered for ${(answer.Results ?? []).length}`);
      }
      open = back;
      this.#unprocessed += back.length;
      if (back.length > 0) await this.#pause();
    }
  }

  /** The same token to several nodes at once: one record. */
  async #agentJob(timestamp: Date): Promise<void> {
    this.#tokens += 1;
    const quantity = (this.#tokens % 89) + 1;
    const token = `token-${this.#tokens}`;
    this.#log.sent(token, quantity);
    const command = () =>
      new MeterUsageCommand({
        ProductCode: agentProduct,
        Timestamp: timestamp,
        UsageDimension: agentDimension,
        UsageQuantity: quantity,
        ClientToken: token,
      });
    const untilAnswered = async (first: number): Promise<void> => {
      for (let node = first; ; node = this.#anyNode()) {
        const answer = await this.#send(node, ({ agent }) => agent.send(command()));
        if (answer === undefined) continue;
        this.#log.answered(token, quantity, "Success", answer.MeteringRecordId);
        return;
      }
    };
    await Promise.all(this.#someNodes().map(untilAnswered));
  }

  /** undefined: it failed, in a way that is to be sent again; the pause before that is over. */
  async #send<T>(index: number, call: (node: Node) => Promise<T>): Promise<T | undefined> {
    const node = this.#nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    const sentAt = performance.now();
    if (sentAt > this.#deadline) throw new Error(`not acknowledged within ${settleMaxMs} ms after the last fault`);
    this.#calls += 1;
    try {
      const answer = await call(node);
      if (!isUnprocessed(answer)) this.#succeeded(index, sentAt);
      return answer;
    } catch (error) {
      this.#failed += 1;
      const name = nameOf(error);
      this.errors[name] = (this.errors[name] ?? 0) + 1;
      if (!isRetryable(error)) this.#log.violate(`an error that no SDK retries: ${String(error)}`);
      await this.#pause();
      return undefined;
    }
  }

  #succeeded(node: number, sentAt: number): void {
    for (const waiting of this.#waiting) {
      if (waiting.node !== node || sentAt < waiting.after) continue;
      this.#waiting.delete(waiting);
      waiting.resolve(performance.now() - waiting.after);
    }
  }

  #pause(): Promise<void> {
    return sleep(againAfterMs * (0.5 + Math.random()));
  }

  #anyNode(): number {
    return Math.floor(Math.random() * this.#nodes.length);
  }

  /** One to all of them, in random order. */
  #someNodes(): readonly number[] {
    const first = this.#anyNode();
    const count = 1 + Math.floor(Math.random() * this.#nodes.length);
    return Array.from({ length: count }, (_, index) => (first + index) % this.#nodes.length);
  }
}

function clientOf(endpoint: string, { accessKeyId, secretAccessKey, sessionToken }: SigningKey) {
  return new MarketplaceMeteringClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
    // One attempt: what the SDK would hide is what is counted here.
    maxAttempts: 1,
    requestHandler: { requestTimeout: 30_000, connectionTimeout: 5_000, httpAgent: { maxSockets: 16 } },
  });
}

function wireForm({ Timestamp: seconds, ...rest }: LoadRecord): UsageRecord {
  return { ...rest, Timestamp: new Date(seconds * 1_000) };
}

function loadForm(record: UsageRecord | undefined): LoadRecord {
  const { CustomerAWSAccountId: customer = "", Dimension: dimension = "", Quantity: quantity = 0 } = record ?? {};
  const seconds = (record?.Timestamp?.getTime() ?? 0) / 1_000;
  return { CustomerAWSAccountId: customer, Dimension: dimension, Quantity: quantity, Timestamp: seconds };
}

function isUnprocessed(answer: unknown): boolean {
  const back = (answer as { readonly UnprocessedRecords?: readonly unknown[] }).UnprocessedRecords;
  return back !== undefined && back.length > 0;
}

function nameOf(error: unknown): string {
  const { name, code } = error as { readonly name?: string; readonly code?: string };
  return code ?? name ?? String(error);
}

function isRetryable(error: unknown): boolean {
  const { name, code, $metadata } = error as {
    readonly name?: string;
    readonly code?: string;
    readonly $metadata?: { readonly httpStatusCode?: number };
  };
  return retryable.has(name ?? "") || retryable.has(code ?? "") || ($metadata?.httpStatusCode ?? 0) >= 500;
}
