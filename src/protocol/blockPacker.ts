/**
 * Compresses blocks of bytes on Node's thread pool, one at a time. One context of zstd serves all of them, and what it made
 * goes to memory of blocks that are no longer kept: memory outside its heap makes V8 collect all of it, however small it is.
 */
import { constants, createZstdCompress, type ZstdCompress, zstdDecompressSync } from "node:zlib";

/** A block's bytes, compressed: the first `length` of these. */
export interface PackedBlock {
  readonly memory: Buffer;
  readonly length: number;
}

/**
 * The fastest level of those that compress well, with a window and tables that stay in a processor's cache. A chunk of
 * output is so small that it is gone before it grows old.
 */
const packing = {
  // Each write is a frame: a block is unpacked by itself.
  flush: constants.ZSTD_e_end,
  params: {
    [constants.ZSTD_c_compressionLevel]: 1,
    [constants.ZSTD_c_windowLog]: 18,
    [constants.ZSTD_c_hashLog]: 12,
  },
  chunkSize: 131_072,
};
/** Memory may be larger than what it holds by up to this share; it is made so that it fits for other blocks, too. */
const slack = 1 / 8;
const freeMax = 16;

export interface PackingJob {
  /** They are read until `done`. */
  readonly bytes: Uint8Array;
  /** Nobody wants it any longer: asked when it is its turn. */
  readonly isDropped: () => boolean;
  /** Called once. undefined: it was dropped, or cannot be packed. */
  readonly done: (packed: PackedBlock | undefined) => void;
}

export class BlockPacker {
  #stream: ZstdCompress | undefined;
  #waiting: PackingJob[] = [];
  #isPacking = false;
  /** What zstd gave of the current block. */
  #parts: Buffer[] = [];
  #free: Buffer[] = [];

  pack(job: PackingJob): void {
    this.#waiting.push(job);
    this.#next();
  }

  /** Memory of a packed block that is not kept any longer. */
  release(memory: Buffer): void {
    if (this.#free.length < freeMax) this.#free.push(memory);
  }

  #next(): void {
    if (this.#isPacking) return;
    let next = this.#waiting.shift();
    for (; next?.isDropped() === true; next = this.#waiting.shift()) next.done(undefined);
    if (next === undefined) return;
    const job = next;
    this.#isPacking = true;
    const stream = this.#stream ?? this.#open();
    stream.write(job.bytes, (error) => {
      if (error == null) this.#end(job, this.#collected());
      else {
        this.#stream = undefined;
        this.#end(job, undefined);
      }
    });
  }

  #open(): ZstdCompress {
    const stream = createZstdCompress(packing);
    stream.on("data", (part: Buffer) => this.#parts.push(part));
    // The write that it hit is told, too.
    stream.on("error", () => {});
    this.#stream = stream;
    return stream;
  }

  #collected(): PackedBlock {
    const length = this.#parts.reduce((sum, part) => sum + part.length, 0);
    const memory = this.#memory(length);
    let at = 0;
    for (const part of this.#parts) at += part.copy(memory, at);
    return { memory, length };
  }

  #end(job: PackingJob, packed: PackedBlock | undefined): void {
    this.#parts = [];
    this.#isPacking = false;
    job.done(packed);
    this.#next();
  }

  #memory(length: number): Buffer {
    const most = length * (1 + slack);
    const found = this.#free.findIndex((memory) => memory.length >= length && memory.length <= most);
    const [memory] = found < 0 ? [] : this.#free.splice(found, 1);
    // With none that fits the one that waits the longest makes room.
    if (memory === undefined && this.#free.length === freeMax) this.#free.shift();
    return memory ?? Buffer.allocUnsafeSlow(Math.ceil(length * (1 + slack / 2)));
  }
}

/** `size`: bytes that were packed. */
export function unpack(packed: Uint8Array, size: number): Buffer {
  return zstdDecompressSync(packed, { maxOutputLength: size });
}
