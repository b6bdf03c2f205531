/**
 * The load client, a process of its own: it builds and signs requests while the server rests, then sends them. It does so
 * in turns, as it is told to: each a warm-up, then a part of the measurement. One connection alone comes last.
 */
import { type Requests, runLoad } from "./load.ts";
import { createSigner } from "./signing.ts";
import { Tally } from "./tally.ts";
import { cpuMicros, cpuMicrosWithChildren } from "./usage.ts";
import {
  type CustomerMember,
  createWorkload,
  recordsPerRequest,
  requestBody,
  type UsageKey,
  usageKeys,
} from "./workload.ts";

export interface ClientJob {
  /** Connections are spread over them in turn. */
  readonly ports: readonly number[];
  readonly serverPids: readonly number[];
  /** Of a database whose CPU time is told apart. */
  readonly databasePid?: number | undefined;
  readonly connections: number;
  /** Of the measurement in all. */
  readonly seconds: number;
  readonly buyers: number;
  readonly mixedHours: boolean;
  readonly nowMs: number;
  /** For a server that keeps nothing: the same few requests again and again. */
  readonly repeats: boolean;
  /** For a server whose answers are its own: only their status is looked at. */
  readonly anyAnswer?: boolean;
  /** Default CustomerAWSAccountId. */
  readonly customerMember?: CustomerMember | undefined;
}

export interface ClientReport {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly serverCpuMicrosPerRequest: number;
  readonly databaseCpuMicrosPerRequest: number;
  readonly clientCpuMicrosPerRequest: number;
  /** One connection, one request at a time. */
  readonly singleP50Ms: number;
  /** Records of all requests that were sent, warm-up included. */
  readonly recordsSent: number;
  /** Shorter than asked for where the usage keys ran out. */
  readonly seconds: number;
}

export type ClientOrder =
  | { readonly kind: "begin"; readonly job: ClientJob }
  | { readonly kind: "turn"; readonly warmUpSeconds: number; readonly seconds: number }
  | { readonly kind: "end" };

/** Each order is answered by `done`, and the last one by `report`. */
export type ClientMessage =
  | { readonly kind: "progress"; readonly text: string }
  | { readonly kind: "done" }
  | { readonly kind: "report"; readonly report: ClientReport };

const host = "127.0.0.1";
/** What one part of a load holds at most: 150 MB of requests. */
const partRequestsMax = 40_000;
const firstRequests = 2_000;
/** A part that ends before its time is followed by another, after a rest for signing. */
const spareShare = 1.2;
const repeatedRequests = 1_000;
const singleRequestsMax = 2_000;
const singleSecondsMax = 2;
/** Too short to tell a rate by. */
const partMsMin = 50;

function tell(message: ClientMessage, sent: () => void = () => {}): void {
  process.send?.(message, sent);
}

class Client {
  readonly #job: ClientJob;
  readonly #build: (count: number) => Requests;
  readonly #singleRequests: Requests;
  readonly #warmUp = new Tally();
  readonly #measured = new Tally();

  constructor(job: ClientJob) {
    this.#job = job;
    this.#build = createBuilder(job);
    this.#singleRequests = this.#build(singleRequestsMax);
  }

  /** What it takes is built before it begins, so that the server does not rest between the two; but for the first turn. */
  async turn(warmUpSeconds: number, seconds: number): Promise<void> {
    const isFirst = this.#warmUp.requests === 0;
    const rate = isFirst ? 0 : this.#warmUp.requestsPerSecond;
    const warming = this.#requests(rate, warmUpSeconds);
    const measuring = isFirst ? undefined : this.#requests(rate, seconds);
    await this.#load(this.#warmUp, warmUpSeconds, "warming up", warming);
    await this.#load(this.#measured, seconds, "measuring", measuring);
  }

