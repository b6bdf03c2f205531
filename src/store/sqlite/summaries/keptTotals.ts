/** Sums of the ledger that need not be read from its rows: they are made of blocks, where a block knows enough. */
import type { UsageFilter } from "../../ledger.ts";
import type { UsageGrouping } from "../../usageTotals.ts";
import type { Scan } from "../usageScan.ts";
import { addBlock, exactMax, lastCallOf, type UsageSums } from "./blockSums.ts";
import { type BlockKind, blockOf, kindHours } from "./keptBlocks.ts";
import { type DayParts, dayBlock } from "./keptDays.ts";
import { blockHead, type Pair, type PairParts, PairSums, pairsMax } from "./pairSums.ts";

/** Sums of blocks that are added up in one turn of the event loop, about: some milliseconds. */
const sumsPerTurn = 20_000;
/** Sums that are put into the temporary table in one turn. */
const insertsPerTurn = 2_000;

export interface Wanted {
  /** Of the temporary tables. */
  readonly run: number;
  readonly filter: UsageFilter;
  readonly grouping: UsageGrouping;
  readonly scan: Scan;
  readonly kind: BlockKind;
}

/** undefined: rows must be read. */
export function keptKind(
  filter: UsageFilter,
  { period, members = [], tags = [] }: UsageGrouping,
  scan: Scan,
): BlockKind | undefined {
  const { fromHourAt: _1, toHourAt: _2, asOf: _3, ...more } = filter;
  if (period === "hour" || tags.length > 0) return undefined;
  const isFiltered = Object.values(more).some((value) => value !== undefined);
  if (!isFiltered && !members.includes("status")) {
    if (members.every((member) => member === "dimension")) return "dimension";
    if (!members.includes("dimension")) return "customer";
  }
  return scan.ofSums === undefined ? undefined : "pair";
}

/** Adds the blocks from `hour` on to the run's sums; resolves with the hour after them, or undefined when none begins there. */
export function sumKept(parts: DayParts, wanted: Wanted, hour: number, toHour: number): Promise<number | undefined> {
  return wanted.kind === "pair" ? sumDays(parts, wanted, hour, toHour) : sumBlocks(parts, wanted, hour, toHour);
}

async function sumBlocks(parts: DayParts, wanted: Wanted, hour: number, toHour: number): Promise<number | undefined> {
  const { filter, kind } = wanted;
  const hours = kindHours[kind];
  const sums: UsageSums = new Map();
  let next = hour;
  let left = sumsPerTurn;
  let isFull = false;
  for (; next % hours === 0 && next + hours <= toHour && !isFull; next += hours) {
    const content = parts.blocks.read(kind, blockOf(next, hours));
    if (content === undefined || isAfter(lastCallOf(content), filter)) break;
    const { count, largest } = addBlock(sums, content);
    isFull = largest > exactMax || sums.size >= pairsMax;
    left -= count;
    if (left > 0) continue;
    left = sumsPerTurn;
    await parts.turn();
  }
  if (next === hour) return undefined;
  const toPair = (id: number): Pick<Pair, "subject" | "dimension" | "billable"> =>
    kind === "dimension" ? { subject: 0, dimension: id, billable: 0 } : { subject: id, dimension: 0, billable: 0 };
  const pairs = Array.from(sums, ([id, sum]): Pair => ({ ...toPair(id), ...sum }));
  await insertAll(parts, wanted, pairs);
  return next;
}

async function sumDays(parts: DayParts, wanted: Wanted, hour: number, toHour: number): Promise<number | undefined> {
  const hours = kindHours.pair;
  const sums = new PairSums(partsOf(wanted));
  let next = hour;
  for (; next % hours === 0 && next + hours <= toHour && sums.size < pairsMax && sums.isExact; next += hours) {
    const content = await dayBlock(parts, blockOf(next, hours));
    if (content === undefined) break;
    const head = blockHead(content);
    if (isAfter(head.lastCall, wanted.filter)) break;
    for (let place = head.place; place < content.length; ) {
      place = sums.addBlock(content, place, sumsPerTurn);
      await parts.turn();
    }
  }
  if (next === hour) return undefined;
  await insertAll(parts, wanted, sums);
  return next;
}

/** Whether a block holds something that sums of the filter's moment do not. */
function isAfter(lastCall: number, { asOf }: UsageFilter): boolean {
  return asOf !== undefined && lastCall > Number(asOf);
}

/** What sums must be told apart by, for the grouping and for the filter. */
function partsOf({ filter, grouping }: Wanted): PairParts {
  const { productCode, accountId, licenseArn, resource, region } = filter;
  const ofSubject = [productCode, accountId, licenseArn, resource, region];
  const groups = groupParts(grouping);
  return {
    subject: groups.subject || ofSubject.some((value) => value !== undefined),
    dimension: groups.dimension || filter.dimension !== undefined,
    billable: groups.billable || filter.billable !== undefined,
  };
}

/** Which parts of a pair the run's sums have; the others are 0 in them. */
export function groupParts({ members = [] }: UsageGrouping): PairParts {
  return {
    subject: members.some((member) => member !== "dimension" && member !== "status"),
    dimension: members.includes("dimension"),
    billable: members.includes("status"),
  };
}

/** Those that the filter lets through. A batch is one transaction, of the temporary tables alone: nothing is synced. */
async function insertAll(parts: DayParts, wanted: Wanted, pairs: Iterable<Pair>): Promise<void> {
  const { database, turn } = parts;
  const statement = insertOf(wanted);
  const values = [wanted.run, ...Object.values(wanted.scan.ofSums?.values ?? {})];
  let batch: Pair[] = [];
  const flush = (): void => {
    const insert = database.prepare(statement);
    const isWithin = database.isTransaction;
    if (!isWithin) database.exec("BEGIN");
    try {
      for (const { subject, dimension, billable, quantity, records } of batch) {
        insert.run(subject, dimension, billable, BigInt(quantity), records, ...values);
      }
      if (!isWithin) database.exec("COMMIT");
    } catch (error) {
      if (!isWithin && database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
    batch = [];
  };
  for (const pair of pairs) {
    if (batch.push(pair) < insertsPerTurn) continue;
    flush();
    await turn();
  }
  flush();
}

/** Its parameters: those of a sum, the run, and the values of the filter in their order. */
function insertOf({ grouping, scan }: Wanted): string {
  const { subject, dimension, billable } = groupParts(grouping);
  const names = Object.keys(scan.ofSums?.values ?? {});
  const where = (scan.ofSums?.where ?? "true").replaceAll(
    /\$(\w+)/g,
    (_, name: string) => `?${7 + names.indexOf(name)}`,
  );
  const sum = [subject ? "?1" : "0", dimension ? "?2" : "0", billable ? "?3" : "0"].join(", ");
  return `INSERT INTO temp.usage_sums SELECT ?6, ${sum}, '', ?4, ?5
     FROM (SELECT ?1 AS subject, ?2 AS dimension, ?3 AS billable) u WHERE ${where}
     ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, records = records + excluded.records`;
}
