/** Answers of HTTP 200 that say that nothing was billed. */
import { describe, expect, test } from "vitest";
import { duplicateIgnored } from "../../../src/doctor/checks/duplicateIgnored.ts";
import { heartbeatLocksHour } from "../../../src/doctor/checks/heartbeatLocksHour.ts";
import { notSubscribedIgnored } from "../../../src/doctor/checks/notSubscribedIgnored.ts";
import {
  buyerAccount,
  hour,
  lookAt,
  noon,
  observedBatch,
  observedMeter,
  productCode,
  type RecordInput,
} from "../support.ts";

const minute = 60_000;
const timestamp = "2026-08-15T11:00:00Z";
const later = { now: noon + 6 * hour };
let calls = 0;
const at = (minutes: number, record: RecordInput, requestId = `call-${calls++}`) =>
  observedBatch({ at: noon + minutes * minute, requestId, records: [{ timestamp, quantity: 5, ...record }] });

describe("not-subscribed-ignored", () => {
  const status = "CustomerNotSubscribed";
  const hourly = (hours: number, record: RecordInput = {}) =>
    Array.from({ length: hours }, (_, n) =>
      at(60 * n, { timestamp: noon + (n - 1) * hour, quantity: 5, status, ...record }, `hour-${n}`),
    );
  const look = notSubscribedIgnored;

  test("usage goes on hour by hour", () => {
    expect(lookAt(look, hourly(4), later)).toEqual([
      expect.objectContaining({
        severity: "lost-revenue",
        productCode,
        count: 4,
        quantities: { requests: 20 },
        evidence: ["hour-0", "hour-1", "hour-2", "hour-3"],
        title: "4 records answered with CustomerNotSubscribed went unnoticed: 20 units of requests not billed.",
      }),
    ]);
  });

  test("the same record three times", () => {
    const thrice = [0, 1, 2].map((n) => at(n, { status }));
    expect(lookAt(look, thrice, later)).toMatchObject([{ count: 1, quantities: { requests: 5 } }]);
    expect(lookAt(look, thrice, later)[0]?.title).toContain("2 were only sent again");
    expect(lookAt(look, thrice.slice(1), later)).toEqual([]);
  });

  test("records of nothing are advice", () => {
    expect(lookAt(look, hourly(3, { quantity: 0 }), later)).toMatchObject([{ severity: "advice", count: 3 }]);
  });

  test("nothing: noticed at once, sent again until it was accepted, or met by a replay", () => {
    expect(lookAt(look, hourly(1), later)).toEqual([]);
    // A run of several calls is one answer.
    expect(lookAt(look, [at(0, { status }), at(2, { status, dimension: "storage" })], later)).toEqual([]);
    const patient = [0, 60, 120].map((minutes) => at(minutes, { status }));
    expect(lookAt(look, [...patient, at(180, {})], later)).toEqual([]);
    expect(lookAt(look, [at(-1, {}), ...patient], later)).toEqual([]);
  });

  test("nothing: a customer who left twice, long apart, and another customer", () => {
    const second = hourly(1).map((call) => ({ ...call, at: call.at + 300 * hour }));
    const back = at(290 * 60, { timestamp: noon + 289 * hour });
    expect(lookAt(look, [...hourly(1), back, ...second], { now: noon + 400 * hour })).toEqual([]);
    const other = at(60, { customerAccountId: "555555555555", status });
    expect(lookAt(look, [...hourly(1), other], later)).toEqual([]);
  });

  test("usage of a metered time that was left behind when the customer's usage was accepted again", () => {
    const metered = [{ productCode, buyerAccountId: buyerAccount, from: noon - 30 * 24 * hour }];
    const trail = [...hourly(1), at(120, { timestamp: noon + hour, quantity: 1 })];
    expect(lookAt(look, trail, { ...later, metered })).toMatchObject([
      { count: 1, quantities: { requests: 5 }, evidence: ["hour-0"] },
    ]);
    // From before the subscription it could not have been sent again; and who knows, without agreements.
    const since = [{ productCode, buyerAccountId: buyerAccount, from: noon }];
    expect(lookAt(look, trail, { ...later, metered: since })).toEqual([]);
    expect(lookAt(look, trail, later)).toEqual([]);
    expect(lookAt(look, trail, { metered, now: noon + 130 * minute })).toEqual([]);
  });
});

