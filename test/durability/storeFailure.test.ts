/** The store fails under a call: what the caller is told is what happened, and sending again mends it. */
import { DatabaseSync, StatementSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Service } from "../../src/service.ts";
import type { SqliteStore } from "../../src/store/sqlite/open.ts";
import { startTestService, type TestService } from "../support/service.ts";
import { createSignedClient, type SignedClient, type SignedReply } from "../support/signedClient.ts";
import {
  agentDimension,
  agentKey,
  agentProduct,
  type BatchInput,
  batchSupply,
  hourlyProduct,
  type LoadRecord,
  loadToken,
  sellerKey,
  strangerId,
  taskKey,
  usageCatalog,
} from "../support/usageCatalog.ts";

const buyers = 50;
const originalRun = StatementSync.prototype.run;

let running: TestService;
let service: Service;
let database: DatabaseSync;
let client: SignedClient;
let supply: (records: number) => BatchInput;
/** The same in all calls of a test: it is one of the parameters that a client token stands for. */
let timestamp: number;

beforeEach(async () => {
  running = await startTestService(usageCatalog({ buyers, hourly: true }));
  service = running.service;
  database = (service.store as SqliteStore).database;
  client = createSignedClient(service.url);
  supply = batchSupply(Date.now(), buyers);
  timestamp = Math.floor(Date.now() / 1_000);
});

afterEach(async () => {
  StatementSync.prototype.run = originalRun;
  client.close();
  await running.close();
});

const sendBatch = (input: BatchInput): Promise<SignedReply> => client.call("BatchMeterUsage", input, sellerKey);

const sendMeter = (token: string, quantity = 1): Promise<SignedReply> => {
  const input = {
    ProductCode: agentProduct,
    Timestamp: timestamp,
    UsageDimension: agentDimension,
    UsageQuantity: quantity,
    ClientToken: token,
  };
  return client.call("MeterUsage", input, agentKey);
};

const sendRegister = (): Promise<SignedReply> =>
  client.call("RegisterUsage", { ProductCode: hourlyProduct, PublicKeyVersion: 1 }, taskKey);

const sendResolve = (): Promise<SignedReply> =>
  client.call("ResolveCustomer", { RegistrationToken: loadToken }, sellerKey);

interface Result {
  readonly UsageRecord: LoadRecord;
  readonly MeteringRecordId?: string;
  readonly Status: string;
}

function resultsOf(reply: SignedReply): readonly Result[] {
  expect(reply.status, reply.text).toBe(200);
  return reply.json.Results as readonly Result[];
}

/** Expects success for every record; returns their ids. */
function idsOf(reply: SignedReply): readonly (string | undefined)[] {
  expect(reply, reply.text).toMatchObject({ status: 200, json: { UnprocessedRecords: [] } });
  expect(new Set(resultsOf(reply).map((result) => result.Status))).toEqual(new Set(["Success"]));
  return resultsOf(reply).map((result) => result.MeteringRecordId);
}

function expectInternalError(reply: SignedReply, words: string): void {
  expect(reply.status, reply.text).toBe(500);
  expect(reply.headers["x-amzn-errortype"]).toBe("InternalServiceErrorException");
  expect(reply.json).toEqual({ __type: "InternalServiceErrorException", message: expect.stringContaining(words) });
}

const kept = async (): Promise<number> => (await service.store.ledger.count({})).count;

/** A record of a customer who is not subscribed, between others. */
function withStranger({ ProductCode, UsageRecords }: BatchInput): BatchInput {
  const [first, ...others] = UsageRecords;
  if (first === undefined) throw new Error("an empty batch");
  return { ProductCode, UsageRecords: [first, { ...first, CustomerAWSAccountId: strangerId }, ...others] };
}

interface Failure {
  readonly what: string;
  /** Returns what takes it back. */
  begin(): () => void;
}

