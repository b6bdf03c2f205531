/**
 * Issue 7: what the server makes in its data folder is its owner's alone, whatever the umask says; and so is what the
 * commands make that copy it. A folder that others can change is told of.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { openFolderFault } from "../../src/privateFile.ts";
import { testCatalog } from "../support/catalog.ts";
import { endProcesses, makePlace, type Place, startServer } from "../support/serverProcess.ts";

const main = join(import.meta.dirname, "../../src/main.ts");
afterEach(() => endProcesses());

const openToAll = ["sh", "-c", 'umask 000; exec "$0" "$@"'];

/** `name mode` of a folder and all in it. */
function modesIn(folder: string): readonly string[] {
  const names = ["", ...readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted()];
  return names.map((name) => {
    const found = statSync(join(folder, name));
    return `${found.isDirectory() ? "folder" : "file"} ${name} ${(found.mode & 0o777).toString(8)}`;
  });
}

function expectPrivate(folder: string): readonly string[] {
  const modes = modesIn(folder);
  expect(modes.filter((one) => !/^(?:folder .* 700|file .* 600)$/.test(one))).toEqual([]);
  return modes;
}

/** Under the same umask. */
function command(place: Place, ...args: readonly string[]): void {
  const [shell = "", ...shellArgs] = openToAll;
  const env = { PATH: process.env.PATH, XDG_CACHE_HOME: join(place.folder, "cache") };
  execFileSync(shell, [...shellArgs, process.execPath, main, ...args], { env, stdio: "pipe", cwd: place.folder });
}

test("the data folder, backups, keys before and after a rotation, exports and the cache, under umask 000", async () => {
  const place = makePlace(testCatalog());
  const cache = join(place.folder, "cache");
  mkdirSync(cache);
  const server = await startServer(place, { under: openToAll, env: { XDG_CACHE_HOME: cache } });
  const token = readFileSync(join(place.dataDir, "admin.token"), "utf8").trim();
  const post = async (path: string, body: object): Promise<{ readonly id: string }> => {
    const reply = await fetch(`${server.endpoint}/api/v1${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    expect(reply.status).toBe(201);
    return (await reply.json()) as { readonly id: string };
  };
  // Both make keys on their first use, which are kept sealed.
  const pod = await post("/workloads", { kind: "eks", account: "310000000001" });
  await fetch(`${server.endpoint}/api/v1/workloads/${pod.id}/environment`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await fetch(`${server.endpoint}/sns/authority.pem`);
  const running = expectPrivate(place.dataDir);
  for (const name of [
    "admin.token",
    "master.key",
    "meterhouse.db",
    "meterhouse.db-shm",
    "meterhouse.db-wal",
    "meterhouse.lock",
  ]) {
    expect(running).toContain(`file ${name} 600`);
  }
  expect(running.filter((one) => one.includes(".sealed")).length).toBeGreaterThanOrEqual(2);

  const backup = join(place.folder, "backup");
  command(place, "database", "backup", "--to", backup, "--data", place.dataDir);
  const connection = ["--url", server.endpoint, "--data", place.dataDir];
  const secrets = join(place.folder, "catalogue.json");
  command(place, "catalog", "export", "--secrets", "--output", secrets, ...connection);
  expect(statSync(secrets).mode & 0o777).toBe(0o600);
  server.signal("SIGTERM");
  expect((await server.exit).code).toBe(0);
  expectPrivate(place.dataDir);
  expect(expectPrivate(backup).length).toBeGreaterThan(3);

  const restored = join(place.folder, "restored");
  command(
    place,
    "database",
    "restore",
    "--from",
    backup,
    "--to",
    restored,
    "--key-file",
    join(place.dataDir, "master.key"),
  );
  expectPrivate(restored);
  command(place, "secrets", "rotate", "--data", place.dataDir);
  expect(expectPrivate(place.dataDir).filter((one) => one.includes("master.key.old-"))).toHaveLength(1);
  // What is below it nobody else can reach.
  expect(statSync(join(cache, "meterhouse")).mode & 0o777).toBe(0o700);
});

test("a data folder that others can change is told of, with what to do", async () => {
  const place = makePlace({});
  mkdirSync(place.dataDir);
  for (const [mode, isTold] of [
    [0o777, true],
    [0o1777, true],
    [0o770, true],
    [0o755, false],
    [0o700, false],
  ] as const) {
    chmodSync(place.dataDir, mode);
    const told = openFolderFault(place.dataDir);
    expect([mode.toString(8), told !== undefined]).toEqual([mode.toString(8), isTold]);
  }
  chmodSync(place.dataDir, 0o777);
  const server = await startServer(place);
  server.signal("SIGTERM");
  const { stderr } = await server.exit;
  expect(stderr).toContain(`"msg":"other users can change the data folder ${place.dataDir} (mode 0777)`);
  expect(stderr).toContain(`Run: chmod go-w ${place.dataDir}`);
});
