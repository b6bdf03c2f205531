/** What charts and the list of requests ask for, held against calls and records that were stored. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CallerIdentity } from "../../src/api/identity.ts";
import { createExchanges } from "../../src/protocol/exchanges.ts";
import * as rows from "../store/fixtures.ts";
import { type Harness, type Json, startControl } from "./harness.ts";

const identity: CallerIdentity = { kind: "iam-user", name: "meter", createdAt: 1 } as CallerIdentity;
const exchanges = createExchanges(undefined, () => Date.parse("2026-08-15T10:00:00Z"));
let control: Harness;

function keep(requestId: string, error: string, accessKeyId: string, isKnown: boolean): void {
  exchanges.keep(
    requestId,
    {
      ...{ method: "POST", url: "/", isTooLarge: false, remoteAddress: undefined },
      rawHeaders: [
        ...["X-Amz-Target", "AWSMPMeteringService.BatchMeterUsage", "Authorization"],
        `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20260815/us-east-1/aws-marketplace/aws4_request, Signature=secret`,
      ],
      body: Buffer.from("{}"),
    },
    { status: 400, headers: { "x-amzn-ErrorType": error }, body: JSON.stringify({ message: "no" }) },
    isKnown,
  );
}

beforeAll(async () => {
  control = await startControl({ exchanges });
});
afterAll(() => control.close());

const hourAt = (text: string): number => Date.parse(`2026-08-${text}:00:00Z`) / rows.hourMs;
const call = (at: string, outcome = "Success", statuses?: string) =>
  control.store.audit.append(
    rows.event({
      ...{ requestId: randomUUID(), at: Date.parse(`2026-08-${at}Z`), outcome, identity },
      ...(statuses === undefined ? {} : { detail: { statuses } }),
    }),
  );
const span = "from=2026-08-14T11:00:00Z&to=2026-08-15T10:00:00Z";
const get = async (path: string): Promise<Json> => (await control.get(path)).body;

describe("calls by time", () => {
  test("count outcomes and records; later calls are added, those of the server itself are not", async () => {
    await control.store.reset();
    await Promise.all([
      call("15T09:59:59.999", "Success", "SSRDNU"),
      call("15T10:00:00", "Success", "S"),
      call("15T10:30:00", "ThrottlingException"),
      call("14T10:59:59"), // Before the first bucket.
      control.store.audit.append(rows.event({ at: Date.parse("2026-08-15T10:10:00Z"), detail: { statuses: "SSS" } })),
    ]);
    const none = { stored: 0, replayed: 0, duplicate: 0, notSubscribed: 0, unprocessed: 0 };
    const first = await get(`/calls/summary?${span}`);
    expect(first.buckets).toHaveLength(24);
    expect(first.buckets.slice(-2)).toEqual([
      {
        ...{ at: "2026-08-15T09:00:00.000Z", accepted: 1, refused: 0 },
        records: { stored: 2, replayed: 1, duplicate: 1, notSubscribed: 1, unprocessed: 1 },
      },
      { at: "2026-08-15T10:00:00.000Z", accepted: 1, refused: 1, records: { ...none, stored: 1 } },
    ]);
    expect(first.outcomes).toEqual([
      { outcome: "Success", calls: 2 },
      { outcome: "ThrottlingException", calls: 1 },
    ]);
    await call("15T09:00:00", "Success", "RR");
    await call("14T10:00:00");
    const again = await get(`/calls/summary?${span}`);
    expect(again.buckets.at(-2)).toMatchObject({ accepted: 2, records: { stored: 2, replayed: 3 } });
    const days = await get("/calls/summary?from=2026-08-14T11:00:00Z&to=2026-08-15T10:00:00Z&by=day");
    expect(days.buckets).toMatchObject([
      { at: "2026-08-14T00:00:00.000Z", accepted: 2 },
      { at: "2026-08-15T00:00:00.000Z", accepted: 3, refused: 1 },
    ]);
  });

  test("what is pruned or reset is no longer counted", async () => {
    await control.store.reset();
    await call("14T12:00:00");
    await call("15T09:00:00");
    await call("15T10:00:00");
    const accepted = async (): Promise<number> =>
      (await get(`/calls/summary?${span}`)).buckets.reduce((sum: number, one: Json) => sum + one.accepted, 0);
    expect(await accepted()).toBe(3);
    expect(await control.store.audit.prune(Date.parse("2026-08-15T00:00:00Z"), 10)).toBe(1);
    expect(await accepted()).toBe(2);
    await control.store.reset();
    expect(await accepted()).toBe(0);
  });

  test("more than one slice of events adds up", async () => {
    await control.store.reset();
    await Promise.all(Array.from({ length: 4_100 }, () => call("15T10:00:00", "Success", "S")));
    expect((await get(`/calls/summary?${span}`)).buckets.at(-1)).toMatchObject({ accepted: 4_100 });
    await Promise.all(Array.from({ length: 2_100 }, () => call("15T09:00:00", "Success", "S")));
    expect((await get(`/calls/summary?${span}`)).buckets.slice(-2)).toMatchObject([
      { accepted: 2_100, records: { stored: 2_100 } },
      { accepted: 4_100 },
    ]);
  });

  test("a span without an end, backwards or of too many buckets is refused by its member", async () => {
    for (const [query, field] of [
      ["from=2026-08-14T11:00:00Z", "to"],
      ["from=2026-08-14T11:00:00Z&to=2026-08-13T00:00:00Z", "to"],
      ["from=2026-01-01T00:00:00Z&to=2026-08-13T00:00:00Z", "by"],
    ]) {
      const answer = await control.get(`/calls/summary?${query}`);
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0].field).toBe(field);
    }
  });
});

describe("usage by time", () => {
  const used = (accountId: string, dimension: string, at: string, quantity: number, productCode = "p1") =>
    rows.claim({ ...{ accountId, holder: accountId, dimension, hour: hourAt(at), quantity, productCode } });

  test("the largest have a series, the others one together; a later record is in it", async () => {
    await control.store.reset();
    const claims = [
      used("620000000001", "gb", "15T10", 5),
      used("620000000001", "hosts", "15T10", 50),
      used("620000000002", "gb", "15T09", 7),
      used("620000000003", "gb", "15T09", 1),
      used("620000000003", "gb", "14T09", 900), // Before the first bucket.
      used("620000000004", "gb", "15T10", 2, "p2"),
    ];
    await control.store.ledger.claim(rows.unit(claims));
    const byDimension = await get(`/usage/summary?${span}&top=2`);
    expect(byDimension.series.map(({ values, ...rest }: Json) => ({ ...rest, last: values.slice(-2) }))).toEqual([
      { product: "p1", dimension: "hosts", total: 50, last: [0, 50] },
      { product: "p1", dimension: "gb", total: 13, last: [8, 5] },
    ]);
    expect([byDimension.others, byDimension.rest.slice(-2)]).toEqual([1, [0, 2]]);
    const byCustomer = `/usage/summary?${span}&member=customer&measure=records&top=1`;
    expect(await get(byCustomer)).toMatchObject({ series: [{ customer: "620000000001", total: 2 }], others: 3 });
    await control.store.ledger.claim(
      rows.unit([used("620000000002", "hosts", "15T10", 1), used("620000000002", "hosts", "15T09", 1)]),
    );
    expect(await get(byCustomer)).toMatchObject({ series: [{ customer: "620000000002", total: 3 }], others: 3 });
    // The same record again stores nothing.
    await control.store.ledger.claim(rows.unit([used("620000000002", "hosts", "15T10", 1)]));
    const days = await get(`/usage/summary?${span}&by=day&top=1`);
    expect(days.series).toMatchObject([{ dimension: "gb", values: [900, 13], total: 913 }]);
  });

  test("an empty ledger has buckets and no series", async () => {
    await control.store.reset();
    const answer = await get(`/usage/summary?${span}&by=6-hours`);
    expect([answer.buckets.length, answer.series, answer.others]).toEqual([5, [], 0]);
    expect(answer.rest).toEqual([0, 0, 0, 0, 0]);
  });
});

test("calls without a trail are listed newest first, by page, and opened", async () => {
  exchanges.clear();
  keep("one", "InvalidSignatureException", "AKIAEXAMPLE000000001", false);
  keep("two", "ThrottlingException", "AKIAEXAMPLE000000002", true);
  keep("three", "ThrottlingException", "AKIAEXAMPLE000000001", true);
  const firstPage = await get("/calls/untraced?limit=2");
  const idsOf = ({ items }: Json): string[] => items.map((one: Json) => one.requestId);
  expect(idsOf(firstPage)).toEqual(["three", "two"]);
  expect(idsOf(await get(`/calls/untraced?limit=2&cursor=${firstPage.nextCursor}`))).toEqual(["one"]);
  expect(idsOf(await get("/calls/untraced?accessKeyId=AKIAEXAMPLE000000001"))).toEqual(["three", "one"]);
  expect(idsOf(await get("/calls/untraced?outcome=ThrottlingException"))).toEqual(["three", "two"]);
  const opened = await get("/calls/untraced/one");
  expect(opened.call).toMatchObject({ operation: "BatchMeterUsage", outcome: "InvalidSignatureException" });
  expect(opened.exchange.response.status).toBe(400);
  expect(JSON.stringify(opened)).not.toContain("Signature=secret");
  expect((await control.get("/calls/untraced/none")).status).toBe(404);
});

test("every error and every status is explained", async () => {
  const { errors, statuses } = await get("/errors");
  expect(errors).toHaveLength(31);
  expect(errors.find((one: Json) => one.name === "IdempotencyConflictException")).toMatchObject({
    status: 409,
    operations: ["MeterUsage"],
    canRetry: false,
  });
  expect(statuses.map((one: Json) => one.letter)).toEqual(["S", "R", "D", "N", "U"]);
  for (const { meaning, fix, rules } of [...errors, ...statuses]) {
    expect(meaning).toMatch(/\.$/);
    expect(fix).toMatch(/\.$/);
    expect(rules.length).toBeGreaterThan(0);
  }
});