const noRoom: Failure = {
  what: "the disk is full",
  begin: () => {
    const pragma = (name: string): number => Number(Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0]);
    // A row or two would still fit on pages that are there.
    database.exec(`
      CREATE TABLE ballast (content BLOB);
      CREATE TEMP TRIGGER heavy AFTER INSERT ON main.journal BEGIN INSERT INTO ballast VALUES (zeroblob(100000)); END
    `);
    expect(pragma("freelist_count")).toBe(0);
    database.exec(`PRAGMA max_page_count = ${pragma("page_count")}`);
    return () => database.exec("PRAGMA max_page_count = 4294967294; DROP TRIGGER heavy");
  },
};

const failures: readonly Failure[] = [
  {
    what: "the file cannot be written",
    begin: () => {
      database.exec("PRAGMA query_only = ON");
      return () => database.exec("PRAGMA query_only = OFF");
    },
  },
  {
    what: "another connection holds the write lock",
    begin: () => {
      database.exec("PRAGMA busy_timeout = 10");
      const other = new DatabaseSync(running.dataFile);
      other.exec("BEGIN IMMEDIATE");
      return () => other.close();
    },
  },
];

describe.each([noRoom, ...failures])("$what", ({ begin }) => {
  test("BatchMeterUsage: what could have been stored comes back unprocessed, the rest is answered", async () => {
    const batches = Array.from({ length: 8 }, () => withStranger(supply(9)));
    const end = begin();
    const replies = await Promise.all(batches.map(sendBatch));
    for (const [index, reply] of replies.entries()) {
      const [first, stranger, ...others] = batches[index]?.UsageRecords ?? [];
      expect(resultsOf(reply)).toEqual([{ UsageRecord: stranger, Status: "CustomerNotSubscribed" }]);
      expect(reply.json.UnprocessedRecords).toEqual([first, ...others]);
    }
    expect(await kept()).toBe(0);
    end();

    // As a client does: what came back is sent again, by itself.
    for (const [index, reply] of replies.entries()) {
      const again = {
        ProductCode: batches[index]?.ProductCode ?? "",
        UsageRecords: reply.json.UnprocessedRecords as readonly LoadRecord[],
      };
      const ids = idsOf(await sendBatch(again));
      expect(new Set(ids).size).toBe(9);
      expect(idsOf(await sendBatch(again))).toEqual(ids);
    }
    expect(await kept()).toBe(72);
    const records = await service.store.ledger.records({}, 100);
    expect(new Set(records.map((record) => record.requestId)).size).toBe(8);
  });

  test("MeterUsage: InternalServiceErrorException, and the same token is good afterwards", async () => {
    const end = begin();
    for (const token of ["one", "two", "one"]) expectInternalError(await sendMeter(token), "nothing of it was kept");
    expect(await kept()).toBe(0);
    expect(service.store.ledger.workloads({})).toEqual([]);
    end();
    const first = await sendMeter("one", 5);
    expect(first.status, first.text).toBe(200);
    expect((await sendMeter("one", 5)).json).toEqual(first.json);
    expect((await sendMeter("one", 6)).json.__type).toBe("IdempotencyConflictException");
    expect(await kept()).toBe(1);
    expect(service.store.ledger.workloads({})).toHaveLength(1);
  });
});

describe.each(failures)("$what", ({ begin }) => {
  test("RegisterUsage, ResolveCustomer: InternalServiceErrorException, and good afterwards", async () => {
    const end = begin();
    expectInternalError(await sendRegister(), "nothing of it was kept");
    expectInternalError(await sendResolve(), "nothing of it was kept");
    expect(service.store.ledger.workloads({})).toEqual([]);
    end();
    for (let times = 0; times < 2; times += 1) {
      expect(await sendRegister()).toMatchObject({ status: 200 });
      expect(await sendResolve()).toMatchObject({ status: 200 });
    }
    expect(service.store.ledger.workloads({})).toHaveLength(1);
  });
});

