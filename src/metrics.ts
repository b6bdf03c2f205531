/** What an operator watches, in Prometheus' form. Counting a call costs a look-up or two; gauges are read when asked. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Admission } from "./admission.ts";
import type { Exchanges } from "./protocol/exchanges.ts";
import { header, type WireAnswer, type WireRequest } from "./protocol/wire.ts";
import type { Store } from "./store/store.ts";

export interface Metrics {
  /** The service plane, counted. */
  counted(endpoint: (request: WireRequest) => Promise<WireAnswer>): (request: WireRequest) => Promise<WireAnswer>;
  /** Prometheus' text form, and its media type. */
  text(): Promise<string>;
  readonly contentType: string;
  close(): void;
}

export interface MetricsOptions {
  readonly store: Pick<Store, "onCommit" | "outbox" | "catalog">;
  readonly exchanges: Pick<Exchanges, "bytes">;
  /** Absent: nothing is refused. */
  readonly admission?: Admission;
  readonly wallClock: () => number;
  readonly version: string;
}

/** Those that there are; whatever else a caller writes into its target must not become a label. */
const operations = [
  "BatchMeterUsage",
  "MeterUsage",
  "RegisterUsage",
  "ResolveCustomer",
  "GetEntitlements",
  "LookupEvents",
] as const satisfies readonly string[];
const nanosecondsPerSecond = 1e9;
const millisecondsPerSecond = 1_000;
const loopResolutionMs = 10;
/** Of one operation's times, so many wait for the histogram. */
const timesMax = 128;

export function createMetrics(options: MetricsOptions): Metrics {
  const { store, exchanges, admission, wallClock, version } = options;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const delay = monitorEventLoopDelay({ resolution: loopResolutionMs });
  delay.enable();

  // Plain counts, which a call adds to; prom-client's own look labels up by a text made of them, call by call.
  const counts = new Map<string, Map<string, number>>();
  let inFlight = 0;
  new Counter({
    name: "meterhouse_calls_total",
    help: "Calls of the service plane by operation and outcome (Success, or the name of the error)",
    labelNames: ["operation", "outcome"] as const,
    registers,
    collect() {
      this.reset();
      for (const [operation, outcomes] of counts) {
        for (const [outcome, count] of outcomes) this.inc({ operation, outcome }, count);
      }
    },
  });
  const seconds = new Histogram({
    name: "meterhouse_call_seconds",
    help: "From the last byte of a call to its answer, its commit included",
    labelNames: ["operation"] as const,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
    collect: () => {
      for (const [operation, times] of waiting) observeAll(operation, times);
    },
  });
  // Times that the histogram has not taken: many at once take less than each by itself, between other work.
  const waiting = new Map<string, number[]>();
  const observeAll = (operation: string, times: number[]): void => {
    for (const time of times.splice(0)) seconds.observe({ operation }, time);
  };
  const took = (operation: string, time: number): void => {
    const times = waiting.get(operation) ?? [];
    if (times.length === 0) waiting.set(operation, times);
    if (times.push(time) >= timesMax) observeAll(operation, times);
  };
  new Gauge({
    name: "meterhouse_calls_in_flight",
    help: "Calls that are being answered",
    registers,
    collect() {
      this.set(inFlight);
    },
  });
  addCommits(store, registers);
  if (admission !== undefined) addAdmission(admission, registers);
  addGauges({ store, exchanges, wallClock, version, registers, delay });

  return {
    counted: (endpoint) => async (request) => {
      const startedAt = performance.now();
      inFlight += 1;
      try {
        const answer = await endpoint(request);
        const operation = operationOf(request);
        count(counts, operation, answer.headers["x-amzn-ErrorType"] ?? outcomeOf(answer.status));
        took(operation, (performance.now() - startedAt) / millisecondsPerSecond);
        return answer;
      } finally {
        inFlight -= 1;
      }
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
    close: () => delay.disable(),
  };
}

function addAdmission(admission: Admission, registers: Registry[]): void {
  const gauges = [
    [
      "meterhouse_calls_in_flight_limit",
      "Calls that may be read or answered at once; beyond, they are refused",
      "inFlightMax",
    ],
    [
      "meterhouse_calls_in_flight_highest",
      "The most calls that were read or answered at once since the start",
      "inFlightHighest",
    ],
  ] as const;
  for (const [name, help, member] of gauges) {
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.set(admission[member]);
      },
    });
  }
  new Counter({
    name: "meterhouse_calls_refused_total",
    help: "Calls that were refused unread, with ThrottlingException, for there was no room",
    registers,
    collect() {
      this.reset();
      this.inc(admission.refused);
    },
  });
}

function addCommits(store: MetricsOptions["store"], registers: Registry[]): void {
  const commitSeconds = new Histogram({
    name: "meterhouse_commit_seconds",
    help: "Commits of the store, their fsync included",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
    registers,
  });
  const groupSize = new Histogram({
    name: "meterhouse_commit_group_size",
    help: "Calls that shared a commit",
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers,
  });
  const failures = new Counter({
    name: "meterhouse_commit_failures_total",
    help: "Commits that failed: what they held is not stored, or its fate is unknown",
    registers,
  });
  store.onCommit(({ units, ms, isStored }) => {
    commitSeconds.observe(ms / millisecondsPerSecond);
    groupSize.observe(units);
    if (!isStored) failures.inc();
  });
}

interface GaugeParts extends MetricsOptions {
  readonly registers: Registry[];
  readonly delay: ReturnType<typeof monitorEventLoopDelay>;
}

function addGauges({ store, exchanges, wallClock, version, registers, delay }: GaugeParts): void {
  new Gauge({ name: "meterhouse_info", help: "The version that runs", labelNames: ["version"], registers }).set(
    { version },
    1,
  );
  new Gauge({
    name: "meterhouse_outbox_lag_seconds",
    help: "How long the oldest notification that is due has waited for its attempt",
    registers,
    async collect() {
      const dueAt = await store.outbox.nextDueAt();
      // A first attempt is due at once, and its place in time says nothing.
      this.set(dueAt === undefined || dueAt <= 0 ? 0 : Math.max(0, wallClock() - dueAt) / millisecondsPerSecond);
    },
  });
  new Gauge({
    name: "meterhouse_catalog_version",
    help: "Counts changes of the catalogue; nodes of one database agree within a second",
    registers,
    collect() {
      this.set(store.catalog.version);
    },
  });
  new Gauge({
    name: "meterhouse_exchange_ring_bytes",
    help: "Memory that holds the exact bytes of the last calls",
    registers,
    collect() {
      this.set(exchanges.bytes);
    },
  });
  new Gauge({
    name: "meterhouse_event_loop_delay_p99_seconds",
    help: "How late the event loop was, 99th percentile since it was last read",
    registers,
    collect() {
      this.set(delay.percentile(99) / nanosecondsPerSecond);
      delay.reset();
    },
  });
}

function count(counts: Map<string, Map<string, number>>, operation: string, outcome: string): void {
  let outcomes = counts.get(operation);
  if (outcomes === undefined) {
    outcomes = new Map();
    counts.set(operation, outcomes);
  }
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

function operationOf(request: WireRequest): string {
  const target = header(request, "x-amz-target") ?? "";
  for (const name of operations) {
    const before = target.length - name.length - 1;
    if (target.endsWith(name) && (before < 0 || target[before] === ".")) return name;
  }
  return "other";
}

function outcomeOf(status: number): string {
  return status === 200 ? "Success" : `HTTP ${status}`;
}
