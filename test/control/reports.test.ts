/** Reports over a real store and server, held against sums of the records that were claimed. */
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { Hono } from "hono";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Agreement, Product } from "../../src/api/types.ts";
import { Problem } from "../../src/control/problems.ts";
import { createReportResponder } from "../../src/control/reportFiles.ts";
import type { UsageClaim } from "../../src/store/ledger.ts";
import * as rows from "../store/fixtures.ts";
import { type Harness, type Json, startControl } from "./harness.ts";

const seller = "610000000001";
const rival = "610000000002";
const [alder, birch, cedar] = ["620000000001", "620000000002", "620000000003"];
const logs = "logs";
const vault = "vault";
const gate = "gate";
const maps = "maps";
const license = (digit: string): string => `arn:aws:license-manager::294406891311:license:l-${digit.repeat(32)}`;
const hourOf = (text: string): number => Date.parse(`2026-${text}:00Z`) / rows.hourMs;

let control: Harness;
beforeAll(async () => {
  control = await startControl();
});
afterAll(() => control.close());
beforeEach(async () => {
  await control.store.reset();
  control.clock.set(Date.parse("2026-09-02T00:00:00Z"));
});

function metered(name: string, price?: string, unit?: string): Product["dimensions"][number] {
  return {
    ...{ name, kind: "metered", addedAt: 1 },
    ...(price === undefined ? {} : { price }),
    ...(unit === undefined ? {} : { unit }),
  };
}

async function seed(agreements: readonly Agreement[] = [], more: readonly Product[] = []): Promise<void> {
  await control.store.catalog.apply({
    accounts: [seller, rival, alder, birch, cedar].map((id) =>
      rows.account({ id: String(id), customerIdentifier: `of-${id}` }),
    ),
    products: [
      rows.product({
        ...{ code: logs, entityId: "prod-logs", title: '=Logs, "all"', sellerAccountId: seller },
        dimensions: [metered("gb", "0.25", "GB"), metered("hosts", "0.015"), metered("bare")],
      }),
      rows.product({ code: vault, sellerAccountId: seller, dimensions: [metered("secrets", "0.005", "secrets")] }),
      rows.product({
        ...{ code: gate, type: "container-hourly", sellerAccountId: seller },
        dimensions: [metered("hours", "0.5", "hours")],
      }),
      rows.product({ code: maps, sellerAccountId: rival, dimensions: [metered("tiles", "1")] }),
      ...more,
    ],
    agreements,
  });
}

function agreed(id: string, productCode: string, buyerAccountId: string | undefined, more: Partial<Agreement> = {}) {
  const acceptedAt = Date.parse("2026-07-20T09:00:00Z");
  return rows.agreement({
    id,
    productCode,
    buyerAccountId: String(buyerAccountId),
    acceptedAt,
    startedAt: acceptedAt,
    ...more,
  });
}

function used(
  buyer: string | undefined,
  productCode: string,
  dimension: string,
  at: string,
  more: Partial<UsageClaim> = {},
) {
  const accountId = String(buyer);
  return rows.claim({ productCode, holder: accountId, accountId, dimension, hour: hourOf(at), ...more });
}

const claimAll = (claims: readonly UsageClaim[]) => control.store.ledger.claim(rows.unit(claims));

async function csv(path: string): Promise<Record<string, string>[]> {
  const { status, headers, body } = await control.get(path);
  expect({ status, type: headers.get("content-type") }).toEqual({
    status: 200,
    type: "text/csv; charset=utf-8; header=present",
  });
  return parse(body, { columns: true }) as Record<string, string>[];
}

async function allPages(path: string, limit: number): Promise<Json[]> {
  const items: Json[] = [];
  for (let cursor = ""; ; ) {
    const { body } = await control.get(`${path}&limit=${limit}${cursor}`);
    expect(body.items.length).toBeLessThanOrEqual(limit);
    items.push(...body.items);
    if (body.nextCursor === undefined) return items;
    cursor = `&cursor=${body.nextCursor}`;
  }
}