describe("nobody knows whether the commit was kept", () => {
  /** The next commits end in an error; `isKept`: after they were carried out. */
  function failCommits(isKept: boolean): { readonly count: () => number; readonly end: () => void } {
    let count = 0;
    StatementSync.prototype.run = function run(this: StatementSync, ...values: unknown[]) {
      if (this.sourceSQL !== "COMMIT") return Reflect.apply(originalRun, this, values);
      count += 1;
      if (isKept) Reflect.apply(originalRun, this, values);
      throw new Error("disk I/O error");
    };
    const end = (): void => {
      StatementSync.prototype.run = originalRun;
    };
    return { count: () => count, end };
  }

  test.each([
    ["it was not", false],
    ["it was", true],
  ])(
    "%s: every call of the group is InternalServiceErrorException, and sent again it succeeds",
    async (_what, isKept) => {
      const before = idsOf(await sendBatch(supply(3)));
      const batches = Array.from({ length: 12 }, () => withStranger(supply(4)));
      const commits = failCommits(isKept);
      const replies = await Promise.all([...batches.map(sendBatch), sendMeter("one", 5), sendMeter("one", 5)]);
      for (const reply of replies) expectInternalError(reply, "cannot tell whether");
      expectInternalError(await sendResolve(), "cannot tell whether");
      commits.end();
      expect(commits.count()).toBeGreaterThan(0);
      expect(database.isTransaction).toBe(false);
      expect(await kept()).toBe(before.length + (isKept ? 12 * 4 + 1 : 0));

      const again = await Promise.all(batches.map(sendBatch));
      for (const [index, reply] of again.entries()) {
        expect(reply.json.UnprocessedRecords).toEqual([]);
        expect(resultsOf(reply).map((result) => [result.UsageRecord, result.Status])).toEqual(
          batches[index]?.UsageRecords.map((record) => [
            record,
            record.CustomerAWSAccountId === strangerId ? "CustomerNotSubscribed" : "Success",
          ]),
        );
      }
      const metered = await Promise.all([sendMeter("one", 5), sendMeter("one", 5)]);
      expect(metered[0]).toMatchObject({ status: 200, json: { MeteringRecordId: expect.any(String) } });
      expect(metered[1]?.json).toEqual(metered[0]?.json);
      expect(await sendResolve()).toMatchObject({ status: 200 });
      const records = await service.store.ledger.records({}, 100);
      expect(records).toHaveLength(before.length + 12 * 4 + 1);
      const answered = [
        ...again.flatMap(resultsOf).map((result) => result.MeteringRecordId),
        metered[0]?.json.MeteringRecordId,
      ];
      expect(new Set(records.map((record) => record.meteringRecordId))).toEqual(
        new Set([...before, ...answered].filter((id) => id !== undefined)),
      );
    },
  );
});

test("a batch of which one record cannot be stored is not stored at all, and its neighbours are", async () => {
  idsOf(await sendBatch(supply(1)));
  // As the journal packs a quantity.
  const poison = Buffer.alloc(8);
  poison.writeDoubleLE(66_613);
  database.exec(`
    CREATE TEMP TRIGGER poison BEFORE INSERT ON main.journal WHEN instr(new.packed, x'${poison.toString("hex")}') > 0
    BEGIN SELECT RAISE(ABORT, 'poisoned row'); END
  `);
  const batches = Array.from({ length: 30 }, (_, index): BatchInput => {
    const batch = supply(25);
    if (index % 3 !== 0) return batch;
    const records = batch.UsageRecords.map((record, place) =>
      place === index % 25 ? { ...record, Timestamp: timestamp, Quantity: 66_613 } : record,
    );
    return { ...batch, UsageRecords: records };
  });
  const replies = await Promise.all(batches.map(sendBatch));
  for (const [index, reply] of replies.entries()) {
    if (index % 3 !== 0) expect(new Set(idsOf(reply)).size).toBe(25);
    else expect(reply.json).toEqual({ Results: [], UnprocessedRecords: batches[index]?.UsageRecords });
  }
  expect(await kept()).toBe(1 + 20 * 25);
  database.exec("DROP TRIGGER poison");
  for (const batch of batches) idsOf(await sendBatch(batch));
  expect(await kept()).toBe(1 + 30 * 25);
});
