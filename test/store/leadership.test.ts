/** One of the nodes over a database leads, and another follows when that one is gone, in whatever way. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openPostgresStore } from "../../src/store/postgres/open.ts";
import type { Store } from "../../src/store/store.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { testSealer } from "./engines.ts";

const soon = { timeout: 25_000, interval: 20 };

let database: TestDatabase;
let stores: Store[];
let processes: ChildProcess[];

beforeEach(async () => {
  database = await createDatabase();
  stores = [];
  processes = [];
});

afterEach(async () => {
  for (const child of processes) child.kill("SIGKILL");
  for (const store of stores) await store.close();
  await database.drop();
});

async function open(): Promise<Store> {
  const store = await openPostgresStore({ url: database.url, sealer: testSealer });
  stores.push(store);
  return store;
}

/** A node that is a process of its own; for each line that it is sent it answers whether it leads. */
async function startNode(): Promise<{ readonly child: ChildProcess; readonly leads: () => Promise<boolean> }> {
  const source = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
  const program = `
    import { createInterface } from "node:readline";
    import { createSealer } from ${source("secrets.ts")};
    import { openPostgresStore } from ${source("store/postgres/open.ts")};
    const sealer = createSealer(Buffer.alloc(32, 7));
    const store = await openPostgresStore({ url: process.env.DATABASE, sealer });
    const answer = () => console.log(store.leadership.isHeld());
    createInterface({ input: process.stdin }).on("line", answer);
    answer();`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    env: { ...process.env, DATABASE: database.url },
    stdio: ["pipe", "pipe", "inherit"],
  });
  processes.push(child);
  const lines = createInterface({ input: child.stdout });
  const [first] = (await once(lines, "line")) as [string];
  expect(first).toBe("true");
  return {
    child,
    leads: async () => {
      child.stdin.write("\n");
      const [line] = (await once(lines, "line")) as [string];
      return line === "true";
    },
  };
}

test("the first leads; the next does when it closes", async () => {
  const [first, second] = [await open(), await open()];
  const gained = vi.fn();
  second.leadership.onGained(gained);
  expect([first, second].map(({ leadership }) => leadership.isHeld())).toEqual([true, false]);
  await first.close();
  expect(first.leadership.isHeld()).toBe(false);
  await vi.waitFor(() => expect(second.leadership.isHeld()).toBe(true), soon);
  expect(gained).toHaveBeenCalledTimes(1);
});

test("a node that is killed is followed", async () => {
  const { child } = await startNode();
  const follower = await open();
  expect(follower.leadership.isHeld()).toBe(false);
  child.kill("SIGKILL");
  await vi.waitFor(() => expect(follower.leadership.isHeld()).toBe(true), soon);
});

test("a node that hangs is followed, and does not take itself for the leader when it wakes up", async () => {
  const { child, leads } = await startNode();
  const follower = await open();
  expect(await leads()).toBe(true);
  child.kill("SIGSTOP");
  await vi.waitFor(() => expect(follower.leadership.isHeld()).toBe(true), soon);
  child.kill("SIGCONT");
  expect(await leads()).toBe(false);
  expect(follower.leadership.isHeld()).toBe(true);
});
