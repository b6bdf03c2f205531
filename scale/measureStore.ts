/** The store alone: groups of known size, straight into the lane that commits them. */
import { randomUUID } from "node:crypto";
import pg from "pg";
import { buyerAccount, dimensionName, productCode, region, seller } from "../bench/workload.ts";
import type { ClaimUnit } from "../src/store/ledger.ts";
import type { Store } from "../src/store/store.ts";
import type { TestDatabase } from "../test/support/postgres.ts";
import type { ColdCosts, GroupCost, StoredBytes } from "./costs.ts";
import { createRandom } from "./random.ts";

/** Reads what PostgreSQL has used so far. */
export interface Probe {
  postgresMicros(): number;
  walPlace(): Promise<string>;
  walBytes(from: string, to: string): Promise<{ readonly all: number; readonly images: number }>;
  checkpoint(): Promise<void>;
  /** Plans follow the sizes of tables. */
  analyze(): Promise<void>;
}

export interface StoreMeasureParts {
  readonly store: Store;
  readonly probe: Probe;
  readonly quick: boolean;
  readonly say: (text: string) => void;
}

const hourMs = 3_600_000;
const dimensions = 10;
/** Accounts that the server's own measurement does not use. */
const firstBuyer = 1_000_000;
const settleMs = 300;
/** As large as groups get, so that filling is quick. */
const fillCalls = 256;
const callRecords = 25;

interface Used {
  readonly transactions: number;
  readonly roundTrips: number;
  readonly postgresMicros: number;
  readonly nodeMicros: number;
  readonly walBytes: number;
  readonly walImageBytes: number;
}

/** Per record. */
interface RecordCost {
  readonly postgresMicros: number;
  readonly nodeMicros: number;
}

interface Warm {
  readonly groups: readonly GroupCost[];
  /** What a record costs whose customer was never metered before, and one of a known customer. */
  readonly fresh: readonly [RecordCost, RecordCost];
}

export class StoreMeasure {
  readonly #parts: StoreMeasureParts;
  readonly #customers: number;
  readonly #hour = Math.floor(Date.now() / hourMs);
  readonly #order: Uint32Array;
  #next = 0;
  #records = 0;
  #calls = 0;

  constructor(parts: StoreMeasureParts) {
    this.#parts = parts;
    this.#customers = parts.quick ? 8_000 : 100_000;
    this.#order = shuffledPairs(this.#customers);
  }

  /** `fresh`: what a record costs whose customer was never metered before, and one of a known customer. */
  async groups(): Promise<{
    readonly groups: readonly GroupCost[];
    readonly fresh: readonly [RecordCost, RecordCost];
  }> {
    const { store, quick } = this.#parts;
    // The first of each customer: what it costs beyond the others is the price of a customer.
    const first = await this.#fill(store, "customers", this.#customers);
    const other = await this.#fill(store, "filling", quick ? 4_000 : 250_000);
    await this.#parts.probe.analyze();
    const groups: GroupCost[] = [];
    const plan = [
      [1, 25, 800],
      [8, 25, 250],
      [64, 25, 60],
      [1, 1, 1_500],
      [8, 1, 800],
      [64, 1, 300],
    ] as const;
    for (const [calls, recordsPerCall, transactions] of plan) {
      this.#parts.say(`groups of ${calls} calls, ${recordsPerCall} records each`);
      const times = quick ? Math.ceil(transactions / 40) : transactions;
      const used = await this.#run(store, calls, recordsPerCall, times);
      const each = (value: number): number => Number((value / used.transactions).toFixed(1));
      groups.push({
        ...{ calls, recordsPerCall, transactions: used.transactions },
        roundTrips: each(used.roundTrips),
        postgresMicros: each(used.postgresMicros),
        nodeMicros: each(used.nodeMicros),
        walBytes: each(used.walBytes),
        walImageBytes: each(used.walImageBytes),
      });
    }
    return { groups, fresh: [first, other] };
  }

  /** `store` is a second node, whose memory holds no customer yet. `warm`: what `groups` found. */
  async cold(store: Store, warm: Warm): Promise<ColdCosts> {
    const { quick, say } = this.#parts;
    const [first, other] = warm.fresh;
    const plain = warm.groups.find(({ calls, recordsPerCall }) => calls === 1 && recordsPerCall === callRecords);
    if (plain === undefined) throw new Error("a single call was not measured");
    say("single calls for customers that a node has forgotten");
    const small = await this.#run(store, 1, callRecords, quick ? 20 : 400);
    // Few of these have been seen by the calls before.
    const known = await this.#fill(store, "customers that a node has forgotten", quick ? 2_000 : 40_000);
    const [postgres, node] = [
      more(known.postgresMicros, other.postgresMicros),
      more(known.nodeMicros, other.nodeMicros),
    ];
    return {
      lookPostgresMicros: more(
        small.postgresMicros / small.transactions,
        plain.postgresMicros + callRecords * postgres,
      ),
      lookNodeMicros: more(small.nodeMicros / small.transactions, plain.nodeMicros + callRecords * node),
      knownPostgresMicros: postgres,
      knownNodeMicros: node,
      newPostgresMicros: more(first.postgresMicros, other.postgresMicros),
      newNodeMicros: more(first.nodeMicros, other.nodeMicros),
    };
  }

