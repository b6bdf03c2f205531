/** How a node tells the others that something changed which they have in common. */
import type { SharedTopic } from "../sharedState.ts";
import type { Sql } from "./connection.ts";

/** What is told under it: the topic, and who tells it. */
export const sharedChannel = "meterhouse_shared";

/** With the commit, where it is called inside a transaction. `node`: '' for one that is no node. */
export async function tellShared(sql: Pick<Sql, "query">, topic: SharedTopic, node = ""): Promise<void> {
  await sql.query("SELECT pg_notify($1, $2)", [sharedChannel, `${topic} ${node}`]);
}
