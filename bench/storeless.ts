/**
 * Everything of a call but the store: server, signatures, checks, decision, audit event, answer, over a ledger that keeps
 * nothing and says so at the end of the turn, as a commit would. It tells what the request path costs by itself. The
 * parent tells the data folder, whose catalogue it serves, and where a profile of it goes.
 */
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { pino } from "pino";
import { settingsSchema } from "../src/api/settings.ts";
import { createFeed, toldTo } from "../src/control/feed.ts";
import { createFaultPlan } from "../src/faults.ts";
import { createMetrics } from "../src/metrics.ts";
import { isCborCall } from "../src/protocol/cbor.ts";
import { createEndpoint, type WireAnswer, type WireRequest } from "../src/protocol/endpoint.ts";
import { createExchanges } from "../src/protocol/exchanges.ts";
import { isCloudTrailCall } from "../src/protocol/lookupEvents.ts";
import { isQueryCall } from "../src/protocol/sts.ts";
import { createThrottle } from "../src/protocol/throttle.ts";
import { listen } from "../src/server.ts";
import type { ClaimOutcome, ClaimUnit, UsageHolder } from "../src/store/ledger.ts";
import type { Store } from "../src/store/store.ts";
import { openBenchStore } from "./fill.ts";

export interface StorelessJob {
  readonly dataDir: string;
  /** Absent: no profile. */
  readonly profileFile?: string | undefined;
}

/** Claims that wait for the end of the turn. */
type Waiting = () => void;

/** Every claim is fresh. The audit event is made and let go. */
function createKeeplessLedger(): Pick<Store["ledger"], "claim"> {
  let waiting: Waiting[] = [];
  const settle = (): void => {
    const group = waiting;
    waiting = [];
    for (const one of group) one();
  };
  const outcomeOf = (unit: ClaimUnit): ClaimOutcome => {
    const holders: UsageHolder[] = [];
    for (const { quantity } of unit.records) {
      holders.push({ meteringRecordId: "00000000-0000-4000-8000-000000000000", quantity, fresh: true });
    }
    const outcome = { holders };
    unit.audit(outcome);
    return outcome;
  };
  return {
    claim: (unit) =>
      new Promise((resolve) => {
        if (waiting.length === 0) setImmediate(settle);
        waiting.push(() => resolve(outcomeOf(unit)));
      }),
  };
}

async function serve(dataDir: string): Promise<number> {
  const kept = await openBenchStore({ dataDir });
  const { catalog, outbox } = kept;
  const ledger = { ...kept.ledger, ...createKeeplessLedger() } as Store["ledger"];
  const store: Store = { ...kept, catalog, ledger, onCommit: () => {} };
  const log = pino({ level: "warn" });
  const wallClock = Date.now;
  const settings = settingsSchema.parse(catalog.settings());
  const exchanges = createExchanges();
  const marketplace = createEndpoint({
    ...{ store, wallClock, log, exchanges },
    clock: { now: wallClock },
    settings: () => settings,
    throttle: createThrottle(wallClock),
    faults: createFaultPlan(),
  });
  // The forks that a call of this kind does not take are taken in vain, as in service.ts.
  const services = (request: WireRequest): Promise<WireAnswer> => {
    if (isCborCall(request) || isQueryCall(request) || isCloudTrailCall(request))
      throw new Error("a call of another kind");
    return marketplace(request);
  };
  const metrics = createMetrics({ store: { catalog, outbox, onCommit: () => {} }, exchanges, wallClock, version: "0" });
  const endpoint = metrics.counted(toldTo(createFeed(), services));
  const server = await listen({ endpoint, router: () => {}, log }, "127.0.0.1", 0);
  return Number(new URL(server.url).port);
}

process.once("message", async ({ dataDir, profileFile }: StorelessJob) => {
  const port = await serve(dataDir);
  if (profileFile !== undefined) {
    const session = new Session();
    session.connect();
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    process.once("SIGTERM", async () => {
      const { profile } = await session.post("Profiler.stop");
      writeFileSync(profileFile, JSON.stringify(profile));
      process.exit();
    });
  }
  process.send?.(port);
});
process.on("disconnect", () => process.exit());