  /** What autovacuum does with a record once in its life, microseconds. */
  async vacuum(database: TestDatabase): Promise<number> {
    const { probe, say } = this.#parts;
    say("vacuum");
    const from = probe.postgresMicros();
    await database.query("VACUUM (FREEZE, ANALYZE) usage");
    await database.query("VACUUM (FREEZE, ANALYZE) audit");
    return Number(((probe.postgresMicros() - from) / this.#records).toFixed(2));
  }

  async bytes(database: TestDatabase): Promise<Omit<StoredBytes, "parquetPerRecord">> {
    const [row] = await database.query<Record<"heap" | "index" | "audit" | "subjects", string>>(
      `SELECT sum(pg_relation_size(inhrelid))::text AS heap, sum(pg_indexes_size(inhrelid))::text AS index,
         (SELECT pg_total_relation_size('audit'))::text AS audit,
         (SELECT pg_total_relation_size('subjects'))::text AS subjects
       FROM pg_inherits WHERE inhparent = 'usage'::regclass`,
    );
    const per = (text: string | undefined, count: number): number => Number((Number(text) / count).toFixed(1));
    return {
      records: this.#records,
      usageHeapPerRecord: per(row?.heap, this.#records),
      usageIndexPerRecord: per(row?.index, this.#records),
      auditPerCall: per(row?.audit, this.#calls),
      perSubject: per(row?.subjects, this.#customers),
    };
  }

  async #fill(store: Store, what: string, records: number): Promise<RecordCost> {
    const transactions = Math.ceil(records / (fillCalls * callRecords));
    this.#parts.say(`${what}: ${records} records`);
    const used = await this.#run(store, fillCalls, callRecords, transactions);
    const stored = transactions * fillCalls * callRecords;
    return { postgresMicros: used.postgresMicros / stored, nodeMicros: used.nodeMicros / stored };
  }

  async #run(store: Store, calls: number, recordsPerCall: number, transactions: number): Promise<Used> {
    const { probe } = this.#parts;
    const groups = Array.from({ length: transactions }, () => this.#group(store, calls, recordsPerCall));
    await probe.checkpoint();
    await settled();
    const walFrom = await probe.walPlace();
    const counted = countQueries();
    let committed = 0;
    store.onCommit(() => {
      committed += 1;
    });
    const postgresFrom = probe.postgresMicros();
    const cpuFrom = process.cpuUsage();
    for (const group of groups) await Promise.all(group.map((unit) => store.ledger.claim(unit)));
    const { user, system } = process.cpuUsage(cpuFrom);
    const roundTrips = counted.end();
    await settled();
    const postgresMicros = probe.postgresMicros() - postgresFrom;
    if (committed !== transactions) throw new Error(`${transactions} groups became ${committed} transactions`);
    const wal = await probe.walBytes(walFrom, await probe.walPlace());
    const nodeMicros = user + system;
    return { transactions, roundTrips, postgresMicros, nodeMicros, walBytes: wal.all, walImageBytes: wal.images };
  }

  #group(store: Store, calls: number, recordsPerCall: number): readonly ClaimUnit[] {
    const factsVersion = store.catalog.version;
    this.#calls += calls;
    this.#records += calls * recordsPerCall;
    return Array.from({ length: calls }, () => this.#unit(recordsPerCall, factsVersion));
  }

  #unit(count: number, factsVersion: number): ClaimUnit {
    const now = Date.now();
    const records = Array.from({ length: count }, () => {
      const pair = this.#order[this.#next];
      this.#next += 1;
      if (pair === undefined) throw new Error("the usage keys are used up");
      const account = buyerAccount(firstBuyer + (pair % this.#customers));
      return {
        ...{ region, path: "productCode" as const, productCode, holder: account, accountId: account },
        dimension: dimensionName(Math.floor(pair / this.#customers)),
        ...{ hour: this.#hour, timestampMs: this.#hour * hourMs + (pair % hourMs), quantity: 1 + (pair % 99) },
        billable: true,
      };
    });
    return {
      ...{ records, factsVersion },
      audit: () => ({
        ...{ requestId: randomUUID(), at: now, operation: "BatchMeterUsage" as const, region, outcome: "Success" },
        ...{ accessKeyId: seller.accessKeyId, accountId: seller.account },
        detail: { productCode, statuses: "S".repeat(count), source: "127.0.0.1", userAgent: "scale" },
      }),
    };
  }
}

/** Customer + customers × dimension: first all customers with one dimension each, then the rest; each part shuffled. */
function shuffledPairs(customers: number): Uint32Array {
  const random = createRandom(7);
  const pairs = Uint32Array.from({ length: customers * dimensions }, (_, index) => index);
  const shuffle = (from: number, to: number): void => {
    for (let index = to - 1; index > from; index -= 1) {
      const other = from + Math.floor(random() * (index - from + 1));
      const value = pairs[index] ?? 0;
      pairs[index] = pairs[other] ?? 0;
      pairs[other] = value;
    }
  };
  shuffle(0, customers);
  shuffle(customers, pairs.length);
  return pairs;
}

/** Counts what the driver sends while it waits for each answer. */
function countQueries(): { end(): number } {
  const { query } = pg.Client.prototype;
  let count = 0;
  pg.Client.prototype.query = function counted(this: pg.Client, ...args: unknown[]) {
    count += 1;
    return Reflect.apply(query, this, args);
  } as typeof query;
  return {
    end: () => {
      pg.Client.prototype.query = query;
      return count;
    },
  };
}

function more(value: number, base: number): number {
  return Number(Math.max(0, value - base).toFixed(1));
}

/** The background writers come to rest, and the log to the disk. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, settleMs));
}
