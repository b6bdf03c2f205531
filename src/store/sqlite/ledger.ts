/**
 * The ledger in SQLite. Whether a key is taken is decided by the index in memory, or by a look into the hour's table where
 * that does not know all of the hour; what is stored goes to the journal, in the group's transaction.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { MeteringRecord, MeteringWorkload } from "../../api/types.ts";
import type { MeteredUnit, PlacedRecord, UsageClaim, UsageFilter, UsageHolder, UsageOrder } from "../ledger.ts";
import { type ClaimOutcome, type ClaimUnit, type Ledger, StaleFactsError } from "../ledger.ts";
import { RecordIds, uuidBytes, uuidText } from "../recordIds.ts";
import type { UsageGrouping, UsageTotal } from "../usageTotals.ts";
import { WorkloadMemory } from "../workloadMemory.ts";
import type { SqliteAudit } from "./audit.ts";
import type { SqliteCatalog } from "./catalog.ts";
import type { GroupCommit } from "./groupCommit.ts";
import type { HourIndex } from "./hourIndex.ts";
import type { HourLoader } from "./hourLoader.ts";
import type { Interner } from "./interner.ts";
import type { Journal } from "./journal.ts";
import type { SeenUsage } from "./journalMover.ts";
import type { MonthTables } from "./monthTables.ts";
import type { KeptBlocks } from "./summaries/keptBlocks.ts";
import type { UsageIndex } from "./usageIndex.ts";
import { selectUsage } from "./usagePages.ts";
import { selectTotals } from "./usageQueries.ts";
import { selectUsageTotals } from "./usageTotals.ts";

const msPerHour = 3_600_000;
const defaultLimit = 1_000;

type HolderRow = { readonly record_id: Uint8Array; readonly quantity: number };
type TokenRow = HolderRow & { readonly request_hash: string };

export interface LedgerParts {
  readonly database: DatabaseSync;
  readonly commits: GroupCommit;
  readonly interner: Interner;
  readonly months: MonthTables;
  readonly audit: SqliteAudit;
  readonly catalog: SqliteCatalog;
  readonly journal: Journal;
  readonly index: UsageIndex;
  readonly loader: HourLoader;
  readonly seen: SeenUsage;
  /** A record of this hour is being stored; the transaction may yet be undone. */
  readonly touched: (hour: number) => void;
  /** Of usage. */
  readonly blocks: KeptBlocks;
}

export class SqliteLedger implements Ledger {
  readonly #parts: LedgerParts;
  readonly #ids = new RecordIds();
  /** Of the records of one unit, the hour that was told last. */
  #touchedHour = -1;
  readonly #selectToken: StatementSync;
  readonly #insertToken: StatementSync;
  readonly #insertWorkload: StatementSync;
  readonly #selectWorkload: StatementSync;
  readonly #updateWorkload: StatementSync;
  readonly #workloads = new WorkloadMemory();

