/** The months of the usage, each a partition, made before the first record of it is claimed. */
import type { Connections } from "./connection.ts";

const msPerHour = 3_600_000;
/** Years that names of partitions can tell. */
const firstYear = 1970;
const lastYear = 9999;
/** Any number that nothing else locks by; nodes make partitions one at a time. */
const lockKey = 4_016_001;

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
      await sql.query("SELECT pg_advisory_xact_lock($1)", [lockKey]);
      const [found] = await sql.query<{ found: string | null }>("SELECT to_regclass($1)::text AS found", [name]);
      if (found?.found !== null && found !== undefined) return;
      // Numbers of our own making: identifiers and bounds cannot be parameters.
      await sql.query(`CREATE TABLE ${name} PARTITION OF usage FOR VALUES FROM (${from}) TO (${to})`);
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

/** `usage_2026_07`. Throws RangeError outside the years 1970 to 9999. */
function partitionName(hour: number): string {
  const start = new Date(hour * msPerHour);
  const year = start.getUTCFullYear();
  if (!(year >= firstYear && year <= lastYear)) {
    throw new RangeError(`Usage of hour ${hour} lies outside the years ${firstYear} to ${lastYear}`);
  }
  return `usage_${year}_${String(start.getUTCMonth() + 1).padStart(2, "0")}`;
}
