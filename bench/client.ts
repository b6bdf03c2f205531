/**
 * The load client, a process of its own: it builds and signs its requests while the server rests, then sends them. First
 * a warm-up, which also tells how many requests the measurement will need; then the measurement; then one connection
 * alone.
 */
import { type LoadResult, type Requests, runLoad } from "./load.ts";
import { createSigner } from "./signing.ts";
import { cpuMicros } from "./usage.ts";
import { createWorkload, recordsPerRequest, requestBody, type UsageKey, usageKeys } from "./workload.ts";

export interface ClientJob {
  readonly port: number;
  readonly serverPid: number;
  readonly connections: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly buyers: number;
  readonly nowMs: number;
  /** For a server that keeps nothing: the same few requests again and again. */
  readonly repeats: boolean;
}

export interface ClientReport {
  readonly measured: LoadResult;
  /** One connection, one request at a time. */
  readonly single: LoadResult;
  /** Records of all requests that were sent, warm-up included. */
  readonly recordsSent: number;
  /** Keys ran out before the time was up. */
  readonly isCutShort: boolean;
}

export type ClientMessage =
  | { readonly kind: "progress"; readonly text: string }
  | { readonly kind: "report"; readonly report: ClientReport };

const host = "127.0.0.1";
const firstRequests = 2_000;
const repeatedRequests = 1_000;
/** Servers go on getting faster for a while after the warm-up. */
const spareShare = 1.4;
const singleSecondsMax = 2;

function say(message: ClientMessage): void {
  process.send?.(message);
}

async function run(job: ClientJob): Promise<ClientReport> {
  const build = createBuilder(job);
  const load = async (requests: Requests, seconds: number, connections: number): Promise<LoadResult> => {
    if (requests.bytes.length === 0) throw new Error("no usage keys are left: give fewer --seconds");
    const result = await runLoad(requests, {
      host,
      port: job.port,
      connections,
      seconds,
      repeats: job.repeats,
      serverCpuMicros: () => cpuMicros(job.serverPid),
    });
    sent += result.sent;
    if (result.failed > 0) throw new Error(`${result.failed} wrong answers: ${result.failures.join("\n")}`);
    return result;
  };
  let sent = 0;
  let perSecond = 0;
  say({ kind: "progress", text: "warming up" });
  for (let leftMs = job.warmUpSeconds * 1_000, count = firstRequests; leftMs > 0; ) {
    const result = await load(build(job.repeats ? repeatedRequests : count), leftMs / 1_000, job.connections);
    leftMs -= result.elapsedMs;
    perSecond = (result.requests / result.elapsedMs) * 1_000;
    count = Math.ceil((perSecond * Math.max(leftMs, 100) * spareShare) / 1_000);
  }
  say({ kind: "progress", text: "signing requests" });
  const wanted = job.repeats ? repeatedRequests : Math.ceil(perSecond * job.seconds * spareShare);
  const requests = build(wanted);
  const singleRequests = build(job.repeats ? repeatedRequests : Math.ceil(perSecond * singleSecondsMax * 0.5));
  say({ kind: "progress", text: `measuring for ${job.seconds} s` });
  const measured = await load(requests, job.seconds, job.connections);
  say({ kind: "progress", text: "measuring one connection" });
  const single = await load(singleRequests, Math.min(singleSecondsMax, job.seconds), 1);
  return {
    measured,
    single,
    recordsSent: sent * recordsPerRequest,
    isCutShort: !job.repeats && measured.elapsedMs < job.seconds * 1_000,
  };
}

/** Returns a function that builds the next requests; fewer than asked for when the keys run out. */
function createBuilder({ port, buyers, nowMs }: ClientJob): (count: number) => Requests {
  const workload = createWorkload(buyers, nowMs);
  const keys = usageKeys(workload);
  return (count) => {
    const sign = createSigner(`${host}:${port}`, Date.now());
    const bytes: Buffer[] = [];
    const bodyBytes: number[] = [];
    while (bytes.length < count) {
      const batch: UsageKey[] = [];
      while (batch.length < recordsPerRequest) {
        const { value } = keys.next();
        if (value === undefined) return { bytes, bodyBytes };
        batch.push(value);
      }
      const body = requestBody(batch, workload.untilSec);
      bytes.push(sign(body));
      bodyBytes.push(body.length);
    }
    return { bytes, bodyBytes };
  };
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