describe("usage", () => {
  test("by time, customer and dimension; over the end of a month; page by page", async () => {
    await seed();
    await claimAll([
      used(alder, logs, "gb", "07-31T23:00", { quantity: 1 }),
      used(alder, logs, "gb", "08-01T00:00", { quantity: 2 }),
      used(alder, logs, "gb", "08-01T23:00", { quantity: 4 }),
      used(birch, logs, "gb", "08-02T00:00", { quantity: 8, region: "eu-west-1" }),
      used(alder, vault, "secrets", "08-31T23:00", { quantity: 16, path: "license", holder: license("a") }),
      used(alder, logs, "hosts", "09-01T00:00", { quantity: 32, billable: false }),
    ]);
    const get = async (query: string): Promise<Json[]> => (await control.get(`/usage?${query}`)).body.items;
    expect(await get("")).toEqual([{ quantity: 63, records: 6 }]);
    expect(await get("groupBy=month")).toEqual([
      { period: "2026-07-01T00:00:00.000Z", quantity: 1, records: 1 },
      { period: "2026-08-01T00:00:00.000Z", quantity: 30, records: 4 },
      { period: "2026-09-01T00:00:00.000Z", quantity: 32, records: 1 },
    ]);
    expect(await get("groupBy=day,customer&product=logs&from=2026-08-01T00:00:00Z&to=2026-09-01T00:00:00Z")).toEqual([
      { period: "2026-08-01T00:00:00.000Z", customer: alder, quantity: 6, records: 2 },
      { period: "2026-08-02T00:00:00.000Z", customer: birch, quantity: 8, records: 1 },
    ]);
    // Months, days and hours are UTC's, whatever the offset of the ends.
    expect(await get("groupBy=hour&customer=of-620000000001&to=2026-08-01T02:00:00%2B02:00")).toEqual([
      { period: "2026-07-31T23:00:00.000Z", quantity: 1, records: 1 },
    ]);
    expect(await get("groupBy=license,status,region")).toEqual([
      { license: null, region: "eu-west-1", status: "billable", quantity: 8, records: 1 },
      { license: null, region: "us-east-1", status: "not-billable", quantity: 32, records: 1 },
      { license: null, region: "us-east-1", status: "billable", quantity: 7, records: 3 },
      { license: license("a"), region: "us-east-1", status: "billable", quantity: 16, records: 1 },
    ]);
    for (const by of ["hour,product,customer,license,dimension,region,status", "dimension,customer", "day"]) {
      expect(await allPages(`/usage?groupBy=${by}`, 1)).toEqual(await get(`groupBy=${by}`));
    }
    expect(await get("groupBy=day&product=none")).toEqual([]);
  });

  test("by tags: a record is split over its allocations, and the rest is shown as untagged", async () => {
    await seed();
    const tag = (Key: string, Value: string) => ({ Key, Value });
    const allocations = [
      { AllocatedUsageQuantity: 10, Tags: [tag("team", "red"), tag("env", "prod")] },
      { AllocatedUsageQuantity: 20, Tags: [tag("team", "red"), tag("env", "test")] },
      { AllocatedUsageQuantity: 30, Tags: [tag("team", "blue, or so")] },
      { AllocatedUsageQuantity: 40 },
    ];
    await claimAll([
      used(alder, logs, "gb", "08-01T00:00", { quantity: 100, allocations }),
      used(birch, logs, "gb", "08-01T00:00", { quantity: 5 }),
    ]);
    const get = async (by: string): Promise<Json[]> => (await control.get(`/usage?groupBy=${by}`)).body.items;
    expect(await get("tag:team")).toEqual([
      { tags: { team: null }, quantity: 45, records: 2 },
      { tags: { team: "blue, or so" }, quantity: 30, records: 1 },
      { tags: { team: "red" }, quantity: 30, records: 1 },
    ]);
    expect(await get("customer,tag:team,tag:env")).toEqual([
      { customer: alder, tags: { team: null, env: null }, quantity: 40, records: 1 },
      { customer: alder, tags: { team: "blue, or so", env: null }, quantity: 30, records: 1 },
      { customer: alder, tags: { team: "red", env: "prod" }, quantity: 10, records: 1 },
      { customer: alder, tags: { team: "red", env: "test" }, quantity: 20, records: 1 },
      { customer: birch, tags: { team: null, env: null }, quantity: 5, records: 1 },
    ]);
    expect(await get("tag:a,,b")).toEqual([{ tags: { "a,b": null }, quantity: 105, records: 2 }]);
    expect(await allPages("/usage?groupBy=tag:team", 1)).toEqual(await get("tag:team"));
  });

  test.each([
    ["groupBy=week", "'week' is none of"],
    ["groupBy=hour,day", "hour and day exclude each other"],
    ["groupBy=tag:", "a tag's key has 1 to 100 characters"],
    [`groupBy=${Array.from({ length: 6 }, (_, index) => `tag:${index}`).join()}`, "6 tags; at most 5"],
    ["groupBy=day&cursor=e30", "cursor"],
    ["from=yesterday", "from"],
  ])("refuses %s", async (query, told) => {
    const { status, body } = await control.get(`/usage?${query}`);
    expect({ status, detail: body.detail }).toEqual({ status: 422, detail: expect.stringContaining(told) });
  });
});

