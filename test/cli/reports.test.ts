/** Reports as commands: tables, JSON, files. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSignedClient, type SigningKey } from "../support/signedClient.ts";
import { type DemoServer, startDemo } from "./support.ts";

const seller = "111122223333";
const buyer = "444455556666";
const code = "reported";
const now = "2026-08-15T10:30:00Z";

let server: DemoServer;

beforeAll(async () => {
  server = await startDemo();
  const dimensions = [{ name: "gb", price: "0.125", unit: "GB" }, { name: "bare" }];
  const document = {
    products: [{ code, seller, type: "saas-subscription", createdAt: "2024-01-01T00:00:00Z", dimensions }],
    agreements: [{ product: code, buyer, state: "active", since: "2026-07-01T00:00:00Z" }],
  };
  const file = join(server.folder, "catalog.json");
  writeFileSync(file, JSON.stringify(document));
  await server.ok("catalog", "import", file);
  await server.ok("clock", "set", now);
  const key = (await server.json("credential", "create", "--account", seller, "--kind", "iam-user")) as unknown;
  const client = createSignedClient(server.url);
  const at = Date.parse(now) / 1_000;
  const tagged = (quantity: number, team?: string) => ({
    AllocatedUsageQuantity: quantity,
    ...(team === undefined ? {} : { Tags: [{ Key: "team", Value: team }] }),
  });
  const UsageRecords = [
    {
      ...{ Timestamp: at, CustomerAWSAccountId: buyer, Dimension: "gb", Quantity: 5 },
      UsageAllocations: [tagged(2, "red, blue"), tagged(3)],
    },
    { Timestamp: at - 12 * 3_600, CustomerAWSAccountId: buyer, Dimension: "gb", Quantity: 2 },
    { Timestamp: at, CustomerAWSAccountId: buyer, Dimension: "bare", Quantity: 9 },
  ];
  const reply = await client.call("BatchMeterUsage", { ProductCode: code, UsageRecords }, key as SigningKey);
  client.close();
  expect((reply.json.Results as { Status: string }[]).map(({ Status }) => Status)).toEqual(
    UsageRecords.map(() => "Success"),
  );
}, 60_000);
afterAll(() => server?.stop());

const lines = (table: string): string[] => table.trimEnd().split("\n");
const csv = (text: string): string[][] => parse(text) as string[][];

test("usage: a table by what was asked for, JSON, and CSV", async () => {
  const table = lines(
    await server.ok("report", "usage", "--by", "day,dimension", "--product", code, "--month", "2026-08"),
  );
  expect(table[0]).toMatch(/^DAY +DIMENSION +QUANTITY +RECORDS$/);
  expect(table.slice(1).map((line) => line.split(/ +/))).toEqual([
    ["2026-08-14", "gb", "2", "1"],
    ["2026-08-15", "bare", "9", "1"],
    ["2026-08-15", "gb", "5", "1"],
  ]);
  expect(await server.json("report", "usage", "--by", "dimension", "--product", code, "--limit", "1")).toEqual({
    items: [{ dimension: "bare", quantity: 9, records: 1 }],
    nextCursor: expect.any(String),
  });
  const file = join(server.folder, "teams.csv");
  await server.ok("report", "usage", "--tag", "team", "--dimension", "gb", "--product", code, "--output", file);
  expect(csv(readFileSync(file, "utf8"))).toEqual([
    ["tag:team", "quantity", "records"],
    ["", "5", "2"],
    ["red, blue", "2", "1"],
  ]);
  expect(await server.cli(["report", "usage", "--by", "week"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("--by: 'week' is none of"),
  });
  expect(await server.cli(["report", "usage", "--by", "day", "--product", "none"])).toEqual({
    ...{ code: 0, stdout: "", stderr: "No usage.\n" },
  });
});

test("bill: lines, the total, and what has no price", async () => {
  const bill = ["report", "bill", "--month", "2026-08", "--product", code];
  const { stdout, stderr } = await server.cli(bill);
  expect(lines(stdout)[0]).toMatch(/^PRODUCT +CUSTOMER +AGREEMENT +DIMENSION +UNITS +PRICE +AMOUNT +STATUS +LICENSE$/);
  expect(stdout).toMatch(/ bare +9 +- +- +no-price/);
  // 7 × 0.125 = 0.875.
  expect(stdout).toMatch(/ gb +7 +0\.125 +0\.88 +charged/);
  expect(stdout).toContain("\nTotal 0.88 USD, to be invoiced on 2026-09-02.\n");
  expect(stderr).toBe("The total leaves 1 of 2 lines out, whose dimensions have no price.\n");
  expect(await server.json(...bill)).toMatchObject({ total: "0.88", items: [{ amount: null }, { amount: "0.88" }] });
  const file = join(server.folder, "bill.csv");
  expect((await server.cli([...bill, "--output", file])).stderr).toBe(`The report is in ${file}.\n`);
  const [head = [], ...rows] = csv(readFileSync(file, "utf8"));
  expect(rows.map((row) => row[head.indexOf("amount")])).toEqual(["", "0.88"]);
  const empty = await server.cli(["report", "bill", "--month", "2026-01"]);
  expect(empty).toMatchObject({ code: 0, stdout: "\nTotal 0.00 USD, to be invoiced on 2026-02-02.\n" });
  expect((await server.cli(["report", "bill"])).code).toBe(2);
  expect((await server.cli(["report", "bill", "--month", "2026-8"])).code).toBe(2);
});

test("daily: CSV to stdout", async () => {
  const {
    code: exit,
    stdout,
    stderr,
  } = await server.cli(["report", "daily", "--date", "2026-08-14", "--product", code]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  const [head = [], row = [], ...rest] = csv(stdout);
  expect(rest).toEqual([]);
  expect([row[head.indexOf("Instance Type")], row[head.indexOf("Estimated Revenue")]]).toEqual(["gb", "0.25"]);
});

test("feed: as AWS lays its files out, and nothing written when it is refused", async () => {
  const bucket = join(server.folder, "bucket");
  await server.ok("report", "feed", "account", "--month", "2026-07", "--bucket", bucket);
  const [head = [], ...rows] = csv(readFileSync(join(bucket, "account_v1/year=2026/month=07/data.csv"), "utf8"));
  expect(rows.map((row) => row[head.indexOf("aws_account_id")])).toContain(buyer);

  await server.ok("clock", "set", "2026-09-02T00:00:00Z");
  const events = csv(await server.ok("report", "feed", "billing_event", "--month", "2026-09"));
  expect(events.map((row) => row[9])).toEqual(["amount", "0.88"]);

  const file = join(server.folder, "none.csv");
  const refused = await server.cli([
    "report",
    "feed",
    "account",
    "--month",
    "2026-07",
    "--seller",
    "x",
    "--output",
    file,
  ]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("--seller") });
  expect(existsSync(file)).toBe(false);
  expect(await server.cli(["report", "feed", "offer", "--month", "2026-07"])).toMatchObject({ code: 2 });
});
