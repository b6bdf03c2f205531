/** Clients that lose usage or bill it twice, over AWS's SDK and a real server: each with its own finding and no other. */
import type { UsageRecord } from "@aws-sdk/client-marketplace-metering";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Meterhouse } from "../../../src/index.ts";
import {
  type Answer,
  customers,
  hour,
  licenseArn,
  meter,
  minute,
  onlyFinding,
  product,
  startScripted,
  usage,
} from "./support.ts";

let meterhouse: Meterhouse;
beforeAll(async () => {
  meterhouse = await startScripted();
});
beforeEach(() => meterhouse.reset());
afterAll(() => meterhouse.close());

const send = (records: readonly UsageRecord[], options = {}): Promise<Answer> => meter(meterhouse, records, options);
const of = (more: Partial<UsageRecord> = {}): UsageRecord => usage(meterhouse, more);
const first = customers.slice(0, 4).map((CustomerAWSAccountId, n) => ({ CustomerAWSAccountId, Quantity: 10 + n }));

test("UnprocessedRecords taken for success", async () => {
  meterhouse.plan({ kind: "unprocessed", records: [1, 3] });
  const answer = await send(first.map(of));
  expect(answer.unprocessed).toHaveLength(2);
  await meterhouse.clock.advance(hour);
  await send(first.map(of));
  expect(await onlyFinding(meterhouse)).toMatchObject({
    check: "unprocessed-never-resent",
    severity: "lost-revenue",
    productCode: product,
    count: 2,
    quantities: { requests: 24 },
    evidence: [answer.requestId],
  });
});

test("CustomerNotSubscribed taken for success", async () => {
  const customer = customers[1] ?? "";
  await meterhouse.marketplace.cancel({ product, customer });
  await meterhouse.marketplace.unsubscribeSuccess({ product, customer });
  const answers: Answer[] = [];
  for (let n = 0; n < 3; n += 1) {
    answers.push(await send([of(), of({ CustomerAWSAccountId: customer, Quantity: 7 })]));
    await meterhouse.clock.advance(hour);
  }
  expect(answers.map(({ statuses }) => statuses)).toEqual(Array(3).fill(["Success", "CustomerNotSubscribed"]));
  expect(await onlyFinding(meterhouse)).toMatchObject({
    check: "not-subscribed-ignored",
    severity: "lost-revenue",
    count: 3,
    quantities: { requests: 21 },
    evidence: answers.map(({ requestId }) => requestId),
  });
});

test("a retry after a lost answer with the quantity of now", async () => {
  const held = await send([of({ Quantity: 5 })]);
  await meterhouse.clock.advance(minute);
  const again = await send([of({ Quantity: 8 })]);
  expect(again.statuses).toEqual(["DuplicateRecord"]);
  expect(await onlyFinding(meterhouse)).toMatchObject({
    check: "duplicate-ignored",
    count: 1,
    quantities: { requests: 3 },
    evidence: [held.requestId, again.requestId],
  });
});

test("a heartbeat of 0 for the running hour", async () => {
  const Timestamp = meterhouse.clock.now();
  const zero = await send([of({ Timestamp, Quantity: 0 })]);
  expect(await onlyFinding(meterhouse)).toMatchObject({ check: "heartbeat-locks-hour", severity: "risk", count: 1 });
  await meterhouse.clock.advance(hour);
  const usageOfIt = await send([of({ Quantity: 9 })]);
  expect(await onlyFinding(meterhouse)).toMatchObject({
    check: "heartbeat-locks-hour",
    severity: "lost-revenue",
    count: 1,
    quantities: { requests: 9 },
    evidence: [zero.requestId, usageOfIt.requestId],
  });
});

test("a batch given up for one bad dimension", async () => {
  const refused = await send([...first.map(of), of({ Dimension: "reqests", Quantity: 99 })]);
  expect(refused.outcome).toBe("InvalidUsageDimensionException");
  await meterhouse.clock.advance(hour);
  await send(first.map(of));
  expect(await onlyFinding(meterhouse)).toMatchObject({
    check: "batch-lost-to-one-record",
    count: 4,
    quantities: { requests: 46 },
    evidence: [refused.requestId],
  });
});

test("usage of yesterday's first hours, after an outage", async () => {
  const Timestamp = (ageMs: number): Date => new Date(meterhouse.clock.now().getTime() - ageMs);
  const late = await send([of({ Timestamp: Timestamp(23.25 * hour) })]);
  expect(await onlyFinding(meterhouse)).toMatchObject({
    check: "close-to-window",
    severity: "risk",
    evidence: [late.requestId],
  });
  await meterhouse.reset();
  const lost = await send([of({ Timestamp: Timestamp(25.25 * hour) })]);
  expect(lost.outcome).toBe("TimestampOutOfBoundsException");
  expect(await onlyFinding(meterhouse)).toMatchObject({
    check: "close-to-window",
    severity: "lost-revenue",
    quantities: { requests: 5 },
    evidence: [lost.requestId],
  });
});