describe("bill", () => {
  test("lines of customers, licences and dimensions, each rounded once", async () => {
    await seed([
      agreed("a1", logs, alder),
      agreed("a2", vault, alder, { licenseArn: license("a") }),
      agreed("a3", vault, alder, { licenseArn: license("b") }),
    ]);
    const secrets = (digit: string, at: string, quantity: number) =>
      used(alder, vault, "secrets", at, { path: "license", holder: license(digit), quantity });
    await claimAll([
      // Three times half a cent: once rounded they are two cents, and not three.
      ...["01T00:00", "15T12:00", "31T23:00"].map((at) => secrets("a", `08-${at}`, 1)),
      secrets("b", "08-02T00:00", 1),
      used(alder, logs, "gb", "08-03T00:00", { quantity: 3 }),
      used(alder, logs, "bare", "08-03T00:00", { quantity: 9 }),
      used(alder, logs, "hosts", "08-03T00:00", { quantity: 7, billable: false }),
      used(birch, gate, "RegisteredSeconds", "08-03T00:00", { path: "resource", holder: "task-1", quantity: 3_600 }),
      used(birch, gate, "RegisteredSeconds", "08-03T01:00", { path: "resource", holder: "task-2", quantity: 36 }),
      // Of other months.
      used(alder, logs, "gb", "07-31T23:00", { quantity: 1_000 }),
      used(alder, logs, "gb", "09-01T00:00", { quantity: 1_000 }),
    ]);
    const { body } = await control.get("/reports/bill?month=2026-08");
    const line = { license: null, agreement: "a1", product: logs, customer: alder, records: 1 };
    expect(body).toEqual({
      ...{ month: "2026-08", currency: "USD", invoiceDate: "2026-09-02", isInvoiced: true },
      ...{ total: "1.29", lines: 6, unpriced: 1 },
      items: [
        {
          ...{ product: gate, customer: birch, license: null, agreement: null, dimension: "RegisteredSeconds" },
          ...{ status: "charged", quantity: "3636", units: "1.01", unit: "hours", unitPrice: "0.5", amount: "0.51" },
          records: 2,
        },
        {
          ...line,
          ...{ dimension: "bare", status: "no-price", quantity: "9", units: "9" },
          ...{ unit: null, unitPrice: null, amount: null },
        },
        {
          ...line,
          ...{ dimension: "gb", status: "charged", quantity: "3", units: "3" },
          ...{ unit: "GB", unitPrice: "0.25", amount: "0.75" },
        },
        {
          ...line,
          ...{ dimension: "hosts", status: "not-billable", quantity: "7", units: "7" },
          ...{ unit: null, unitPrice: "0.015", amount: "0.00" },
        },
        ...(["a", "b"] as const).map((digit) => ({
          ...{ product: vault, customer: alder, license: license(digit), agreement: digit === "a" ? "a2" : "a3" },
          ...{ dimension: "secrets", status: "charged", unit: "secrets", unitPrice: "0.005" },
          ...(digit === "a"
            ? { quantity: "3", units: "3", amount: "0.02", records: 3 }
            : { quantity: "1", units: "1", amount: "0.01", records: 1 }),
        })),
      ],
    });
    const path = "/reports/bill?month=2026-08";
    for (const limit of [1, 2, 4]) expect(await allPages(path, limit)).toEqual(body.items);
    expect((await control.get(`${path}&limit=1`)).body).toMatchObject({ total: "1.29", lines: 6, unpriced: 1 });
    const asText = (item: Json) =>
      Object.fromEntries(Object.entries(item).map(([name, value]) => [name, String(value ?? "")]));
    expect(await csv(`${path}&format=csv`)).toEqual(body.items.map(asText));
    expect((await control.get(`${path}&customer=of-${birch}`)).body).toMatchObject({ total: "0.51", lines: 1 });
    expect((await control.get(`${path}&product=${logs}`)).body).toMatchObject({ total: "0.75", lines: 3 });
    expect((await control.get(`${path}&seller=${rival}`)).body).toMatchObject({ total: "0.00", lines: 0 });
    expect((await control.get(`${path}&cursor=e30`)).status).toBe(422);
  });

  test("an empty month, a wrong one, and one whose invoice has not come yet", async () => {
    await seed();
    expect((await control.get("/reports/bill?month=2026-10")).body).toEqual({
      ...{ month: "2026-10", currency: "USD", invoiceDate: "2026-11-02", isInvoiced: false },
      ...{ total: "0.00", lines: 0, unpriced: 0, items: [] },
    });
    for (const wrong of ["2026-13", "2026-8", "26-08", "1969-12", "2026-08-01"]) {
      expect((await control.get(`/reports/bill?month=${wrong}`)).status).toBe(422);
    }
    expect((await control.get("/reports/bill")).status).toBe(422);
  });

  test("free trials, and two agreements in one month", async () => {
    await seed([
      agreed("trial", logs, alder, { freeTrial: true, offerId: "offer-trial" }),
      agreed("first", logs, birch, { endingAt: Date.parse("2026-08-10T10:00:00Z") }),
      agreed("second", logs, birch, {
        acceptedAt: Date.parse("2026-08-20T00:00:00Z"),
        startedAt: Date.parse("2026-08-20T00:00:00Z"),
      }),
      agreed("endless", logs, cedar, { freeTrial: true }),
    ]);
    await control.store.catalog.apply({
      offers: [rows.offer({ id: "offer-trial", productCode: logs, freeTrialDays: 14 })],
    });
    // 14 days after 20 July, 09:00.
    await claimAll([
      used(alder, logs, "gb", "08-03T08:00", { quantity: 100 }),
      used(alder, logs, "gb", "08-03T09:00", { quantity: 4 }),
      used(alder, logs, "gb", "08-31T23:00", { quantity: 4 }),
      used(birch, logs, "gb", "08-10T10:00", { quantity: 1 }),
      used(birch, logs, "gb", "08-20T00:00", { quantity: 3 }),
      used(cedar, logs, "gb", "08-31T23:00", { quantity: 50 }),
    ]);
    const { body } = await control.get("/reports/bill?month=2026-08");
    expect(body.items.map((one: Json) => [one.customer, one.agreement, one.status, one.quantity, one.amount])).toEqual([
      [alder, "trial", "charged", "8", "2.00"],
      [alder, "trial", "free-trial", "100", "0.00"],
      [birch, "first", "charged", "1", "0.25"],
      [birch, "second", "charged", "3", "0.75"],
      [cedar, "endless", "free-trial", "50", "0.00"],
    ]);
    expect(body.total).toBe("3.00");
  });

  test("any quantities at any prices come to what whole numbers come to", async () => {
    const dimension = fc.record({
      price: fc.integer({ min: 0, max: 5_000 }),
      quantities: fc.array(fc.integer({ min: 0, max: 2_147_483_647 }), { minLength: 1, maxLength: 4 }),
    });
    const property = fc.asyncProperty(fc.array(dimension, { minLength: 1, maxLength: 6 }), async (given) => {
      await control.store.reset();
      const dimensions = given.map(({ price }, index) => metered(`d${index}`, (price / 1_000).toFixed(3)));
      await seed([], [rows.product({ code: "any", sellerAccountId: seller, dimensions })]);
      const claims = given.flatMap(({ quantities }, index) =>
        quantities.map((quantity, hour) => used(alder, "any", `d${index}`, `08-0${hour + 1}T00:00`, { quantity })),
      );
      await claimAll(claims);
      const cents = given.map(({ price, quantities }) => {
        const thousandths = quantities.reduce((sum, one) => sum + BigInt(one), 0n) * BigInt(price);
        return thousandths / 10n + (thousandths % 10n >= 5n ? 1n : 0n);
      });
      const { body } = await control.get("/reports/bill?month=2026-08&product=any");
      const toCents = (amount: string): bigint => BigInt(amount.replace(".", ""));
      expect(body.items.map((one: Json) => toCents(one.amount))).toEqual(cents);
      expect(toCents(body.total)).toBe(cents.reduce((sum, one) => sum + one, 0n));
    });
    await fc.assert(property, { numRuns: 40 });
  });
});

