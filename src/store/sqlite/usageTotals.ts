/**
 * Usage added up by SQL: no record passes through JavaScript. The months are read in slices of hours with a turn of the
 * event loop between them, so that calls are answered meanwhile; what the slices come to is kept in a temporary table,
 * which SQLite lets go to disk, so that memory stays bounded whatever there is to add up.
 */
import type { DatabaseSync } from "node:sqlite";
import { InvalidCursorError, type UsageFilter } from "../ledger.ts";
import {
  groupTagsMax,
  type UsageGrouping,
  type UsageMember,
  type UsagePeriod,
  type UsageTotal,
  usageMembers,
} from "../usageTotals.ts";
import type { Turn } from "./journalMover.ts";
import type { MonthTables } from "./monthTables.ts";
import { type KeptBlocks, kindHours } from "./summaries/keptBlocks.ts";
import { groupParts, keptKind, sumKept } from "./summaries/keptTotals.ts";
import { hoursOf, monthEnd, nextHour, nextSliceHours, type Scan, scanOf, type Values } from "./usageScan.ts";

const msPerHour = 3_600_000;
const hoursPerDay = 24;
const batchTotals = 1_000;
const clearedAtOnce = 5_000;

/** 32 MiB before sums go to disk; SQLite's own bound for temporary tables is 2 MiB. */
const temporaryCacheKiB = 32_768;

const temporaryTables = `
  PRAGMA temp.cache_size = -${temporaryCacheKiB};
  CREATE TEMP TABLE IF NOT EXISTS usage_sums (
    run INTEGER NOT NULL,
    subject INTEGER NOT NULL,
    dimension INTEGER NOT NULL,
    billable INTEGER NOT NULL,
    tags TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    records INTEGER NOT NULL,
    PRIMARY KEY (run, subject, dimension, billable, tags)
  ) STRICT, WITHOUT ROWID;
  CREATE TEMP TABLE IF NOT EXISTS usage_totals (
    run INTEGER NOT NULL,
    -- A list as JSON. Its order as text is that of its members, but for texts with characters below the quote.
    keys TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    records INTEGER NOT NULL,
    PRIMARY KEY (run, keys)
  ) STRICT, WITHOUT ROWID;
`;

interface Parts {
  readonly database: DatabaseSync;
  readonly months: MonthTables;
  /** Lets other calls go on. Rejects when the store is closed. */
  readonly turn: Turn;
  /** Sums of six hours and of days that are there already. */
  readonly blocks: KeptBlocks;
}

/** One call of `selectUsageTotals`, ready to run. */
interface Plan {
  readonly run: number;
  readonly filter: UsageFilter;
  readonly grouping: UsageGrouping;
  readonly members: readonly UsageMember[];
  readonly tags: readonly string[];
  /** Keys of the sum after which it goes on, as JSON. */
  readonly after: string | undefined;
  readonly scan: Scan;
}

type SumKey = {
  readonly subject: number;
  readonly dimension: number;
  readonly billable: number;
  readonly tags: string;
};
type TotalRow = { readonly keys: string; readonly quantity: string; readonly records: number };

/** A row of the temporary tables belongs to one run; runs of one connection take turns. */
let runs = 0;

/**
 * In order of period, product, customer, licence, resource, dimension, Region, status, tags; after `cursor`. In batches.
 * Throws InvalidCursorError.
 */
export async function* selectUsageTotals(
  parts: Parts,
  filter: UsageFilter,
  grouping: UsageGrouping,
  cursor?: string,
): AsyncGenerator<readonly UsageTotal[]> {
  const { database, turn } = parts;
  runs += 1;
  const members = usageMembers.filter((member) => grouping.members?.includes(member));
  const tags = (grouping.tags ?? []).slice(0, groupTagsMax);
  const after = cursor === undefined ? undefined : keysOf(cursor, grouping.period, members.length + tags.length);
  const plan: Plan = { run: runs, filter, grouping, members, tags, after, scan: scanOf(database, filter) };
  database.exec(temporaryTables);
  try {
    for (const span of spansOf(parts, plan)) {
      await addUp(parts, plan, span);
      yield* ordered(parts, plan, span);
      await turn();
    }
  } finally {
    await clear(parts, plan.run);
  }
}

/** What a reader left unread, some at a time. A store that was closed meanwhile has no temporary tables any more. */
async function clear({ database, turn }: Parts, run: number): Promise<void> {
  for (const [table, key] of [
    ["usage_sums", "subject, dimension, billable, tags"],
    ["usage_totals", "keys"],
  ] as const) {
    const some = `SELECT ${key} FROM temp.${table} WHERE run = $run LIMIT ${clearedAtOnce}`;
    const statement = `DELETE FROM temp.${table} WHERE run = $run AND (${key}) IN (${some})`;
    while (database.isOpen && Number(database.prepare(statement).run({ run }).changes) > 0) await turn();
  }
}

