/** What compresses the ring's blocks: each by itself, one after another, into memory that is used again. */
import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { BlockPacker, type PackedBlock, unpack } from "../../src/protocol/blockPacker.ts";

/** `isDropped` is asked when it is the block's turn. */
function pack(packer: BlockPacker, bytes: Uint8Array, isDropped = () => false): Promise<PackedBlock | undefined> {
  return new Promise((resolve) => packer.pack({ bytes, isDropped, done: resolve }));
}

function text(seed: number, length = 200_000): Buffer {
  const words = Array.from({ length: 50 }, (_, index) => `{"Dimension":"d${(index * seed) % 17}","Quantity":${seed}}`);
  return Buffer.from(words.join().repeat(Math.ceil(length / 1_500))).subarray(0, length);
}

function unpacked(packed: PackedBlock | undefined, size: number): Buffer {
  if (packed === undefined) throw new Error("it was not packed");
  return unpack(packed.memory.subarray(0, packed.length), size);
}

describe("blocks", () => {
  test("are packed one after another, and each is unpacked without the others", async () => {
    const packer = new BlockPacker();
    // Of all sizes: none, less and more than a chunk of output, and what cannot be made smaller.
    const blocks = [Buffer.alloc(0), text(3), text(5, 1_048_576), randomBytes(400_000), text(7, 10)];
    const packed = await Promise.all(blocks.map((block) => pack(packer, block)));
    for (const [index, block] of blocks.entries()) {
      if (block.length > 0) expect(unpacked(packed[index], block.length).equals(block)).toBe(true);
    }
    expect(packed[2]?.length).toBeLessThan(1_048_576 / 7);
  });

  test("that were dropped before their turn are not packed", async () => {
    const packer = new BlockPacker();
    let isDropped = false;
    const first = pack(packer, text(3));
    const second = pack(packer, text(5), () => isDropped);
    const third = pack(packer, text(7));
    isDropped = true;
    expect(await second).toBeUndefined();
    expect(unpacked(await first, 200_000).equals(text(3))).toBe(true);
    expect(unpacked(await third, 200_000).equals(text(7))).toBe(true);
  });
});

describe("memory", () => {
  test("of a block that is no longer kept is taken by one that fits", async () => {
    const packer = new BlockPacker();
    const first = await pack(packer, text(3));
    const kept = await pack(packer, text(5));
    if (first === undefined) throw new Error("it was not packed");
    packer.release(first.memory);
    const small = await pack(packer, text(7, 1_000));
    expect(small?.memory).not.toBe(first.memory);
    const next = await pack(packer, text(3));
    expect(next?.memory).toBe(first.memory);
    expect(unpacked(next, 200_000).equals(text(3))).toBe(true);
    expect(unpacked(kept, 200_000).equals(text(5))).toBe(true);
  });

  test("is a little more than what it holds, and no more than that", async () => {
    const packer = new BlockPacker();
    for (const seed of [2, 3, 5]) {
      const packed = await pack(packer, randomBytes(100_000 * seed));
      if (packed === undefined) throw new Error("it was not packed");
      expect(packed.memory.length).toBeGreaterThanOrEqual(packed.length);
      expect(packed.memory.length).toBeLessThanOrEqual(Math.ceil(packed.length * 1.125));
      packer.release(packed.memory);
    }
  });
});
