/**
 * More calls than a server can answer: first as many as it can, then five times that rate, whether it keeps up or not.
 * Calls are signed beforehand and go over raw sockets, one at a time on each as those of SDKs do, so that the client
 * costs little.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cpuMicros, residentBytes } from "../../bench/usage.ts";
import { keptOf } from "../../test/support/killRounds.ts";
import { endProcesses, makePlace, type Place, startServer, withStore } from "../../test/support/serverProcess.ts";
import { signCall } from "../../test/support/signedClient.ts";
import { batchSupply, sellerKey, usageCatalog } from "../../test/support/usageCatalog.ts";
import { type Callers, openCallers } from "./callers.ts";
import type { Result, ScenarioOptions } from "./scenario.ts";

/** Twice the calls that may be in flight: more than that waits in the client, whatever the rate. */
const connections = 2_048;
/** While the capacity is measured: enough for full group commits, too few to be refused. */
const calmOutstanding = 64;
const overloadFactor = 5;
const tickMs = 10;
const recordsPerCall = 5;
/** What is not answered by then never will be. */
const drainMaxMs = 30_000;
const capacityMs = 3_000;
const buyers = 2_000;
const warmUpCalls = 2_000;
const memoryEveryMs = 250;

interface Tally {
  sent: number;
  answered: number;
  refused: number;
  records: number;
  readonly admittedMs: number[];
  readonly refusedMs: number[];
  readonly faults: string[];
}

function newTally(): Tally {
  return { sent: 0, answered: 0, refused: 0, records: 0, admittedMs: [], refusedMs: [], faults: [] };
}