interface Span {
  readonly fromHour: number;
  /** Exclusive. */
  readonly toHour: number;
}

/** Periods that hold usage, one after the other, so that a page ends before the rest is read; all hours without one. */
function* spansOf(parts: Parts, { filter, grouping, after }: Plan): Generator<Span> {
  const [from, to] = hoursOf(filter);
  const { period } = grouping;
  let next = nextHour(
    parts,
    period === undefined ? from : Math.max(from, after === undefined ? 0 : Number(parsed(after)[0])),
    to,
  );
  while (next !== undefined) {
    const span = period === undefined ? { fromHour: next, toHour: to } : periodOf(next, period);
    yield { fromHour: Math.max(next, span.fromHour), toHour: Math.min(to, span.toHour) };
    next = nextHour(parts, span.toHour, to);
  }
}

function periodOf(hour: number, period: UsagePeriod): Span {
  if (period === "hour") return { fromHour: hour, toHour: hour + 1 };
  const start = new Date(hour * msPerHour);
  const [year, month, day] = [start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate()];
  const fromHour = Date.UTC(year, month, period === "day" ? day : 1) / msPerHour;
  if (period === "day") return { fromHour, toHour: fromHour + hoursPerDay };
  return { fromHour, toHour: Date.UTC(year, month + 1) / msPerHour };
}

async function addUp(parts: Parts, plan: Plan, { fromHour, toHour }: Span): Promise<void> {
  const kind = keptKind(plan.filter, plan.grouping, plan.scan);
  const blockHours = kind === undefined ? undefined : kindHours[kind];
  let hours = plan.scan.startHours;
  let done = fromHour;
  for (let from: number | undefined = fromHour; from !== undefined; ) {
    // A block begins before its first usage.
    const start: number = blockHours === undefined ? from : Math.max(done, from - (from % blockHours));
    const kept: number | undefined = kind && (await sumKept(parts, { ...plan, kind }, start, toHour));
    if (kept !== undefined) {
      done = kept;
      from = nextHour(parts, kept, toHour);
      await parts.turn();
      continue;
    }
    const startedAt = performance.now();
    const [table] = parts.months.within(start, start + 1);
    const upToBlock = blockHours === undefined ? hours : Math.min(hours, blockHours - (start % blockHours));
    const end = Math.min(start + upToBlock, toHour, monthEnd(start));
    if (table !== undefined) addSlice(parts.database, plan, table, { fromHour: start, toHour: end });
    hours = nextSliceHours(hours, performance.now() - startedAt);
    done = end;
    from = nextHour(parts, end, toHour);
    if (from !== undefined && plan.grouping.period !== "hour") {
      await parts.turn();
    }
  }
}

function addSlice(database: DatabaseSync, plan: Plan, table: string, { fromHour, toHour }: Span): void {
  const { grouping, tags, scan, run } = plan;
  const { subject, dimension, billable } = groupParts(grouping);
  const parts = `${subject ? "u.subject" : "0"} AS subject, ${dimension ? "u.dimension" : "0"} AS dimension,
    ${billable ? "u.billable" : "0"} AS billable`;
  const rows =
    tags.length === 0
      ? `SELECT ${parts}, '' AS tags, u.quantity FROM ${scan.source(table)} WHERE ${scan.where}`
      : `SELECT ${parts}, json_array(${tags.map((_, place) => tagValue(place)).join()}) AS tags,
           sum(coalesce(json_extract(a.value, '$.AllocatedUsageQuantity'), u.quantity)) AS quantity
         FROM ${scan.source(table)} LEFT JOIN json_each(u.allocations) a WHERE ${scan.where}
         GROUP BY u.hour, u.subject, u.dimension, u.entry, 4`;
  const statement = database.prepare(
    `INSERT INTO temp.usage_sums
     SELECT $run, subject, dimension, billable, tags, sum(quantity), count(*) FROM (${rows}) WHERE true
     GROUP BY subject, dimension, billable, tags
     ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, records = records + excluded.records`,
  );
  const keys = Object.fromEntries(tags.map((key, place) => [`tag${place}`, key]));
  statement.run({ run, fromHour, toHour, ...scan.values, ...keys });
}

/** Of an allocation; '' where it has no tag of that key, which no tag's value is (SPEC B-76). */
function tagValue(place: number): string {
  return `coalesce((SELECT json_extract(t.value, '$.Value') FROM json_each(a.value, '$.Tags') t
    WHERE json_extract(t.value, '$.Key') = $tag${place} LIMIT 1), '')`;
}

const memberColumns: Readonly<Record<UsageMember, string>> = {
  product: "s.product_code",
  customer: "s.account_id",
  license: "CASE WHEN s.path = 'license' THEN s.holder ELSE '' END",
  resource: "CASE WHEN s.path IN ('resource', 'agentcore') THEN s.holder ELSE '' END",
  dimension: "d.name",
  region: "s.region",
  status: "t.billable",
};

