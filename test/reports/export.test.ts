/** Metering records as files: read back equal in every form, of one moment, and never taken for whole when they are not. */
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import fc from "fast-check";
import { parquetMetadata } from "hyparquet";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { UsageAllocation } from "../../src/api/types.ts";
import { exportFormats } from "../../src/reports/exportRecords.ts";
import { exportRecords } from "../../src/reports/exportThread.ts";
import { recordView } from "../../src/reports/recordView.ts";
import { createSealer } from "../../src/secrets.ts";
import { openSqliteStore, type SqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";
import { createRun } from "../cli/support.ts";
import { type Harness, rootToken, startControl } from "../control/harness.ts";
import { claim, clientToken, hour, unit } from "../store/fixtures.ts";
import { bytesOf, plain, readers } from "./exportSupport.ts";

// Each command is a process, and a busy machine takes seconds to start one.
vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "meterhouse-export-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  vi.restoreAllMocks();
});

const hours = 4;
const perHour = 700; // More than a page.
const total = hours * perHour;

function usage(count: number, at = hour, dimension = "requests") {
  return Array.from({ length: count }, (_, place) =>
    claim({ hour: at, dimension, quantity: place, holder: String(300_000_000_000 + place) }),
  );
}

/** Each takes a bit more than a kilobyte. */
function sharedAmong(count: number): readonly UsageAllocation[] {
  const tags = Array.from({ length: 5 }, (_, place) => ({ Key: `k${place}`, Value: "v".repeat(250) }));
  return Array.from({ length: count }, () => ({ AllocatedUsageQuantity: 1, Tags: tags }));
}

let made = 0;
function openStore(): Store {
  made += 1;
  return openSqliteStore({ file: join(folder, `${made}.db`), sealer: createSealer(Buffer.alloc(32, 7)) });
}

/** As for an engine that has no readers. */
function inThisThread({ ledger }: Store): Pick<Store, "ledger"> {
  return { ledger };
}

async function held(store: Store) {
  return (await store.ledger.records({}, 1_000_000)).map((record) => plain({ ...recordView(record) }));
}

describe("what is written is read back", () => {
  // What spreadsheets, parsers and encodings stumble over.
  const odd = fc.oneof(
    fc.string({ unit: "binary", maxLength: 12 }).map((text) => text.replaceAll("\0", "")),
    fc.constantFrom("=1+1", "+1", "-1", "@x", "'", "''=1", "\t", "\r", "a\r\nb", '"', ",", " a ", "ü", "名", "🙂"),
  );
  const allocations: fc.Arbitrary<readonly UsageAllocation[]> = fc.array(
    fc.record(
      { AllocatedUsageQuantity: fc.nat(), Tags: fc.array(fc.record({ Key: odd, Value: odd }), { maxLength: 2 }) },
      { requiredKeys: ["AllocatedUsageQuantity"] },
    ),
    { minLength: 1, maxLength: 3 },
  );
  const record = fc.record({
    path: fc.constantFrom("productCode" as const, "license" as const, "resource" as const, "agentcore" as const),
    texts: fc.tuple(odd, odd, odd, odd),
    dimension: odd,
    quantity: fc.oneof(fc.nat(), fc.constant(2_147_483_647)),
    hoursBack: fc.nat(3_000),
    ms: fc.nat(3_599_999),
    billable: fc.boolean(),
    token: fc.option(odd, { nil: undefined }),
    allocations: fc.option(allocations, { nil: undefined }),
  });

  test("any texts, in all forms", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 40 }), async (given) => {
        const store = openStore();
        try {
          const claims = given.map(({ texts, hoursBack, ms, token, allocations: shares, ...one }, place) =>
            claim({
              ...one,
              region: texts[0],
              productCode: texts[1],
              holder: texts[2],
              accountId: texts[3],
              hour: hour - hoursBack,
              timestampMs: (hour - hoursBack) * 3_600_000 + ms,
              ...(shares === undefined ? {} : { allocations: shares }),
              ...(token === undefined ? {} : { clientToken: clientToken(`${token}${place}`) }),
            }),
          );
          await store.ledger.claim(unit(claims));
          const expected = await held(store);
          expect(expected.length).toBeGreaterThan(0);
          for (const format of exportFormats) {
            const { count, bytes } = await exportRecords(inThisThread(store), {}, format);
            expect(count).toBe(expected.length);
            expect(await readers[format](await bytesOf(bytes)), format).toEqual(expected);
          }
        } finally {
          await store.close();
        }
      }),
      { numRuns: 30 },
    );
  });

  test("no records at all: a file with columns and no rows", async () => {
    const store = openStore();
    try {
      for (const format of exportFormats) {
        const { count, bytes } = await exportRecords(store, {}, format);
        expect([count, await readers[format](await bytesOf(bytes))]).toEqual([0, []]);
      }
    } finally {
      await store.close();
    }
  });

  test("several row groups, in the order of the ledger", async () => {
    const store = openStore();
    try {
      for (let one = 0; one < 11; one += 1) await store.ledger.claim(unit(usage(2_000, hour + one * 500)));
      const { bytes } = await exportRecords(store, {}, "parquet");
      const file = await bytesOf(bytes);
      const { row_groups: groups } = parquetMetadata(new Uint8Array(file).buffer);
      expect(groups.map((group) => Number(group.num_rows))).toEqual([10_000, 10_000, 2_000]);
      expect(await readers.parquet(file)).toEqual(await held(store));
    } finally {
      await store.close();
    }
  });
});

