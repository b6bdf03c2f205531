/** Pages of lists: `?limit=&cursor=` in, `{ items, nextCursor? }` out. */
import { z } from "@hono/zod-openapi";
import { invalidField } from "./problems.ts";

const limitMax = 1_000;

export const pageMembers = {
  limit: z.coerce.number().int().min(1).max(limitMax).default(100).openapi({ description: "Items on a page" }),
  cursor: z.string().max(500).optional().openapi({ description: "`nextCursor` of the page before" }),
};

export interface PageInput {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

export interface Page<Item> {
  items: Item[];
  nextCursor?: string;
}

export function pageOf<Item extends z.ZodType>(item: Item, name: string) {
  return z
    .object({
      items: z.array(item),
      nextCursor: z.string().optional().openapi({ description: "Absent on the last page" }),
    })
    .openapi(name);
}

const cursorSchema = z.tuple([z.int().min(0), z.string()]);

/**
 * One page of a list in memory, whose order is that of insertion. The cursor holds the place and the key of the last
 * item: rows that came or went in between move the place, and a key that is gone leaves its place to the next.
 */
export function page<Row>(rows: readonly Row[], input: PageInput, keyOf: (row: Row) => string): Page<Row> {
  const start = input.cursor === undefined ? 0 : startAfter(rows, input.cursor, keyOf);
  const items = rows.slice(start, start + input.limit);
  const last = items.at(-1);
  if (last === undefined || start + items.length >= rows.length) return { items };
  const cursor = JSON.stringify([start + items.length - 1, keyOf(last)]);
  return { items, nextCursor: Buffer.from(cursor, "utf8").toString("base64url") };
}

function startAfter<Row>(rows: readonly Row[], cursor: string, keyOf: (row: Row) => string): number {
  const [place, key] = readCursor(cursor);
  const row = rows[place];
  if (row !== undefined && keyOf(row) === key) return place + 1;
  const found = rows.findIndex((one) => keyOf(one) === key);
  return found === -1 ? place : found + 1;
}

function readCursor(cursor: string): readonly [number, string] {
  try {
    return cursorSchema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")));
  } catch {
    throw invalidField("cursor", "not a cursor that this list gave out");
  }
}
