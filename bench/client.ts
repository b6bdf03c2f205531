/**
 * The load client, a process of its own: it builds and signs requests while the server rests, then sends them. First a
 * warm-up, then the measurement, then one connection alone.
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
  readonly seconds: number;
  readonly warmUpSeconds: number;
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

export type ClientMessage =
  | { readonly kind: "progress"; readonly text: string }
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

function progress(text: string): void {
  process.send?.({ kind: "progress", text } satisfies ClientMessage);
}

async function run(job: ClientJob): Promise<ClientReport> {
  const build = createBuilder(job);
  const singleRequests = build(singleRequestsMax);
  const send = (requests: Requests, seconds: number, connections: number, tally: Tally): Promise<void> =>
    runLoad(
      requests,
      {
        host,
        ports: job.ports,
        connections,
        seconds,
        repeats: job.repeats,
        anyAnswer: job.anyAnswer ?? false,
        serverCpuMicros: () => job.serverPids.reduce((sum, pid) => sum + cpuMicros(pid), 0),
        databaseCpuMicros: () => (job.databasePid === undefined ? 0 : cpuMicrosWithChildren(job.databasePid)),
      },
      tally,
    ).then(() => requireSuccess(tally));

  /** In as many parts as it takes: nobody knows the server's rate before. Stops early when the keys run out. */
  const load = async (seconds: number, what: string, rate: number): Promise<Tally> => {
    const tally = new Tally();
    for (let leftMs = seconds * 1_000; leftMs >= partMsMin; leftMs = seconds * 1_000 - tally.elapsedMs) {
      progress(`${what}: signing requests`);
      const perSecond = tally.requests > 0 ? tally.requestsPerSecond : rate;
      const wanted = Math.ceil((perSecond * leftMs * spareShare) / 1_000);
      const requests = build(Math.min(partRequestsMax, Math.max(firstRequests, wanted)));
      if (requests.bytes.length === 0) break;
      progress(`${what}: ${Math.ceil(leftMs / 1_000)} s`);
      await send(requests, leftMs / 1_000, job.connections, tally);
    }
    return tally;
  };

  const warmUp = await load(job.warmUpSeconds, "warming up", 0);
  const measured = await load(job.seconds, "measuring", warmUp.requests > 0 ? warmUp.requestsPerSecond : 0);
  if (measured.requests === 0)
    throw new Error(`nothing was answered within ${job.seconds} s, or the usage keys were used up by the warm-up`);
  progress("one connection");
  const single = new Tally();
  await send(singleRequests, Math.min(singleSecondsMax, job.seconds), 1, single);
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

process.once("message", (job: ClientJob) => {
  run(job).then(
    (report) => process.send?.({ kind: "report", report } satisfies ClientMessage, () => process.exit()),
    (error: unknown) => {
      console.error(error instanceof Error ? error.message : error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(1));
