/** What a node sends to the database, by transaction, and what of it would span shards. */
import pg from "pg";
import { vi } from "vitest";

export interface Statement {
  readonly client: unknown;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Of every connection of this process from now on, the driver's own submissions included. */
export function recordStatements(): { readonly statements: readonly Statement[]; stop(): void } {
  const statements: Statement[] = [];
  const { query } = pg.Client.prototype;
  const spy = vi.spyOn(pg.Client.prototype, "query").mockImplementation(function (this: pg.Client, ...args: unknown[]) {
    const [first, second] = args;
    const config = typeof first === "object" && first !== null ? (first as { text?: unknown; values?: unknown }) : {};
    const text = typeof first === "string" ? first : typeof config.text === "string" ? config.text : copyText(first);
    const values = Array.isArray(second) ? second : Array.isArray(config.values) ? config.values : [];
    statements.push({ client: this, text, values });
    return Reflect.apply(query, this, args) as never;
  });
  return { statements, stop: () => spy.mockRestore() };
}

/** Of a COPY's submission, whose members are private: what it sends is seen when it is submitted. */
function copyText(submittable: unknown): string {
  let text = "";
  const connection = { query: (sent: string) => (text = sent), stream: { cork() {}, uncork() {} } };
  const given = submittable as { submit(connection: object): void };
  given.submit({ ...connection, sendCopyFromChunk() {}, endCopyFrom() {} });
  return text;
}

/** Each transaction's statements; one outside of any is by itself. */
export function statementsOf(statements: readonly Statement[]): readonly (readonly Statement[])[] {
  const open = new Map<unknown, Statement[]>();
  const done: (readonly Statement[])[] = [];
  for (const statement of statements) {
    const own = open.get(statement.client);
    if (/^(?:COMMIT|ROLLBACK)$/.test(statement.text)) {
      if (own !== undefined) done.push(own);
      open.delete(statement.client);
    } else if (statement.text === "BEGIN") open.set(statement.client, []);
    else if (own !== undefined) own.push(statement);
    else done.push([statement]);
  }
  if (open.size > 0) throw new Error("a transaction was left open");
  return done;
}

const distributed = /\b(?:usage|client_tokens)\b/;
const coordinator =
  /\b(?:audit|pending_calls|metering_workloads|catalog_\w+|callers|subjects|dimensions|notifications|deliveries|meta|pg_advisory\w*|nextval)\b/;
const usageParameters = 12;
/** By which Citus finds the one shard of a statement: the column's values as VALUES of an insert, or as a condition. */
const routed = [
  /^INSERT INTO usage \(hour, account, [^)]*\) VALUES \(.* ON CONFLICT DO NOTHING RETURNING record_id$/,
  /^INSERT INTO client_tokens \(account, [^)]*\) VALUES \([^;]*$/,
  /^SELECT [^;]* JOIN (?:usage u|client_tokens t) USING \([^)]*\baccount\b[^)]*\) WHERE [ut]\.account = ANY \(\$\d::text\[\]\)$/,
];

export interface Faults {
  readonly faults: readonly string[];
  readonly shardsSeen: ReadonlySet<number>;
  /** Of usage that were inserted. */
  readonly rows: number;
}

/** `shards`: of every account that may be among the values. Reads of no shard in particular are not looked at. */
export function faultsOf(transactions: readonly (readonly Statement[])[], shards: ReadonlyMap<string, number>): Faults {
  const faults: string[] = [];
  const shardsSeen = new Set<number>();
  let rows = 0;
  for (const statements of transactions) {
    // Which shards there are is asked by the table's name.
    const text = statements.map((one) => one.text.replaceAll("'usage'", "…")).join("; ");
    if (!distributed.test(text) || /^\s*(?:SELECT to_regclass|CREATE TABLE|SELECT pg_advisory_xact_lock)/.test(text))
      continue;
    for (const one of statements) {
      const words = one.text.replaceAll(/\s+/g, " ");
      if (!routed.some((form) => form.test(words))) faults.push(`not of a form that is sent to one shard: ${words}`);
    }
    const [other] = coordinator.exec(text) ?? [];
    if (other !== undefined) faults.push(`touches ${other} beside usage: ${text.slice(0, 200)}`);
    const values = statements.flatMap((one) => one.values.flat()).filter((value) => typeof value === "string");
    const touched = new Set(values.map((value) => shards.get(value)).filter((shard) => shard !== undefined));
    if (touched.size !== 1) faults.push(`touches ${touched.size} shards: ${text.slice(0, 200)}`);
    for (const shard of touched) shardsSeen.add(shard);
    const keys = statements.filter((one) => one.text.startsWith("INSERT INTO usage")).flatMap(keysOf);
    rows += keys.length;
    if (keys.join("\n") !== keys.toSorted().join("\n")) faults.push(`not in order: ${keys.join(", ")}`);
  }
  return { faults, shardsSeen, rows };
}

/** Texts that sort as the keys do. */
function keysOf({ values }: Statement): readonly string[] {
  return Array.from({ length: values.length / usageParameters }, (_, row) => {
    const key = values.slice(row * usageParameters, row * usageParameters + 5);
    return key.map((part) => String(part).padStart(20, "0")).join(" ");
  });
}