test("an export is of one moment: what arrives meanwhile, before or behind the reader, is not in it", async () => {
  const store = openStore();
  try {
    for (let one = 0; one < hours; one += 1) await store.ledger.claim(unit(usage(perHour, hour + one)));
    const before = await held(store);
    const { count, bytes } = await exportRecords(store, {}, "jsonl");
    const parts: Uint8Array[] = [];
    for await (const chunk of bytes) {
      parts.push(chunk);
      const at = hour + parts.length;
      await store.ledger.claim(unit([...usage(3, at, "late"), ...usage(2, hour - 1, `late${parts.length}`)]));
    }
    expect(count).toBe(total);
    expect(await readers.jsonl(Buffer.concat(parts))).toEqual(before);
    expect((await held(store)).length).toBeGreaterThan(total);
  } finally {
    await store.close();
  }
});

test("the ledger is read as bytes are taken, not ahead of them", async () => {
  const store = openStore();
  try {
    for (let one = 0; one < hours; one += 1) await store.ledger.claim(unit(usage(perHour, hour + one)));
    const { bytes } = await exportRecords(inThisThread(store), {}, "csv");
    const pages = vi.spyOn(store.ledger, "page");
    const iterator = bytes[Symbol.asyncIterator]();
    await iterator.next(); // The header.
    expect(pages).not.toHaveBeenCalled();
    await iterator.next();
    // One finds the hour, one reads it.
    expect(pages).toHaveBeenCalledTimes(2);
    await iterator.return?.();
    expect(pages).toHaveBeenCalledTimes(2);
  } finally {
    await store.close();
  }
});

test("a store that was emptied meanwhile does not make a short file", async () => {
  const store = openStore();
  try {
    for (let one = 0; one < hours; one += 1) await store.ledger.claim(unit(usage(perHour, hour + one)));
    for (const format of exportFormats) {
      const { bytes } = await exportRecords(inThisThread(store), {}, format);
      const page = store.ledger.page.bind(store.ledger);
      vi.spyOn(store.ledger, "page").mockImplementation(async (filter, limit, cursor) =>
        (filter.fromHourAt ?? 0) > hour * 3_600_000 ? [] : page(filter, limit, cursor),
      );
      await expect(bytesOf(bytes), format).rejects.toThrow(`${total} metering records were counted, and ${perHour}`);
      vi.restoreAllMocks();
    }
  } finally {
    await store.close();
  }
});

/** Makes the last record of the hour unreadable; answers with what mends it. */
function breakRecord(store: Store, at: number): () => void {
  const { database } = store as SqliteStore;
  const setTo = (allocations: string | null): void => {
    const { changes } = database
      .prepare(
        "UPDATE usage_2026_07 SET allocations = ? WHERE hour = ? AND subject = (SELECT max(subject) FROM usage_2026_07 WHERE hour = ?)",
      )
      .run(allocations, at, at);
    expect(Number(changes)).toBeGreaterThan(0);
  };
  setTo("{");
  return () => setTo(null);
}

