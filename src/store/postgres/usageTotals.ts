/** Usage added up by SQL, in order, read by a cursor: no more of it is in memory than one batch. */
import { InvalidCursorError, type UsageFilter } from "../ledger.ts";
import {
  groupTagsMax,
  type UsageGrouping,
  type UsageMember,
  type UsagePeriod,
  type UsageTotal,
  usageMembers,
} from "../usageTotals.ts";
import type { Connections } from "./connection.ts";
import { scanOf } from "./usageReads.ts";

const msPerHour = 3_600_000;
const batchTotals = 1_000;

/** In the database's hours; UTC whatever the zone of the session. */
const periodHours: Readonly<Record<UsagePeriod, string>> = {
  hour: "u.hour",
  day: "u.hour / 24 * 24",
  month: `(extract(epoch FROM date_trunc('month', to_timestamp(u.hour::bigint * 3600) AT TIME ZONE 'UTC')) / 3600)::integer`,
};

const memberColumns: Readonly<Record<UsageMember, string>> = {
  product: 's.product_code COLLATE "C"',
  customer: 'u.account COLLATE "C"',
  license: "(CASE WHEN s.path = 'license' THEN s.holder ELSE '' END) COLLATE \"C\"",
  resource: "(CASE WHEN s.path IN ('resource', 'agentcore') THEN s.holder ELSE '' END) COLLATE \"C\"",
  dimension: 'd.name COLLATE "C"',
  region: 's.region COLLATE "C"',
  status: "u.billable::integer",
};

type Key = string | number;
type TotalRow = { readonly keys: readonly Key[]; readonly quantity: string; readonly records: number };

/** In order of period, product, customer, licence, resource, dimension, Region, status, tags; after `cursor`. */
export async function* selectUsageTotals(
  connections: Connections,
  filter: UsageFilter,
  grouping: UsageGrouping,
  cursor?: string,
): AsyncGenerator<readonly UsageTotal[]> {
  const members = usageMembers.filter((member) => grouping.members?.includes(member));
  const tags = (grouping.tags ?? []).slice(0, groupTagsMax);
  const { from, where, values } = scanOf(filter, false);
  const parameters = [...values];
  const parameter = (value: unknown): string => {
    parameters.push(value);
    return `$${parameters.length}`;
  };
  const columns = [
    ...(grouping.period === undefined ? [] : [periodHours[grouping.period]]),
    ...members.map((member) => memberColumns[member]),
    ...tags.map((tag) => tagValue(parameter(tag))),
  ];
  const names = columns.map((_, index) => `k${index}`);
  const named = columns.map((column, index) => `${column} AS k${index}`).join(", ");
  const after = cursor === undefined ? undefined : keysOf(cursor, columns.length, grouping.period);
  // With tags a record is split over its allocations, and counts once in each sum that it has a share in.
  const parts =
    tags.length === 0
      ? `SELECT ${[named, "u.quantity"].filter(Boolean).join(", ")} FROM ${from} WHERE ${where}`
      : `SELECT ${named}, sum(coalesce((a_.value ->> 'AllocatedUsageQuantity')::bigint, u.quantity)) AS quantity
         FROM ${from} LEFT JOIN LATERAL jsonb_array_elements(u.allocations::jsonb) a_ ON true WHERE ${where}
         GROUP BY u.hour, u.account, u.subject, u.dimension, u.entry, u.billable, s.id, d.id, ${names.join(", ")}`;
  const keys = names.join(", ");
  const text = `SELECT json_build_array(${keys}) AS keys, sum(quantity)::text AS quantity, count(*) AS records
    FROM (${parts}) p ${after === undefined ? "" : `WHERE (${keys}) > (${after.map(parameter).join(", ")})`}
    ${keys === "" ? "HAVING count(*) > 0" : `GROUP BY ${keys} ORDER BY ${keys}`}`;
  for await (const rows of connections.stream<TotalRow>(text, parameters, batchTotals)) {
    yield rows.map((row) => totalOf(row, grouping, members, tags.length));
  }
}

/** Of an allocation; '' where it has no tag of that key, which no tag's value is (SPEC B-76). */
function tagValue(key: string): string {
  return `(coalesce((SELECT t.value ->> 'Value' FROM jsonb_array_elements(a_.value -> 'Tags') t
    WHERE t.value ->> 'Key' = ${key} LIMIT 1), '')) COLLATE "C"`;
}

function totalOf(
  { keys, quantity, records }: TotalRow,
  { period }: UsageGrouping,
  members: readonly UsageMember[],
  tagCount: number,
): UsageTotal {
  const texts = period === undefined ? keys : keys.slice(1);
  const of = (member: UsageMember): string | undefined => {
    const value = texts[members.indexOf(member)];
    return !members.includes(member) || value === "" || value === undefined ? undefined : String(value);
  };
  const total = {
    periodAt: period === undefined ? undefined : Number(keys[0]) * msPerHour,
    productCode: of("product"),
    accountId: of("customer"),
    licenseArn: of("license"),
    resource: of("resource"),
    dimension: of("dimension"),
    region: of("region"),
    billable: members.includes("status") ? of("status") === "1" : undefined,
    tags: tagCount === 0 ? undefined : texts.slice(members.length).map((one) => (one === "" ? undefined : String(one))),
  };
  const given = Object.fromEntries(Object.entries(total).filter(([, value]) => value !== undefined));
  return {
    ...(given as Partial<UsageTotal>),
    quantity: BigInt(quantity),
    records,
    position: Buffer.from(JSON.stringify(keys), "utf8").toString("base64url"),
  };
}

function keysOf(cursor: string, count: number, period: UsagePeriod | undefined): readonly Key[] {
  const keys = parsed(Buffer.from(cursor, "base64url").toString("utf8"));
  const areKeys = keys?.every((value) => typeof value === "string" || typeof value === "number") === true;
  const isPeriod = period === undefined || Number.isSafeInteger(keys?.[0]);
  if (keys?.length === count && areKeys && isPeriod) return keys as readonly Key[];
  throw new InvalidCursorError("The cursor is not one that this grouping of usage gave out.");
}

function parsed(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
