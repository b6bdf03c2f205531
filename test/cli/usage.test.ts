/** Usage that came over the wire, listed and exported: more than one page of it. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSignedClient, type SigningKey } from "../support/signedClient.ts";
import { type DemoServer, startDemo } from "./support.ts";

const seller = "111122223333";
const buyer = "444455556666";
const code = "counted";
const dimensions = Array.from({ length: 24 }, (_, place) => `d${place}`);
const hoursAtOnce = 5;
const rounds = 9;
const total = dimensions.length * hoursAtOnce * rounds;
const firstAt = Date.UTC(2026, 7, 10, 12, 30);
const hourMs = 3_600_000;

let server: DemoServer;

beforeAll(async () => {
  server = await startDemo();
  const document = {
    products: [{ code, seller, type: "saas-subscription", createdAt: "2024-01-01T00:00:00Z", dimensions }],
    agreements: [{ product: code, buyer, state: "active", since: "2024-02-01T00:00:00Z" }],
  };
  const file = join(server.folder, "catalog.json");
  writeFileSync(file, JSON.stringify(document));
  await server.ok("catalog", "import", file);
  await server.ok("settings", "set", "quotas=off");
  const key = (await server.json("credential", "create", "--account", seller, "--kind", "iam-user")) as unknown;
  await meter(key as SigningKey);
}, 60_000);
afterAll(() => server?.stop());

async function meter(key: SigningKey): Promise<void> {
  const client = createSignedClient(server.url);
  try {
    for (let round = 0; round < rounds; round += 1) {
      const now = firstAt + round * hoursAtOnce * hourMs;
      await setClock(now);
      const records = Array.from({ length: hoursAtOnce }, (_, back) => now - back * hourMs).flatMap((at) =>
        dimensions.map((Dimension, place) => ({
          ...{ Timestamp: at / 1_000, CustomerAWSAccountId: buyer, Dimension, Quantity: place },
          // What a spreadsheet and a parser of CSV could stumble over.
          ...(place === 3
            ? { UsageAllocations: [{ AllocatedUsageQuantity: 3, Tags: [{ Key: "team", Value: '=1+"1", x' }] }] }
            : {}),
        })),
      );
      while (records.length > 0) {
        const UsageRecords = records.splice(0, 24);
        const reply = await client.call("BatchMeterUsage", { ProductCode: code, UsageRecords }, key);
        const results = (reply.json.Results ?? []) as { Status: string }[];
        if (!results.every(({ Status }) => Status === "Success") || results.length !== UsageRecords.length) {
          throw new Error(`usage was not accepted: ${reply.text}`);
        }
      }
    }
  } finally {
    client.close();
  }
}

async function setClock(at: number): Promise<void> {
  const answer = await fetch(`${server.url}/api/v1/clock/set`, {
    method: "POST",
    headers: { authorization: `Bearer ${server.token}`, "content-type": "application/json" },
    body: JSON.stringify({ to: new Date(at).toISOString() }),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

test("list", async () => {
  const table = await server.ok("usage", "list", "--product", code, "--dimension", "d3", "--from", "now-5h");
  expect(table).toMatch(/^HOUR +PRODUCT +CUSTOMER +DIMENSION +QUANTITY +STATUS +RESOURCE +ID\n/);
  expect(table.trimEnd().split("\n")).toHaveLength(1 + hoursAtOnce);
  const first = await server.cli(["usage", "list"]);
  expect(first.stdout.trimEnd().split("\n")).toHaveLength(101);
  expect(first.stderr).toMatch(/^There are more: --all lists them, --cursor \S+ goes on here\.\n$/);
  const all = (await server.json("usage", "list", "--all")) as { items: { id: string }[]; nextCursor?: string };
  expect(new Set(all.items.map(({ id }) => id)).size).toBe(total);
  expect(all.nextCursor).toBeUndefined();
  const some = (await server.json("usage", "list", "--limit", "1005")) as { items: object[]; nextCursor?: string };
  expect(some.items).toHaveLength(1_005);
  expect(some.nextCursor).toBeDefined();
  const day = await server.json(
    "usage",
    "list",
    "--from",
    "2026-08-11",
    "--to",
    "2026-08-12",
    "--all",
    "--status",
    "billable",
  );
  for (const { hour } of (day as { items: { hour: string }[] }).items) expect(hour).toMatch(/^2026-08-11/);
});

test("export as CSV to stdout: every record once, in the form of RFC 4180", async () => {
  const { code: exit, stdout, stderr } = await server.cliProcess(["usage", "export"]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  const [head = [], ...rows] = parseCsv(stdout);
  expect(head.slice(0, 5)).toEqual(["id", "region", "path", "product", "customer"]);
  expect(rows).toHaveLength(total);
  expect(new Set(rows.map(([id]) => id)).size).toBe(total);
  expect(rows.every((row) => row.length === head.length)).toBe(true);
  const allocated = rows.find((row) => row[head.indexOf("dimension")] === "d3") ?? [];
  expect(JSON.parse(allocated[head.indexOf("allocations")] ?? "")).toEqual([
    { AllocatedUsageQuantity: 3, Tags: [{ Key: "team", Value: '=1+"1", x' }] },
  ]);
});

test("export as JSON lines to a file, which appears whole and whose name tells the form", async () => {
  const file = join(server.folder, "usage.jsonl");
  const link = join(server.folder, "link.jsonl");
  writeFileSync(file, "of last month\n");
  symlinkSync(file, link);
  const told = await server.cli(["usage", "export", "--output", link, "--dimension", "d1"]);
  // No progress: stderr is no terminal.
  expect(told).toEqual({ code: 0, stdout: "", stderr: `${hoursAtOnce * rounds} metering records are in ${link}.\n` });
  const lines = readFileSync(file, "utf8").trimEnd().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { dimension: string }).dimension)).toEqual(lines.map(() => "d1"));
  expect(readdirSync(server.folder).filter((name) => name.endsWith(".part"))).toEqual([]);

  const before = readFileSync(file, "utf8");
  const refused = await server.cli(["usage", "export", "--output", file, "--product", "prod-not-a-code"]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("--product");
  expect(readFileSync(file, "utf8")).toBe(before);
  const nowhere = await server.cli(["usage", "export", "--output", join(server.folder, "no/such/usage.csv")]);
  expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no such folder") });
  expect(existsSync(join(server.folder, "no"))).toBe(false);
});

test.skipIf(process.platform === "win32")("a pipe is written into, not replaced", async () => {
  const pipe = join(server.folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const [read, told] = await Promise.all([
    readFile(pipe, "utf8"),
    server.cli(["usage", "export", "--output", pipe, "--dimension", "d1"]),
  ]);
  expect(told.code).toBe(0);
  expect(read.split("\n")).toHaveLength(1 + hoursAtOnce * rounds + 1);
  expect(statSync(pipe).isFIFO()).toBe(true);
});

function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    rows.at(-1)?.push(quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'));
    if (end === "\r\n") rows.push([]);
  }
  return rows.slice(0, -1);
}