describe("in a thread of its own", () => {
  test.each(exportFormats)("%s: the same bytes as in the serving thread", async (format) => {
    const store = openStore();
    try {
      for (let one = 0; one < hours; one += 1) await store.ledger.claim(unit(usage(perHour, hour + one)));
      const filter = { dimension: "requests", fromHourAt: (hour + 1) * 3_600_000 };
      const here = await exportRecords(inThisThread(store), filter, format);
      const there = await exportRecords(store, filter, format);
      expect(there.count).toBe(total - perHour);
      expect(there.count).toBe(here.count);
      expect((await bytesOf(there.bytes)).equals(await bytesOf(here.bytes))).toBe(true);
    } finally {
      await store.close();
    }
  });

  test("it reads only so far ahead of what is taken", async () => {
    const store = openStore();
    try {
      for (let one = 0; one < hours; one += 1) await store.ledger.claim(unit(usage(perHour, hour + one)));
      const { bytes } = await exportRecords(store, {}, "csv");
      // Nine chunks in all. Were the last hour read already, this would come too late.
      breakRecord(store, hour + hours - 1);
      await expect(bytesOf(bytes)).rejects.toThrow(/JSON/);
    } finally {
      await store.close();
    }
  });

  test("it ends with whoever goes away, and leaves the file to its owner", async () => {
    const store = openStore();
    const wal = join(folder, `${made}.db-wal`);
    for (let one = 0; one < hours; one += 1) await store.ledger.claim(unit(usage(perHour, hour + one)));
    const { bytes } = await exportRecords(store, {}, "jsonl");
    const iterator = bytes[Symbol.asyncIterator]();
    expect((await iterator.next()).done).toBe(false);
    await iterator.return?.();
    expect((await iterator.next()).done).toBe(true);
    expect(existsSync(wal)).toBe(true);
    await store.close();
    // The last connection to go takes it along: another would keep it.
    expect(existsSync(wal)).toBe(false);
  });

  test("records with large allocations are read fewer at a time", async () => {
    const store = openStore();
    try {
      const allocations = sharedAmong(150);
      const perRecord = JSON.stringify(allocations).length;
      await store.ledger.claim(unit(usage(40).map((one) => ({ ...one, allocations }))));
      const { bytes } = await exportRecords(store, {}, "jsonl");
      let whole = 0;
      for await (const chunk of bytes) {
        whole += chunk.length;
        // The bound of a page, and the record that reaches it.
        expect(chunk.length).toBeLessThan(2_097_152 + 2 * perRecord);
      }
      expect(whole).toBeGreaterThan(40 * perRecord);
    } finally {
      await store.close();
    }
  });
});

