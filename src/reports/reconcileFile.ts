/** A seller's own CSV of usage: which column is what, and its rows checked one by one. */
import { type CsvError, parse } from "csv-parse";
import { parseTime } from "../catalog/times.ts";
import { unguarded } from "./csv.ts";
import type { KeyColumn, UsageRow } from "./reconcile.ts";

/** What is wrong with the file, line by line. */
export class SellerFileError extends Error {
  override readonly name = "SellerFileError";
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join("\n"));
    this.faults = faults;
  }
}

/** Without case, blanks and punctuation; the AWS API's names, those of Meterhouse's own export, and usual others. */
const aliases = {
  hour: ["hour", "hourutc", "usagehour"],
  timestamp: ["timestamp", "time", "datetime", "usagetimestamp", "usagetime"],
  customer: [
    "customer",
    "customerawsaccountid",
    "customeridentifier",
    "customerid",
    "customeraccountid",
    "awsaccountid",
    "accountid",
    "account",
    "buyer",
    "buyeraccountid",
  ],
  license: ["license", "licence", "licensearn", "licencearn"],
  resource: ["resource", "resourceid", "workload", "workloadid"],
  product: ["product", "productcode"],
  region: ["region", "awsregion"],
  dimension: ["dimension", "usagedimension", "dimensionname", "dimensionkey"],
  quantity: ["quantity", "usagequantity", "units"],
  id: ["meteringrecordid", "recordid", "id"],
  status: ["status", "result"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type FileColumn = keyof typeof aliases;
export const fileColumns = Object.keys(aliases) as readonly FileColumn[];

/** Column of the file by what it is. */
export type ColumnMap = Readonly<Partial<Record<FileColumn, string>>>;

export interface SellerRow extends UsageRow {
  readonly status: string;
}

export interface SellerFile {
  /** What the file says of a record's key; both sides are summed by these. */
  readonly key: readonly KeyColumn[];
  readonly hasIds: boolean;
  /** Throws SellerFileError. */
  readonly rows: AsyncIterable<SellerRow>;
  /** Rows so far whose time has no zone, and was taken as UTC. */
  withoutZone(): number;
}

const faultsMax = 20;
const rowMaxBytes = 1_048_576;
const quantityMax = 2_147_483_647;
const msPerHour = 3_600_000;
const mappedKeys = ["product", "customer", "license", "resource", "region", "dimension"] as const;

/** Reads the header. Throws SellerFileError. */
export async function openSellerFile(
  chunks: AsyncIterable<Uint8Array | string>,
  map: ColumnMap = {},
): Promise<SellerFile> {
  const records = csvRecords(chunks);
  const head = await records.next();
  if (head.done === true) throw new SellerFileError(["The file is empty; its first row names the columns."]);
  const names = head.value.fields;
  const places = placesOf(names, map);
  const times = createTimes();
  return {
    key: ["hour", ...mappedKeys.filter((column) => places[column] !== undefined)],
    hasIds: places.id !== undefined,
    rows: checkedRows(records, names, places, times),
    withoutZone: () => times.withoutZone,
  };
}

interface CsvRecord {
  /** As spreadsheets and editors count: the header is row 1. */
  readonly row: string;
  readonly fields: readonly string[];
}

async function* csvRecords(chunks: AsyncIterable<Uint8Array | string>): AsyncGenerator<CsvRecord, undefined> {
  const parser = parse({
    bom: true,
    trim: true,
    skip_empty_lines: true,
    max_record_size: rowMaxBytes,
    // It reads ahead of us, so the row's number goes with the row, in front.
    on_record: (fields: string[], { lines }) => [String(lines), ...fields],
  });
  const fed = feed(chunks, parser);
  try {
    for await (const [row = "", ...fields] of parser as AsyncIterable<string[]>) yield { row, fields };
  } catch (error) {
    throw isCsvError(error) ? new SellerFileError([`The file is no CSV that can be read: ${error.message}.`]) : error;
  } finally {
    parser.destroy();
    await fed;
  }
  return undefined;
}

/** As fast as it is read; a fault of the source becomes one of the parser. */
async function feed(chunks: AsyncIterable<Uint8Array | string>, parser: ReturnType<typeof parse>): Promise<void> {
  const gone = new Promise<void>((resolve) => parser.once("close", resolve));
  try {
    for await (const chunk of chunks) {
      if (parser.destroyed) return;
      if (!parser.write(chunk)) await Promise.race([new Promise((resolve) => parser.once("drain", resolve)), gone]);
    }
    parser.end();
  } catch (error) {
    parser.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function isCsvError(error: unknown): error is CsvError {
  return error instanceof Error && "code" in error && String(error.code).startsWith("CSV_");
}

type Places = Readonly<Partial<Record<FileColumn, number>>>;

function placesOf(names: readonly string[], map: ColumnMap): Places {
  const faults: string[] = [];
  const plain = names.map((name) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, ""));
  const places: Partial<Record<FileColumn, number>> = {};
  const given = new Set(Object.values(map));
  for (const column of fileColumns) {
    const wanted = map[column];
    const known: readonly string[] = aliases[column];
    const found = [...names.keys()].filter((place) =>
      wanted === undefined
        ? known.includes(plain[place] ?? "") && !given.has(names[place] ?? "")
        : names[place] === wanted,
    );
    const [place] = found;
    if (wanted !== undefined && place === undefined) faults.push(`There is no column '${wanted}' to be the ${column}.`);
    if (found.length > 1) {
      const both = found.map((one) => `'${names[one]}'`).join(" and ");
      faults.push(`The columns ${both} may both be the ${column}; say which with --map ${column}=<column>.`);
    }
    if (place !== undefined) places[column] = place;
  }
  const isMissing = (column: FileColumn): boolean => places[column] === undefined && map[column] === undefined;
  const needed: FileColumn[] = (["dimension", "quantity"] as const).filter(isMissing);
  if (isMissing("hour") && isMissing("timestamp")) needed.unshift("hour");
  for (const column of needed) {
    faults.push(`No column is the ${column}: say which with --map ${column}=<column>. There are ${names.join(", ")}.`);
  }
  if (faults.length > 0) throw new SellerFileError(faults);
  return places;
}

async function* checkedRows(
  records: AsyncGenerator<CsvRecord, undefined>,
  names: readonly string[],
  places: Places,
  times: Times,
): AsyncIterable<SellerRow> {
  const faults: string[] = [];
  const timeColumn: FileColumn = places.hour === undefined ? "timestamp" : "hour";
  for await (const { row, fields } of records) {
    const text = (column: FileColumn): string => {
      const place = places[column];
      return place === undefined ? "" : unguarded(fields[place] ?? "");
    };
    const fault = (column: FileColumn, message: string): void => {
      faults.push(`row ${row}, column '${names[places[column] ?? -1]}': ${message}`);
    };
    const time = times.read(text(timeColumn));
    if ("fault" in time) fault(timeColumn, time.fault);
    const quantity = quantityOf(text("quantity"));
    if (quantity === undefined) {
      fault("quantity", `'${shown(text("quantity"))}' is not a whole number from 0 to ${quantityMax}`);
    }
    if (text("dimension") === "") fault("dimension", "it is empty");
    if (faults.length >= faultsMax) break;
    if (faults.length > 0 || quantity === undefined || "fault" in time) continue;
    yield {
      hourAt: time.hourAt,
      product: text("product"),
      customer: text("customer"),
      license: text("license"),
      resource: text("resource"),
      region: text("region"),
      dimension: text("dimension"),
      quantity,
      id: text("id").toLowerCase(),
      status: text("status"),
    };
  }
  if (faults.length >= faultsMax) faults.push(`These are the first ${faultsMax}; there may be more.`);
  if (faults.length > 0) throw new SellerFileError(faults);
}

function quantityOf(text: string): number | undefined {
  const quantity = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return quantity <= quantityMax ? quantity : undefined;
}

function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

interface Times {
  withoutZone: number;
  read(text: string): { readonly hourAt: number } | { readonly fault: string };
}

const timeForm =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2})(?::(\d{2}))?(?::(\d{2}(?:\.\d{1,9})?))?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$/i;

/** Rows of one hour tend to stand together with the same text, which then is read once. */
function createTimes(): Times {
  let last: { readonly text: string; readonly hourAt: number; readonly hasZone: boolean } | undefined;
  const times: Times = {
    withoutZone: 0,
    read: (text) => {
      const found = last?.text === text ? last : hourOf(text);
      if ("fault" in found) return found;
      last = { ...found, text };
      if (!found.hasZone) times.withoutZone += 1;
      return found;
    },
  };
  return times;
}

type ReadHour = { readonly hourAt: number; readonly hasZone: boolean } | { readonly fault: string };

function hourOf(text: string): ReadHour {
  if (/^\d{10}(?:\.\d+)?$/.test(text)) return startOf(Number(text) * 1_000, true);
  if (/^\d{13}$/.test(text)) return startOf(Number(text), true);
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    return { fault: `'${text}' is a day; usage is compared hour by hour, so write its hour too` };
  }
  const [, day, hour, minute = "00", second = "00", zone] = timeForm.exec(text) ?? [];
  const parsed = day === undefined ? undefined : parseTime(`${day}T${hour}:${minute}:${second}${zoneOf(zone)}`);
  if (parsed?.kind === "absolute") return startOf(parsed.at, zone !== undefined);
  return { fault: `'${shown(text)}' is not a time such as "2026-08-15T10:00:00Z", nor epoch seconds` };
}

function zoneOf(zone: string | undefined): string {
  if (zone === undefined || /^[A-Z]/i.test(zone)) return "Z";
  return zone.includes(":") ? zone : `${zone.slice(0, 3)}:${zone.slice(3)}`;
}

function startOf(at: number, hasZone: boolean): ReadHour {
  return { hourAt: Math.floor(at / msPerHour) * msPerHour, hasZone };
}
