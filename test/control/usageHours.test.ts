/** Usage hour by hour, and metering records newest first, over a real store and server. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as rows from "../store/fixtures.ts";
import { type Harness, type Json, startControl } from "./harness.ts";

const [alder, birch, stranger] = ["620000000001", "620000000002", "620000000003"] as const;
const hourOf = (text: string): number => Date.parse(`2026-08-${text}:00Z`) / rows.hourMs;

let control: Harness;
beforeAll(async () => {
  control = await startControl();
  await control.store.catalog.apply({
    accounts: [alder, birch, stranger].map((id) => rows.account({ id, customerIdentifier: `of-${id}` })),
    products: [rows.product({ code: "logs", entityId: "prod-logs" })],
    agreements: [alder, birch].map((buyerAccountId) =>
      rows.agreement({
        ...{ id: `agmt-${buyerAccountId}`, productCode: "logs", buyerAccountId },
        ...{ acceptedAt: Date.parse("2026-08-15T02:30:00Z"), startedAt: Date.parse("2026-08-15T02:30:00Z") },
      }),
    ),
  });
  const used = (accountId: string, at: string, quantity: number, more = {}) =>
    rows.claim({ ...{ productCode: "logs", accountId, holder: accountId, hour: hourOf(at), quantity }, ...more });
  await control.store.ledger.claim(
    rows.unit([
      used(alder, "15T03:00", 7),
      used(alder, "15T03:00", 5, { region: "eu-west-1" }),
      used(alder, "15T05:00", 0),
      used(birch, "15T09:00", 40),
      used(birch, "08T23:00", 9_000),
      used(stranger, "15T01:00", 1),
    ]),
  );
  // So many records of one workload that they are summed by SQL.
  const many = Array.from({ length: 2_100 }, (_, index) =>
    used(stranger, index % 2 === 0 ? "15T06:00" : "15T07:00", 1, {
      path: "agentcore",
      holder: "runtime",
      dimension: "calls",
    }),
  );
  await control.store.ledger.claim(rows.unit(many));
});
afterAll(() => control.close());

const hours = async (query = ""): Promise<Json> => (await control.get(`/usage/hours?days=1${query}`)).body;

describe("usage by hour", () => {
  test("a missing hour is null, a zero is 0, and both Regions count together", async () => {
    const { series, from, hours: count, others } = await hours(`&customer=${alder}`);
    expect([from, count, others, series.length]).toEqual(["2026-08-15T00:00:00.000Z", 24, 0, 1]);
    const [{ quantities, due, ...about }] = series;
    expect(about).toEqual({ product: "logs", customer: alder, dimension: "requests", quantity: 12, records: 3 });
    expect(quantities.slice(0, 8)).toEqual([null, null, null, 12, null, 0, null, null]);
    // From the hour in which the agreement began to the last that is over: it is 10:20.
    expect(due.map((isDue: boolean, hour: number) => (isDue ? hour : -1)).filter((hour: number) => hour >= 0)).toEqual([
      ...[2, 3, 4, 5, 6, 7, 8, 9],
    ]);
    const own = await hours(`&customer=of-${alder}&region=eu-west-1`);
    expect(own.series[0].quantities[3]).toBe(5);
  });

  test("the largest come first, and the others are counted", async () => {
    const all = await hours();
    expect(all.series.map(({ customer, quantity }: Json) => [customer, quantity])).toEqual([
      [stranger, 2_100],
      [birch, 40],
      [alder, 12],
      [stranger, 1],
    ]);
    expect(all.series[0].quantities.slice(5, 9)).toEqual([null, 1_050, 1_050, null]);
    // The catalogue has no agreement of it: every hour that is over counts.
    expect(all.series[0].due.filter(Boolean)).toHaveLength(10);
    const { series, others } = await hours("&top=1");
    expect([series.length, others]).toEqual([1, 3]);
  });

  test("seven days that end with today, or begin where it is said", async () => {
    const week = (await control.get("/usage/hours")).body;
    expect([week.from, week.hours]).toEqual(["2026-08-09T00:00:00.000Z", 168]);
    const before = (await control.get("/usage/hours?from=2026-08-08T12:00:00Z&days=2")).body;
    expect([before.from, before.hours, before.series[0].quantities[23]]).toEqual([
      "2026-08-08T00:00:00.000Z",
      48,
      9_000,
    ]);
    expect((await control.get("/usage/hours?days=8")).status).toBe(422);
    expect((await hours("&product=none")).series).toEqual([]);
  });
});

test("metering records newest first, page by page", async () => {
  const listed: string[] = [];
  let cursor = "";
  do {
    const { body } = await control.get(`/metering-records?dimension=requests&order=newest-first&limit=2${cursor}`);
    listed.push(...body.items.map(({ hour }: Json) => hour));
    cursor = body.nextCursor === undefined ? "" : `&cursor=${body.nextCursor}`;
  } while (cursor !== "");
  expect(listed.map((hour) => hour.slice(8, 13))).toEqual(["15T09", "15T05", "15T03", "15T03", "15T01", "08T23"]);
});
