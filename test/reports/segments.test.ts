/** Which agreement and which trial hold, hour for hour. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Agreement } from "../../src/api/types.ts";
import { segmentsOf } from "../../src/reports/segments.ts";
import { agreement, hourMs, offer } from "../store/fixtures.ts";

const at = (text: string): number => Date.parse(`2026-${text}Z`);
const august = { fromAt: at("08-01T00:00"), toAt: at("09-01T00:00") };
const trialOffer = offer({ id: "trial", freeTrialDays: 14 });
const offers = (id: string) => (id === "trial" ? trialOffer : undefined);

function parts(...agreements: readonly Agreement[]) {
  return segmentsOf(agreements, offers, hourMs, august).map((one) => [
    new Date(one.fromAt).toISOString().slice(5, 16),
    one.agreement?.id,
    ...(one.isTrial ? ["trial"] : []),
  ]);
}

test("one agreement is one part, whenever it began", () => {
  expect(parts()).toEqual([["08-01T00:00", undefined]]);
  expect(parts(agreement())).toEqual([["08-01T00:00", "agmt-1"]]);
  expect(parts(agreement({ acceptedAt: at("08-10T09:40"), startedAt: at("08-10T09:45") }))).toEqual([
    ["08-01T00:00", "agmt-1"],
  ]);
});

test("a trial ends with the hour in which its days are over", () => {
  const trial = { freeTrial: true, offerId: "trial", acceptedAt: at("07-25T10:00"), startedAt: at("07-25T10:20") };
  expect(parts(agreement(trial))).toEqual([
    ["08-01T00:00", "agmt-1", "trial"],
    ["08-08T11:00", "agmt-1"],
  ]);
  expect(parts(agreement({ ...trial, startedAt: at("07-25T10:00") }))[1]).toEqual(["08-08T10:00", "agmt-1"]);
  // Without days of an offer it has no end; without a trial the offer's days mean nothing.
  expect(parts(agreement({ ...trial, offerId: "other" }))).toEqual([["08-01T00:00", "agmt-1", "trial"]]);
  expect(parts(agreement({ ...trial, freeTrial: false }))).toEqual([["08-01T00:00", "agmt-1"]]);
});

test("one agreement after the other, with the final hour of the first, and none in between", () => {
  const first = agreement({ id: "a", startedAt: 1_000, endingAt: at("08-10T10:20") });
  const second = agreement({ id: "b", acceptedAt: at("08-20T12:30"), startedAt: at("08-20T12:30") });
  expect(parts(first, second)).toEqual([
    ["08-01T00:00", "a"],
    ["08-20T12:00", "b"],
  ]);
  const early = { ...second, startedAt: at("08-05T12:30") };
  expect(parts(first, early)).toEqual([
    ["08-01T00:00", "a"],
    ["08-10T12:00", "b"],
  ]);
  expect(parts({ ...first, endedAt: at("08-10T10:50") }, early)[1]).toEqual(["08-10T11:00", "b"]);
  expect(parts(agreement({ id: "c", startedAt: 1_000, endsAt: at("08-03T00:00") }), early)[1]?.[0]).toBe("08-05T12:00");
});

test("the parts cover the time without a gap, each in full hours and different from the one before", () => {
  const instant = fc.integer({ min: at("07-01T00:00"), max: at("09-15T00:00") });
  const made = fc
    .record({ startedAt: instant, length: fc.nat(40 * 24 * hourMs), freeTrial: fc.boolean(), isOpen: fc.boolean() })
    .map(({ startedAt, length, freeTrial, isOpen }) => ({
      ...{ acceptedAt: startedAt, startedAt, freeTrial, offerId: "trial" },
      ...(isOpen ? {} : { endingAt: startedAt + length }),
    }));
  const property = fc.property(fc.array(made, { maxLength: 4 }), (given) => {
    const all = given
      .toSorted((a, b) => a.acceptedAt - b.acceptedAt)
      .map((one, index) => agreement({ ...one, id: `a${index}` }));
    const found = segmentsOf(all, offers, hourMs, august);
    expect(found[0]?.fromAt).toBe(august.fromAt);
    expect(found.at(-1)?.toAt).toBe(august.toAt);
    for (const [index, one] of found.entries()) {
      expect(one.fromAt % hourMs).toBe(0);
      expect(one.toAt).toBeGreaterThan(one.fromAt);
      const next = found[index + 1];
      if (next === undefined) continue;
      expect(next.fromAt).toBe(one.toAt);
      expect([next.agreement, next.isTrial]).not.toEqual([one.agreement, one.isTrial]);
    }
  });
  fc.assert(property, { numRuns: 300 });
});
