/**
 * Sums of six hours each, on disk: what charts are drawn from right after a start. A block is written once its hours are
 * over, in a transaction of its own, and removed in the transaction that stores something of its hours after all.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { GroupCommit } from "../groupCommit.ts";

export const blockHours = 6;
/** Usage comes up to a day late (B-51): blocks that end later than this before the newest are not written yet. */
const settledAfterHours = 24;
const touchedMax = 10_000;
/** So far back blocks are made before anyone asks, however far apart the oldest and the newest are. */
const aheadHours = 400 * 24;

export type BlockKind = "dimension" | "customer" | "calls";

export interface KeptBlocksParts {
  readonly database: DatabaseSync;
  readonly commits: Pick<GroupCommit, "alone">;
  /** Of those of one instance all are removed together. */
  readonly kinds: readonly BlockKind[];
  /** Something came that is newer than everything so far: there may be blocks to write. */
  readonly advanced: () => void;
}

export class KeptBlocks {
  readonly #parts: KeptBlocksParts;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  /** By block, the kinds that are on disk; undefined = to be read again. */
  #onDisk: Map<number, Set<BlockKind>> | undefined;
  /** By block: the look after which something of its hours was stored. */
  readonly #touched = new Map<number, number>();
  #look = 0;
  /** Looks before it are not known any more. */
  #firstLook = 0;
  #newest = Number.NEGATIVE_INFINITY;

  constructor(parts: KeptBlocksParts) {
    const { database } = parts;
    this.#parts = parts;
    this.#select = database.prepare("SELECT content FROM summaries WHERE kind = ? AND block = ?");
    this.#insert = database.prepare("INSERT OR REPLACE INTO summaries VALUES (?, ?, ?)");
    this.#delete = database.prepare("DELETE FROM summaries WHERE kind = ? AND block = ?");
  }

  /** Something of this hour is being stored or removed. Called inside its transaction. */
  touch(hour: number): void {
    const block = blockOf(hour);
    if (this.#touched.size >= touchedMax) this.#forgetTouched();
    this.#touched.set(block, this.#look);
    for (const kind of this.#known().get(block) ?? []) this.#delete.run(kind, block);
    this.#known().delete(block);
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
    return this.#known().get(block)?.has(kind) === true;
  }

  read(kind: BlockKind, block: number): Uint8Array | undefined {
    if (!this.has(kind, block)) return undefined;
    const content = this.#select.get(kind, block)?.content;
    return content instanceof Uint8Array ? content : undefined;
  }

  /** Nothing is written of hours that changed since `look`. Throws StoreFailure. */
  write(kind: BlockKind, block: number, look: number, content: Uint8Array): void {
    this.#parts.commits.alone(() => {
      // Asked inside: what was queued is stored first.
      if (look < this.#firstLook || (this.#touched.get(block) ?? -1) >= look) return;
      this.#insert.run(kind, block, content);
      const known = this.#known();
      known.set(block, (known.get(block) ?? new Set()).add(kind));
    });
  }

  /** Called inside a transaction. */
  clear(): void {
    for (const kind of this.#parts.kinds) {
      this.#parts.database.prepare("DELETE FROM summaries WHERE kind = ?").run(kind);
    }
    this.#onDisk = undefined;
    this.#forgetTouched();
    this.#newest = Number.NEGATIVE_INFINITY;
  }

  /** After a rollback: what was removed in that transaction is there again, what was written is not. */
  forget(): void {
    this.#onDisk = undefined;
  }

  #forgetTouched(): void {
    this.#touched.clear();
    this.#look += 1;
    this.#firstLook = this.#look;
  }

  #known(): Map<number, Set<BlockKind>> {
    if (this.#onDisk !== undefined) return this.#onDisk;
    const found = new Map<number, Set<BlockKind>>();
    const { database, kinds } = this.#parts;
    for (const kind of kinds) {
      for (const row of database.prepare("SELECT block FROM summaries WHERE kind = ?").all(kind)) {
        const block = Number(row.block);
        found.set(block, (found.get(block) ?? new Set()).add(kind));
      }
    }
    this.#onDisk = found;
    return found;
  }
}

export function blockOf(hour: number): number {
  return Math.floor(hour / blockHours);
}

/** Whether the block's hours are so old, by the newest one there is, that hardly anything will come of them. */
export function isSettled(block: number, newestHour: number): boolean {
  return (block + 1) * blockHours <= newestHour + 1 - settledAfterHours;
}

/** Blocks to have ready, the newest first: those that may hold something and are settled. */
export function* blocksAhead(oldestHour: number, newestHour: number): Generator<number> {
  const first = blockOf(Math.max(oldestHour, newestHour - aheadHours));
  for (let block = blockOf(newestHour); block >= first; block -= 1) if (isSettled(block, newestHour)) yield block;
}
