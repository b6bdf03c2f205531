/** One store: the ports over one engine, opened and closed together. */
import type { Audit } from "./audit.ts";
import type { Catalog } from "./catalog.ts";
import type { Leadership } from "./leadership.ts";
import type { Ledger } from "./ledger.ts";
import type { ReaderSource } from "./ledgerReader.ts";
import type { Outbox } from "./outbox.ts";
import type { SharedState } from "./sharedState.ts";
import type { Summaries } from "./summaries.ts";

/** One group of what was written together. */
export interface CommitTold {
  /** Calls, refusals and the like that shared the commit. */
  readonly units: number;
  /** From the begin of its transaction to its end. */
  readonly ms: number;
  /** false: the commit failed. */
  readonly isStored: boolean;
  /** Why it failed, for people. */
  readonly why?: string;
}

export interface Store {
  readonly catalog: Catalog;
  readonly ledger: Ledger;
  readonly audit: Audit;
  readonly outbox: Outbox;
  readonly summaries: Summaries;
  /** How another thread reads the ledger. Absent: this engine is read without one, or is now. */
  readonly reader?: ReaderSource | undefined;
  readonly leadership: Leadership;
  /** What nodes have in common. Absent: one process owns the store. */
  readonly shared?: SharedState;
  /** What is made ahead and tidied away, by the node that leads, now and then. `now`: of the business clock. */
  upkeep?(now: number): Promise<void>;
  /** Why nothing can be written now, for people; undefined: it can, as far as is known. */
  outage(): string | undefined;
  /** Calls the listener after other nodes changed the catalogue and it was taken in. It must not throw. */
  onChangedElsewhere(listener: () => void): void;
  /** Tells the listener of each commit, in place of the one before it. It must not throw. */
  onCommit(listener: (commit: CommitTold) => void): void;
  /** Empties everything: catalogue, ledger, audit trail, outbox, targets, admin tokens, control events. For tests. */
  reset(): Promise<void>;
  /** Finishes what is queued, then releases the files. */
  close(): Promise<void>;
}
