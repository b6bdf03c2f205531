/**
 * Usage by time and dimension or customer. The sums of a bucket are kept in memory until a record of one of its hours is
 * stored: nearly all of a chart is of hours that are over. Those of six hours are kept on disk, too, for the next start.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { SeriesMember, UsageSeries, UsageSeriesInput } from "../../summaries.ts";
import type { Turn } from "../journalMover.ts";
import type { MonthTables } from "../monthTables.ts";
import { lastHour, nextHour } from "../usageScan.ts";
import { addBlock, addTo, encodedSums, isExact, type UsageSums } from "./blockSums.ts";
import { blockHours, blocksAhead, isSettled, type KeptBlocks } from "./keptBlocks.ts";
import type { Rest } from "./readyAhead.ts";

/** Numbers that are held in all: 48 MB at most. */
const keptSumsMax = 3_000_000;
const touchedHoursMax = 100_000;
/** Accounts of subjects that are remembered. */
const accountsMax = 100_000;
/** Blocks from the disk that are added up in one turn of the event loop. */
const blocksPerTurn = 8;

interface Parts {
  readonly database: DatabaseSync;
  readonly months: MonthTables;
  /** Lets other calls go on. Rejects when the store is closed. */
  readonly turn: Turn;
  /** Resolves when what was committed by now is in the tables. */
  readonly visible: () => Promise<unknown>;
  readonly blocks: KeptBlocks;
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
  readonly #selectAccount: StatementSync;
  readonly #kept = new Map<string, Sums>();
  #keptSums = 0;
  /** By hour: the look after which it was last written to. */
  readonly #touched = new Map<number, number>();
  readonly #accounts = new Map<number, string>();
  #look = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#selectAccount = parts.database.prepare("SELECT account_id FROM subjects WHERE id = ?");
  }

  /**
   * A record of this hour is being stored. Called for every record, inside its transaction; or, `isRemoved`, after one
   * that removed the kept blocks as well.
   */
  touch(hour: number, isRemoved = false): void {
    this.#touched.set(hour, this.#look);
    this.#parts.blocks.touch(hour, isRemoved);
  }

  forget(): void {
    this.#kept.clear();
    this.#keptSums = 0;
    this.#touched.clear();
    this.#accounts.clear();
    this.#look += 1;
  }

  /** Puts the blocks of a chart's time on disk. Rejects when the store fails or is closed. */
  async readyAhead(rest: Rest): Promise<void> {
    const [oldest, newest] = [nextHour(this.#parts, 0, Number.MAX_SAFE_INTEGER), this.#newestHour()];
    if (oldest === undefined || newest === undefined) return;
    for (const block of blocksAhead(oldest, newest)) {
      for (const by of ["dimension", "customer"] as const) {
        if (this.#parts.blocks.has(by, block)) continue;
        await this.#inTurn(() => this.#addBlock(new Map(), by, block, newest));
        await rest();
      }
    }
  }

  /** One after the other: two that add up the same buckets would read them twice. */
  select(input: UsageSeriesInput): Promise<Answer> {
    return this.#inTurn(() => this.#select(input));
  }

  #inTurn<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(run);
    this.#turn = done.catch(() => {});
    return done;
  }

  #newestHour(): number | undefined {
    return lastHour(this.#parts, 0, Number.MAX_SAFE_INTEGER);
  }

  async #select({ fromHour, toHour, bucketHours, by, measure, top }: UsageSeriesInput): Promise<Answer> {
    if (this.#touched.size > touchedHoursMax) this.forget();
    await this.#parts.visible();
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
    const found = await (fromHour % blockHours === 0 && hours % blockHours === 0
      ? this.#blocks(fromHour / blockHours, hours / blockHours, by)
      : this.#hours(fromHour, hours, by));
    const sums = by === "dimension" ? found : this.#byAccount(found);
    return {
      look,
      keys: [...sums.keys()],
      quantity: Float64Array.from(sums.values(), (sum) => sum.quantity),
      records: Float64Array.from(sums.values(), (sum) => sum.records),
    };
  }

  async #blocks(first: number, count: number, by: SeriesMember): Promise<UsageSums> {
    const newest = this.#newestHour() ?? 0;
    const found: UsageSums = new Map();
    for (let block = first; block < first + count; block += 1) {
      await this.#addBlock(found, by, block, newest);
      if (block % blocksPerTurn === 0) {
        await this.#parts.turn();
      }
    }
    return found;
  }

  /** From the disk, or of the rows: then it is put there, if its hours are over. */
  async #addBlock(into: UsageSums, by: SeriesMember, block: number, newestHour: number): Promise<void> {
    const { blocks } = this.#parts;
    const content = blocks.read(by, block);
    if (content !== undefined) {
      addBlock(into, content);
      return;
    }
    const look = blocks.look();
    const found = await this.#hours(block * blockHours, blockHours, by);
    if (found.size > 0 && isSettled(block, newestHour) && isExact(found)) {
      const lastCall = this.#lastCall(block);
      try {
        blocks.write(by, block, look, encodedSums({ lastCall, sums: found }));
      } catch {
        // A full disk: the sums are right all the same.
      }
    }
    for (const [id, { quantity, records }] of found) addTo(into, id, quantity, records);
  }

  #lastCall(block: number): number {
    let last = 0;
    for (let hour = block * blockHours; hour < (block + 1) * blockHours; hour += 1) {
      const [table] = this.#parts.months.within(hour, hour + 1);
      if (table === undefined) continue;
      const row = this.#parts.database.prepare(`SELECT max(call) AS call FROM ${table} WHERE hour = ?`).get(hour);
      last = Math.max(last, Number(row?.call ?? 0));
    }
    return last;
  }

  async #hours(fromHour: number, hours: number, by: SeriesMember): Promise<UsageSums> {
    const { database, turn } = this.#parts;
    const found: UsageSums = new Map();
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
      for (const { id, quantity, records } of rows) addTo(found, id, quantity, records);
      await turn();
    }
    return found;
  }

  /** A buyer has a subject for each product, licence and Region. */
  #byAccount(subjects: UsageSums): Map<string, { quantity: number; records: number }> {
    const accounts = new Map<string, { quantity: number; records: number }>();
    for (const [subject, { quantity, records }] of subjects)
      addTo(accounts, this.#accountOf(subject), quantity, records);
    return accounts;
  }

  #accountOf(subject: number): string {
    const known = this.#accounts.get(subject);
    if (known !== undefined) return known;
    const account = String(this.#selectAccount.get(subject)?.account_id ?? "");
    if (this.#accounts.size >= accountsMax) this.#accounts.clear();
    this.#accounts.set(subject, account);
    return account;
  }

  #named(one: { readonly key: number | string; readonly values: number[]; readonly total: number }, by: SeriesMember) {
    const { key, values, total } = one;
    if (by === "customer") return { accountId: String(key), values, total };
    const row = this.#parts.database.prepare("SELECT product_code, name FROM dimensions WHERE id = ?").get(key);
    return { productCode: String(row?.product_code ?? ""), dimension: String(row?.name ?? ""), values, total };
  }
}
