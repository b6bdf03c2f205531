/**
 * A month in one move, with a hundred customers: everything due on the way comes exactly once, at its instant and in
 * order. What is due is worked out here from the calendar alone.
 */
import { MarketplaceMeteringClient, RegisterUsageCommand } from "@aws-sdk/client-marketplace-metering";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import { byHour, counted } from "../marketplace/metering/registrations.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const startAt = Date.parse("2026-08-01T00:00:00Z");
const endAt = startAt + 31 * day;
const since = startAt - hour;

const customers = Array.from({ length: 100 }, (_, index) => ({
  index,
  id: String(300_000_000_000 + index),
  customerIdentifier: `cust${String(index).padStart(7, "0")}`,
}));
type Customer = (typeof customers)[number];
type Fate = "cancelled" | "ends" | "renews" | "far" | "open";
const fates: readonly Fate[] = ["cancelled", "ends", "renews", "far", "open"];
const fateOf = ({ index }: Customer): Fate => fates[index % fates.length] ?? "open";
/** No two customers share a minute, so that there is one order. */
const endOf = (customer: Customer): number | undefined => {
  const at = startAt + customer.index * (7 * hour + minute) + minute;
  return { cancelled: undefined, ends: at, renews: at, far: at + 31 * day, open: undefined }[fateOf(customer)];
};
const cancelledAt = ({ index }: Customer): number => startAt - 50 * minute + index * 10_000;
const iso = (at: number): string => new Date(at).toISOString();

const contract = "contractproduct1234567890";
const hourly = "hourlyproduct123456789012";
const taskHost = customers[4]?.id ?? "";
const tasks = [0, 1, 2].map((number) => ({
  accessKeyId: `ASIATASK0000000000${number}0`,
  secretAccessKey: `task-secret-${number}`,
  sessionToken: `task-session-${number}`,
  resource: `arn:aws:ecs:us-east-1:${taskHost}:task/demo/${String(number).repeat(32)}`,
  launchedAt: startAt - (17 + number) * minute,
}));
/** The second stops within the month, the third does so exactly at the end of an hour. */
const stops = [undefined, startAt + 10 * day + 20 * minute + 30_500, startAt + 3 * day + 5 * hour];

const catalog = {
  accounts: customers.map(({ id, customerIdentifier }) => ({ id, customerIdentifier })),
  credentials: tasks.map(({ launchedAt, ...task }) => ({
    ...task,
    account: taskHost,
    kind: "ecs-task",
    region: "us-east-1",
    launchedAt: iso(launchedAt),
  })),
  products: [
    {
      code: contract,
      seller: "111111111111",
      type: "saas-contract-with-consumption",
      createdAt: "2024-01-01T00:00:00Z",
      dimensions: ["extra"],
      entitlementDimensions: ["users"],
    },
    { code: hourly, seller: "111111111111", type: "container-hourly", createdAt: "2024-01-01T00:00:00Z" },
  ],
  agreements: [
    ...customers.map((customer) => ({
      product: contract,
      buyer: customer.id,
      state: "active",
      acceptedAt: iso(since),
      since: iso(since),
      ...(endOf(customer) === undefined ? {} : { endsAt: iso(endOf(customer) ?? 0) }),
      ...(fateOf(customer) === "renews" ? { autoRenew: true } : {}),
    })),
    { product: hourly, buyer: taskHost, state: "active", acceptedAt: iso(since), since: iso(since) },
  ],
};

let meterhouse: Meterhouse;
beforeAll(async () => {
  meterhouse = await startMeterhouse({ catalog, now: iso(startAt), settings: { quotas: "off" } });
  for (const task of tasks) {
    const { accessKeyId, secretAccessKey, sessionToken } = task;
    const client = new MarketplaceMeteringClient({
      endpoint: meterhouse.endpoint,
      region: "us-east-1",
      credentials: { accessKeyId, secretAccessKey, sessionToken },
    });
    await client.send(new RegisterUsageCommand({ ProductCode: hourly, PublicKeyVersion: 1 }));
    client.destroy();
  }
  for (const customer of customers.filter((one) => fateOf(one) === "cancelled")) {
    await meterhouse.marketplace.cancel({
      product: contract,
      customer: customer.id,
      at: cancelledAt(customer),
    });
  }
});
afterAll(() => meterhouse.close());

type Told = readonly [at: string, customer: number, name: string];

const ending = "Purchase Agreement Ending - Proposer";
const ended = "Purchase Agreement Ended - Proposer";

