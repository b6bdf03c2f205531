/** a server that is killed while it catches up leaves each hour exactly once (SIGKILL, again and again). */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteStore, type SqliteStore } from "../../../src/store/sqlite/open.ts";
import { testSealer } from "../../store/engines.ts";
import { hourMs } from "../../store/fixtures.ts";
import { byHour, recordsOf, register, startAt, task } from "./registrations.ts";

const script = fileURLToPath(new URL("./catchUp.ts", import.meta.url));
const tasks = 100;
const hours = 1_000;
const now = startAt + hours * hourMs + 1_800_000;
const killsMax = 8;

let folder: string;
let file: string;
const running = new Set<ChildProcess>();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "meterhouse-metering-"));
  file = join(folder, "meterhouse.db");
});

afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Kills `afterMs` after the work began; Infinity: lets it end. Answers with what it printed. */
async function catchUp(afterMs: number): Promise<string> {
  const child = spawn(process.execPath, [script, file, String(now)], { stdio: ["ignore", "pipe", "inherit"] });
  running.add(child);
  let printed = "";
  const begun = new Promise<void>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      resolve();
    });
    child.once("close", () => resolve());
  });
  const closed = new Promise<void>((resolve) => {
    child.once("close", () => {
      running.delete(child);
      resolve();
    });
  });
  await begun;
  if (afterMs !== Number.POSITIVE_INFINITY) {
    await sleep(afterMs);
    child.kill("SIGKILL");
  }
  await closed;
  return printed;
}

async function withStore<T>(body: (store: SqliteStore) => Promise<T>): Promise<T> {
  const store = openSqliteStore({ file, sealer: testSealer });
  try {
    return await body(store);
  } finally {
    await store.close();
  }
}

test("killed in the middle of catching up", { timeout: 120_000 }, async () => {
  await withStore(async (store) => {
    for (let number = 0; number < tasks; number += 1) await register(store, task(number));
    for (let number = 0; number < tasks; number += 2) {
      await store.ledger.endWorkload({ resource: task(number).resource, at: now - 1_000 });
    }
  });
  const counts: number[] = [];
  for (let kill = 0; kill < killsMax; kill += 1) {
    const printed = await catchUp(20 + Math.random() * 150);
    // A fast machine is through before the last kill.
    if (printed.includes("done")) break;
    counts.push(await withStore(async ({ ledger }) => (await ledger.count({})).count));
  }
  // The kills came in the middle: something was there, and not all of it.
  expect(counts.some((count) => count > 0 && count < tasks * hours)).toBe(true);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(await catchUp(Number.POSITIVE_INFINITY)).toContain("done");

  await withStore(async ({ ledger, database }) => {
    expect(database.prepare("PRAGMA integrity_check").all()).toEqual([{ integrity_check: "ok" }]);
    for (const number of [0, 1, tasks - 2, tasks - 1]) {
      const isStopped = number % 2 === 0;
      const seconds = Object.values(byHour(await recordsOf(ledger, task(number).resource)));
      expect(seconds).toEqual([...Array.from({ length: hours }, () => 3_600), ...(isStopped ? [1_799] : [])]);
    }
    expect(await ledger.count({})).toEqual({
      count: tasks * hours + tasks / 2,
      quantity: tasks * hours * 3_600 + (tasks / 2) * 1_799,
    });
    expect(ledger.openRegistrations()).toHaveLength(tasks / 2);
  });
});
