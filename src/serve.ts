/** `meterhouse serve`: starts the service, says so, and stops it on a signal. */
import { resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import { printDemo } from "./banner.ts";
import { demoCatalog } from "./catalog/demo.ts";
import { readCatalog } from "./catalog/file.ts";
import { createBusinessClock } from "./clock.ts";
import { createLog } from "./log.ts";
import { isLoopback } from "./router.ts";
import { type Service, startService } from "./service.ts";
import type { TlsFiles } from "./tls.ts";
import { version } from "./version.ts";

const msPerSecond = 1_000;

export interface ServeFlags {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  /** URL of a PostgreSQL database. */
  readonly database?: string;
  readonly catalog?: string;
  readonly demo?: boolean;
  readonly allowedHost: readonly string[];
  readonly marketplace: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly logLevel: string;
  /** Seconds. */
  readonly stopDelay: number;
  /** Epoch milliseconds, business time. */
  readonly now?: number;
}

function tlsOf({ tlsCert, tlsKey }: ServeFlags): { readonly tls?: TlsFiles } {
  if (tlsCert === undefined && tlsKey === undefined) return {};
  if (tlsCert === undefined || tlsKey === undefined) throw new Error("--tls-cert and --tls-key go together.");
  return { tls: { certFile: tlsCert, keyFile: tlsKey } };
}

function startFailure(error: unknown, flags: ServeFlags): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    return new Error(
      `port ${flags.port} of ${flags.host} is in use; stop what listens there, or choose another with --port (0 picks a free one).`,
    );
  }
  if (code === "EACCES" || code === "EADDRNOTAVAIL") {
    return new Error(
      `cannot listen on ${flags.host}:${flags.port} (${String(code)}); choose another with --host and --port.`,
    );
  }
  return error;
}

/** Of V8, which takes them from a program too. See docs/decisions/0004. */
const heapFlags = [
  // All of the heap is collected when it, and the memory beside it, has grown by some share since the last time. Left to
  // itself V8 takes a tenth at one time and fourfold at another: collections that were in vain, or hundreds of megabytes.
  "--heap-growing-percent=50",
  // What a call makes lives until its commit. A server that happens to be looked at just then is taken for one whose
  // objects live long: V8 makes them among its old ones from then on, and has to collect those three times as often.
  "--no-allocation-site-pretenuring",
];

export async function serve(flags: ServeFlags): Promise<void> {
  for (const flag of heapFlags) setFlagsFromString(flag);
  const log = createLog(flags.logLevel);
  const catalog =
    flags.demo === true ? demoCatalog() : flags.catalog === undefined ? undefined : await readCatalog(flags.catalog);
  let service: Service;
  try {
    service = await startService({
      dataDir: resolve(flags.data),
      database: flags.database,
      host: flags.host,
      port: flags.port,
      clock: createBusinessClock(Date.now, flags.now),
      wallClock: Date.now,
      // Monotonic: setting the machine's clock neither fills nor empties a bucket.
      rateClock: () => performance.now(),
      catalog,
      allowedHosts: flags.allowedHost,
      marketplacePages: flags.marketplace,
      ...tlsOf(flags),
      stopDelayMs: flags.stopDelay * msPerSecond,
      env: process.env,
      log,
    });
  } catch (error) {
    throw startFailure(error, flags);
  }
  stopOnSignals(service, log);
  if (!isLoopback(flags.host) && flags.tlsCert === undefined) {
    log.warn(
      { host: flags.host },
      "listening beyond loopback: put TLS in front, keys and usage travel in the clear otherwise",
    );
  }
  if (flags.demo === true) await printDemo(service, resolve(flags.data));
  else if (process.stderr.isTTY) {
    // For the person at the terminal; a log must not keep it.
    process.stderr.write(`Console, by a link that signs in once: ${await service.consoleLink()}\n`);
  }
  // The one line of stdout that programs wait for.
  console.log(
    JSON.stringify({ ready: true, endpoint: service.url, version, pid: process.pid, dataDir: resolve(flags.data) }),
  );
}

function stopOnSignals(service: Service, log: ReturnType<typeof createLog>): void {
  let isStopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (isStopping) process.exit(1); // A second signal: whoever sends it does not want to wait.
    isStopping = true;
    log.info({ signal }, "stopping: finishing what is in flight");
    service.close().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "stopping failed");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}
