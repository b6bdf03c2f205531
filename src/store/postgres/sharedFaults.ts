/** Planned faults in PostgreSQL: counted in the database, so that the next n calls are n on all nodes together. */
import type { FaultCounts, FaultRow, SharedFaults } from "../sharedState.ts";
import type { Connections } from "./connection.ts";
import { tellShared } from "./sharedChannel.ts";

/** One that is used up stays for so long: a call that it held up may still be refused, and give its hit back. */
const usedUpKept = "1 hour";

type StoredFault = {
  readonly id: string;
  readonly fault: string;
  readonly remaining: number | null;
  readonly matched: number;
  readonly hits: number;
  readonly drawn: number;
};

const columns = "id, fault, remaining, matched, hits, drawn";
const waits = "(remaining IS NULL OR remaining > 0)";

export class SharedFaultTable implements SharedFaults {
  readonly #connections: Connections;
  readonly #node: string;
  #seen = "";

  constructor(connections: Connections, node: string) {
    this.#connections = connections;
    this.#node = node;
  }

  async waiting(): Promise<readonly FaultRow[]> {
    const rows = await this.#connections.prepared<StoredFault>(
      "waiting-faults",
      `SELECT ${columns} FROM planned_faults WHERE ${waits} ORDER BY seq`,
    );
    this.#seen = rows.map(({ id }) => id).join();
    return rows.map(rowOf);
  }

  /** Are those that wait others than `waiting` answered last? */
  async hasChanged(): Promise<boolean> {
    const [row] = await this.#connections.prepared<{ ids: string }>(
      "waiting-fault-ids",
      `SELECT coalesce(string_agg(id, ',' ORDER BY seq), '') AS ids FROM planned_faults WHERE ${waits}`,
    );
    return row?.ids !== this.#seen;
  }

  async add(row: FaultRow, max: number): Promise<boolean> {
    return this.#connections.transaction(async (sql) => {
      // Of two nodes that plan at once, one counts after the other.
      await sql.query("LOCK TABLE planned_faults IN SHARE ROW EXCLUSIVE MODE");
      const added = await sql.query(
        `INSERT INTO planned_faults (id, fault, remaining, matched, hits, drawn)
         SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT count(*) FROM planned_faults WHERE ${waits}) < $7 RETURNING id`,
        [row.id, row.fault, row.left, row.matched, row.hits, row.drawn, max],
      );
      if (added.length > 0) await tellShared(sql, "faults", this.#node);
      return added.length > 0;
    });
  }

  async change<T>(
    ids: readonly string[],
    body: (rows: readonly FaultRow[]) => { readonly counts: ReadonlyMap<string, FaultCounts>; readonly value: T },
  ): Promise<T> {
    return this.#connections.transaction(async (sql) => {
      const before = (
        await sql.prepared<StoredFault>(
          "locked-faults",
          `SELECT ${columns} FROM planned_faults WHERE id = ANY ($1::text[]) ORDER BY seq FOR UPDATE`,
          [ids],
        )
      ).map(rowOf);
      const { counts, value } = body(before);
      if (counts.size === 0) return value;
      const changed = [...counts];
      await sql.prepared(
        "count-faults",
        `UPDATE planned_faults p SET remaining = k.remaining, matched = k.matched, hits = k.hits, drawn = k.drawn,
           changed_at = now()
         FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[])
           AS k (id, remaining, matched, hits, drawn)
         WHERE p.id = k.id`,
        [
          changed.map(([id]) => id),
          changed.map(([, { left }]) => left),
          changed.map(([, { matched }]) => matched),
          changed.map(([, { hits }]) => hits),
          changed.map(([, { drawn }]) => drawn),
        ],
      );
      // What is used up, or waits again, is news to the others; counts alone are not.
      const isNews = before.some(({ id, left }) => (counts.get(id)?.left === 0) !== (left === 0) && counts.has(id));
      if (isNews) await tellShared(sql, "faults", this.#node);
      return value;
    });
  }

  async remove(id: string): Promise<boolean> {
    return this.#connections.transaction(async (sql) => {
      const rows = await sql.query<{ waited: boolean }>(
        `DELETE FROM planned_faults WHERE id = $1 RETURNING ${waits} AS waited`,
        [id],
      );
      await tellShared(sql, "faults", this.#node);
      return rows[0]?.waited === true;
    });
  }

  async clear(): Promise<void> {
    await this.#connections.transaction(async (sql) => {
      await sql.query("DELETE FROM planned_faults");
      await tellShared(sql, "faults", this.#node);
      await tellShared(sql, "faultsCleared", this.#node);
    });
  }

  async tidy(): Promise<void> {
    await this.#connections.query(
      `DELETE FROM planned_faults WHERE NOT ${waits} AND changed_at < now() - interval '${usedUpKept}'`,
    );
  }
}

function rowOf({ id, fault, remaining, matched, hits, drawn }: StoredFault): FaultRow {
  return { id, fault, left: remaining, matched, hits, drawn };
}