/** Signs calls of records that no other call has. */
function callSupply(endpoint: string): (count: number) => readonly Buffer[] {
  const supply = batchSupply(Date.now(), buyers);
  return (count) =>
    Array.from({ length: count }, () => {
      const { headers, body } = signCall(endpoint, "BatchMeterUsage", supply(recordsPerCall), sellerKey);
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      return Buffer.from(`POST / HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
    });
}

function take(tally: Tally, ms: number, status: number, body: string): void {
  tally.answered += 1;
  if (status === 200) {
    const successes = body.match(/"Status":"Success"/g)?.length ?? 0;
    tally.records += successes;
    tally.admittedMs.push(ms);
    if (successes !== recordsPerCall) tally.faults.push(body.slice(0, 300));
  } else if (status === 400 && body.includes('"ThrottlingException"')) {
    tally.refused += 1;
    tally.refusedMs.push(ms);
  } else tally.faults.push(`${status} ${body.slice(0, 300)}`);
}

/** Calls a second, each sent when another is answered. */
async function capacity({ free }: Callers, calls: readonly Buffer[], tally: Tally): Promise<number> {
  const startedAt = performance.now();
  while (tally.sent < calls.length && performance.now() - startedAt < capacityMs) {
    while (tally.sent - tally.answered < calmOutstanding && tally.sent < calls.length) {
      free()?.send(calls[tally.sent] as Buffer);
      tally.sent += 1;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  await drained(tally);
  return (tally.answered * 1_000) / (performance.now() - startedAt);
}

/** At a rate of its own, as long as a connection is free: what is due while none is, is never sent. */
async function flood({ free }: Callers, calls: readonly Buffer[], perSecond: number, tally: Tally) {
  const startedAt = performance.now();
  for (let passed = 0; passed < calls.length; ) {
    const due = Math.min(calls.length, Math.ceil(((performance.now() - startedAt) * perSecond) / 1_000));
    for (; passed < due; passed += 1) {
      const caller = free();
      if (caller === undefined) continue;
      caller.send(calls[passed] as Buffer);
      tally.sent += 1;
    }
    await sleep(tickMs);
  }
  const offered = (tally.sent * 1_000) / (performance.now() - startedAt);
  await drained(tally);
  return { offered, unsent: calls.length - tally.sent, seconds: (performance.now() - startedAt) / 1_000 };
}

async function drained(tally: Tally): Promise<void> {
  const deadline = performance.now() + drainMaxMs;
  while (tally.answered < tally.sent && tally.faults.length === 0) {
    assert.ok(performance.now() < deadline, `${tally.sent - tally.answered} calls were never answered`);
    await sleep(tickMs);
  }
}

function percentile(times: readonly number[], share: number): string {
  const sorted = times.toSorted((a, b) => a - b);
  return `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0)}`;
}

async function metric(endpoint: string, token: string, name: string): Promise<number> {
  const answer = await fetch(`${endpoint}/api/v1/metrics`, { headers: { authorization: `Bearer ${token}` } });
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(await answer.text())?.[1]);
}

export async function overload({ seconds, tell }: ScenarioOptions): Promise<Result> {
  const place = makePlace(usageCatalog({ buyers }));
  const [warm, calm, storm] = [newTally(), newTally(), newTally()];
  let current = warm;
  let callers: Callers | undefined;
  try {
    const server = await startServer(place);
    const { endpoint, pid } = server;
    callers = await openCallers(
      endpoint,
      connections,
      (ms, status, body) => take(current, ms, status, body),
      (why) => current.faults.push(why),
    );
    const supply = callSupply(endpoint);
    const rough = await capacity(callers, supply(warmUpCalls), warm);
    tell(`warm: ${Math.round(rough)} calls a second`);
    current = calm;
    const calmCpu = cpuOf(pid);
    const perSecond = await capacity(callers, supply(Math.ceil((rough * 1.5 * capacityMs) / 1_000)), calm);
    const admittedMicros = calmCpu() / calm.answered;
    tell(`capacity: ${Math.round(perSecond)} calls of ${recordsPerCall} records a second`);
    const calls = supply(Math.ceil(perSecond * overloadFactor * seconds));
    current = storm;
    const stormCpu = cpuOf(pid);
    const memory: number[] = [];
    const sampler = setInterval(() => memory.push(residentBytes(pid)), memoryEveryMs);
    const flooded = await flood(callers, calls, perSecond * overloadFactor, storm);
    clearInterval(sampler);
    const cpuMicrosUsed = stormCpu();
    assert.deepEqual([...warm.faults, ...calm.faults, ...storm.faults], []);
    assert.equal(calm.refused, 0);
    const bound = await expectBound(endpoint, place, storm);
    callers.end();
    server.signal("SIGTERM");
    assert.equal((await server.exit).code, 0);
    await withStore(place, async (store) => {
      assert.equal((await keptOf(store)).size, warm.records + calm.records + storm.records);
    });
    return rowsOf({ seconds, perSecond, admittedMicros, cpuMicrosUsed, calm, storm, flooded, bound, memory });
  } finally {
    callers?.end();
    await endProcesses();
  }
}

interface Measured {
  readonly seconds: number;
  readonly perSecond: number;
  readonly admittedMicros: number;
  readonly cpuMicrosUsed: number;
  readonly calm: Tally;
  readonly storm: Tally;
  readonly flooded: { readonly offered: number; readonly seconds: number };
  readonly bound: string;
  readonly memory: readonly number[];
}

function rowsOf(measured: Measured): Result {
  const { seconds, perSecond, admittedMicros, cpuMicrosUsed, calm, storm, flooded, bound, memory } = measured;
  const admitted = storm.admittedMs.length;
  const refusedMicros = (cpuMicrosUsed - admitted * admittedMicros) / Math.max(1, storm.refused);
  return [
    ["capacity, calls a second", `${Math.round(perSecond)}, of ${recordsPerCall} records`],
    ["due, calls a second", `${Math.round(perSecond * overloadFactor)} for ${seconds} s`],
    [`sent, with at most ${connections} under way`, `${storm.sent} (${Math.round(flooded.offered)} a second)`],
    ["admitted", `${admitted} (${Math.round(admitted / flooded.seconds)} a second)`],
    ["refused as ThrottlingException", String(storm.refused)],
    ["server's CPU for a call at capacity, µs", String(Math.round(admittedMicros))],
    ["server's CPU for a refusal, µs, about", String(Math.max(0, Math.round(refusedMicros)))],
    ["latency at capacity, p50 / p99 / max ms", latency(calm.admittedMs)],
    ["latency of what was admitted, p50 / p99 / max ms", latency(storm.admittedMs)],
    ["latency of refusals, p50 / p99 / max ms", latency(storm.refusedMs)],
    ["most calls in flight, and the limit", bound],
    ["resident memory, highest of each third of the storm, MiB", thirds(memory)],
    ["records kept", "all that were acknowledged, and no others"],
  ];
}

/** What the server counted is what came back, and never more were in flight than may be. */
async function expectBound(endpoint: string, place: Place, storm: Tally): Promise<string> {
  const token = readFileSync(join(place.dataDir, "admin.token"), "utf8").trim();
  const limit = await metric(endpoint, token, "meterhouse_calls_in_flight_limit");
  const highest = await metric(endpoint, token, "meterhouse_calls_in_flight_highest");
  assert.ok(highest <= limit, `${highest} calls were in flight, of at most ${limit}`);
  assert.equal(await metric(endpoint, token, "meterhouse_calls_refused_total"), storm.refused);
  return `${highest} of ${limit}`;
}

/** Microseconds of the process from now to when it is asked. */
function cpuOf(pid: number): () => number {
  const before = cpuMicros(pid);
  return () => cpuMicros(pid) - before;
}

function thirds(bytes: readonly number[]): string {
  const third = Math.ceil(bytes.length / 3);
  return [0, 1, 2]
    .map((part) => Math.max(0, ...bytes.slice(part * third, (part + 1) * third)))
    .map((most) => Math.round(most / 2 ** 20))
    .join(" / ");
}

function latency(times: readonly number[]): string {
  return `${percentile(times, 0.5)} / ${percentile(times, 0.99)} / ${percentile(times, 1)}`;
}
