/** What commands print: tables for people, the API's JSON for programs. */
import Table from "cli-table3";
import type { Row } from "./api.ts";
import { isRow, rowsOf } from "./api.ts";
import { type CliContext, hasColours, write } from "./context.ts";

export interface Column {
  readonly title: string;
  /** Member of the row, or how its text is made from the row. */
  readonly value: string | ((row: Row) => unknown);
  /** Gives way where the terminal is narrow: titles and URLs, not ids. */
  readonly isFlexible?: boolean;
  /** Left out where the terminal is narrow; `--json` and `get` have it. */
  readonly isExtra?: boolean;
  readonly align?: "right";
}
/** A name stands for the member of that name. */
export type ColumnInput = string | Column;

const gap = 2;
const flexibleMin = 12;
const drawnAtOnce = 100;

export async function printJson(context: CliContext, value: unknown): Promise<void> {
  // The other control characters are escaped by JSON itself; a terminal takes these for commands, too.
  const text = JSON.stringify(value, null, 2).replaceAll(/[\u007f-\u009f]/g, escaped);
  await write(context.stdout, `${text}\n`);
}

export async function printTable(
  context: CliContext,
  rows: readonly Row[],
  columns: readonly ColumnInput[],
): Promise<void> {
  await write(context.stdout, tableText(context, rows, columns));
}

/** The members of one row, each on a line; lists of objects below as tables. */
export async function printRow(context: CliContext, row: Row): Promise<void> {
  const lists = Object.entries(row).filter(([, value]) => rowsOf(value).length > 0);
  const plain = Object.entries(row).filter(([name]) => !lists.some(([list]) => list === name));
  let text = membersText(context, plain);
  for (const [name, value] of lists) {
    const rows = rowsOf(value);
    const columns = [...new Set(rows.flatMap((one) => Object.keys(one)))].map(columnOf);
    text += `\n${wordsOf(name)}:\n${tableText(context, rows, columns)}`;
  }
  await write(context.stdout, text);
}

function tableText(context: CliContext, rows: readonly Row[], inputs: readonly ColumnInput[]): string {
  const all = inputs.map(columnOf);
  const width = terminalWidth(context);
  const extras = all.filter(({ isExtra }) => isExtra);
  // The last of the extra columns goes first.
  for (let dropped = 0; dropped <= extras.length; dropped += 1) {
    const gone = extras.slice(extras.length - dropped);
    const columns = all.filter((column) => !gone.includes(column));
    const cells = rows.map((row) => columns.map((column) => withoutFraction(cellOf(memberOf(row, column)))));
    const widths = fitted(columns, cells, width);
    if (widths !== undefined) return columnsText(context, columns, cells, widths);
  }
  // Too narrow for columns side by side: one block a row, which wraps and loses nothing.
  return rows
    .map((row) =>
      membersText(
        context,
        all.map((column) => [column.title, memberOf(row, column)]),
      ),
    )
    .join("\n");
}

function columnsText(
  context: CliContext,
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
  widths: readonly number[],
): string {
  const isBold = hasColours(context, context.stdout);
  const head = columns.map(({ title }) => (isBold ? `\u001b[1m${title}\u001b[22m` : title));
  const lines = cells.map((line) => line.map((cell, place) => wrapped(cell, widths[place] ?? flexibleMin)));
  const aligns = columns.map(({ align }) => align ?? "left");
  if (lines.length <= drawnAtOnce) return tableOf(lines, { head, aligns });
  // The library draws by recursion and cannot draw a long list; parts of equal widths look like one.
  let text = "";
  for (let start = 0; start < lines.length; start += drawnAtOnce) {
    const part = lines.slice(start, start + drawnAtOnce);
    text += tableOf(part, { aligns, widths, ...(start === 0 ? { head } : {}) });
  }
  return text;
}

function membersText(context: CliContext, members: readonly (readonly [string, unknown])[]): string {
  if (members.length === 0) return "";
  const names = members.map(([name]) => wordsOf(name));
  const room = Math.max(flexibleMin, terminalWidth(context) - Math.max(...names.map(widthOf)) - gap);
  return tableOf(members.map(([, value], place) => [names[place] ?? "", wrapped(cellOf(value), room)]));
}

