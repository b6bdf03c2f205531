/**
 * Issue 7: secrets are in no log, file, error text or trail. A real `meterhouse serve` with its most talkative log lives
 * through everything that handles a secret; then whatever it wrote is searched.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { createDatabase } from "../support/postgres.ts";
import { endProcesses, makePlace, startServer } from "../support/serverProcess.ts";
import { liveThrough, secretCatalog } from "./secretsScenario.ts";
import { filesIn, leaksOf, type Place, type Secret } from "./secretsSearch.ts";

afterEach(() => endProcesses());

/** Of the process, by the kernel. */
function argumentsOf(pid: number): Place {
  return { name: "process list", text: readFileSync(`/proc/${pid}/cmdline`, "latin1") };
}

interface Day {
  readonly secrets: readonly Secret[];
  readonly places: readonly Place[];
}

async function liveOneDay(env: Readonly<Record<string, string>>): Promise<Day> {
  const catalog = secretCatalog();
  const place = makePlace(catalog);
  const server = await startServer(place, { flags: ["--log-level", "debug"], env });
  const adminToken = readFileSync(join(place.dataDir, "admin.token"), "utf8").trim();
  const { secrets, answers } = await liveThrough(server.endpoint, adminToken, catalog);
  const masterKey = readFileSync(join(place.dataDir, "master.key"), "utf8").trim();
  // While it runs, for what stands in the WAL alone; and when it has ended.
  const running = [argumentsOf(server.pid), ...filesIn(place.dataDir)];
  server.signal("SIGTERM");
  const { stdout, stderr, code } = await server.exit;
  expect(code).toBe(0);
  expect(stderr.split("\n").length).toBeGreaterThan(20);
  return {
    secrets: [...secrets, { name: "master key", value: masterKey, shownIn: [/^file .*master\.key$/] }],
    places: [
      ...answers,
      ...running,
      ...filesIn(place.dataDir),
      { name: "stdout", text: Buffer.from(stdout).toString("latin1") },
      { name: "stderr", text: Buffer.from(stderr).toString("latin1") },
    ],
  };
}

test("with the embedded store", async () => {
  const { secrets, places } = await liveOneDay({});
  expect(secrets.length).toBeGreaterThan(60);
  expect(places.length).toBeGreaterThan(150);
  // What is looked for is found where it should be: the search can fail.
  for (const name of ["root admin token", "drawn secret key", "registration token", "session cookie"]) {
    const [found] = secrets.filter((one) => one.name === name);
    expect(leaksOf([{ name, value: found?.value ?? "" }], places), name).not.toEqual([]);
  }
  expect(leaksOf(secrets, places)).toEqual([]);
});

test("with PostgreSQL, whose password is one of them", async () => {
  const database = await createDatabase();
  const password = randomBytes(18).toString("hex");
  const role = `guest_${randomBytes(6).toString("hex")}`;
  await database.admin(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD '${password}'`);
  try {
    const url = Object.assign(new URL(database.url), { username: role, password }).href;
    const { secrets, places } = await liveOneDay({ METERHOUSE_DATABASE_URL: url });
    const tables = await database.query<{ readonly name: string }>(
      "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'",
    );
    const rows = await Promise.all(
      tables.map(async ({ name }) => {
        // As text: bytea comes in hex, which is one of the forms that are looked for.
        const found = await database.query<{ readonly row: string }>(`SELECT t::text AS row FROM ${name} t`);
        return { name: `table ${name}`, text: found.map(({ row }) => row).join("\n") };
      }),
    );
    expect(rows.find(({ text }) => text.includes("v1."))).toBeDefined();
    const all = [...secrets, { name: "password of the database", value: password }];
    expect(leaksOf(all, [...places, ...rows])).toEqual([]);
  } finally {
    await endProcesses();
    await database.drop();
    await database.admin(`DROP ROLE ${role}`).catch(() => {});
  }
});