test("local time sent as UTC: Tokyo is refused, New York is booked for the wrong hours", async () => {
  const play = async (offsetMs: number): Promise<readonly Answer[]> => {
    const answers: Answer[] = [];
    for (let n = 0; n < 4; n += 1) {
      await meterhouse.clock.advance(hour + 7 * minute);
      const Timestamp = new Date(meterhouse.clock.now().getTime() + offsetMs);
      answers.push(await send([of({ Timestamp })]));
    }
    return answers;
  };
  const tokyo = await play(9 * hour);
  expect(await onlyFinding(meterhouse)).toMatchObject({
    check: "late-by-time-zone",
    severity: "lost-revenue",
    count: 4,
    quantities: { requests: 20 },
    evidence: tokyo.map(({ requestId }) => requestId),
  });
  await meterhouse.reset();
  const newYork = await play(-4 * hour);
  expect(newYork.every(({ outcome }) => outcome === "Success")).toBe(true);
  expect(await onlyFinding(meterhouse)).toMatchObject({
    check: "late-by-time-zone",
    severity: "risk",
    count: 4,
    evidence: newYork.map(({ requestId }) => requestId),
  });
});

test("one hour by product code and by licence", async () => {
  const byCode = await send([of()]);
  const byLicense = await send([of({ LicenseArn: licenseArn })], { byLicense: true });
  expect(byLicense.statuses).toEqual(["Success"]);
  expect(await onlyFinding(meterhouse)).toMatchObject({
    check: "billed-twice-both-identifiers",
    severity: "double-billing",
    productCode: product,
    count: 1,
    quantities: { requests: 5 },
    evidence: [byCode.requestId, byLicense.requestId],
  });
});

test("a fail-over to another Region sends everything again", async () => {
  const home = await send(first.map(of));
  const away = await send(first.map(of), { region: "eu-west-1" });
  expect(away.statuses).toEqual(Array(4).fill("Success"));
  expect(await onlyFinding(meterhouse)).toMatchObject({
    check: "billed-twice-two-regions",
    severity: "double-billing",
    count: 4,
    quantities: { requests: 46 },
    evidence: [home.requestId, away.requestId],
  });
});

test("a call for each customer", async () => {
  for (let n = 0; n < 3; n += 1) {
    for (const CustomerAWSAccountId of customers.slice(0, 12)) await send([of({ CustomerAWSAccountId })]);
    await meterhouse.clock.advance(hour);
  }
  const finding = await onlyFinding(meterhouse);
  expect(finding).toMatchObject({ check: "small-batches", severity: "advice", count: 36 });
  expect(finding.title).toContain("where 3 calls would have done");
});

test("hours that an outage left out", async () => {
  for (let n = 0; n < 16; n += 1) {
    if (n < 8 || n > 10)
      await send([of({ Quantity: n % 4 === 0 ? 0 : 5 }), of({ Dimension: "storage", Quantity: n % 3 })]);
    await meterhouse.clock.advance(hour);
  }
  const finding = await onlyFinding(meterhouse);
  expect(finding).toMatchObject({ check: "hours-without-records", severity: "risk", count: 3, productCode: product });
  expect(finding.title).toContain("2026-08-12T07:00:00Z to 2026-08-12T10:00:00Z of 1 customer");
});

test("a counter that is sent as it stands", async () => {
  for (let n = 0; n < 50; n += 1) {
    await send([of({ Quantity: 100 + 60 * n })]);
    await meterhouse.clock.advance(hour);
  }
  expect(await onlyFinding(meterhouse)).toMatchObject({ check: "running-totals", severity: "risk", count: 1 });
});

test("a day of a client that does it right, with all that can go wrong on the way", async () => {
  for (let n = 0; n < 24; n += 1) {
    if (n === 5) meterhouse.plan({ kind: "unprocessed", records: [0, 3, 24] });
    if (n === 7) meterhouse.plan({ kind: "error", phase: "after-commit" });
    if (n === 9) meterhouse.plan({ kind: "throttle" });
    // An outage of three hours, made good afterwards.
    const hours = n >= 12 && n < 15 ? [] : n === 15 ? [3, 2, 1, 0] : [0];
    for (const ago of hours) {
      const { Timestamp } = of();
      const at = new Date((Timestamp?.getTime() ?? 0) - ago * hour);
      const records = customers.map((CustomerAWSAccountId, index) =>
        of({ CustomerAWSAccountId, Timestamp: at, Quantity: (index * 7 + n - ago) % 5 }),
      );
      for (let from = 0; from < records.length; from += 25) {
        let left: readonly UsageRecord[] = records.slice(from, from + 25);
        if (n === 18 && from === 0) {
          const refused = await send([...left.slice(1), of({ Dimension: "reqests" })]);
          expect(refused.outcome).toBe("InvalidUsageDimensionException");
        }
        while (left.length > 0) left = (await send(left)).unprocessed;
      }
    }
    await meterhouse.clock.advance(hour);
  }
  const { findings, calls } = await meterhouse.doctor();
  expect(findings).toEqual([]);
  expect(calls).toBeGreaterThan(48);
  expect(await meterhouse.records({})).toHaveLength(24 * customers.length);
});
