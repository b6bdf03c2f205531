/**
 * The last entries that fit into so many bytes, oldest out first. Entries are written into a few large blocks and leave no
 * object behind: kept as objects, each would be carried through the collector's young generation, which cost more than
 * the copy. What is full is compressed on another thread, to about a seventh, and its memory takes later entries: so the
 * ring takes less than it holds, and what is written to stays in the processor's caches. Looking an entry up walks the
 * blocks; that is for people, and takes milliseconds.
 */
import { BlockPacker, unpack } from "./blockPacker.ts";

/** Texts and bytes of an entry in turn; an entry's parts come back in this order. */
export interface RingEntry {
  /** One character a byte (latin1): ids and headers, as Node gives them. */
  readonly head: string;
  readonly bytes: Uint8Array;
  /** Any text. */
  readonly text: string;
}

interface Block {
  /** Entries one after another, up to `used`; `packed`: those compressed, up to `packedLength`. */
  bytes: Buffer;
  state: "open" | "full" | "packing" | "packed";
  used: number;
  packedLength: number;
  /** Of the entries' ids, to find the block by: eight bytes an entry that no bound counts. */
  readonly hashes: number[];
  isDropped: boolean;
}

/** Blocks of a ring: so large a part of it goes when the oldest goes. */
const blocksPerRing = 16;
const blockBytesMax = 1_048_576;
/** Memory of blocks that were packed, for the next ones. */
const freeMax = 2;
/** Lengths of id, head, bytes and text, four bytes each. */
const prefixBytes = 16;
const lengthBytes = 4;

export class ByteRing {
  readonly #bytesMax: number;
  readonly #blockBytes: number;
  /** Oldest first. */
  #blocks: Block[] = [];
  #free: Buffer[] = [];
  readonly #packer = new BlockPacker();
  /** What the blocks were before they were packed. */
  #kept = 0;

  /** `bytesMax`: of entries, before they are compressed. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#blockBytes = Math.min(blockBytesMax, Math.floor(bytesMax / blocksPerRing));
  }

  /** What the blocks take now, whether or not they are full. */
  get bytes(): number {
    return this.#blocks.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** `id` is latin1 as well. What is larger than the whole ring is not kept. */
  add(id: string, { head, bytes, text }: RingEntry): void {
    const textBytes = Buffer.byteLength(text);
    const block = this.#room(prefixBytes + id.length + head.length + bytes.length + textBytes);
    if (block === undefined) return;
    const target = block.bytes;
    let at = block.used;
    for (const length of [id.length, head.length, bytes.length, textBytes]) {
      target.writeUInt32LE(length, at);
      at += lengthBytes;
    }
    at += target.write(id, at, "latin1");
    at += target.write(head, at, "latin1");
    target.set(bytes, at);
    at += bytes.length;
    block.used = at + target.write(text, at, "utf8");
    block.hashes.push(hashOf(id));
  }

  /** The entry that was added last under this id. */
  find(id: string): RingEntry | undefined {
    const hash = hashOf(id);
    for (const block of this.#blocks.toReversed()) {
      if (!block.hashes.includes(hash)) continue;
      const found = findIn(unpacked(block), block.used, id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  clear(): void {
    for (const block of this.#blocks) block.isDropped = true;
    this.#blocks = [];
    this.#free = [];
    this.#kept = 0;
  }

  /** A block with so much room; undefined: the whole ring has not as much. */
  #room(bytes: number): Block | undefined {
    const last = this.#blocks.at(-1);
    if (last?.state === "open" && last.used + bytes <= this.#sizeOf(last)) return last;
    const size = Math.max(bytes, this.#blockBytes);
    if (size > this.#bytesMax) return undefined;
    if (last?.state === "open") this.#pack(last);
    while (this.#kept + size > this.#bytesMax) {
      const oldest = this.#blocks.shift();
      if (oldest === undefined) break;
      this.#drop(oldest);
    }
    const memory = size === this.#blockBytes ? this.#free.pop() : undefined;
    const block: Block = {
      bytes: memory ?? Buffer.allocUnsafeSlow(size),
      state: "open",
      used: 0,
      packedLength: 0,
      hashes: [],
      isDropped: false,
    };
    this.#blocks.push(block);
    this.#kept += size;
    return block;
  }

  /** Before it is packed. */
  #sizeOf({ used }: Block): number {
    return Math.max(used, this.#blockBytes);
  }

  #drop(block: Block): void {
    block.isDropped = true;
    this.#kept -= this.#sizeOf(block);
    if (block.state === "packed") this.#packer.release(block.bytes);
    // While it is being packed its memory is read.
    else if (block.state !== "packing") this.#release(block.bytes);
  }

  #release(memory: Buffer): void {
    if (memory.length === this.#blockBytes && this.#free.length < freeMax) this.#free.push(memory);
  }

  #pack(block: Block): void {
    const { bytes, used } = block;
    block.state = "packing";
    this.#packer.pack({
      bytes: bytes.subarray(0, used),
      isDropped: () => block.isDropped,
      done: (packed) => {
        // One that cannot be packed stays as it is.
        block.state = packed === undefined ? "full" : "packed";
        if (packed !== undefined) {
          block.bytes = packed.memory;
          block.packedLength = packed.length;
        }
        if (block.isDropped && packed !== undefined) this.#packer.release(packed.memory);
        if (block.isDropped || packed !== undefined) this.#release(bytes);
      },
    });
  }
}

function unpacked({ bytes, state, used, packedLength }: Block): Buffer {
  return state === "packed" ? unpack(bytes.subarray(0, packedLength), used) : bytes;
}

/** The last entry under this id. */
function findIn(bytes: Buffer, used: number, id: string): RingEntry | undefined {
  let found: RingEntry | undefined;
  for (let at = 0; at < used; ) {
    const idAt = at + prefixBytes;
    const headAt = idAt + bytes.readUInt32LE(at);
    const bytesAt = headAt + bytes.readUInt32LE(at + lengthBytes);
    const textAt = bytesAt + bytes.readUInt32LE(at + 2 * lengthBytes);
    const end = textAt + bytes.readUInt32LE(at + 3 * lengthBytes);
    if (headAt - idAt === id.length && bytes.toString("latin1", idAt, headAt) === id) {
      // A copy: the block may be written anew while the entry is looked at.
      found = {
        head: bytes.toString("latin1", headAt, bytesAt),
        bytes: Buffer.from(bytes.subarray(bytesAt, textAt)),
        text: bytes.toString("utf8", textAt, end),
      };
    }
    at = end;
  }
  return found;
}

/** FNV-1a, as a small integer. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  return hash | 0;
}
