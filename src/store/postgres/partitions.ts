/** The months of the usage, each a partition, made before the first record of it is claimed. */
import type { Connections } from "./connection.ts";

const msPerHour = 3_600_000;
/** Years that names of partitions can tell. */
const firstYear = 1970;
const lastYear = 9999;
/** Any number that nothing else locks by; nodes make partitions one at a time. */
export const monthLock = 4_016_001;

export class Partitions {
  readonly #connections: Connections;
  readonly #known = new Set<string>();

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** Makes the months of these hours (epoch seconds / 3,600) where they are missing. */
  async ensure(hours: Iterable<number>): Promise<void> {
    const missing = new Map<string, number>();
    for (const hour of hours) {
      const name = partitionName(hour);
      if (!this.#known.has(name)) missing.set(name, hour);
    }
    for (const [name, hour] of missing) {
      await this.#make(name, hour);
      this.#known.add(name);
    }
  }

  async #make(name: string, hour: number): Promise<void> {
    const start = new Date(hour * msPerHour);
    const [year, month] = [start.getUTCFullYear(), start.getUTCMonth()];
    const from = Date.UTC(year, month) / msPerHour;
    const to = Date.UTC(year, month + 1) / msPerHour;
    await this.#connections.transaction(async (sql) => {
      await sql.query("SELECT pg_advisory_xact_lock($1)", [monthLock]);
      const [found] = await sql.query<{ isTable: boolean; isPart: boolean }>(
        `SELECT to_regclass($1) IS NOT NULL AS "isTable",
           EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass($1)) AS "isPart"`,
        [name],
      );
      if (found?.isPart === true) return;
      // Numbers of our own making: identifiers and bounds cannot be parameters.
      const bounds = `FOR VALUES FROM (${from}) TO (${to})`;
      // One that was about to be dropped when its command was killed is whole, and goes on.
      if (found?.isTable === true) await sql.query(`ALTER TABLE usage ATTACH PARTITION ${name} ${bounds}`);
      else await sql.query(`CREATE TABLE ${name} PARTITION OF usage ${bounds}`);
    });
  }

  /** Drops every month. Called inside the transaction of a reset. */
  static readonly dropAll = `
    DO $$ DECLARE part regclass; BEGIN
      FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'usage'::regclass LOOP
        EXECUTE 'DROP TABLE ' || part;
      END LOOP;
    END $$`;

  forget(): void {
    this.#known.clear();
  }
}

/** An hour of this month and one of the next: what is made before anything needs it. `now`: epoch milliseconds. */
export function monthsAhead(now: number): readonly number[] {
  const at = new Date(now);
  const next = Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1);
  return [Math.floor(now / msPerHour), next / msPerHour];
}

/** `usage_2026_07`. Throws RangeError outside the years 1970 to 9999. */
export function partitionName(hour: number): string {
  const start = new Date(hour * msPerHour);
  const year = start.getUTCFullYear();
  if (!(year >= firstYear && year <= lastYear)) {
    throw new RangeError(`Usage of hour ${hour} lies outside the years ${firstYear} to ${lastYear}`);
  }
  return `usage_${year}_${String(start.getUTCMonth() + 1).padStart(2, "0")}`;
}
