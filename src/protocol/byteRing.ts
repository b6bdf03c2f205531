/**
 * The last entries that fit into so many bytes, oldest out first. Entries are written into a few large blocks and leave no
 * object behind: kept as objects, each would be carried through the collector's young generation, which cost more than
 * the copy. An entry is looked up by walking the blocks; that is for people, and takes milliseconds.
 */

/** Texts and bytes of an entry in turn; an entry's parts come back in this order. */
export interface RingEntry {
  /** One character a byte (latin1): ids and headers, as Node gives them. */
  readonly head: string;
  readonly bytes: Uint8Array;
  /** Any text. */
  readonly text: string;
}

interface Block {
  readonly bytes: Buffer;
  used: number;
}

/** Blocks of a ring: so large a part of it goes when the oldest goes. */
const blocksPerRing = 16;
const blockBytesMax = 1_048_576;
/** Lengths of id, head, bytes and text, four bytes each. */
const prefixBytes = 16;
const lengthBytes = 4;

export class ByteRing {
  readonly #bytesMax: number;
  readonly #blockBytes: number;
  /** Oldest first. */
  #blocks: Block[] = [];
  /** Of all blocks, whether or not they are full. */
  bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    this.#blockBytes = Math.min(blockBytesMax, Math.floor(bytesMax / blocksPerRing));
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
  }

  /** The entry that was added last under this id. */
  find(id: string): RingEntry | undefined {
    for (const { bytes, used } of this.#blocks.toReversed()) {
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
      if (found !== undefined) return found;
    }
    return undefined;
  }

  clear(): void {
    this.#blocks = [];
    this.bytes = 0;
  }

  /** A block with so much room; undefined: the whole ring has not as much. */
  #room(bytes: number): Block | undefined {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.used + bytes <= last.bytes.length) return last;
    const size = Math.max(bytes, this.#blockBytes);
    if (size > this.#bytesMax) return undefined;
    let free: Buffer | undefined;
    while (this.bytes + size > this.#bytesMax) {
      const oldest = this.#blocks.shift();
      if (oldest === undefined) break;
      this.bytes -= oldest.bytes.length;
      free = oldest.bytes.length === size ? oldest.bytes : undefined;
    }
    const block = { bytes: free ?? Buffer.allocUnsafeSlow(size), used: 0 };
    this.#blocks.push(block);
    this.bytes += size;
    return block;
  }
}
