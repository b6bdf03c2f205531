/** The master key and the sealing under it. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSealer, loadMasterKey } from "../../src/secrets.ts";

let dataDir: string;

beforeEach(() => {
  dataDir = join(mkdtempSync(join(tmpdir(), "meterhouse-secrets-")), "data");
});

afterEach(() => {
  rmSync(join(dataDir, ".."), { recursive: true, force: true });
});

describe("master key", () => {
  test("from the environment, as hex or as base64; no file is made", () => {
    const key = randomBytes(32);
    for (const text of [
      key.toString("hex"),
      key.toString("hex").toUpperCase(),
      key.toString("base64"),
      key.toString("base64url"),
    ]) {
      expect(loadMasterKey({ dataDir, env: { METERHOUSE_MASTER_KEY: text } })).toEqual(key);
    }
    expect(() => readdirSync(dataDir)).toThrow("ENOENT");
  });

  test("a malformed one is refused without being shown", () => {
    for (const text of [
      "short",
      "g".repeat(64),
      "a".repeat(63),
      randomBytes(31).toString("base64"),
      `${"a".repeat(42)}!!`,
    ]) {
      const load = () => loadMasterKey({ dataDir, env: { METERHOUSE_MASTER_KEY: text } });
      expect(load).toThrow(/METERHOUSE_MASTER_KEY must hold 64 hex digits or the base64 of 32 bytes/);
      expect(load).not.toThrow(text);
    }
  });

  test("from the file, made by the first start with mode 0600", () => {
    const key = loadMasterKey({ dataDir, env: {} });
    expect(key).toHaveLength(32);
    expect(readdirSync(dataDir)).toEqual(["master.key"]);
    expect(statSync(join(dataDir, "master.key")).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(dataDir, "master.key"), "utf8").trim()).toBe(key.toString("hex"));
    expect(loadMasterKey({ dataDir, env: { METERHOUSE_MASTER_KEY: "" } })).toEqual(key);
  });

  test("a file that others can read, or that holds no key, is refused and kept", () => {
    const file = join(dataDir, "master.key");
    loadMasterKey({ dataDir, env: {} });
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(file, mode);
      expect(() => loadMasterKey({ dataDir, env: {} })).toThrow(/chmod 600/);
    }
    chmodSync(file, 0o600);
    writeFileSync(file, "");
    expect(() => loadMasterKey({ dataDir, env: {} })).toThrow(/master\.key must hold 64 hex digits/);
    expect(readFileSync(file, "utf8")).toBe("");
  });
});

describe("sealer", () => {
  const sealer = createSealer(Buffer.alloc(32, 1));

  test("gives back what it sealed, under a fresh nonce each time", () => {
    for (const plain of ["", "secret", "ünïcode ✓", "x".repeat(5_000)]) {
      const sealed = sealer.seal(plain, "credential:AKID");
      expect(sealed).toMatch(/^v1\.[A-Za-z0-9_-]+$/);
      expect(sealer.unseal(sealed, "credential:AKID")).toBe(plain);
      expect(sealer.seal(plain, "credential:AKID")).not.toBe(sealed);
    }
  });

  test("another key, another context or a changed text does not unseal", () => {
    const sealed = sealer.seal("secret", "credential:AKID");
    const flipped = `${sealed.slice(0, -3)}${sealed.at(-3) === "A" ? "B" : "A"}${sealed.slice(-2)}`;
    const wrong = /The master key does not fit credential:/;
    expect(() => createSealer(Buffer.alloc(32, 2)).unseal(sealed, "credential:AKID")).toThrow(wrong);
    expect(() => sealer.unseal(sealed, "credential:OTHER")).toThrow(wrong);
    expect(() => sealer.unseal(flipped, "credential:AKID")).toThrow(wrong);
    expect(() => sealer.unseal("v1.AAAA", "credential:AKID")).toThrow(/cut short/);
    expect(() => sealer.unseal("secret", "credential:AKID")).toThrow(/not in the form/);
  });

  test("a key of another length is refused", () => {
    expect(() => createSealer(Buffer.alloc(16))).toThrow("32 bytes, not 16");
  });
});
