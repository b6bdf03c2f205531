import fc from "fast-check";
import { expect, test } from "vitest";
import { checks } from "../../../src/doctor/checks/index.ts";
import { diagnose } from "../../../src/doctor/diagnose.ts";
import type { ObservedCall } from "../../../src/doctor/observed.ts";
import { knowledge } from "../support.ts";
import { cleanTrail } from "./model.ts";

const client = fc.record({
  seed: fc.integer(),
  customers: fc.integer({ min: 1, max: 70 }),
  hours: fc.integer({ min: 1, max: 75 }),
  zeros: fc.boolean(),
  lag: fc.integer({ min: 0, max: 55 }),
  stamp: fc.constantFrom("start", "end", "last-event"),
  identity: fc.constantFrom("account", "identifier", "licence"),
  patient: fc.boolean(),
});

/** Log files have seconds, put calls of one second in any order, and name no replays. */
function asInFiles(calls: readonly ObservedCall[]): readonly ObservedCall[] {
  const anyOrder = ({ requestId }: ObservedCall): string => [...requestId].toReversed().join("");
  return calls
    .map((call) => ({
      ...call,
      at: Math.floor(call.at / 1_000) * 1_000,
      records: call.records.map((one) => (one.status === "Replayed" ? { ...one, status: "Success" as const } : one)),
    }))
    .toSorted((a, b) => a.at - b.at || anyOrder(a).localeCompare(anyOrder(b)));
}

test.each(["catalogue", "files"])("nothing is found of a client that does it right, told by %s", async (source) => {
  let calls = 0;
  await fc.assert(
    fc.asyncProperty(client, async (one) => {
      const trail = cleanTrail(one);
      calls += trail.calls.length;
      const { now, accountOf, dimensionsOf, ...rest } = trail.known;
      const known =
        source === "files" ? { now: trail.calls.at(-1)?.at ?? 0 } : { now, accountOf, dimensionsOf, ...rest };
      const { findings } = await diagnose({
        source: source === "files" ? "cloudtrail-files" : "audit-trail",
        calls: source === "files" ? asInFiles(trail.calls) : trail.calls,
        known: knowledge(Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined))),
        checks,
      });
      expect(findings.map(({ check, title, evidence }) => ({ check, title, evidence }))).toEqual([]);
    }),
    { numRuns: 40 },
  );
  expect(calls).toBeGreaterThan(1_000);
});

test("the model has what makes it hard", () => {
  const trail = cleanTrail({
    ...{ seed: 1, customers: 40, hours: 48, zeros: true, lag: 2, stamp: "start", identity: "account", patient: false },
  });
  const outcomes = new Set(trail.calls.map(({ outcome }) => outcome));
  expect([...outcomes].toSorted()).toEqual([
    "InternalServiceErrorException",
    "InvalidUsageDimensionException",
    "Success",
    "ThrottlingException",
  ]);
  const statuses = new Set(trail.calls.flatMap(({ records }) => records.map(({ status }) => status)));
  expect([...statuses].toSorted()).toEqual(["Refused", "Replayed", "Success", "Unprocessed"]);
});
