/** Sums of the ledger that need not be read from its rows: they are made of blocks, where a block knows enough. */
import type { DatabaseSync } from "node:sqlite";
import type { UsageFilter } from "../../ledger.ts";
import type { UsageGrouping } from "../../usageTotals.ts";
import { addBlock, lastCallOf, type UsageSums } from "./blockSums.ts";
import { type BlockKind, blockHours, blockOf, type KeptBlocks } from "./keptBlocks.ts";

/** Sums of blocks that are added up in one turn of the event loop, about: some milliseconds. */
const sumsPerTurn = 20_000;

interface Wanted {
  /** Of the temporary tables. */
  readonly run: number;
  readonly filter: UsageFilter;
  readonly kind: BlockKind;
}

/** undefined: rows must be read. Blocks know usage by dimension or by subject, of all that there is. */
export function keptKind(
  filter: UsageFilter,
  { period, members = [], tags = [] }: UsageGrouping,
): BlockKind | undefined {
  const { fromHourAt: _1, toHourAt: _2, asOf: _3, ...more } = filter;
  if (period === "hour" || tags.length > 0 || Object.values(more).some((value) => value !== undefined))
    return undefined;
  if (members.includes("status")) return undefined;
  if (members.every((member) => member === "dimension")) return "dimension";
  return members.includes("dimension") ? undefined : "customer";
}

/** Adds the blocks from `hour` on to the run's sums; returns the hour after them, or undefined when none begins there. */
export function sumKept(
  { database, blocks }: { readonly database: DatabaseSync; readonly blocks: KeptBlocks },
  { run, filter, kind }: Wanted,
  hour: number,
  toHour: number,
): number | undefined {
  const sums: UsageSums = new Map();
  let next = hour;
  let count = 0;
  while (next % blockHours === 0 && next + blockHours <= toHour && count < sumsPerTurn) {
    const content = blocks.read(kind, blockOf(next));
    if (content === undefined || (filter.asOf !== undefined && lastCallOf(content) > Number(filter.asOf))) break;
    count += addBlock(sums, content);
    next += blockHours;
  }
  if (next === hour) return undefined;
  const insert = database.prepare(
    `INSERT INTO temp.usage_sums VALUES ($run, $subject, $dimension, 0, '', $quantity, $records)
     ON CONFLICT DO UPDATE SET quantity = quantity + excluded.quantity, records = records + excluded.records`,
  );
  for (const [id, { quantity, records }] of sums) {
    const [subject, dimension] = kind === "dimension" ? [0, id] : [id, 0];
    insert.run({ run, subject, dimension, quantity: BigInt(quantity), records });
  }
  return next;
}
