/** Calls and usage added up over time: by the database, each time that someone asks. */
import type { CallCount, Summaries, SummarySpan, UsageSeries, UsageSeriesInput } from "../summaries.ts";
import type { Connections } from "./connection.ts";

const msPerHour = 3_600_000;
const letters = [..."SRDNU"];

type CountRow = {
  readonly bucket: number;
  readonly outcome: string;
  readonly calls: number;
  readonly s: number;
  readonly r: number;
  readonly d: number;
  readonly n: number;
  readonly u: number;
};

type SumRow = { readonly bucket: number; readonly key: string; readonly value: number };

/** `drain`: what is queued is written first, as for every read. */
export function createSummaries(connections: Connections, drain: () => Promise<void>): Summaries {
  return {
    calls: async (span) => {
      await drain();
      return countCalls(connections, span);
    },
    usage: async (input) => {
      await drain();
      return addUpUsage(connections, input);
    },
  };
}

async function countCalls(sql: Connections, span: SummarySpan): Promise<readonly CallCount[]> {
  const { fromHour, toHour, bucketHours } = span;
  const counts = letters.map((letter) => {
    const count = `sum(length(statuses) - length(replace(statuses, '${letter}', '')))::bigint`;
    return `${count} AS ${letter.toLowerCase()}`;
  });
  // Callers without an identity are the server itself.
  const rows = await sql.query<CountRow>(
    `SELECT at / $3::bigint * $4::bigint AS bucket, outcome, count(*) AS calls, ${counts.join(", ")}
     FROM (SELECT a.at, a.outcome, coalesce(a.detail::json ->> 'statuses', '') AS statuses
           FROM audit a JOIN callers c ON c.id = a.caller
           WHERE a.caller > 0 AND a.at >= $1 AND a.at < $2 AND c.identity <> '') AS counted
     GROUP BY 1, 2 ORDER BY 1, 2`,
    [fromHour * msPerHour, toHour * msPerHour, bucketHours * msPerHour, bucketHours],
  );
  return rows.map(({ bucket, outcome, calls, s, r, d, n, u }) => {
    const records = { stored: s, replayed: r, duplicate: d, notSubscribed: n, unprocessed: u };
    return { bucket, outcome, calls, records };
  });
}

async function addUpUsage(sql: Connections, input: UsageSeriesInput): ReturnType<Summaries["usage"]> {
  const { fromHour, toHour, bucketHours, by, measure, top } = input;
  const rows = await sql.query<SumRow>(
    `SELECT (u.hour - $1::integer) / $3::integer AS bucket, ${by === "dimension" ? "u.dimension::text" : "u.account"} AS key,
       ${measure === "quantity" ? "sum(u.quantity)::float8" : "count(*)"} AS value
     FROM usage u WHERE u.hour >= $1 AND u.hour < $2 GROUP BY 1, 2 ORDER BY 1, 2`,
    [fromHour, toHour, bucketHours],
  );
  const buckets = (toHour - fromHour) / bucketHours;
  const found = new Map<string, number[]>();
  for (const { bucket, key, value } of rows) {
    const series = found.get(key) ?? new Array<number>(buckets).fill(0);
    found.set(key, series);
    series[bucket] = value;
  }
  const ranked = [...found]
    .map(([key, values]) => ({ key, values, total: sumOf(values) }))
    .sort((a, b) => b.total - a.total);
  const others = ranked.slice(top);
  const rest = Array.from({ length: buckets }, (_, bucket) => sumOf(others.map(({ values }) => values[bucket] ?? 0)));
  const shown = ranked.slice(0, top);
  const names = by === "dimension" ? await dimensionNames(sql, shown) : undefined;
  const series = shown.map(({ key, values, total }): UsageSeries => {
    if (names === undefined) return { accountId: key, values, total };
    return { ...names.get(key), values, total };
  });
  return { series, others: others.length, rest };
}

type DimensionName = Pick<Required<UsageSeries>, "productCode" | "dimension">;

async function dimensionNames(
  sql: Connections,
  shown: readonly { readonly key: string }[],
): Promise<ReadonlyMap<string, DimensionName>> {
  const rows = await sql.query<{ id: number; product_code: string; name: string }>(
    "SELECT id, product_code, name FROM dimensions WHERE id = ANY($1)",
    [shown.map(({ key }) => Number(key))],
  );
  return new Map(rows.map(({ id, product_code: productCode, name }) => [String(id), { productCode, dimension: name }]));
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