/** All that this customer's agreement brings in the month. */
function expected(customer: Customer): readonly (readonly [at: number, name: string])[] {
  const fate = fateOf(customer);
  if (fate === "open") return [];
  if (fate === "cancelled") return [[cancelledAt(customer) + hour, "unsubscribe-success"]];
  const end = endOf(customer) ?? 0;
  const all: (readonly [number, string])[] = [60, 30]
    .map((days) => [end - days * day, ending] as const)
    .filter(([at]) => at > since);
  if (fate === "renews") {
    if (end - 30 * day > since) all.push([end - 30 * day, "Purchase Agreement Renewal Terms Finalized - Proposer"]);
    if (end - 7 * day > since) all.push([end - 7 * day, "Purchase Agreement Renewal Upcoming - Proposer"]);
    all.push([end, ended], [end, "Purchase Agreement Created - Proposer"], [end, "License Updated - Manufacturer"]);
    all.push([end, "entitlement-updated"]);
    // The new term is as long as the old one was, and short ones are over within the month too.
    const term = end - since;
    for (let next = end + term, start = end; start < endAt; start = next, next += term) {
      if (next - 30 * day > start) {
        all.push([next - 30 * day, ending]);
        all.push([next - 30 * day, "Purchase Agreement Renewal Terms Finalized - Proposer"]);
      }
      if (next - 7 * day > start) all.push([next - 7 * day, "Purchase Agreement Renewal Upcoming - Proposer"]);
      all.push([next, ended], [next, "Purchase Agreement Created - Proposer"]);
      all.push([next, "License Updated - Manufacturer"], [next, "entitlement-updated"]);
    }
  } else {
    all.push([end, ended], [end, "License Deprovisioned - Manufacturer"]);
    all.push([end, "unsubscribe-pending"], [end, "entitlement-updated"], [end + hour, "unsubscribe-success"]);
  }
  return all.filter(([at]) => at > startAt && at <= endAt);
}

interface DueNext {
  readonly at: string;
  readonly what: string;
  readonly target: string;
}

async function dueNext(): Promise<readonly DueNext[]> {
  const response = await fetch(`${meterhouse.endpoint}/api/v1/clock/due?limit=1000`, {
    headers: { authorization: `Bearer ${meterhouse.adminToken}` },
  });
  return ((await response.json()) as { readonly items: readonly DueNext[] }).items;
}

function customerOf(body: string): number {
  const found = /"(?:3000000|cust0)(\d{5,6})"/.exec(body);
  if (found === null) throw new Error(`no customer in ${body}`);
  return Number(found[1]);
}

test("a month with 100 customers runs everything due exactly once, in order", { timeout: 120_000 }, async () => {
  const before = await meterhouse.notifications();
  for (const [index, stopAt] of stops.entries()) {
    const { accessKeyId = "" } = tasks[index] ?? {};
    if (stopAt !== undefined) await meterhouse.marketplace.stopWorkload({ accessKeyId, at: stopAt });
  }
  // The second task: the hours that are over, one after another, and the rest at its stop.
  const [, { resource: second = "" } = {}] = tasks;
  const stoppedAt = stops[1] ?? 0;
  expect((await dueNext()).filter(({ target }) => target === second)).toEqual([
    ...Array.from({ length: 10 * 24 }, (_, index) => ({
      ...{ at: iso(startAt + (index + 1) * hour), what: "usage-hour", target: second, product: hourly },
    })),
    { at: iso(stoppedAt), what: "usage-end", target: second, product: hourly },
  ]);
  await meterhouse.clock.advance(endAt - startAt);
  expect(meterhouse.clock.now().getTime()).toBe(endAt);

  const published = (await meterhouse.notifications()).slice(before.length);
  const times = published.map(({ at }) => at);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  const told = published.map(({ at, name, body }): Told => [iso(at), customerOf(body), name]);
  const due = customers.flatMap((customer) =>
    expected(customer).map(([at, name]): Told => [iso(at), customer.index, name]),
  );
  // Within one instant of one agreement the order is the agreement's matter, and tested with it.
  const text = (rows: readonly Told[]): readonly string[] => rows.map((row) => row.join(" ")).toSorted();
  expect(text(told)).toEqual(text(due));
  expect(new Set(told.map(([, , name]) => name)).size).toBeGreaterThanOrEqual(9);

  for (const [index, { resource, launchedAt }] of tasks.entries()) {
    const stopAt = stops[index];
    const records = await meterhouse.records({ resource });
    const model = stopAt === undefined ? counted(launchedAt, endAt, endAt) : counted(launchedAt, stopAt);
    expect(byHour(records)).toEqual(model);
  }

  // Nothing is left over, and nothing comes again.
  await meterhouse.clock.set(startAt);
  await meterhouse.clock.set(endAt);
  expect(await meterhouse.notifications()).toHaveLength(before.length + published.length);
});
