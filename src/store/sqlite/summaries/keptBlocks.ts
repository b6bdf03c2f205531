/**
 * Sums of six hours or of a day, on disk: what charts and bills are made of right after a start. A block is written once
 * its hours are over, in a transaction of its own, and removed in the transaction that stores something of its hours
 * after all.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { GroupCommit } from "../groupCommit.ts";

export const blockHours = 6;
/** Usage comes up to a day late (B-51): blocks that end later than this before the newest are not written yet. */
const settledAfterHours = 24;
const touchedMax = 10_000;
/** So far back blocks are made before anyone asks, however far apart the oldest and the newest are. */
const aheadHours = 400 * 24;

/** `pair`: usage by subject, dimension and whether it is billed. Of six hours it would be hardly less than the records. */
export type BlockKind = "dimension" | "customer" | "calls" | "pair";

/** Hours of a block; those of all kinds are whole numbers of `blockHours`. */
export const kindHours: Readonly<Record<BlockKind, number>> = {
  dimension: blockHours,
  customer: blockHours,
  calls: blockHours,
  pair: 24,
};

/** Those that usage is in, and those that calls are in. */
export const usageKinds: readonly BlockKind[] = ["dimension", "customer", "pair"];
export const callKinds: readonly BlockKind[] = ["calls"];

export interface KeptBlocksParts {
  readonly database: DatabaseSync;
  readonly commits: Pick<GroupCommit, "alone" | "isShowing" | "writing">;
  /** Of those of one instance all are removed together. */
  readonly kinds: readonly BlockKind[];
  /** Something came that is newer than everything so far: there may be blocks to write. */
  readonly advanced: () => void;
}

export class KeptBlocks {
  readonly #parts: KeptBlocksParts;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #remover: BlockRemover;
  /** The blocks that are on disk; undefined = to be read again. */
  #onDisk: ReadonlyMap<BlockKind, Set<number>> | undefined;
  /** By six hours: the look after which something of them was stored. */
  readonly #touched = new Map<number, number>();
  #look = 0;
  /** Hours and look of the last touch: another one of the same changes nothing. */
  #last: { readonly block: number; readonly look: number } | undefined;
  /** Looks before it are not known any more. */
  #firstLook = 0;
  #newest = Number.NEGATIVE_INFINITY;

  constructor(parts: KeptBlocksParts) {
    const { database } = parts;
    this.#parts = parts;
    this.#select = database.prepare("SELECT content FROM summaries WHERE kind = ? AND block = ?");
    this.#insert = database.prepare("INSERT OR REPLACE INTO summaries VALUES (?, ?, ?)");
    this.#remover = new BlockRemover(database);
  }

  /**
   * Something of this hour is being stored or removed. Called inside its transaction, for every record; or, `isRemoved`,
   * after one that removed the blocks as well.
   */
  touch(hour: number, isRemoved = false): void {
    const block = blockOf(hour);
    if (this.#last?.block === block && this.#last.look === this.#look) return;
    if (this.#touched.size >= touchedMax) this.#forgetTouched();
    this.#touched.set(block, this.#look);
    for (const [kind, known] of this.#known()) {
      const own = blockOf(hour, kindHours[kind]);
      if (!known.has(own)) continue;
      if (!isRemoved) {
        this.#parts.commits.writing();
        this.#remover.remove([kind], [hour]);
      }
      known.delete(own);
    }
    this.#last = { block, look: this.#look };
    if (block <= this.#newest) return;
    this.#newest = block;
    this.#parts.advanced();
  }

  /** To be taken before a block's rows are read, and given to `write`. */
  look(): number {
    this.#look += 1;
    return this.#look;
  }

  has(kind: BlockKind, block: number): boolean {
    return this.#known().get(kind)?.has(block) === true;
  }

  read(kind: BlockKind, block: number): Uint8Array | undefined {
    if (!this.has(kind, block)) return undefined;
    const content = this.#select.get(kind, block)?.content;
    return content instanceof Uint8Array ? content : undefined;
  }

  /** Nothing is written of hours that changed since `look`. Throws StoreFailure. */
  write(kind: BlockKind, block: number, look: number, content: Uint8Array): void {
    // Rows that cannot be written are shown: a commit would end that, and fail.
    if (this.#parts.commits.isShowing) return;
    this.#parts.commits.alone(() => {
      // Asked inside: what was queued is stored first.
      if (look < this.#firstLook || this.#lastTouch(kind, block) >= look) return;
      this.#insert.run(kind, block, content);
      this.#known().get(kind)?.add(block);
    });
  }

  /** Called inside a transaction. */
  clear(): void {
    for (const kind of this.#parts.kinds) {
      this.#parts.database.prepare("DELETE FROM summaries WHERE kind = ?").run(kind);
    }
    this.#onDisk = undefined;
    this.#last = undefined;
    this.#forgetTouched();
    this.#newest = Number.NEGATIVE_INFINITY;
  }

  /** After a rollback: what was removed in that transaction is there again, what was written is not. */
  forget(): void {
    this.#onDisk = undefined;
    this.#last = undefined;
  }

  /** The look after which something of the block's hours was last stored; -1: none that is known. */
  #lastTouch(kind: BlockKind, block: number): number {
    const six = kindHours[kind] / blockHours;
    let last = -1;
    for (let one = block * six; one < (block + 1) * six; one += 1) last = Math.max(last, this.#touched.get(one) ?? -1);
    return last;
  }

  #forgetTouched(): void {
    this.#touched.clear();
    this.#look += 1;
    this.#firstLook = this.#look;
  }

  #known(): ReadonlyMap<BlockKind, Set<number>> {
    if (this.#onDisk !== undefined) return this.#onDisk;
    const select = this.#parts.database.prepare("SELECT block FROM summaries WHERE kind = ?");
    const blocksOf = (kind: BlockKind): Set<number> => new Set(select.all(kind).map((row) => Number(row.block)));
    const found = new Map(this.#parts.kinds.map((kind) => [kind, blocksOf(kind)] as const));
    this.#onDisk = found;
    return found;
  }
}

/** Removes blocks from the disk. */
export class BlockRemover {
  readonly #delete: StatementSync;

  constructor(database: DatabaseSync) {
    this.#delete = database.prepare("DELETE FROM summaries WHERE kind = ? AND block = ?");
  }

  /** Those that these hours are in. Called inside a transaction. */
  remove(kinds: readonly BlockKind[], hours: Iterable<number>): void {
    for (const hour of hours) for (const kind of kinds) this.#delete.run(kind, blockOf(hour, kindHours[kind]));
  }
}

/** `hours`: those of the kind's blocks. */
export function blockOf(hour: number, hours = blockHours): number {
  return Math.floor(hour / hours);
}

/** Whether the block's hours are so old, by the newest one there is, that hardly anything will come of them. */
export function isSettled(block: number, newestHour: number, hours = blockHours): boolean {
  return (block + 1) * hours <= newestHour + 1 - settledAfterHours;
}

/** Blocks to have ready, the newest first: those that may hold something and are settled. */
export function* blocksAhead(oldestHour: number, newestHour: number, hours = blockHours): Generator<number> {
  const first = blockOf(Math.max(oldestHour, newestHour - aheadHours), hours);
  for (let block = blockOf(newestHour, hours); block >= first; block -= 1) {
    if (isSettled(block, newestHour, hours)) yield block;
  }
}