/** Of SPEC H.2, copied from there by hand and in its order. */
const dailyColumns =
  "Customer Reference ID, User's State, User's Country, Product Title, Product Code, Instance Type, Usage Units, Usage Unit Type, Offering Description, Estimated Revenue, Currency, Offer ID, Offer Visibility, Customer AWS Account Number, Customer Country, Customer State, Customer City, Customer Zip Code, Customer Email Domain, Solution Title, Solution ID, Payer Reference ID, Payer Address ID";
const eventColumns =
  "billing_event_id, from_account_id, to_account_id, end_user_account_id, product_id, action, transaction_type, parent_billing_event_id, disbursement_billing_event_id, amount, currency, balance_impacting, invoice_date, payment_due_date, usage_period_start_date, usage_period_end_date, invoice_id, billing_address_id, transaction_reference_id, bank_trace_id, broker_id, valid_from, insert_date, update_date, delete_date";
const accountColumns =
  "account_id, aws_account_id, encrypted_account_id, mailing_address_id, tax_address_id, tax_registration_number, tax_legal_name, valid_from, insert_date, update_date, delete_date";

describe("the daily business report", () => {
  test("a day's usage with AWS's columns; what is not known is empty", async () => {
    await seed([agreed("a1", logs, alder, { offerId: "offer-1", privateOffer: true })]);
    await control.store.catalog.apply({
      offers: [rows.offer({ id: "offer-1", productCode: logs, title: "For Alder" })],
    });
    await claimAll([
      used(alder, logs, "hosts", "08-14T23:00"),
      used(alder, logs, "hosts", "08-15T00:00", { quantity: 1 }),
      used(alder, logs, "hosts", "08-15T23:00", { quantity: 2 }),
      used(alder, logs, "bare", "08-15T23:00", { quantity: 3 }),
      used(birch, maps, "tiles", "08-15T05:00", { quantity: 4 }),
      used(alder, logs, "hosts", "08-16T00:00"),
    ]);
    const { body, headers } = await control.get("/reports/daily-business?date=2026-08-15");
    expect(headers.get("content-disposition")).toBe('attachment; filename="daily-business-2026-08-15.csv"');
    expect((parse(body) as string[][])[0]).toEqual(dailyColumns.split(", "));
    const filled = (await csv("/reports/daily-business?date=2026-08-15")).map((row) =>
      Object.fromEntries(Object.entries(row).filter(([, value]) => value !== "")),
    );
    const own = {
      ...{ "Product Title": `'=Logs, "all"`, "Product Code": logs, Currency: "USD" },
      ...{ "Offering Description": "For Alder", "Offer ID": "offer-1", "Offer Visibility": "Private" },
      "Customer AWS Account Number": alder,
    };
    expect(filled).toEqual([
      { ...own, "Instance Type": "bare", "Usage Units": "3" },
      // Not rounded: a day is no invoice.
      { ...own, "Instance Type": "hosts", "Usage Units": "3", "Estimated Revenue": "0.045" },
      {
        ...{ "Product Title": "A product", "Product Code": maps, "Instance Type": "tiles", "Usage Units": "4" },
        ...{ "Estimated Revenue": "4", Currency: "USD", "Customer AWS Account Number": birch },
      },
    ]);
    expect(await csv(`/reports/daily-business?date=2026-08-15&seller=${rival}`)).toHaveLength(1);
    expect(await csv("/reports/daily-business?date=2025-01-01")).toEqual([]);
    for (const wrong of ["2026-02-30", "2026-08", "1969-12-31"]) {
      expect((await control.get(`/reports/daily-business?date=${wrong}`)).status).toBe(422);
    }
  });
});

