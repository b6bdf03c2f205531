/**
 * Usage by time and dimension or customer. The sums of a bucket are kept in memory until a record of one of its hours is
 * stored: nearly all of a chart is of hours that are over.
 */
import type { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { SeriesMember, UsageSeries, UsageSeriesInput } from "../../summaries.ts";
import type { MonthTables } from "../monthTables.ts";

/** Numbers that are held in all: 48 MB at most. */
const keptSumsMax = 3_000_000;
const touchedHoursMax = 100_000;

interface Parts {
  readonly database: DatabaseSync;
  readonly months: MonthTables;
  /** Makes what is queued visible; throws when the store is closed. */
  readonly settle: () => void;
}

/** Of one bucket: by id of the dimension, or by account. */
interface Sums {
  /** Of the look at the ledger that made it. */
  readonly look: number;
  readonly keys: readonly (number | string)[];
  readonly quantity: Float64Array;
  readonly records: Float64Array;
}

type SumRow = { readonly id: number; readonly quantity: number; readonly records: number };
type Answer = { readonly series: readonly UsageSeries[]; readonly others: number; readonly rest: readonly number[] };

export class UsageSeriesSums {
  readonly #parts: Parts;
  readonly #kept = new Map<string, Sums>();
  #keptSums = 0;
  /** By hour: the look after which it was last written to. */
  readonly #touched = new Map<number, number>();
  #look = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A record of this hour is being stored. Called for every record, inside its transaction. */
  touch(hour: number): void {
    this.#touched.set(hour, this.#look);
  }

  forget(): void {
    this.#kept.clear();
    this.#keptSums = 0;
    this.#touched.clear();
    this.#look += 1;
  }

  /** One after the other: two that add up the same buckets would read them twice. */
  select(input: UsageSeriesInput): Promise<Answer> {
    const done = this.#turn.then(() => this.#select(input));
    this.#turn = done.catch(() => {});
    return done;
  }

  async #select({ fromHour, toHour, bucketHours, by, measure, top }: UsageSeriesInput): Promise<Answer> {
    if (this.#touched.size > touchedHoursMax) this.forget();
    this.#parts.settle();
    const buckets = (toHour - fromHour) / bucketHours;
    const rest = new Array<number>(buckets).fill(0);
    const found = new Map<number | string, number[]>();
    for (let bucket = 0; bucket < buckets; bucket += 1) {
      const sums = await this.#sums(fromHour + bucket * bucketHours, bucketHours, by);
      const values = sums[measure];
      for (const [index, key] of sums.keys.entries()) {
        let series = found.get(key);
        if (series === undefined) {
          series = new Array<number>(buckets).fill(0);
          found.set(key, series);
        }
        series[bucket] = values[index] ?? 0;
        rest[bucket] = (rest[bucket] ?? 0) + (values[index] ?? 0);
      }
    }
    const ranked = [...found]
      .map(([key, values]) => ({ key, values, total: values.reduce((sum, value) => sum + value, 0) }))
      .sort((a, b) => b.total - a.total);
    const shown = ranked.slice(0, top);
    for (const { values } of shown) {
      for (const [bucket, value] of values.entries()) rest[bucket] = (rest[bucket] ?? 0) - value;
    }
    const others = ranked.length - shown.length;
    return { series: shown.map((one) => this.#named(one, by)), others, rest: others === 0 ? rest.fill(0) : rest };
  }

  async #sums(hour: number, hours: number, by: SeriesMember): Promise<Sums> {
    const name = `${by} ${hour} ${hours}`;
    const kept = this.#kept.get(name);
    if (kept !== undefined && this.#isUntouched(hour, hours, kept.look)) return kept;
    this.#look += 1;
    const look = this.#look;
    const sums = await this.#addUp(hour, hours, by, look);
    this.#keptSums += sums.keys.length - (this.#kept.get(name)?.keys.length ?? 0);
    this.#kept.delete(name);
    this.#kept.set(name, sums);
    for (const [oldest, { keys }] of this.#kept) {
      if (this.#keptSums <= keptSumsMax) break;
      this.#kept.delete(oldest);
      this.#keptSums -= keys.length;
    }
    return sums;
  }

  #isUntouched(hour: number, hours: number, look: number): boolean {
    for (let one = hour; one < hour + hours; one += 1) {
      if ((this.#touched.get(one) ?? -1) >= look) return false;
    }
    return true;
  }

  async #addUp(fromHour: number, hours: number, by: SeriesMember, look: number): Promise<Sums> {
    const { database, settle } = this.#parts;
    const found = new Map<number, { quantity: number; records: number }>();
    for (let hour = fromHour; hour < fromHour + hours; hour += 1) {
      const [table] = this.#parts.months.within(hour, hour + 1);
      if (table === undefined) continue;
      const rows = database
        .prepare(
          `SELECT ${by === "dimension" ? "dimension" : "subject"} AS id, total(quantity) AS quantity,
             count(*) AS records FROM ${table} WHERE hour = ? GROUP BY 1`,
        )
        .all(hour) as SumRow[];
      if (rows.length === 0) continue;
      for (const { id, quantity, records } of rows) {
        const sum = found.get(id);
        if (sum === undefined) found.set(id, { quantity, records });
        else {
          sum.quantity += quantity;
          sum.records += records;
        }
      }
      await nextTurn();
      settle();
    }
    const sums = by === "dimension" ? found : this.#byAccount(found);
    return {
      look,
      keys: [...sums.keys()],
      quantity: Float64Array.from(sums.values(), (sum) => sum.quantity),
      records: Float64Array.from(sums.values(), (sum) => sum.records),
    };
  }

  /** A buyer has a subject for each product, licence and Region. */
  #byAccount(subjects: ReadonlyMap<number, { quantity: number; records: number }>) {
    const accountOf = this.#parts.database.prepare("SELECT account_id FROM subjects WHERE id = ?");
    const accounts = new Map<string, { quantity: number; records: number }>();
    for (const [subject, { quantity, records }] of subjects) {
      const account = String(accountOf.get(subject)?.account_id ?? "");
      const sum = accounts.get(account);
      if (sum === undefined) accounts.set(account, { quantity, records });
      else {
        sum.quantity += quantity;
        sum.records += records;
      }
    }
    return accounts;
  }

  #named(one: { readonly key: number | string; readonly values: number[]; readonly total: number }, by: SeriesMember) {
    const { key, values, total } = one;
    if (by === "customer") return { accountId: String(key), values, total };
    const row = this.#parts.database.prepare("SELECT product_code, name FROM dimensions WHERE id = ?").get(key);
    return { productCode: String(row?.product_code ?? ""), dimension: String(row?.name ?? ""), values, total };
  }
}