describe("duplicate-ignored", () => {
  const status = "DuplicateRecord";
  const look = duplicateIgnored;

  test("a retry with a quantity that grew", () => {
    const trail = [at(0, { quantity: 5 }, "held"), at(1, { quantity: 12, status }, "grown")];
    expect(lookAt(look, trail, later)).toEqual([
      expect.objectContaining({
        severity: "lost-revenue",
        productCode,
        count: 1,
        quantities: { requests: 7 },
        evidence: ["held", "grown"],
        title:
          "Usage of 1 hour was refused as a duplicate of another quantity: 12 sent where 5 are held; " +
          "7 units of requests not billed.",
      }),
    ]);
  });

  test("parts that should have been added", () => {
    const parts = [5, 3, 4].map((quantity, n) => at(n, { quantity, ...(n === 0 ? {} : { status }) }));
    expect(lookAt(look, parts, later)).toMatchObject([{ count: 1, quantities: { requests: 7 } }]);
  });

  test("again and again unchanged is lost once; a total that went on growing by its last", () => {
    const trail = [at(0, {}), ...[1, 2, 3].map((n) => at(n, { quantity: 9, status }))];
    const [finding] = lookAt(look, trail, later);
    expect(finding).toMatchObject({ count: 1, quantities: { requests: 4 } });
    expect(finding?.title).toContain("2 times sent again unchanged");
    const growing = [at(0, {}), ...[6, 9, 20].map((quantity, n) => at(n + 1, { quantity, status }))];
    expect(lookAt(look, growing, later)).toMatchObject([{ quantities: { requests: 15 } }]);
  });

  test("what was stored before the trail is not known", () => {
    const [finding] = lookAt(look, [at(0, { status })], later);
    expect(finding).toMatchObject({ count: 1 });
    expect(finding).not.toHaveProperty("quantities");
    expect(finding?.title).toContain("the trail does not tell");
  });

  test("of MeterUsage, whose calls are refused, each workload by itself", () => {
    const caller = (id: string) => `arn:aws:sts::${buyerAccount}:assumed-role/scan/${id}`;
    const record = { timestamp, quantity: 2 };
    const stored = observedMeter({ caller: caller("i-1"), records: [record] });
    const second = observedMeter({
      ...{ at: noon + minute, caller: caller("i-1"), outcome: "DuplicateRequestException" },
      records: [{ ...record, quantity: 6 }],
    });
    expect(lookAt(look, [stored, second], later)).toMatchObject([{ quantities: { requests: 4 } }]);
    const other = { ...second, caller: caller("i-2") };
    expect(lookAt(look, [stored, other], later)[0]?.title).toContain("the trail does not tell");
  });

  test("nothing: replays, the same quantity where resends are refused, nothing for an hour with usage, other Regions", () => {
    expect(lookAt(look, [at(0, {}), at(1, { status: "Replayed" })], later)).toEqual([]);
    expect(lookAt(look, [at(0, {}), at(1, { status })], later)).toEqual([]);
    expect(lookAt(look, [at(0, {}), at(1, { quantity: 0, status })], later)).toEqual([]);
  });

  test("nothing: a heartbeat is the other check's", () => {
    const zero = at(0, { timestamp: noon, quantity: 0 });
    const usage = at(60, { timestamp: noon, quantity: 5, status });
    expect(lookAt(look, [zero, usage], later)).toEqual([]);
    expect(lookAt(heartbeatLocksHour, [zero, usage], later)).toHaveLength(1);
    // Of an hour that was over it was no heartbeat: the client forgot usage.
    const after = [at(0, { quantity: 0 }), at(60, { status })];
    expect(lookAt(look, after, later)).toMatchObject([{ quantities: { requests: 5 } }]);
    expect(lookAt(heartbeatLocksHour, after, later)).toEqual([]);
  });
});

describe("heartbeat-locks-hour", () => {
  const look = heartbeatLocksHour;
  const zero = at(0, { timestamp: noon, quantity: 0 }, "zero");

  test("and usage was refused for it", () => {
    const usage = at(40, { timestamp: noon, quantity: 5, status: "DuplicateRecord" }, "usage");
    const more = at(50, { timestamp: noon, quantity: 8, status: "DuplicateRecord" }, "more");
    expect(lookAt(look, [zero, usage, more], later)).toEqual([
      expect.objectContaining({
        severity: "lost-revenue",
        count: 1,
        quantities: { requests: 8 },
        evidence: ["zero", "usage", "more"],
        title:
          "1 record of quantity 0 came before the hour was over, and later usage of 1 hour was refused for it: " +
          "8 units of requests not billed.",
      }),
    ]);
  });

  test("a risk where no usage came", () => {
    const [finding] = lookAt(look, [zero], later);
    expect(finding).toMatchObject({ severity: "risk", count: 1, evidence: ["zero"] });
    expect(finding).not.toHaveProperty("quantities");
  });

  test("nothing: an hour that was over, usage in the running one, and the last of a customer who leaves", () => {
    expect(lookAt(look, [at(0, { quantity: 0 })], later)).toEqual([]);
    // The edge: at the full hour it is over.
    expect(lookAt(look, [at(30, { timestamp: noon, quantity: 0 })], later)).toEqual([]);
    expect(lookAt(look, [at(0, { timestamp: noon, quantity: 3 })], later)).toEqual([]);
    const leaving = { productCode, buyerAccountId: buyerAccount, from: 0, to: noon + 40 * minute };
    expect(lookAt(look, [zero], { ...later, metered: [leaving] })).toEqual([]);
    expect(lookAt(look, [zero], { ...later, metered: [{ ...leaving, to: noon + 5 * hour }] })).toHaveLength(1);
  });

  test("of workloads only where usage was refused", () => {
    const record = { timestamp: noon, quantity: 0 };
    const sent = observedMeter({ records: [record] });
    expect(lookAt(look, [sent], later)).toEqual([]);
    const refused = observedMeter({
      ...{ at: noon + minute, outcome: "DuplicateRequestException" },
      records: [{ ...record, quantity: 4 }],
    });
    expect(lookAt(look, [sent, refused], later)).toMatchObject([{ quantities: { requests: 4 } }]);
  });
});
