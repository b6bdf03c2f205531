/** The ledger in SQLite: claims by insert-first, with the holder selected only when the key is taken. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { MeteringRecord, MeteringWorkload } from "../../api/types.ts";
import type { PlacedRecord, UsageClaim, UsageFilter, UsageHolder } from "../ledger.ts";
import { type ClaimOutcome, type ClaimUnit, type Ledger, StaleFactsError } from "../ledger.ts";
import { WorkloadMemory } from "../workloadMemory.ts";
import type { SqliteAudit } from "./audit.ts";
import type { SqliteCatalog } from "./catalog.ts";
import type { GroupCommit } from "./groupCommit.ts";
import type { Interner } from "./interner.ts";
import type { MonthTables } from "./monthTables.ts";
import { RecordIds, uuidText } from "./recordIds.ts";
import { selectTotals, selectUsage } from "./usageQueries.ts";

const msPerHour = 3_600_000;
const defaultLimit = 1_000;
/** Entries of one call on the agentcore path: call × this + position stays unique, and below 2^53 for 2^37 calls. */
const entriesPerCall = 65_536;

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
}

export class SqliteLedger implements Ledger {
  readonly #parts: LedgerParts;
  readonly #ids = new RecordIds();
  readonly #selectToken: StatementSync;
  readonly #insertToken: StatementSync;
  readonly #insertWorkload: StatementSync;
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
        if (unit.workload !== undefined && outcome.workloadFresh === true) this.#workloads.put(unit.workload);
        if (unit.resolveToken !== undefined && outcome.tokenResolvedBefore === false) {
          catalog.tokenResolved(unit.resolveToken.hash, unit.resolveToken.at);
        }
      },
    });
  }

  async records(filter: UsageFilter, limit = defaultLimit): Promise<readonly MeteringRecord[]> {
    this.#parts.commits.settle();
    return selectUsage(this.#parts.database, this.#parts.months, filter, limit).map(({ record }) => record);
  }

  async page(filter: UsageFilter, limit: number, cursor?: string): Promise<readonly PlacedRecord[]> {
    this.#parts.commits.settle();
    return selectUsage(this.#parts.database, this.#parts.months, filter, limit, cursor);
  }

  async count(filter: UsageFilter): Promise<{ readonly count: number; readonly quantity: number }> {
    this.#parts.commits.settle();
    return selectTotals(this.#parts.database, this.#parts.months, filter);
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
    const holders = unit.records.map((record, position) => this.#claimRecord(record, call, position));
    const tokenResolvedBefore = unit.resolveToken && catalog.resolveToken(unit.resolveToken.hash, unit.resolveToken.at);
    const outcome: ClaimOutcome = {
      holders,
      ...(tokenResolvedBefore === undefined ? {} : { tokenResolvedBefore }),
      ...(unit.workload === undefined ? {} : { workloadFresh: this.#claimWorkload(unit.workload) }),
    };
    const event = unit.audit(outcome);
    if (event !== undefined) {
      audit.insert(call, event);
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
    if (changes === 1) return { meteringRecordId: id.text, bytes: id.bytes, quantity, fresh: true };
    const taken = month.holder.get(hour, subject, dimension, entry) as HolderRow | undefined;
    if (taken === undefined) throw new Error("a usage key is taken, and yet nobody holds it");
    return {
      meteringRecordId: uuidText(taken.record_id),
      bytes: taken.record_id,
      quantity: taken.quantity,
      fresh: false,
    };
  }

  #claimWorkload(workload: MeteringWorkload): boolean {
    const { productCode, resource, operation } = workload;
    return this.#insertWorkload.run(productCode, resource, operation, JSON.stringify(workload)).changes === 1;
  }
}

function publicHolder({ meteringRecordId, quantity, fresh }: KeyHolder): UsageHolder {
  return { meteringRecordId, quantity, fresh };
}