  async end(): Promise<ClientReport> {
    const [warmUp, measured, single] = [this.#warmUp, this.#measured, new Tally()];
    const { seconds } = this.#job;
    if (measured.requests === 0)
      throw new Error(`nothing was answered within ${seconds} s, or the usage keys were used up by the warm-up`);
    tell({ kind: "progress", text: "one connection" });
    await this.#send(this.#singleRequests, Math.min(singleSecondsMax, seconds), 1, single);
    return {
      requestsPerSecond: measured.requestsPerSecond,
      p50Ms: measured.times.quantile(0.5),
      p99Ms: measured.times.quantile(0.99),
      maxMs: measured.times.maxMs,
      serverCpuMicrosPerRequest: measured.serverCpuMicros / measured.requests,
      databaseCpuMicrosPerRequest: measured.databaseCpuMicros / measured.requests,
      clientCpuMicrosPerRequest: measured.clientCpuMicros / measured.requests,
      singleP50Ms: single.times.quantile(0.5),
      recordsSent: (warmUp.sent + measured.sent + single.sent) * recordsPerRequest,
      seconds: measured.elapsedMs / 1_000,
    };
  }

  /** In as many parts as it takes: nobody knows the server's rate before. Stops early when the keys run out. */
  async #load(tally: Tally, seconds: number, what: string, first: Requests | undefined): Promise<void> {
    const endMs = tally.elapsedMs + seconds * 1_000;
    let ready = first;
    for (let leftMs = seconds * 1_000; leftMs >= partMsMin; leftMs = endMs - tally.elapsedMs) {
      const known = tally.requests > 0 ? tally : this.#warmUp;
      const requests = ready ?? this.#requests(known.requests > 0 ? known.requestsPerSecond : 0, leftMs / 1_000);
      ready = undefined;
      if (requests.bytes.length === 0) break;
      tell({ kind: "progress", text: `${what}: ${Math.ceil(leftMs / 1_000)} s` });
      await this.#send(requests, leftMs / 1_000, this.#job.connections, tally);
    }
  }

  /** About what so many seconds take; fewer when the keys run out. */
  #requests(rate: number, seconds: number): Requests {
    tell({ kind: "progress", text: "signing requests" });
    const wanted = Math.ceil(rate * seconds * spareShare);
    return this.#build(Math.min(partRequestsMax, Math.max(firstRequests, wanted)));
  }

  async #send(requests: Requests, seconds: number, connections: number, tally: Tally): Promise<void> {
    const { ports, serverPids, databasePid, repeats, anyAnswer = false } = this.#job;
    await runLoad(
      requests,
      {
        ...{ host, ports, connections, seconds, repeats, anyAnswer },
        serverCpuMicros: () => serverPids.reduce((sum, pid) => sum + cpuMicros(pid), 0),
        databaseCpuMicros: () => (databasePid === undefined ? 0 : cpuMicrosWithChildren(databasePid)),
      },
      tally,
    );
    requireSuccess(tally);
  }
}

function requireSuccess(tally: Tally): void {
  if (tally.failed > 0) throw new Error(`${tally.failed} answers were wrong, such as:\n${tally.failures.join("\n")}`);
}

/** Returns a function that builds the next requests; fewer than asked for when the keys run out. */
function createBuilder({
  ports,
  buyers,
  mixedHours,
  nowMs,
  repeats,
  customerMember,
}: ClientJob): (count: number) => Requests {
  const workload = createWorkload(buyers, nowMs);
  const keys = usageKeys(workload, mixedHours);
  const make = (count: number): Requests => {
    const sign = createSigner(`${host}:${ports[0]}`, Date.now());
    const bytes: Buffer[] = [];
    const bodyBytes: number[] = [];
    while (bytes.length < count) {
      const batch: UsageKey[] = [];
      while (batch.length < recordsPerRequest) {
        const { value } = keys.next();
        if (value === undefined) return { bytes, bodyBytes };
        batch.push(value);
      }
      const body = requestBody(batch, workload.untilSec, customerMember);
      bytes.push(sign(body));
      bodyBytes.push(body.length);
    }
    return { bytes, bodyBytes };
  };
  if (!repeats) return make;
  const few = make(repeatedRequests);
  return () => few;
}

let client: Client | undefined;

async function obey(order: ClientOrder): Promise<void> {
  if (order.kind === "begin") client = new Client(order.job);
  if (order.kind === "turn") await client?.turn(order.warmUpSeconds, order.seconds);
  const report = order.kind === "end" ? await client?.end() : undefined;
  if (report === undefined) tell({ kind: "done" });
  else tell({ kind: "report", report }, () => process.exit());
}

process.on("message", (order: ClientOrder) => {
  obey(order).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });
});
process.on("disconnect", () => process.exit(1));