  constructor(parts: LedgerParts) {
    const { database } = parts;
    this.#parts = parts;
    this.#selectToken = database.prepare(
      "SELECT request_hash, record_id, quantity FROM client_tokens WHERE account_id = ? AND region = ? AND token = ?",
    );
    this.#insertToken = database.prepare("INSERT INTO client_tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    this.#insertWorkload = database.prepare(
      "INSERT INTO metering_workloads (product_code, resource, operation, document) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#selectWorkload = database.prepare(
      "SELECT document FROM metering_workloads WHERE product_code = ? AND resource = ? AND operation = ?",
    );
    this.#updateWorkload = database.prepare(
      "UPDATE metering_workloads SET document = ? WHERE product_code = ? AND resource = ? AND operation = ?",
    );
    for (const row of database.prepare("SELECT document FROM metering_workloads ORDER BY seq").all()) {
      this.#workloads.put(JSON.parse(String(row.document)) as MeteringWorkload);
    }
  }

  claim(unit: ClaimUnit): Promise<ClaimOutcome> {
    const { commits, catalog } = this.#parts;
    return commits.enqueue<ClaimOutcome>({
      isJournalled: true,
      refuse: () => {
        if (unit.factsVersion === undefined || unit.factsVersion === catalog.version) return undefined;
        return new StaleFactsError(`The catalogue moved on from version ${unit.factsVersion} to ${catalog.version}`);
      },
      run: () => this.#apply(unit),
      committed: (outcome) => {
        if (unit.workload !== undefined) this.#remember(unit.workload, outcome.workloadFresh === true);
        if (unit.resolveToken !== undefined && outcome.tokenResolvedBefore === false) {
          catalog.tokenResolved(unit.resolveToken.hash, unit.resolveToken.at);
        }
      },
    });
  }

  async meter(unit: MeteredUnit): Promise<boolean> {
    const { seen, records, meteredUntil, meteringClosed } = unit;
    const { isKept } = await this.#parts.commits.enqueue({
      run: () => {
        // Not in memory: what this transaction's group changed before is on disk alone.
        const found = this.#storedWorkload(seen);
        if (found === undefined || found.stoppedAt !== seen.stoppedAt || found.meteredUntil !== seen.meteredUntil) {
          return { isKept: false, workload: found };
        }
        const { audit } = this.#parts;
        const call = this.#beginUnit();
        const holders = records.map((record, position) => this.#claimRecord(record, call, position));
        const isStored = holders.some((holder) => holder.fresh);
        this.#parts.journal.writer.endUnit(isStored ? audit.packed(unit.audit) : undefined);
        return { isKept: true, workload: this.#changeWorkload({ ...found, meteredUntil, meteringClosed }) };
      },
      committed: ({ workload }) => {
        // Also where nothing was kept: after a commit of unknown outcome memory may be behind the disk.
        if (workload !== undefined) this.#workloads.put(workload);
      },
    });
    return isKept;
  }

  async endWorkload({ resource, at }: { readonly resource: string; readonly at: number }): Promise<void> {
    // A registration of this turn is found in memory only once it is committed.
    this.#parts.commits.settle();
    // MeterUsage's are left alone: nothing is metered for them, and an instance that stopped may start again.
    const known = this.#workloads.matching({ resource }).filter((one) => one.operation === "RegisterUsage");
    if (known.length === 0) return;
    await this.#parts.commits.enqueue({
      run: () =>
        known.flatMap((workload) => {
          const found = this.#storedWorkload(workload);
          if (found === undefined) return [];
          return [found.meteringClosed === true ? found : this.#changeWorkload({ ...found, stoppedAt: at })];
        }),
      committed: (changed) => {
        for (const workload of changed) this.#workloads.put(workload);
      },
    });
  }

  openRegistrations(): readonly MeteringWorkload[] {
    return this.#workloads.openRegistrations();
  }

  async records(filter: UsageFilter, limit = defaultLimit): Promise<readonly MeteringRecord[]> {
    return (await this.page(filter, limit)).map(({ record }) => record);
  }

  async page(
    filter: UsageFilter,
    limit: number,
    cursor?: string,
    order?: UsageOrder,
  ): Promise<readonly PlacedRecord[]> {
    const { database, months, seen } = this.#parts;
    const asOf = String(await seen.all());
    return selectUsage({ database, months, again: seen.again }, { asOf, ...filter }, { limit, cursor, order });
  }

  /** Every record names the call that stored it, and calls are numbered in the order of their commits. */
  async mark(): Promise<string> {
    return String(await this.#parts.seen.all());
  }

  async count(filter: UsageFilter): Promise<{ readonly count: number; readonly quantity: number }> {
    await this.#parts.seen.all();
    return selectTotals(this.#parts.database, this.#parts.months, filter);
  }

  async *totals(filter: UsageFilter, grouping: UsageGrouping, cursor?: string): AsyncGenerator<readonly UsageTotal[]> {
    const { database, months, commits, blocks, seen } = this.#parts;
    const asOf = await this.mark();
    const isForThisTurn = seen.isForThisTurn();
    const turn = async (): Promise<void> => {
      if (isForThisTurn) return;
      await nextTurn();
      commits.ensureOpen();
      commits.hide();
    };
    const totals = selectUsageTotals({ database, months, turn, blocks }, { asOf, ...filter }, grouping, cursor);
    if (!isForThisTurn) {
      yield* totals;
      return;
    }
    // Whoever takes them may take their time.
    const all: (readonly UsageTotal[])[] = [];
    for await (const batch of totals) all.push(batch);
    yield* all;
  }

  workloads(filter: { readonly productCode?: string; readonly resource?: string }): readonly MeteringWorkload[] {
    return this.#workloads.matching(filter);
  }

  /** Empties the ledger's tables. Called inside a transaction; `forget` follows its commit. */
  clear(): void {
    this.#parts.months.dropAll();
    this.#parts.journal.clear();
    this.#parts.database.exec(
      "DELETE FROM client_tokens; DELETE FROM metering_workloads; DELETE FROM subjects; DELETE FROM dimensions",
    );
  }

  /** Lets go of what memory holds of a ledger that was cleared. */
  forget(): void {
    this.#workloads.clear();
    this.#parts.journal.forget();
  }

  /** Its number. Called inside a transaction. */
  #beginUnit(): number {
    const call = this.#parts.audit.nextSeq();
    this.#parts.journal.writer.beginUnit(call);
    this.#touchedHour = -1;
    return call;
  }

  #apply(unit: ClaimUnit): ClaimOutcome {
    const { audit, catalog, journal } = this.#parts;
    // Registrations, and below tokens, are rows of their own.
    if (unit.resolveToken !== undefined || unit.workload !== undefined) this.#parts.commits.writing();
    const call = this.#beginUnit();
    const holders = unit.records.map((record, position) => this.#claimRecord(record, call, position));
    const tokenResolvedBefore = unit.resolveToken && catalog.resolveToken(unit.resolveToken.hash, unit.resolveToken.at);
    const outcome: ClaimOutcome = {
      holders,
      ...(tokenResolvedBefore === undefined ? {} : { tokenResolvedBefore }),
      ...(unit.workload === undefined ? {} : { workloadFresh: this.#claimWorkload(unit.workload) }),
    };
    const event = unit.audit(outcome);
    if (event === undefined && holders.some((holder) => holder.fresh)) {
      // The rows would point at a call that is nowhere, and its number would be given out again after a restart.
      throw new Error("a unit stored usage and gave no audit event for it");
    }
    journal.writer.endUnit(event === undefined ? undefined : audit.packed(event));
    return outcome;
  }

  #claimRecord(record: UsageClaim, call: number, position: number): UsageHolder {
    const given = record.clientToken;
    if (given === undefined) return this.#claimKey(record, position);
    const taken = this.#selectToken.get(given.accountId, record.region, given.token) as TokenRow | undefined;
    if (taken !== undefined) {
      return {
        meteringRecordId: uuidText(taken.record_id),
        quantity: taken.quantity,
        fresh: false,
        clientToken: taken.request_hash === given.requestHash ? "same" : "conflict",
      };
    }
    const holder = this.#claimKey(record, position);
    // A token that met another quantity stays free: its call failed, so the same token may come again (M-23).
    if (holder.quantity === record.quantity) {
      const { accountId, token, requestHash } = given;
      const { meteringRecordId, quantity } = holder;
      const id = uuidBytes(meteringRecordId) ?? null;
      this.#parts.commits.writing();
      this.#insertToken.run(accountId, record.region, token, requestHash, id, quantity, record.hour, call);
    }
    return holder;
  }

  #claimKey(record: UsageClaim, position: number): UsageHolder {
    const { index, interner, journal } = this.#parts;
    const { subject, dimension } = interner.usageKey(record);
    const { hour, quantity, allocations } = record;
    const hourIndex = index.hour(hour);
    // On the agentcore path records add up (M-31): each has an entry of its own, so no two share a key.
    const isOwnKey = record.path === "agentcore";
    if (!isOwnKey) {
      const holder = this.#holder(hourIndex, subject, dimension);
      if (holder !== undefined) return holder;
    }
    const ids = this.#ids;
    const meteringRecordId = ids.nextText();
    journal.writer.addRow(
      {
        subject,
        dimension,
        hour,
        quantity,
        atMs: Math.round(record.timestampMs) - hour * msPerHour,
        isBillable: record.billable,
        position: isOwnKey ? position : undefined,
        allocations: allocations === undefined ? undefined : JSON.stringify(allocations),
        token: record.clientToken?.token,
      },
      ids.bytes,
      ids.place * 4,
    );
    if (!isOwnKey) index.claim(hourIndex, { subject, dimension, quantity }, ids, journal.nextRow);
    if (hour !== this.#touchedHour) {
      this.#parts.touched(hour);
      this.#touchedHour = hour;
    }
    return { meteringRecordId, quantity, fresh: true };
  }

  /** Who has the key already. */
  #holder(hourIndex: HourIndex, subject: number, dimension: number): UsageHolder | undefined {
    const entry = hourIndex.find(subject, dimension);
    if (entry >= 0) {
      return { meteringRecordId: hourIndex.idText(entry), quantity: hourIndex.quantity(entry), fresh: false };
    }
    if (hourIndex.isComplete) return undefined;
    const { months, loader } = this.#parts;
    loader.missed(hourIndex);
    const taken = months.find(hourIndex.hour)?.holder.get(hourIndex.hour, subject, dimension, 0);
    if (taken === undefined) return undefined;
    const { record_id, quantity } = taken as HolderRow;
    return { meteringRecordId: uuidText(record_id), quantity, fresh: false };
  }

  #remember(workload: MeteringWorkload, isFresh: boolean): void {
    const { productCode, resource, operation } = workload;
    const isKnown = this.#workloads.matching({ productCode, resource }).some((one) => one.operation === operation);
    if (isKnown) return;
    // Neither fresh nor known: an earlier commit of unknown outcome did reach the disk.
    const stored = isFresh ? workload : this.#storedWorkload(workload);
    if (stored !== undefined) this.#workloads.put(stored);
  }

  #storedWorkload({ productCode, resource, operation }: MeteringWorkload): MeteringWorkload | undefined {
    const row = this.#selectWorkload.get(productCode, resource, operation);
    return row === undefined ? undefined : (JSON.parse(String(row.document)) as MeteringWorkload);
  }

  #changeWorkload(workload: MeteringWorkload): MeteringWorkload {
    const { productCode, resource, operation } = workload;
    this.#updateWorkload.run(JSON.stringify(workload), productCode, resource, operation);
    return workload;
  }

  #claimWorkload(workload: MeteringWorkload): boolean {
    const { productCode, resource, operation } = workload;
    return this.#insertWorkload.run(productCode, resource, operation, JSON.stringify(workload)).changes === 1;
  }
}