describe("feeds", () => {
  test("billing_event: invoices of the month before, the same each time, from their day on", async () => {
    await seed([agreed("a1", logs, alder), agreed("b1", maps, birch)]);
    await claimAll([
      used(alder, logs, "gb", "08-31T23:00", { quantity: 3 }),
      used(alder, logs, "bare", "08-31T23:00"),
      used(alder, logs, "hosts", "08-31T23:00", { billable: false }),
      used(birch, maps, "tiles", "08-01T00:00", { quantity: 0 }),
      used(birch, maps, "tiles", "09-01T00:00", { quantity: 2 }),
    ]);
    const path = "/reports/feeds/billing_event?month=2026-09";
    const { body, headers } = await control.get(path);
    expect(headers.get("content-disposition")).toBe('attachment; filename="billing_event_v1-2026-09.csv"');
    expect((parse(body) as string[][])[0]).toEqual(eventColumns.split(", "));
    expect(body.endsWith("\r\n")).toBe(true);
    const events = await csv(path);
    const at = "2026-09-02T00:00:00Z";
    expect(events).toHaveLength(1);
    expect(Object.fromEntries(Object.entries(events[0] ?? {}).filter(([, value]) => value !== ""))).toEqual({
      billing_event_id: expect.stringMatching(/^[\w-]{43}$/),
      from_account_id: expect.stringMatching(/^[\w-]{43}$/),
      to_account_id: expect.stringMatching(/^[\w-]{43}$/),
      end_user_account_id: events[0]?.from_account_id,
      ...{ product_id: "prod-logs", action: "INVOICED", transaction_type: "SELLER_REV_SHARE" },
      ...{ amount: "0.75", currency: "USD", balance_impacting: "1", invoice_date: at },
      ...{ usage_period_start_date: "2026-08-01T00:00:00Z", usage_period_end_date: "2026-08-31T23:59:59Z" },
      ...{ valid_from: at, insert_date: at, update_date: at },
    });
    expect(await csv(path)).toEqual(events);
    expect(await csv(`${path}&seller=${rival}`)).toEqual([]);

    control.clock.set(Date.parse("2026-09-01T23:59:59Z"));
    expect(await csv(path)).toEqual([]);
    control.clock.set(Date.parse("2026-10-02T00:00:00Z"));
    const [next] = await csv("/reports/feeds/billing_event?month=2026-10");
    expect(next).toMatchObject({ amount: "2.00", invoice_date: "2026-10-02T00:00:00Z" });
    expect(next?.billing_event_id).not.toBe(events[0]?.billing_event_id);

    // The ids lead to the accounts of the other feed.
    const accounts = await csv("/reports/feeds/account?month=2026-07");
    const named = (id: string | undefined) => accounts.find((one) => one.account_id === id)?.aws_account_id;
    expect([named(events[0]?.from_account_id), named(events[0]?.to_account_id)]).toEqual([alder, seller]);
  });

  test("account: who came in a month, with the CustomerIdentifier", async () => {
    await seed([
      agreed("a1", logs, alder, { acceptedAt: Date.parse("2026-07-31T23:59:59Z") }),
      agreed("a2", vault, alder, { acceptedAt: Date.parse("2026-08-01T00:00:00Z") }),
      agreed("b1", maps, birch, { acceptedAt: Date.parse("2026-08-01T00:00:00Z") }),
    ]);
    const july = await control.get("/reports/feeds/account?month=2026-07");
    expect((parse(july.body) as string[][])[0]).toEqual(accountColumns.split(", "));
    const idsOf = async (query: string): Promise<unknown> =>
      (await csv(`/reports/feeds/account?${query}`)).map((one) => [
        one.aws_account_id,
        one.encrypted_account_id,
        one.valid_from,
      ]);
    const [end, start] = ["2026-07-31T23:59:59Z", "2026-08-01T00:00:00Z"];
    expect(await idsOf("month=2026-07")).toEqual([
      [seller, `of-${seller}`, end],
      [alder, `of-${alder}`, end],
    ]);
    expect(await idsOf("month=2026-08")).toEqual([
      [rival, `of-${rival}`, start],
      [birch, `of-${birch}`, start],
    ]);
    expect(await idsOf(`month=2026-08&seller=${seller}`)).toEqual([]);
    expect(await idsOf("month=2026-09")).toEqual([]);
    expect((await control.get("/reports/feeds/offer?month=2026-09")).status).toBe(422);
  });
});

