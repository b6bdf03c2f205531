/** Metering records as Parquet: a row group is written as soon as it is full, the footer at the end. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from "hyparquet-writer";
import type { MeteringRecord, UsageAllocation } from "../api/types.ts";
import { version } from "../version.ts";
import { type Cells, InternedCells, NumberCells, TextCells } from "./parquetCells.ts";
import { allocationView, type RecordColumn, type RecordPages, recordColumns, statusOf } from "./recordView.ts";

/**
 * Larger groups take more memory. Smaller ones make a longer footer, which is held up to the end: for five million records
 * these make 500 groups of 16 columns, some megabytes in memory.
 */
const rowGroupRecords = 10_000;
/**
 * The writer makes new buffers for each page, twice as large again and again. Of this size they are small pieces that the
 * allocator uses again; those of a whole column, up to a megabyte, added 60 MB to the process.
 */
const pageBytes = 32_768;
/** Allocations of one record can take a megabyte: groups of such records are smaller. */
const rowGroupMaxChars = 4_194_304;

interface ParquetColumn {
  readonly element: SchemaElement;
  readonly cell: (record: MeteringRecord) => unknown;
  /** Of one row group, until it is written; interned by default. */
  readonly cells?: () => Cells;
  /** Distinct values: a dictionary would only be tried in vain. */
  readonly isDistinct?: boolean;
  /** Readers look for records by it: the least and the greatest value of each group are kept. */
  readonly isSearched?: boolean;
}

type Repetition = "REQUIRED" | "OPTIONAL";

function text(repetition: Repetition = "REQUIRED"): Omit<SchemaElement, "name"> {
  return {
    type: "BYTE_ARRAY",
    converted_type: "UTF8",
    logical_type: { type: "STRING" },
    repetition_type: repetition,
  };
}

function instant(): Omit<SchemaElement, "name"> {
  return {
    type: "INT64",
    converted_type: "TIMESTAMP_MILLIS",
    logical_type: { type: "TIMESTAMP", isAdjustedToUTC: true, unit: "MILLIS" },
    repetition_type: "REQUIRED",
  };
}

function instants(): Cells {
  return new NumberCells(BigInt);
}

const makers: Readonly<
  Record<RecordColumn, Omit<ParquetColumn, "element"> & { element: Omit<SchemaElement, "name"> }>
> = {
  id: { element: text(), cell: (record) => record.meteringRecordId, cells: () => new TextCells(), isDistinct: true },
  region: { element: text(), cell: (record) => record.region },
  path: { element: text(), cell: (record) => record.path },
  product: { element: text(), isSearched: true, cell: (record) => record.productCode },
  customer: { element: text(), isSearched: true, cell: (record) => record.accountId },
  license: { element: text("OPTIONAL"), cell: (record) => record.licenseArn },
  resource: { element: text("OPTIONAL"), cell: (record) => record.resource },
  dimension: { element: text(), isSearched: true, cell: (record) => record.dimension },
  hour: { element: instant(), isSearched: true, cells: instants, cell: (record) => record.hourAt },
  timestamp: { element: instant(), cells: instants, cell: (record) => record.timestampAt },
  // The contract's quantities end at 2147483647.
  quantity: { element: { type: "INT32", repetition_type: "REQUIRED" }, cell: (record) => record.quantity },
  status: { element: text(), cell: statusOf },
  clientToken: { element: text("OPTIONAL"), cell: (record) => record.clientToken },
  requestId: { element: text(), cell: (record) => record.requestId },
  receivedAt: { element: instant(), cells: instants, cell: (record) => record.receivedAt },
  allocations: {
    element: {
      type: "BYTE_ARRAY",
      converted_type: "JSON",
      logical_type: { type: "JSON" },
      repetition_type: "OPTIONAL",
    },
    cell: (record) => record.allocations?.map(allocationView),
  },
};

const columns: readonly ParquetColumn[] = recordColumns.map((name) => ({
  ...makers[name],
  element: { name, ...makers[name].element },
}));

