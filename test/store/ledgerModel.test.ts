/** Random histories of claims, held against a plain model in memory that is too simple to be wrong in the same way. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ClaimUnit, UsageClaim, UsageHolder } from "../../src/store/ledger.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { type Engine, engines, testSealer, withStore } from "./engines.ts";
import { claim, clientToken, event, hour, unit } from "./fixtures.ts";

/** One stored record of the model; `id` is learnt from the store when it says that the record is fresh. */
interface Row {
  readonly claim: UsageClaim;
  id: string;
}

type Expected = Omit<UsageHolder, "meteringRecordId"> & { readonly row: Row };

class Model {
  readonly rows: Row[] = [];
  #keys = new Map<string, Row>();
  #tokens = new Map<string, { readonly row: Row; readonly requestHash: string }>();

  /** What `undo` needs to take a unit back. */
  snapshot(): () => void {
    const [count, keys, tokens] = [this.rows.length, new Map(this.#keys), new Map(this.#tokens)];
    return () => {
      this.rows.length = count;
      this.#keys = keys;
      this.#tokens = tokens;
    };
  }

  claim(given: UsageClaim): Expected {
    const token = given.clientToken;
    const tokenKey = token && [token.accountId, given.region, token.token].join();
    const taken = tokenKey === undefined ? undefined : this.#tokens.get(tokenKey);
    if (token !== undefined && taken !== undefined) {
      const clientToken = taken.requestHash === token.requestHash ? "same" : "conflict";
      return { row: taken.row, quantity: taken.row.claim.quantity, fresh: false, clientToken };
    }
    const key = [given.region, given.path, given.productCode, given.holder, given.dimension, given.hour].join();
    const held = given.path === "agentcore" ? undefined : this.#keys.get(key);
    const row = held ?? { claim: given, id: "" };
    if (held === undefined) {
      this.rows.push(row);
      this.#keys.set(key, row);
    }
    if (token !== undefined && tokenKey !== undefined && row.claim.quantity === given.quantity) {
      this.#tokens.set(tokenKey, { row, requestHash: token.requestHash });
    }
    return { row, quantity: row.claim.quantity, fresh: held === undefined };
  }
}

const claims: fc.Arbitrary<UsageClaim> = fc
  .record({
    path: fc.constantFrom("productCode", "license", "resource", "agentcore" as const),
    region: fc.constantFrom("us-east-1", "eu-west-1"),
    holder: fc.constantFrom("one", "two"),
    dimension: fc.constantFrom("d1", "d2"),
    // The last one lies in the next month.
    hour: fc.constantFrom(hour, hour + 1, hour + 700),
    quantity: fc.integer({ min: 0, max: 2 }),
    token: fc.option(fc.constantFrom("t1", "t2", "t3"), { freq: 1 }),
    requestHash: fc.constantFrom("h1", "h2"),
  })
  .map(({ token, requestHash, ...rest }) =>
    claim({ ...rest, ...(token === null ? {} : { clientToken: clientToken(token, requestHash) }) }),
  );

/** `poisoned` units throw at their audit event, `stale` ones rest on another version of the catalogue. */
const units = fc.record({
  records: fc.array(claims, { maxLength: 4 }),
  fate: fc.constantFrom("stored", "stored", "stored", "stored", "poisoned", "stale"),
});
type Turn = readonly { readonly records: readonly UsageClaim[]; readonly fate: string }[];

/**
 * Units of one turn of the event loop share a commit; then some turns pass, in which the store may do what it does by
 * itself, and it is looked at or started again.
 */
const histories = fc.array(
  fc.record({
    turn: fc.array(units, { maxLength: 5 }),
    pause: fc.nat(4),
    next: fc.constantFrom("nothing", "nothing", "look", "reopen"),
  }),
  { maxLength: 8 },
);

/** Its journal is moved all the time, slice by slice; hours go from memory, and are read into it again. */
const tiny = tinyEngine("sqlite with tiny bounds", Number.POSITIVE_INFINITY);
/** The same, and another thread writes what it can. */
const threaded = tinyEngine("sqlite with tiny bounds and its thread", 0);

function tinyEngine(name: string, writerCalls: number): Engine {
  return {
    name,
    async place() {
      const folder = mkdtempSync(join(tmpdir(), "meterhouse-model-"));
      const bounds = { journalEntries: 5, sliceRows: 3, indexEntries: 40, missesBeforeLoad: 2, writerCalls };
      return {
        open: async () => {
          const store = openSqliteStore({ file: join(folder, "meterhouse.db"), sealer: testSealer, bounds });
          while (writerCalls === 0 && !store.writer.isUp) await sleep(5);
          return store;
        },
        remove: async () => rmSync(folder, { recursive: true, force: true }),
      };
    },
  };
}

async function play(store: Store, model: Model, turn: Turn): Promise<void> {
  const results = await Promise.allSettled(
    turn.map(({ records, fate }) => {
      const audit: ClaimUnit["audit"] = () => {
        if (fate === "poisoned") throw new Error("poisoned");
        return event();
      };
      const factsVersion = store.catalog.version + (fate === "stale" ? 1 : 0);
      return store.ledger.claim(unit(records, { audit, factsVersion }));
    }),
  );
  for (const [index, { records, fate }] of turn.entries()) {
    const result = results[index];
    const undo = model.snapshot();
    const expected = records.map((record) => model.claim(record));
    if (fate !== "stored") {
      undo();
      expect(result).toMatchObject({
        status: "rejected",
        reason: { name: fate === "stale" ? "StaleFactsError" : "StoreFailure" },
      });
      continue;
    }
    if (result?.status !== "fulfilled") throw result?.reason;
    const { holders } = result.value;
    for (const [position, { row, fresh }] of expected.entries()) {
      if (fresh) row.id = holders[position]!.meteringRecordId;
    }
    expect(holders).toEqual(expected.map(({ row, ...holder }) => ({ ...holder, meteringRecordId: row.id })));
  }
}

async function compare(store: Store, model: Model): Promise<void> {
  const ofHolder = model.rows.filter((row) => row.claim.holder === "one" && row.claim.hour <= hour);
  const sum = (rows: readonly Row[]) => rows.reduce((total, row) => total + row.claim.quantity, 0);
  expect(await store.ledger.count({})).toEqual({ count: model.rows.length, quantity: sum(model.rows) });
  const filtered = await store.ledger.count({ licenseArn: "one", toHourAt: (hour + 1) * 3_600_000 });
  const licensed = ofHolder.filter((row) => row.claim.path === "license");
  expect(filtered).toEqual({ count: licensed.length, quantity: sum(licensed) });
  const records = await store.ledger.records({});
  expect(records.map((record) => record.hourAt)).toEqual(records.map((record) => record.hourAt).sort((a, b) => a - b));
  const described = records.map((record) =>
    [record.meteringRecordId, record.region, record.path, record.dimension, record.hourAt, record.quantity].join(),
  );
  const expected = model.rows.map(({ id, claim: { region, path, dimension, hour, quantity } }) =>
    [id, region, path, dimension, hour * 3_600_000, quantity].join(),
  );
  expect(described.sort()).toEqual(expected.sort());
}

/** Histories of the slow ones, which start a server's statements or a thread each time; the others: 120. */
const runs: ReadonlyMap<string, number> = new Map([
  ["postgres", 25],
  [threaded.name, 15],
]);

for (const engine of [...engines, tiny, threaded]) {
  describe(`${engine.name}: ledger against the model`, () => {
    test("holders, counts and records agree, across restarts", async () => {
      await withStore(engine, async (first, { reopen }) => {
        let store = first;
        await fc.assert(
          fc.asyncProperty(histories, async (history) => {
            await store.reset();
            const model = new Model();
            for (const step of history) {
              await play(store, model, step.turn);
              for (let turn = 0; turn < step.pause; turn += 1) await nextTurn();
              if (step.next === "reopen") store = await reopen();
              if (step.next === "look") await compare(store, model);
            }
            await compare(store, model);
            store = await reopen();
            await compare(store, model);
          }),
          // Each opens the store several times, which for a database over there takes a tenth of a second.
          { numRuns: runs.get(engine.name) ?? 120 },
        );
      });
    });
  });
}
