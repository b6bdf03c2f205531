/** A seller's own CSV against the ledger, by the command against a real server. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { addToTotals, createTotals, keyColumns, Reconciliation, type UsageRow } from "../../src/reports/reconcile.ts";
import { openSellerFile, SellerFileError } from "../../src/reports/reconcileFile.ts";
import { createRun } from "../cli/support.ts";
import { buyer, type Harness, product, rootToken, startControl } from "../control/harness.ts";
import { claim, hour, hourMs, unit } from "../store/fixtures.ts";

// Each command is a process, and a busy machine takes seconds to start one.
vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "meterhouse-reconcile-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const other = "777788889999";
const at = (place: number): string => new Date((hour + place) * hourMs).toISOString();
const licence = "arn:aws:license-manager::123456789012:license:l-0000000000000000000000000abc0002";

describe("the command", () => {
  let control: Harness;
  let files = 0;
  const run = createRun();
  const cli = (args: readonly string[], stdin?: string) =>
    run(args, {
      cwd: folder,
      env: { METERHOUSE_URL: control.url, METERHOUSE_ADMIN_TOKEN: rootToken },
      ...(stdin === undefined ? {} : { stdin }),
    });
  const fileOf = (...rows: readonly string[]): string => {
    files += 1;
    const file = join(folder, `${files}.csv`);
    writeFileSync(file, `${rows.join("\n")}\n`);
    return file;
  };
  const reconcile = async (file: string, ...more: readonly string[]) => {
    const { code, stdout, stderr } = await cli(["usage", "reconcile", file, "--json", ...more]);
    if (code === 2) return { code, stderr };
    return { code, stderr, ...(JSON.parse(stdout) as Record<string, unknown>) };
  };

  beforeAll(async () => {
    control = await startControl();
    const own = { productCode: product, holder: buyer, accountId: buyer };
    await control.store.ledger.claim(
      unit([
        claim({ ...own, hour, quantity: 5 }),
        claim({ ...own, hour: hour + 1, quantity: 7 }),
        claim({ ...own, hour: hour + 1, quantity: 2, dimension: "storage" }),
        claim({ ...own, hour: hour + 2, quantity: 0 }),
        claim({ ...own, hour, quantity: 4, region: "eu-west-1" }),
        claim({ ...own, holder: licence, path: "license", hour: hour + 3, quantity: 9 }),
        claim({ ...own, hour: hour + 24 * 31, quantity: 100 }),
      ]),
    );
  });
  afterAll(() => control?.close());

  test("its own export is equal, whichever columns there are", async () => {
    const file = join(folder, "own.csv");
    await cli(["usage", "export", "--output", file]);
    expect(await reconcile(file)).toMatchObject({ code: 0, equal: 7, missing: 0, extra: 0, different: 0, summed: 0 });
  });

  test("missing, extra, different and equal, with sums by dimension", async () => {
    const file = fileOf(
      "Hour,Customer AWS Account ID,Dimension,Quantity,Region",
      `${at(0)},${buyer},requests,5,us-east-1`,
      `${at(1)},${buyer},requests,8,us-east-1`,
      `${at(2)},${buyer},requests,0,us-east-1`,
      `${at(2)},${other},requests,3,us-east-1`,
      `${at(0)},${buyer},requests,4,eu-west-1`,
      `${at(3)},${buyer},requests,9,us-east-1`,
    );
    const diff = join(folder, "diff.csv");
    const found = await reconcile(file, "--month", "2026-07", "--output", diff);
    expect(found).toMatchObject({ code: 1, equal: 4, missing: 1, extra: 1, different: 1, hasMoreDifferences: false });
    expect(found).toMatchObject({
      dimensions: expect.arrayContaining([
        { dimension: "requests", equal: 4, missing: 1, extra: 0, different: 1, fileQuantity: 29, ledgerQuantity: 25 },
        { dimension: "storage", equal: 0, missing: 0, extra: 1, different: 0, fileQuantity: 0, ledgerQuantity: 2 },
      ]),
    });
    const [head, ...rows] = parse(readFileSync(diff, "utf8"), { record_delimiter: "\r\n" }) as string[][];
    expect(head?.slice(0, 5)).toEqual(["kind", "hour", "customer", "region", "dimension"]);
    expect(rows.map((row) => row.slice(0, 7))).toEqual([
      ["different", at(1), buyer, "us-east-1", "requests", "8", "7"],
      ["extra", at(1), buyer, "us-east-1", "storage", "0", "2"],
      ["missing", at(2), other, "us-east-1", "requests", "3", "0"],
    ]);
    const shown = await cli(["usage", "reconcile", file, "--month", "2026-07"]);
    expect(shown.code).toBe(1);
    expect(shown.stdout).toMatch(/^DIMENSION +FILE +LEDGER +DIFFERENCE +EQUAL +MISSING +EXTRA +DIFFERENT\n/);
    expect(shown.stdout).toMatch(new RegExp(`\nmissing +\\S+ +${other} +us-east-1 +requests +3 +0\n`));
  });

  test("what the file does not tell apart is summed in the ledger, too; its rows are summed with a note", async () => {
    const file = fileOf(
      "timestamp,customer,dimension,quantity",
      `${Date.parse(at(0)) / 1_000 + 61},${buyer},requests,6`,
      `${at(0).replace("00:00.000Z", "59:59+00:00")},${buyer},requests,3`,
    );
    const found = await reconcile(file, "--from", at(0), "--to", at(1));
    expect(found).toMatchObject({ code: 0, equal: 1, summed: 1, repeated: 0, notes: [expect.stringContaining("K-3")] });
  });

  test("a record that was sent again is one; another id is a difference", async () => {
    const [record] = await control.store.ledger.records({ fromHourAt: (hour + 2) * hourMs }, 1);
    const id = record?.meteringRecordId ?? "";
    const head = "hour,customer,dimension,quantity,MeteringRecordId";
    const row = `${at(2)},${buyer},requests,0`;
    const range = ["--from", at(2), "--to", at(3)];
    const twice = await reconcile(fileOf(head, `${row},${id}`, `${row},${id.toUpperCase()}`), ...range);
    expect(twice).toMatchObject({ code: 0, equal: 1, repeated: 1, summed: 0 });
    const wrong = await reconcile(fileOf(head, `${row},0f3c2a1e-55b7-4f0a-8f5d-0b8a3d0c7e21`), ...range);
    expect(wrong).toMatchObject({ code: 1, different: 1, differences: [{ kind: "different", ledgerId: id }] });
  });

  test("licences by the end of their ARN, customers by CustomerIdentifier, columns by --map, the file from stdin", async () => {
    const range = ["--from", at(3), "--to", at(4)];
    const byLicence = fileOf("hour,licence,dimension,calls", `${at(3)},${licence.split(":").at(-1)},requests,9`);
    expect(await reconcile(byLicence, ...range, "--map", "quantity=calls")).toMatchObject({ code: 0, equal: 1 });
    const text = `hour,CustomerIdentifier,dimension,quantity\n${at(3)},aLd3rQ7wE1z,requests,9\n`;
    const { code, stderr } = await cli(["usage", "reconcile", "-", ...range, "--customer", "aLd3rQ7wE1z"], text);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("notes: times without a zone, rows outside, rows that were not accepted (K-16)", async () => {
    const file = fileOf(
      "hour,customer,dimension,quantity,status",
      `${at(1).slice(0, 16).replace("T", " ")},${buyer},requests,7,Success`,
      `${at(1)},${buyer},storage,2,success`,
      `${at(1)},${other},storage,2,CustomerNotSubscribed`,
      `${at(9)},${buyer},storage,2,Success`,
    );
    const found = await reconcile(file, "--from", at(1), "--to", at(2));
    expect(found).toMatchObject({
      ...{ code: 0, equal: 2 },
      notes: [
        "1 times without a time zone were taken as UTC.",
        "1 of 4 rows are outside of the time or the filters and were left out.",
        "1 rows with the status 'CustomerNotSubscribed' were left out: they were not accepted.",
      ],
    });
  });

  test("what is wrong with a file is told by row and column, with exit code 2", async () => {
    const rows = fileOf(
      "hour,customer,dimension,quantity",
      `${at(0)},${buyer},requests,1`,
      `2026-08-15,${buyer},requests,1`,
      `${at(0)},${buyer},,1.5`,
      `2026-02-30T10:00:00Z,${buyer},requests,2147483648`,
    );
    const { code, stderr } = await reconcile(rows);
    expect(code).toBe(2);
    for (const words of [
      "row 3, column 'hour': '2026-08-15' is a day",
      "row 4, column 'quantity': '1.5' is not a whole number",
      "row 4, column 'dimension': it is empty",
      "row 5, column 'hour': '2026-02-30T10:00:00Z' is not a time",
      "row 5, column 'quantity': '2147483648'",
    ]) {
      expect(stderr).toContain(words);
    }
    const cases: readonly (readonly [readonly string[], string])[] = [
      [["hour,customer,dimension", `${at(0)},${buyer},x`], "No column is the quantity"],
      [["hour,dimension,quantity", `${at(0)},x,1`], "No column says whose usage it is"],
      [["hour,customer,account,dimension,quantity"], "'customer' and 'account' may both be the customer"],
      [["hour,customer,dimension,quantity", `${at(0)},${buyer},x`], "on line 2"],
      [[], "The file is empty"],
    ];
    for (const [lines, words] of cases) expect((await reconcile(fileOf(...lines))).stderr).toContain(words);
    const absent = await cli(["usage", "reconcile", join(folder, "none.csv")]);
    expect(absent).toMatchObject({ code: 1, stderr: expect.stringContaining("there is no such file") });
  });
});

describe("the parts", () => {
  test("any two lists: as many keys of each kind as a plain count of them gives", () => {
    const row = fc.record({
      hourAt: fc.nat(3).map((place) => place * hourMs),
      customer: fc.constantFrom("a", "b", "Ü", "🙂", "\uffff"),
      dimension: fc.constantFrom("x", "y"),
      quantity: fc.nat(3),
    });
    const empty = { product: "", license: "", resource: "", region: "", id: "" };
    const sums = (rows: readonly UsageRow[]) => {
      const found = new Map<string, number>();
      for (const { hourAt, customer, dimension, quantity } of rows) {
        const key = `${hourAt} ${customer} ${dimension}`;
        found.set(key, (found.get(key) ?? 0) + quantity);
      }
      return found;
    };
    fc.assert(
      fc.property(fc.array(row), fc.array(row), (one, two) => {
        const file = one.map((own) => ({ ...empty, ...own }));
        const ledger = two.map((own) => ({ ...empty, ...own }));
        const scratch = new Reconciliation();
        const totals = createTotals();
        for (const own of file) scratch.add("file", own, new Set(keyColumns));
        for (const own of ledger) scratch.add("ledger", own, new Set(keyColumns));
        const hours: number[] = [];
        for (const compared of scratch.compared()) {
          hours.push(compared.hourAt);
          addToTotals(totals, compared);
        }
        scratch.close();
        const [mine, theirs] = [sums(file), sums(ledger)];
        const both = [...mine].filter(([key]) => theirs.has(key));
        expect(totals).toMatchObject({
          missing: mine.size - both.length,
          extra: theirs.size - both.length,
          different: both.filter(([key, sum]) => theirs.get(key) !== sum).length,
          equal: both.filter(([key, sum]) => theirs.get(key) === sum).length,
        });
        expect(hours).toEqual(hours.toSorted((a, b) => a - b));
      }),
      { numRuns: 50 },
    );
  });

  async function rowsOf(text: string, size = 7) {
    const chunks = async function* () {
      const bytes = Buffer.from(text);
      for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
    };
    const file = await openSellerFile(chunks());
    const rows: unknown[] = [];
    for await (const one of file.rows) rows.push(one);
    return rows;
  }

  test("a byte order mark, CR LF, quotes with line breaks, blanks, an apostrophe that guards", async () => {
    const text = `\ufeffhour , "customer",dimension,quantity,note\r\n${at(0)}, '=b ,x,1,"two\r\nlines"\r\n\r\n${at(0)},"b",x,2,\r\n`;
    expect(await rowsOf(text)).toMatchObject([
      { customer: "=b", quantity: 1, hourAt: hour * hourMs },
      { customer: "b", quantity: 2 },
    ]);
  });

  test("no more than the first faults are kept", async () => {
    const rows = Array.from({ length: 500 }, () => `${at(0)},b,x,none`).join("\n");
    const error = await rowsOf(`hour,customer,dimension,quantity\n${rows}\n`, 4_096).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SellerFileError);
    expect((error as SellerFileError).faults).toHaveLength(21);
  });

  test("a field that never ends does not fill the memory", async () => {
    const text = `hour,customer,dimension,quantity\n"${"a".repeat(3_000_000)}`;
    await expect(rowsOf(text, 65_536)).rejects.toThrow(SellerFileError);
  });
});
