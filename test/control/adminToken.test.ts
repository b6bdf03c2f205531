/** Where the root token comes from, and who may read it. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadAdminToken } from "../../src/control/adminToken.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "meterhouse-admin-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

test("the first start makes it, for its owner alone; later starts read it", () => {
  const token = loadAdminToken({ dataDir, env: {} });
  expect(token).toMatch(/^mht_[\w-]{43}$/);
  expect(readFileSync(join(dataDir, "admin.token"), "utf8").trim()).toBe(token);
  expect(statSync(join(dataDir, "admin.token")).mode & 0o777).toBe(0o600);
  expect(readdirSync(dataDir)).toEqual(["admin.token"]);
  expect(loadAdminToken({ dataDir, env: {} })).toBe(token);
});

test("the folder is made where it is missing", () => {
  expect(loadAdminToken({ dataDir: join(dataDir, "new"), env: {} })).toMatch(/^mht_/);
});

test("the environment goes first, and leaves no file", () => {
  expect(loadAdminToken({ dataDir, env: { METERHOUSE_ADMIN_TOKEN: " given " } })).toBe("given");
  expect(readdirSync(dataDir)).toEqual([]);
  expect(() => loadAdminToken({ dataDir, env: { METERHOUSE_ADMIN_TOKEN: "two words" } })).toThrow(
    "METERHOUSE_ADMIN_TOKEN",
  );
});

test("a file that others can read is refused with what to do", () => {
  loadAdminToken({ dataDir, env: {} });
  chmodSync(join(dataDir, "admin.token"), 0o644);
  expect(() => loadAdminToken({ dataDir, env: {} })).toThrow(/mode 0644.*chmod 600/);
});

test("an empty file is refused", () => {
  writeFileSync(join(dataDir, "admin.token"), "\n", { mode: 0o600 });
  expect(() => loadAdminToken({ dataDir, env: {} })).toThrow("one word");
});