function tableOf(
  rows: readonly (readonly string[])[],
  options: {
    readonly head?: readonly string[];
    readonly aligns?: readonly ("left" | "right")[];
    /** Default: as wide as what is in them. */
    readonly widths?: readonly number[];
  } = {},
): string {
  const { head, aligns = [], widths } = options;
  const drawn = new Table({
    chars: { ...noLines, middle: " ".repeat(gap) },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
    colAligns: [...aligns],
    ...(head === undefined ? {} : { head: [...head] }),
    ...(widths === undefined ? {} : { colWidths: [...widths] }),
  });
  for (const row of rows) drawn.push([...row]);
  return drawn
    .toString()
    .split("\n")
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

const noLines = {
  ...{ top: "", "top-mid": "", "top-left": "", "top-right": "" },
  ...{ bottom: "", "bottom-mid": "", "bottom-left": "", "bottom-right": "" },
  ...{ left: "", "left-mid": "", mid: "", "mid-mid": "", right: "", "right-mid": "" },
} as const;

/** undefined: they do not fit, however far the flexible ones give way. Into a file or a pipe everything fits. */
function fitted(
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
  width: number,
): readonly number[] | undefined {
  // Not all cells as arguments of one call: a list may be longer than those can be.
  const widths = columns.map(({ title }, place) =>
    cells.reduce((most, line) => Math.max(most, widthOf(line[place] ?? "")), widthOf(title)),
  );
  let excess = widths.reduce((sum, one) => sum + one, 0) + gap * (widths.length - 1) - width;
  while (excess > 0) {
    // The widest gives way first, so that short titles stay whole beside a long URL.
    const places = [...widths.keys()].filter((place) => {
      const { isFlexible = false, title = "" } = columns[place] ?? {};
      return isFlexible && (widths[place] ?? 0) > Math.max(flexibleMin, widthOf(title));
    });
    const widest = places.toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
    if (widest === undefined) return undefined;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

/** Between words where it can be, inside of them where one is longer than the line, such as a URL. */
function wrapped(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return text
    .split("\n")
    .flatMap((line) => wrappedLine(line, width))
    .join("\n");
}

function wrappedLine(line: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = [...line];
  while (widthOf(rest.join("")) > width) {
    let end = 0;
    while (end < rest.length && widthOf(rest.slice(0, end + 1).join("")) <= width) end += 1;
    const blank = rest.lastIndexOf(" ", end);
    const cut = blank > 0 ? blank : Math.max(1, end);
    lines.push(rest.slice(0, cut).join(""));
    rest = rest.slice(cut + (blank > 0 ? 1 : 0));
  }
  return [...lines, rest.join("")];
}

function terminalWidth({ stdout }: CliContext): number {
  return stdout.isTTY === true && (stdout.columns ?? 0) > 0 ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
}

function columnOf(input: ColumnInput): Column {
  return typeof input === "string" ? { title: wordsOf(input).toUpperCase(), value: input } : input;
}

function memberOf(row: Row, { value }: Column): unknown {
  return typeof value === "string" ? row[value] : value(row);
}

/** `accessKeyId` → `access key id`. */
export function wordsOf(member: string): string {
  return /^[A-Z ]+$/.test(member) ? member : member.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
}

export function cellOf(value: unknown): string {
  if (value === undefined || value === null || value === "") return "-";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "string") return visible(value.replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.000Z$/, "$1Z"));
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.map(cellOf).join(", ");
  if (isRow(value)) return objectCell(value);
  return String(value);
}

/** Tables show whole seconds; what shows one thing, and JSON, have the rest. */
function withoutFraction(cell: string): string {
  return cell.replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+Z$/, "$1Z");
}

function objectCell(value: Row): string {
  const entries = Object.entries(value);
  const [only] = entries;
  // An entitlement's value: the type is told by the text.
  if (only !== undefined && entries.length === 1 && /^(Integer|Double|Boolean|String)Value$/.test(only[0])) {
    return cellOf(only[1]);
  }
  return entries.length === 0 ? "-" : entries.map(([name, member]) => `${visible(name)}=${cellOf(member)}`).join(", ");
}

/** Names come from whoever made them, and a terminal obeys control characters; some turn the direction of the text. */
export function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (one) =>
    one === "\n" ? "\n" : escaped(one),
  );
}

function escaped(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
}

const wide = /\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}|\p{Script=Hangul}|\p{Emoji_Presentation}/u;

function widthOf(text: string): number {
  const lines = text.split("\n").map((line) => {
    let width = 0;
    for (const character of line) width += wide.test(character) ? 2 : 1;
    return width;
  });
  return Math.max(...lines);
}
