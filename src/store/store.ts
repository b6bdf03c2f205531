/** One store: the ports over one engine, opened and closed together. */
import type { Audit } from "./audit.ts";
import type { Catalog } from "./catalog.ts";
import type { Ledger } from "./ledger.ts";
import type { Outbox } from "./outbox.ts";
import type { Summaries } from "./summaries.ts";

export interface Store {
  readonly catalog: Catalog;
  readonly ledger: Ledger;
  readonly audit: Audit;
  readonly outbox: Outbox;
  readonly summaries: Summaries;
  /** Empties everything: catalogue, ledger, audit trail, outbox, targets, admin tokens, control events. For tests. */
  reset(): Promise<void>;
  /** Finishes what is queued, then releases the files. */
  close(): Promise<void>;
}