export async function* parquetOf(pages: RecordPages): AsyncIterable<Uint8Array> {
  const file = new RecordFile();
  for await (const page of pages) {
    file.add(page);
    if (file.isFull) yield* file.writeGroup();
  }
  if (file.waiting > 0) yield* file.writeGroup();
  yield file.end();
}

class RecordFile {
  readonly #bytes = new ByteWriter();
  readonly #writer: ParquetWriter;
  readonly #cells = columns.map(({ cells }) => cells?.() ?? new InternedCells());
  #rows = 0n;
  #waiting = 0;
  /** Of the allocations in the next row group. */
  #chars = 0;

  constructor() {
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: [{ name: "metering_record", num_children: columns.length }, ...columns.map(({ element }) => element)],
      createdBy: `meterhouse version ${version}`,
    });
  }

  /** Records of the next row group. */
  get waiting(): number {
    return this.#waiting;
  }

  get isFull(): boolean {
    return this.waiting >= rowGroupRecords || this.#chars >= rowGroupMaxChars;
  }

  add(records: readonly MeteringRecord[]): void {
    for (const { allocations } of records) if (allocations !== undefined) this.#chars += lengthOf(allocations);
    for (const [place, { cell }] of columns.entries()) {
      const cells = this.#cells[place];
      for (const record of records) cells?.add(cell(record));
    }
    this.#waiting += records.length;
  }

  /**
   * Column by column, each in a turn of its own: where this is the serving thread, a whole group in one go would keep calls
   * waiting. To the writer each column is a group; afterwards they are joined to the one they are.
   */
  async *writeGroup(): AsyncIterable<Uint8Array> {
    const { row_groups: groups } = this.#writer;
    const rows = this.waiting;
    const first = groups.length;
    for (const [place, { element, isDistinct, isSearched }] of columns.entries()) {
      const column: ColumnSource = {
        name: element.name,
        data: this.#cells[place]?.take() ?? [],
        // Page indexes would be kept in memory up to the end.
        offsetIndex: false,
        statistics: isSearched === true,
        ...(isDistinct === true ? { encoding: "PLAIN" } : {}),
      };
      await this.#writer.write({ columnData: [column], rowGroupSize: rows, pageSize: pageBytes });
      yield this.#taken();
      await nextTurn();
    }
    const parts = groups.splice(first);
    groups.push({
      columns: parts.flatMap((part) => part.columns.map(withoutExtras)),
      num_rows: BigInt(rows),
      total_byte_size: parts.reduce((sum, part) => sum + part.total_byte_size, 0n),
      total_compressed_size: parts.reduce((sum, part) => sum + (part.total_compressed_size ?? 0n), 0n),
    });
    this.#rows += BigInt(rows);
    this.#waiting = 0;
    this.#chars = 0;
    this.#writer.num_rows = this.#rows;
    this.#writer.pendingIndexes = [];
  }

  end(): Uint8Array {
    // To a writer without a sink it returns nothing to wait for.
    this.#writer.finish();
    return this.#taken();
  }

  /** A copy of what was written since; the buffer is used again. */
  #taken(): Uint8Array {
    const taken = this.#bytes.getBytes().slice();
    this.#bytes.index = 0;
    return taken;
  }
}

/** About what they are as JSON. */
function lengthOf(allocations: readonly UsageAllocation[]): number {
  let chars = 0;
  for (const { Tags = [] } of allocations) {
    chars += 40;
    for (const { Key, Value } of Tags) chars += 20 + Key.length + Value.length;
  }
  return chars;
}

type ColumnChunk = ParquetWriter["row_groups"][number]["columns"][number];

/** Kept up to the end, for each column of each group: what no reader needs goes. */
function withoutExtras({ meta_data: kept, ...chunk }: ColumnChunk): ColumnChunk {
  if (kept === undefined) return chunk;
  const { encoding_stats: _, ...needed } = kept;
  return { ...chunk, meta_data: needed };
}
