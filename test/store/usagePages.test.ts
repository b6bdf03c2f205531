/** Pages of usage, in both orders, held against the records that were claimed. */
import { describe, expect, test } from "vitest";
import { InvalidCursorError, type UsageClaim, type UsageFilter, type UsageOrder } from "../../src/store/ledger.ts";
import type { Store } from "../../src/store/store.ts";
import { engines, withStore } from "./engines.ts";
import { claim, hourMs, unit } from "./fixtures.ts";

/** Around the ends of months, and far apart. */
const hours = [Date.UTC(2025, 0), Date.UTC(2026, 6, 31, 22), Date.UTC(2026, 7, 1), Date.UTC(2026, 7, 1, 5)].map(
  (at) => at / hourMs,
);
/** More than are looked up one by one. */
const accounts = Array.from({ length: 70 }, (_, index) => String(310000000000 + index));
const [first = ""] = accounts;

/** Each with a quantity of its own, by which it is known again. */
function claims(): readonly UsageClaim[] {
  const keys = hours.flatMap((hour) =>
    accounts.flatMap((accountId) => ["d1", "d2"].map((one) => [hour, accountId, one])),
  );
  const plain = keys.map(([hour, accountId, dimension], index) =>
    claim({
      ...{ hour: Number(hour), accountId: String(accountId), holder: String(accountId), dimension: String(dimension) },
      ...{ productCode: index % 3 === 0 ? "p1" : "p2", quantity: index, billable: index % 7 !== 0 },
    }),
  );
  // One workload adds up: several records of one key.
  const added = [0, 1, 2, 3, 4].map((index) =>
    claim({
      ...{ path: "agentcore", holder: "runtime-1", accountId: first, region: "eu-west-1" },
      ...{ hour: hours[1] ?? 0, dimension: "d1", quantity: 10_000 + index },
    }),
  );
  return [...plain, ...added];
}

const filters: readonly [UsageFilter, (row: UsageClaim) => boolean][] = [
  [{}, () => true],
  [{ accountId: first }, (row) => row.accountId === first],
  [
    { accountId: first, dimension: "d2", billable: true },
    (row) => row.accountId === first && row.dimension === "d2" && row.billable,
  ],
  [{ productCode: "p1" }, (row) => row.productCode === "p1"],
  [{ productCode: "p1", billable: false }, (row) => row.productCode === "p1" && !row.billable],
  [{ resource: "runtime-1" }, (row) => row.holder === "runtime-1"],
  [{ region: "eu-west-1" }, (row) => row.region === "eu-west-1"],
  [{ dimension: "none" }, () => false],
  [{ accountId: "nobody" }, () => false],
  [
    { accountId: first, fromHourAt: Number(hours[1]) * hourMs - 1, toHourAt: Number(hours[2]) * hourMs },
    (row) => row.accountId === first && row.hour === hours[1],
  ],
  [
    { productCode: "p2", fromHourAt: Number(hours[1]) * hourMs + 1, toHourAt: Number(hours[3]) * hourMs + 1 },
    (row) => row.productCode === "p2" && row.hour > Number(hours[1]),
  ],
];

async function all({ ledger }: Store, filter: UsageFilter, size: number, order?: UsageOrder) {
  const found: { readonly hour: number; readonly quantity: number }[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await ledger.page(filter, size, cursor, order);
    found.push(...page.map(({ record }) => ({ hour: record.hourAt / hourMs, quantity: record.quantity })));
    if (page.length < size) return found;
    cursor = page.at(-1)?.position;
  }
}

for (const engine of engines) {
  describe(`${engine.name}: pages of usage`, () => {
    test("every record that matches once, whatever the size of the page and the order", async () => {
      await withStore(engine, async (store) => {
        const rows = claims();
        // Not in the order of time.
        await store.ledger.claim(unit(rows.toReversed()));
        for (const [filter, matches] of filters) {
          const wanted = rows.filter(matches).map(({ quantity }) => quantity);
          const whole = await all(store, filter, 1_000);
          expect(whole.map(({ quantity }) => quantity).sort((a, b) => a - b)).toEqual(wanted);
          expect(whole.map(({ hour }) => hour)).toEqual(whole.map(({ hour }) => hour).sort((a, b) => a - b));
          expect(await all(store, filter, 7)).toEqual(whole);
          expect(await all(store, filter, 1_000, "newest-first")).toEqual(whole.toReversed());
          expect(await all(store, filter, 5, "newest-first")).toEqual(whole.toReversed());
        }
      });
    });

    test("a cursor of nobody is refused", async () => {
      await withStore(engine, async ({ ledger }) => {
        await expect(ledger.page({}, 10, "nonsense")).rejects.toThrow(InvalidCursorError);
      });
    });
  });
}
