/** The ledger in SQLite: claims by insert-first, with the holder selected only when the key is taken. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { MeteringRecord, MeteringWorkload } from "../../api/types.ts";
import type { MeteredUnit, PlacedRecord, UsageClaim, UsageFilter, UsageHolder, UsageOrder } from "../ledger.ts";
import { type ClaimOutcome, type ClaimUnit, type Ledger, StaleFactsError } from "../ledger.ts";
import { RecordIds, uuidText } from "../recordIds.ts";
import { StoredKeys } from "../storedKeys.ts";
import type { UsageGrouping, UsageTotal } from "../usageTotals.ts";
import { WorkloadMemory } from "../workloadMemory.ts";
import type { SqliteAudit } from "./audit.ts";
import type { SqliteCatalog } from "./catalog.ts";
import type { GroupCommit } from "./groupCommit.ts";
import type { Interner } from "./interner.ts";
import type { MonthTables } from "./monthTables.ts";
import type { KeptBlocks } from "./summaries/keptBlocks.ts";
import { selectUsage } from "./usagePages.ts";
import { entriesPerCall, selectTotals } from "./usageQueries.ts";
import { selectUsageTotals } from "./usageTotals.ts";

const msPerHour = 3_600_000;
const defaultLimit = 1_000;

type HolderRow = { readonly record_id: Uint8Array; readonly quantity: number };
type TokenRow = HolderRow & { readonly request_hash: string };

/** A holder with its id as it is on disk, to be bound into the token's row. */
interface KeyHolder extends UsageHolder {
  readonly bytes: Uint8Array;
}

export interface LedgerParts {
  readonly database: DatabaseSync;
  readonly commits: GroupCommit;
  readonly interner: Interner;
  readonly months: MonthTables;
  readonly audit: SqliteAudit;
  readonly catalog: SqliteCatalog;
  /** A record of this hour is being stored; the transaction may yet be undone. */
  readonly touched: (hour: number) => void;
  /** Of usage. */
  readonly blocks: KeptBlocks;
}

export class SqliteLedger implements Ledger {
  readonly #parts: LedgerParts;
  readonly #ids = new RecordIds();
  readonly #stored = new StoredKeys();
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
        const call = audit.nextSeq();
        this.#stored.clear();
        const holders = records.map((record, position) => this.#claimRecord(record, call, position));
        if (holders.some((holder) => holder.fresh)) audit.insert(call, unit.audit, this.#stored.bytes());
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
    const { database, months, commits } = this.#parts;
    const settle = (): void => commits.settle();
    return selectUsage({ database, months, settle }, { asOf: this.#mark(), ...filter }, { limit, cursor, order });
  }

  async mark(): Promise<string> {
    return this.#mark();
  }

  /** Every record names the call that stored it, and calls are numbered in the order of their commits. */
  #mark(): string {
    const { commits, audit } = this.#parts;
    commits.settle();
    return String(audit.lastSeq);
  }

  async count(filter: UsageFilter): Promise<{ readonly count: number; readonly quantity: number }> {
    this.#parts.commits.settle();
    return selectTotals(this.#parts.database, this.#parts.months, filter);
  }

  totals(filter: UsageFilter, grouping: UsageGrouping, cursor?: string): AsyncIterable<readonly UsageTotal[]> {
    const { database, months, commits, blocks } = this.#parts;
    const settle = (): void => commits.settle();
    return selectUsageTotals({ database, months, settle, blocks }, { asOf: this.#mark(), ...filter }, grouping, cursor);
  }

  workloads(filter: { readonly productCode?: string; readonly resource?: string }): readonly MeteringWorkload[] {
    return this.#workloads.matching(filter);
  }

  /** Empties the ledger's tables. Called inside a transaction; `forget` follows its commit. */
  clear(): void {
    this.#parts.months.dropAll();
    this.#parts.database.exec(
      "DELETE FROM client_tokens; DELETE FROM metering_workloads; DELETE FROM subjects; DELETE FROM dimensions",
    );
  }

  /** Lets go of what memory holds of a ledger that was cleared. */
  forget(): void {
    this.#workloads.clear();
  }

  #apply(unit: ClaimUnit): ClaimOutcome {
    const { audit, catalog } = this.#parts;
    const call = audit.nextSeq();
    this.#stored.clear();
    const holders = unit.records.map((record, position) => this.#claimRecord(record, call, position));
    const tokenResolvedBefore = unit.resolveToken && catalog.resolveToken(unit.resolveToken.hash, unit.resolveToken.at);
    const outcome: ClaimOutcome = {
      holders,
      ...(tokenResolvedBefore === undefined ? {} : { tokenResolvedBefore }),
      ...(unit.workload === undefined ? {} : { workloadFresh: this.#claimWorkload(unit.workload) }),
    };
    const event = unit.audit(outcome);
    if (event !== undefined) {
      audit.insert(call, event, this.#stored.bytes());
    } else if (holders.some((holder) => holder.fresh)) {
      // The rows would point at a call that is nowhere, and its number would be given out again after a restart.
      throw new Error("a unit stored usage and gave no audit event for it");
    }
    return outcome;
  }

  #claimRecord(record: UsageClaim, call: number, position: number): UsageHolder {
    const given = record.clientToken;
    if (given === undefined) return publicHolder(this.#claimKey(record, call, position));
    const taken = this.#selectToken.get(given.accountId, record.region, given.token) as TokenRow | undefined;
    if (taken !== undefined) {
      return {
        meteringRecordId: uuidText(taken.record_id),
        quantity: taken.quantity,
        fresh: false,
        clientToken: taken.request_hash === given.requestHash ? "same" : "conflict",
      };
    }
    const holder = this.#claimKey(record, call, position);
    // A token that met another quantity stays free: its call failed, so the same token may come again (M-23).
    if (holder.quantity === record.quantity) {
      const { accountId, token, requestHash } = given;
      const { bytes, quantity } = holder;
      this.#insertToken.run(accountId, record.region, token, requestHash, bytes, quantity, record.hour, call);
    }
    return publicHolder(holder);
  }

  #claimKey(record: UsageClaim, call: number, position: number): KeyHolder {
    const month = this.#parts.months.forHour(record.hour);
    const { subject, dimension } = this.#parts.interner.usageKey(record);
    const { hour, quantity, allocations } = record;
    // On the agentcore path records add up (M-31): each has an entry of its own, so no two share a key.
    const entry = record.path === "agentcore" ? call * entriesPerCall + position : 0;
    const id = this.#ids.next();
    const { changes } = month.insert.run(
      hour,
      subject,
      dimension,
      entry,
      quantity,
      id.bytes,
      Math.round(record.timestampMs) - hour * msPerHour,
      call,
      record.billable ? 1 : 0,
      allocations === undefined ? null : JSON.stringify(allocations),
      record.clientToken?.token ?? null,
    );
    if (changes === 1) {
      this.#parts.touched(hour);
      this.#stored.add({ hour, subject, dimension, position: record.path === "agentcore" ? position : -1 });
      return { meteringRecordId: id.text, bytes: id.bytes, quantity, fresh: true };
    }
    const taken = month.holder.get(hour, subject, dimension, entry) as HolderRow | undefined;
    if (taken === undefined) throw new Error("a usage key is taken, and yet nobody holds it");
    return {
      meteringRecordId: uuidText(taken.record_id),
      bytes: taken.record_id,
      quantity: taken.quantity,
      fresh: false,
    };
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

function publicHolder({ meteringRecordId, quantity, fresh }: KeyHolder): UsageHolder {
  return { meteringRecordId, quantity, fresh };
}