describe("over HTTP", () => {
  let control: Harness;
  const run = createRun();
  const cli = (...args: readonly string[]) =>
    run(args, { cwd: folder, env: { METERHOUSE_URL: control.url, METERHOUSE_ADMIN_TOKEN: rootToken } });
  const fetchExport = (query: string, options: RequestInit = {}) =>
    fetch(`${control.url}/api/v1/metering-records/export${query}`, {
      ...options,
      headers: { authorization: `Bearer ${rootToken}` },
    });

  beforeAll(async () => {
    control = await startControl();
    for (let one = 0; one < hours; one += 1) await control.store.ledger.claim(unit(usage(perHour, hour + one)));
    await control.store.ledger.claim(unit(usage(5, hour + 24 * 31, "other")));
  });
  afterAll(() => control?.close());

  test("forms, names, numbers of records, filters", async () => {
    const types = { csv: "text/csv", parquet: "application/vnd.apache.parquet", jsonl: "application/jsonl" };
    for (const format of exportFormats) {
      const answer = await fetchExport(`?format=${format}&dimension=requests`);
      expect(answer.headers.get("content-type")?.split(";")[0]).toBe(types[format]);
      expect(answer.headers.get("content-disposition")).toBe(`attachment; filename="metering-records.${format}"`);
      expect(answer.headers.get("meterhouse-records")).toBe(String(total));
      expect(answer.headers.get("cache-control")).toBe("no-store");
      const rows = await readers[format](Buffer.from(await answer.arrayBuffer()));
      expect(new Set(rows.map(({ id }) => id)).size).toBe(total);
    }
    const csv = await control.get("/metering-records/export?dimension=other");
    expect(csv.body).toMatch(/^id,region,path,product,customer,[\w,]+,allocations\r\n(?:[^\r\n]+\r\n){5}$/);
    expect((await control.get("/metering-records/export?format=xlsx")).status).toBe(422);
    expect((await control.get("/metering-records/export?limit=5")).status).toBe(422);
    const head = await control.call("HEAD", "/metering-records/export");
    expect([head.status, head.headers.get("meterhouse-records")]).toEqual([200, String(total + 5)]);
  });

  test("a token that may only read may export", async () => {
    const { body } = await control.post("/admin-tokens", { name: "reader", role: "read" });
    const answer = await control.call("GET", "/metering-records/export?dimension=other", { token: body.token });
    expect(answer.status).toBe(200);
    expect((await control.call("GET", "/metering-records/export", { token: null })).status).toBe(401);
  });

  test("the command: files by their names, a month, whole or not there", async () => {
    const file = join(folder, "usage.parquet");
    const told = await cli("usage", "export", "--output", file, "--month", "2026-07");
    expect(told).toEqual({ code: 0, stdout: "", stderr: `${total} metering records are in ${file}.\n` });
    expect(await readers.parquet(readFileSync(file))).toHaveLength(total);
    const csv = await cli("usage", "export", "--month", "2026-08");
    expect(await readers.csv(Buffer.from(csv.stdout))).toHaveLength(5);
    expect((await cli("usage", "export", "--month", "2026-13")).code).toBe(2);
    expect((await cli("usage", "export", "--month", "2026-08", "--from", "2h")).code).toBe(2);
  });

  test.each(exportFormats)(
    "%s: a failure in the middle cuts the connection, and the command leaves no file",
    async (format) => {
      // The last hours can be counted and not be read.
      const mend = breakRecord(control.store, hour + hours - 1);
      await expect(fetchExport(`?format=${format}`).then((answer) => answer.arrayBuffer())).rejects.toThrow();
      const file = join(folder, `cut.${format}`);
      const { code, stderr } = await cli("usage", "export", "--output", file);
      expect(code).not.toBe(0);
      expect(stderr).toMatch(/the export broke off|cannot be reached/);
      expect(existsSync(file)).toBe(false);
      expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
      // The server itself is well.
      mend();
      const whole = await fetchExport(`?format=${format}`);
      expect(await readers[format](Buffer.from(await whole.arrayBuffer()))).toHaveLength(total + 5);
    },
  );

  test("four at once and no more; a client that goes away makes room", async () => {
    const { ledger, reader } = control.store;
    const setReader = (value: typeof reader): void => {
      Object.defineProperty(control.store, "reader", { value, configurable: true });
    };
    // In the server's thread, where the reading can be held up.
    setReader(undefined);
    const page = ledger.page.bind(ledger);
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    vi.spyOn(ledger, "page").mockImplementation(async (filter, limit, cursor) => {
      // The counting goes on; the reading waits.
      if (limit > 1) await gate;
      return page(filter, limit, cursor);
    });
    const aborts = Array.from({ length: 4 }, () => new AbortController());
    // With their headers they are running.
    const running = await Promise.all(aborts.map(({ signal }) => fetchExport("", { signal })));
    expect(running.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const refused = await control.get("/metering-records/export");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "5"]);
    for (const abort of aborts) abort.abort();
    release();
    vi.restoreAllMocks();
    setReader(reader);
    const status = async () => {
      const answer = await fetchExport("");
      await answer.arrayBuffer();
      return answer.status;
    };
    await expect.poll(status, { timeout: 10_000 }).toBe(200);
  });

  test("a client that goes away ends the thread of its export", async () => {
    const allocations = sharedAmong(150);
    const dimension = "large";
    // Some 20 MB: more than the sockets take by themselves, so the thread waits for its client.
    await control.store.ledger.claim(unit(usage(100, hour, dimension).map((one) => ({ ...one, allocations }))));
    const started = once(process, "worker") as Promise<[Worker]>;
    const abort = new AbortController();
    const answer = await fetchExport(`?format=jsonl&dimension=${dimension}`, { signal: abort.signal });
    const [worker] = await started;
    expect([answer.status, worker.threadName]).toEqual([200, "export"]);
    const ended = once(worker, "exit");
    abort.abort();
    // Never, where nobody tells it.
    await ended;
  });
});
