/** What becomes of a record that no rule refuses (SPEC B-80 to B-89, B-20, B-31, B-32, B-42, B-56). */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Agreement } from "../../src/api/types.ts";
import { isMeterable } from "../../src/rules/agreements.ts";
import { batchDraft, decide, errorOf, type Identity, type RecordDraft } from "./batchDraft.ts";
import { account, agreement, dayMs, hourMs, licenseArn, now, nowSec, product, settings, without } from "./facts.ts";

const minuteMs = 60_000;
const paths = ["customerIdentifier", "account", "license"] as const satisfies readonly Identity[];
type Outcome = "Success" | "CustomerNotSubscribed" | (string & {});

/** One record by this way of naming the buyer, with these agreements; the last one is the licence's. */
function outcomeOf(
  path: Identity,
  agreements: readonly Agreement[],
  change: (record: RecordDraft) => void = () => {},
): Outcome {
  const draft = batchDraft([path]);
  const record = draft.records[0];
  if (record === undefined) throw new Error("no record");
  if (path === "license") record.licensed = agreements.map((one) => ({ ...one, licenseArn })).at(-1);
  else record.agreements = agreements;
  change(record);
  const error = errorOf(draft);
  if (error !== undefined) return error;
  return decide(draft)[0] === undefined ? "CustomerNotSubscribed" : "Success";
}

const active = agreement();
const pending = without(agreement(), "startedAt");
const none = "CustomerNotSubscribed";

const rows: readonly [string, readonly Agreement[], Outcome][] = [
  ["B-80: not yet subscribe-success", [pending], none],
  ["B-80: the payment failed", [{ ...pending, failedAt: now - dayMs }], none],
  ["B-80: cancelled before it started", [{ ...pending, endingAt: now - 1 }], none],
  ["B-81: active", [active], "Success"],
  ["B-82, B-84, B-86: ending for 20 minutes", [agreement({ endingAt: now - 20 * minuteMs })], "Success"],
  ["B-82, B-84, B-86: the last millisecond of the hour", [agreement({ endingAt: now - hourMs + 1 })], "Success"],
  ["B-83, B-84, B-86: the hour has elapsed", [agreement({ endingAt: now - hourMs })], none],
  ["B-83: unsubscribe-success", [agreement({ endingAt: now - minuteMs, endedAt: now })], none],
  ["B-32, B-83: ended long ago", [agreement({ endingAt: now - 5 * dayMs, endedAt: now - 5 * dayMs + hourMs })], none],
  ["B-84, N-24: Purchase Agreement Ended alone", [agreement({ agreementEndedAt: now - dayMs })], "Success"],
  ["B-87: resubscribed", [agreement({ endedAt: now - 2 * dayMs }), agreement({ startedAt: now - dayMs })], "Success"],
  ["B-89: free trial", [agreement({ freeTrial: true })], "Success"],
];

describe.each(paths)("%s", (path) => {
  test.each(rows)("%s", (_, agreements, outcome) => {
    expect(outcomeOf(path, agreements)).toBe(outcome);
  });

  test("B-85, B-32: the buyer's account is suspended", () => {
    const suspend = (record: RecordDraft) => {
      record.buyer = account({ suspended: true });
    };
    expect(outcomeOf(path, [active], suspend)).toBe(none);
  });

  test("B-20, B-23: an unknown buyer is a status", () => {
    const forget = (record: RecordDraft) => {
      record.buyer = undefined;
      if (path !== "license") record.agreements = [];
    };
    expect(outcomeOf(path, [active], forget)).toBe(none);
  });
});