test("a long bill comes in chunks, and whole", async () => {
  await seed();
  const buyers = Array.from({ length: 1_300 }, (_, index) => String(630_000_000_000 + index));
  await claimAll(buyers.map((buyer) => used(buyer, logs, "gb", "08-05T00:00", { quantity: 1 })));
  const lines = await csv("/reports/bill?month=2026-08&format=csv");
  expect(lines.map(({ customer }) => customer)).toEqual(buyers);
});

describe("files of reports", () => {
  const columns = ["a"];

  /** Its reports wait until they are let go. */
  function waiting() {
    const gate = Promise.withResolvers<void>();
    const respond = createReportResponder(pino({ level: "silent" }));
    const app = new Hono();
    const rows = async function* () {
      await gate.promise;
      yield [["1"]];
    };
    app.get("/", (context) => respond(context, { name: "x.csv", columns, rows: rows() }));
    app.onError((error, context) => context.text(error.message, error instanceof Problem ? 429 : 500));
    return { app, letGo: gate.resolve };
  }

  test("so many at once and no more; those that ended, or were left, make room", async () => {
    const { app, letGo } = waiting();
    const [left, ...open] = await Promise.all(Array.from({ length: 4 }, async () => app.request("/")));
    expect([left, ...open].map((one) => one?.status)).toEqual([200, 200, 200, 200]);
    const refused = await app.request("/");
    expect({ status: refused.status, text: await refused.text() }).toEqual({
      status: 429,
      text: "4 reports are being made, which is the most at once; try again when one is done.",
    });
    expect((await app.request("/", { method: "HEAD" })).status).toBe(200);
    await left?.body?.cancel();
    open.push(await app.request("/"));
    expect((await app.request("/")).status).toBe(429);
    letGo();
    for (const one of open) expect(await one.text()).toBe("a\r\n1\r\n");
    expect((await app.request("/")).status).toBe(200);
  });

  test("one that fails does not look whole", async () => {
    const respond = createReportResponder(pino({ level: "silent" }));
    const app = new Hono();
    const rows = async function* () {
      yield Array.from({ length: 600 }, () => ["1"]);
      throw new Error("the ledger broke");
    };
    app.get("/", (context) => respond(context, { name: "x.csv", columns, rows: rows() }));
    await expect((await app.request("/")).text()).rejects.toThrow("the ledger broke");
  });
});
