/**
 * Every table of a store as a copy sees it. A column that is not here would be lost without a word, so engines compare
 * this list with what they find, and refuse to copy when there is more.
 */
import { MovingError } from "./raw.ts";

/** `request`: 16 bytes where it is a UUID in the embedded store, else text. */
export type RawType = "integer" | "text" | "boolean" | "uuid" | "hex" | "request";

export interface RawColumn {
  readonly name: string;
  readonly type: RawType;
  /** Its name in the embedded store, where that is another. */
  readonly sqlite?: string;
}

export interface RawTable {
  readonly columns: readonly RawColumn[];
  /** Names of columns. */
  readonly key: readonly string[];
}

const integer = (name: string): RawColumn => ({ name, type: "integer" });
const text = (name: string): RawColumn => ({ name, type: "text" });
const account: RawColumn = { name: "account", type: "text", sqlite: "account_id" };

/** In the order in which they are copied: what others point at comes first. `catalog` and `usage …` have rows of their own. */
export const rawTables: Readonly<Record<string, RawTable>> = {
  control_events: {
    columns: [integer("seq"), text("id"), integer("at"), ...["actor", "action", "target", "summary"].map(text)],
    key: ["seq"],
  },
  notifications: {
    columns: [
      ...[integer("seq"), text("id"), integer("at")],
      ...["form", "seller_account_id", "product_code", "agreement_id", "topic_arn", "name", "body"].map(text),
      text("buyer_account_id"),
    ],
    key: ["seq"],
  },
  deliveries: {
    columns: [
      ...[integer("notification"), text("target_id"), text("state")],
      ...[integer("next_attempt_at"), text("attempts")],
    ],
    key: ["notification", "target_id"],
  },
  subjects: {
    columns: [integer("id"), ...["region", "path", "product_code", "holder"].map(text), account],
    key: ["id"],
  },
  dimensions: { columns: [integer("id"), text("product_code"), text("name")], key: ["id"] },
  callers: {
    columns: [
      integer("id"),
      ...["operation", "region", "access_key_id", "account_id", "identity", "product_code"].map(text),
      ...["source", "user_agent", "user_name"].map(text),
    ],
    key: ["id"],
  },
  audit: {
    columns: [
      ...[integer("seq"), integer("at"), { name: "request_id", type: "request" } as const, integer("caller")],
      ...[text("outcome"), text("detail"), { name: "stored", type: "hex" } as const],
    ],
    key: ["seq"],
  },
  client_tokens: {
    columns: [
      ...[account, text("region"), text("token"), text("request_hash")],
      ...[{ name: "record_id", type: "uuid" } as const, integer("quantity"), integer("hour"), integer("call")],
    ],
    key: ["account", "region", "token"],
  },
  metering_workloads: {
    columns: [integer("seq"), ...["product_code", "resource", "operation", "document"].map(text)],
    key: ["product_code", "resource", "operation"],
  },
};

/** name and sealed text of keys that are made on first use: rows of PostgreSQL, files beside an embedded store. */
export const keysTable = "sealed_keys";

/** kind, key, when it was resolved (tokens), document; in order of first insertion within a kind. */
export const catalogTable = "catalog";
export const catalogKinds = [
  ...["accounts", "credentials", "products", "agreements", "tokens", "entitlements", "offers", "roles", "workloads"],
  ...["targets", "adminTokens", "settings", "clock"],
] as const;

/** name and value of what there is one of: the catalogue's version and the check of the master key. */
export const metaTable = "meta";
export const versionName = "catalog-version";

/** Of a month of usage. */
export const usageTable: RawTable = {
  columns: [
    ...[integer("hour"), integer("subject"), integer("dimension"), integer("entry"), integer("quantity")],
    ...[{ name: "record_id", type: "uuid" } as const, integer("at_ms"), integer("call")],
    ...[{ name: "billable", type: "boolean" } as const, text("allocations"), text("client_token")],
  ],
  key: ["hour", "subject", "dimension", "entry"],
};

const msPerHour = 3_600_000;

/** `usage 2026-07`, by an hour (epoch seconds / 3,600). */
export function usageName(hour: number): string {
  return `usage ${new Date(hour * msPerHour).toISOString().slice(0, 7)}`;
}

/** First hour, and the one after the last; undefined: it is no month of usage. */
export function monthOf(table: string): { readonly from: number; readonly to: number } | undefined {
  const [, year, month] = /^usage (\d{4})-(\d\d)$/.exec(table) ?? [];
  if (year === undefined) return undefined;
  const from = Date.UTC(Number(year), Number(month) - 1) / msPerHour;
  return { from, to: Date.UTC(Number(year), Number(month)) / msPerHour };
}

export function rawTable(name: string): RawTable {
  const found = monthOf(name) === undefined ? rawTables[name] : usageTable;
  if (found === undefined) throw new MovingError(`There is no table '${name}' in this version.`);
  return found;
}

/** Throws unless what is there is what is known. */
export function compareColumns(where: string, known: readonly string[], found: readonly string[]): void {
  const more = found.filter((one) => !known.includes(one));
  const fewer = known.filter((one) => !found.includes(one));
  if (more.length + fewer.length === 0) return;
  const what = more.length > 0 ? `has ${more.join(", ")}, which` : `lacks ${fewer.join(", ")}, which`;
  throw new MovingError(`${where} ${what} this version's copy does not expect. Nothing was changed.`);
}