describe("B-56, B-31: usage from before the subscription", () => {
  const startedAt = Date.UTC(2026, 7, 15, 9, 40);
  const young = [agreement({ startedAt })];
  const stamped = (at: number) => (record: RecordDraft) => {
    record.record.Timestamp = at / 1_000;
  };
  const refused = {
    customerIdentifier: "TimestampOutOfBoundsException",
    account: "TimestampOutOfBoundsException",
    license: "InvalidLicenseException",
  };

  test.each(paths)("%s: the whole hour of the start passes, the millisecond before does not", (path) => {
    const hour = Date.UTC(2026, 7, 15, 9);
    expect(outcomeOf(path, young, stamped(hour))).toBe("Success");
    expect(outcomeOf(path, young, stamped(hour - 1))).toBe(refused[path]);
  });

  test.each(paths)("%s: subscriptionStartRounding = exact", (path) => {
    const draft = (at: number) => {
      const batch = batchDraft([path]);
      const record = batch.records[0];
      if (record === undefined) throw new Error("no record");
      if (path === "license") record.licensed = agreement({ startedAt, licenseArn });
      else record.agreements = young;
      stamped(at)(record);
      return errorOf(batch, { subscriptionStartRounding: "exact" });
    };
    expect(draft(startedAt)).toBeUndefined();
    expect(draft(startedAt - 1)).toBe(refused[path]);
  });

  test("B-32: a stamp from after the end of a licence is a status, from before its activation an error", () => {
    const ended = [agreement({ endingAt: now - 5 * hourMs })];
    expect(outcomeOf("license", ended, stamped(now - hourMs))).toBe(none);
    expect(
      outcomeOf(
        "license",
        [agreement({ startedAt: now - 2 * hourMs, endedAt: now - hourMs })],
        stamped(now - 4 * hourMs),
      ),
    ).toBe("InvalidLicenseException");
  });

  test("B-31: a licence that is not activated yet has no period to be outside of: a status", () => {
    expect(outcomeOf("license", [pending], stamped(now - 20 * hourMs))).toBe(none);
  });

  test("B-87: after a resubscription the new start counts, not the old one's", () => {
    const both = [agreement({ endedAt: now - 10 * hourMs }), agreement({ id: "agmt-2", startedAt: now - 2 * hourMs })];
    expect(outcomeOf("account", both, stamped(now - 60_000))).toBe("Success");
    expect(outcomeOf("account", both, stamped(now - 12 * hourMs))).toBe("TimestampOutOfBoundsException");
  });
});

describe("properties of the outcome", () => {
  const time = fc.integer({ min: 0, max: 100 }).map((tenth) => now - tenth * 6 * minuteMs);
  const someAgreement = fc
    .record({ startedAt: time, endingAt: time, endedAt: time }, { requiredKeys: [] })
    .map((times): Agreement => ({ ...pending, ...times }));

  test("B-80 to B-88: Success always rests on an agreement that takes usage now and had begun by the stamp's hour", () => {
    const stamp = fc.integer({ min: 0, max: 600 });
    fc.assert(
      fc.property(
        fc.array(someAgreement, { maxLength: 4 }),
        stamp,
        fc.constantFrom(...paths),
        (agreements, minutes, path) => {
          const all = agreements.map((one, index) => ({ ...one, id: `agmt-${index}` }));
          const draft = batchDraft([path]);
          const record = draft.records[0];
          if (record === undefined) return;
          record.record.Timestamp = nowSec - minutes * 60;
          const candidates = path === "license" ? all.slice(-1) : all;
          record.agreements = path === "license" ? [] : all;
          record.licensed = candidates.map((one) => ({ ...one, licenseArn })).at(-1);
          if (path === "license" && record.licensed === undefined) return;
          const stampHour = Math.floor((record.record.Timestamp * 1_000) / hourMs);
          const hasBegun = (one: Agreement) =>
            one.startedAt !== undefined && Math.floor(one.startedAt / hourMs) <= stampHour;
          const isOpen = (one: Agreement) => isMeterable(one, now, settings());
          const fitting = candidates.filter((one) => isOpen(one) && hasBegun(one));
          if (errorOf(draft) !== undefined) {
            // Only a stamp from before the start can be at fault here.
            expect(fitting).toEqual([]);
            expect(candidates.some((one) => one.startedAt !== undefined && !hasBegun(one))).toBe(true);
            return;
          }
          const outcome = decide(draft)[0];
          expect(outcome?.agreement.id).toBe(fitting[0]?.id);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  test("B-42: only a private offer from before the dimension makes usage unbilled, and it is a Success all the same", () => {
    const draft = batchDraft(["account", "account"]);
    draft.product = product({ dimensions: [{ name: "searches", kind: "metered", addedAt: now - dayMs }] });
    const [first, second] = draft.records;
    if (first) first.agreements = [agreement({ privateOffer: true })];
    if (second) second.agreements = [agreement({ privateOffer: true, acceptedAt: now - hourMs })];
    expect(decide(draft).map((outcome) => outcome?.billable)).toEqual([false, true]);
  });

  test("B-3: one outcome a record, in the order of the request", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 25 }), (suspended) => {
        const draft = batchDraft(suspended.map(() => "account"));
        for (const [index, record] of draft.records.entries()) {
          record.buyer = account({ suspended: suspended[index] === true });
        }
        expect(decide(draft).map((outcome) => outcome === undefined)).toEqual(suspended);
      }),
    );
  });
});
