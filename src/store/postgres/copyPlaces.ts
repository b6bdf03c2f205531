/** How far a copy into a database has come. While the table is there the database is not whole, and no node serves it. */
import type { Sql } from "./connection.ts";
import { type Place, StartError } from "./failures.ts";

export const placesTable = "copy_places";

export async function isCopyUnfinished(sql: Pick<Sql, "query">): Promise<boolean> {
  const [row] = await sql.query<{ found: string | null }>("SELECT to_regclass($1)::text AS found", [placesTable]);
  return row?.found !== null && row?.found !== undefined;
}

export async function refuseUnfinishedCopy(sql: Sql, { database }: Place): Promise<void> {
  if (!(await isCopyUnfinished(sql))) return;
  throw new StartError(
    `The database '${database}' holds part of a copy. Run 'meterhouse database copy' again with the same --from and ` +
      "--to: it goes on where it stopped.",
  );
}
