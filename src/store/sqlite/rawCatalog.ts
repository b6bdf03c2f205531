/** The catalogue's rows, a table a kind in the embedded store, as one table of raw rows. */
import type { DatabaseSync } from "node:sqlite";
import { batchChars, batchRows, charsOf, MovingError, type RawBatch, type RawRow } from "../raw.ts";
import { catalogKinds } from "../rawTables.ts";

type Kind = (typeof catalogKinds)[number];
type Document = Readonly<Record<string, unknown>>;
type Text = string | number | null;

interface KindTable {
  readonly table: string;
  /** One text of them is the key: alone as it is, several as `join` has it. */
  readonly key: readonly string[];
  readonly join?: (parts: readonly string[]) => string;
  readonly split?: (key: string) => readonly string[];
  /** Columns that repeat members of the document. */
  readonly repeated?: Readonly<Record<string, string>>;
}

const tables: Readonly<Partial<Record<Kind, KindTable>>> = {
  accounts: { table: "accounts", key: ["id"] },
  credentials: { table: "credentials", key: ["access_key_id"], repeated: { account_id: "accountId" } },
  products: { table: "products", key: ["code"] },
  agreements: {
    table: "agreements",
    key: ["id"],
    repeated: { product_code: "productCode", buyer_account_id: "buyerAccountId" },
  },
  tokens: { table: "registration_tokens", key: ["hash"] },
  entitlements: {
    table: "entitlements",
    key: ["product_code", "buyer_account_id", "dimension", "license"],
    join: (parts) => JSON.stringify(parts),
    split: (key) => JSON.parse(key) as readonly string[],
  },
  offers: { table: "offers", key: ["id"] },
  roles: {
    table: "roles",
    key: ["account_id", "name"],
    join: (parts) => parts.join("/"),
    split: (key) => [key.slice(0, key.indexOf("/")), key.slice(key.indexOf("/") + 1)],
  },
  workloads: { table: "workloads", key: ["id"] },
  targets: { table: "notification_targets", key: ["id"] },
  adminTokens: { table: "admin_tokens", key: ["id"] },
};

/** Kinds that there is one row of are in `meta`, under their own name. */
const single: readonly Kind[] = ["settings", "clock"];

export const catalogTables: readonly string[] = Object.values(tables).map(({ table }) => table);

export function catalogCount(database: DatabaseSync): number {
  const counts = catalogTables.map((table) => database.prepare(`SELECT count(*) AS count FROM ${table}`).get()?.count);
  const names = single.map(() => "?").join(", ");
  const ones = database.prepare(`SELECT count(*) AS count FROM meta WHERE name IN (${names})`).get(...single)?.count;
  return [...counts, ones].reduce<number>((sum, one) => sum + Number(one), 0);
}

/** A place is the kind's number and the last seq of it. */
export function* catalogBatches(database: DatabaseSync, after = "0 0"): Generator<RawBatch> {
  const [from = 0, fromSeq = 0] = after.split(" ").map(Number);
  for (const [index, kind] of catalogKinds.entries()) {
    if (index < from) continue;
    const of = tables[kind];
    if (of === undefined) {
      const value = database.prepare("SELECT value FROM meta WHERE name = ?").get(kind)?.value;
      if (typeof value === "string") yield { rows: [[kind, "", null, value]], place: `${index} 0` };
      continue;
    }
    const resolved = kind === "tokens" ? "resolved_at" : "NULL";
    const page = database.prepare(
      `SELECT seq, ${of.key.join(", ")}, ${resolved} AS resolved, document FROM ${of.table}
       WHERE seq > ? ORDER BY seq LIMIT ${batchRows}`,
    );
    for (let seq = index === from ? fromSeq : 0; ; ) {
      const rows: RawRow[] = [];
      let chars = 0;
      for (const found of page.iterate(seq)) {
        const parts = of.key.map((column) => String(found[column]));
        const row = [kind, of.join?.(parts) ?? parts[0] ?? "", found.resolved as Text, String(found.document)];
        rows.push(row);
        seq = Number(found.seq);
        chars += charsOf(row);
        if (chars >= batchChars) break;
      }
      if (rows.length === 0) break;
      yield { rows, place: `${index} ${seq}` };
    }
  }
}

/** Called inside a transaction. */
export function putCatalog(database: DatabaseSync, rows: readonly RawRow[]): void {
  for (const [kind, key, resolvedAt = null, document] of rows) {
    const of = tables[kind as Kind];
    if (of === undefined) {
      if (!single.includes(kind as Kind)) throw new MovingError(`There is no kind '${kind}' of catalogue rows here.`);
      putOne(database, "meta", { name: String(kind), value: String(document) });
      continue;
    }
    const keys = of.split?.(String(key)) ?? [String(key)];
    const members = JSON.parse(String(document)) as Document;
    putOne(database, of.table, {
      ...Object.fromEntries(of.key.map((column, index) => [column, keys[index] ?? ""])),
      ...Object.fromEntries(Object.entries(of.repeated ?? {}).map(([column, name]) => [column, String(members[name])])),
      ...(kind === "tokens" ? { resolved_at: resolvedAt } : {}),
      document: String(document),
    });
  }
}

function putOne(database: DatabaseSync, table: string, values: Readonly<Record<string, Text>>): void {
  const columns = Object.keys(values);
  database
    .prepare(
      `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")}) ON CONFLICT DO NOTHING`,
    )
    .run(...Object.values(values));
}