/** What the span came to, in order: under its names first, then read in batches. Nothing is locked between two of them. */
async function* ordered(parts: Parts, plan: Plan, span: Span): AsyncGenerator<readonly UsageTotal[]> {
  const { database, turn } = parts;
  const { run } = plan;
  const name = namer(database, plan, span);
  while (name()) {
    await turn();
  }
  const select = database.prepare(
    `SELECT keys, CAST(quantity AS TEXT) AS quantity, records FROM temp.usage_totals
     WHERE run = ? ORDER BY keys LIMIT ${batchTotals}`,
  );
  const remove = database.prepare("DELETE FROM temp.usage_totals WHERE run = ? AND keys <= ?");
  for (;;) {
    const rows = select.all(run) as TotalRow[];
    const last = rows.at(-1);
    if (last === undefined) return;
    remove.run(run, last.keys);
    yield rows.map((row) => totalOf(row, plan));
    if (rows.length < batchTotals) return;
    await turn();
  }
}

/** Puts some of the run's sums under their names, where sums of several subjects may become one; false: none are left. */
function namer(
  database: DatabaseSync,
  { run, grouping, members, tags, after }: Plan,
  { fromHour }: Span,
): () => boolean {
  const columns = [
    ...(grouping.period === undefined ? [] : ["$period"]),
    ...members.map((member) => memberColumns[member]),
    ...tags.map((_, place) => `json_extract(t.tags, '$[${place}]')`),
  ];
  const upTo = "run = $run AND (subject, dimension, billable, tags) <= ($subject, $dimension, $billable, $tags)";
  const values: Values = {
    run,
    ...(grouping.period === undefined ? {} : { period: periodOf(fromHour, grouping.period).fromHour }),
    ...(after === undefined ? {} : { after }),
  };
  const insert = database.prepare(
    `INSERT INTO temp.usage_totals
     SELECT $run, keys, quantity, records FROM (
       SELECT json_array(${columns.join()}) AS keys, t.quantity, t.records
       FROM (SELECT * FROM temp.usage_sums WHERE ${upTo}) t
         LEFT JOIN subjects s ON s.id = t.subject LEFT JOIN dimensions d ON d.id = t.dimension
     ) WHERE ${after === undefined ? "true" : "keys > $after"}
     ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, records = records + excluded.records`,
  );
  const border = database.prepare(
    `SELECT subject, dimension, billable, tags FROM (
       SELECT subject, dimension, billable, tags FROM temp.usage_sums WHERE run = ?
       ORDER BY subject, dimension, billable, tags LIMIT ${batchTotals}
     ) ORDER BY subject DESC, dimension DESC, billable DESC, tags DESC LIMIT 1`,
  );
  const remove = database.prepare(`DELETE FROM temp.usage_sums WHERE ${upTo}`);
  return () => {
    const last = border.get(run) as SumKey | undefined;
    if (last === undefined) return false;
    insert.run({ ...values, ...last });
    remove.run({ run, ...last });
    return true;
  };
}

const memberNames = {
  product: "productCode",
  customer: "accountId",
  license: "licenseArn",
  resource: "resource",
  dimension: "dimension",
  region: "region",
} as const satisfies Partial<Readonly<Record<UsageMember, keyof UsageTotal>>>;

/** Called for each of tens of thousands of sums: put together member by member, not from lists of entries. */
function totalOf({ keys, quantity, records }: TotalRow, { grouping, members, tags }: Plan): UsageTotal {
  const values = JSON.parse(keys) as (string | number)[];
  const total: { -readonly [Key in keyof UsageTotal]?: UsageTotal[Key] } = {};
  let place = 0;
  if (grouping.period !== undefined) {
    total.periodAt = Number(values[0]) * msPerHour;
    place = 1;
  }
  for (const member of members) {
    const value = values[place];
    place += 1;
    if (member === "status") total.billable = value === 1;
    else if (value !== "") total[memberNames[member]] = String(value);
  }
  if (tags.length > 0) total.tags = values.slice(place).map((one) => (one === "" ? undefined : String(one)));
  const position = Buffer.from(keys, "utf8").toString("base64url");
  return { ...total, quantity: BigInt(quantity), records, position };
}

/** The keys in it, as JSON. */
function keysOf(cursor: string, period: UsagePeriod | undefined, count: number): string {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  const [start, ...rest] = [...(period === undefined ? [0] : []), ...parsed(text)];
  const isPeriod = typeof start === "number" && Number.isSafeInteger(start);
  const areKeys = rest.every((value) => typeof value === "string" || typeof value === "number");
  if (isPeriod && rest.length === count && areKeys) return text;
  throw new InvalidCursorError("The cursor is not one that this grouping of usage gave out.");
}

/** Of what is no list of keys: a key that no grouping has. */
function parsed(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [undefined];
  } catch {
    return [undefined];
  }
}
