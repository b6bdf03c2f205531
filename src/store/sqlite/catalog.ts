/** The catalogue in SQLite: written through to the file, read from memory. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { ControlEvent } from "../../api/types.ts";
import type { Catalog, CatalogChange } from "../catalog.ts";
import { CatalogReads } from "../catalogReads.ts";
import type { Sealer } from "../sealer.ts";
import { CatalogRows } from "./catalogRows.ts";
import type { GroupCommit } from "./groupCommit.ts";
import type { SqliteOutbox } from "./outbox.ts";

const defaultEventLimit = 100;

export interface CatalogParts {
  readonly database: DatabaseSync;
  readonly commits: GroupCommit;
  readonly sealer: Sealer;
  readonly outbox: SqliteOutbox;
}

export class SqliteCatalog extends CatalogReads implements Catalog {
  readonly #commits: GroupCommit;
  readonly #outbox: SqliteOutbox;
  readonly #rows: CatalogRows;
  readonly #resolveToken: StatementSync;
  #version: number;

  /** Reads the whole catalogue. Throws when the sealer's key does not fit what was sealed. */
  constructor({ database, commits, sealer, outbox }: CatalogParts) {
    super();
    this.#commits = commits;
    this.#outbox = outbox;
    this.#rows = new CatalogRows(database, sealer);
    this.#resolveToken = database.prepare(
      "UPDATE registration_tokens SET resolved_at = ? WHERE hash = ? AND resolved_at IS NULL",
    );
    this.#version = this.#rows.version();
    this.memory.put(this.#rows.load());
  }

  get version(): number {
    return this.#version;
  }

  async controlEvents(limit = defaultEventLimit): Promise<readonly ControlEvent[]> {
    this.#commits.settle();
    return this.#rows.controlEvents(limit);
  }

  async apply(change: CatalogChange): Promise<void> {
    // A copy, by the same way as through the file: memory then holds what a restart would load, and a caller that goes
    // on changing its objects changes nothing here.
    const copy = JSON.parse(JSON.stringify(change)) as CatalogChange;
    const version = this.#version + 1;
    const madeDeliveries = this.#commits.alone(() => {
      this.#rows.remove(copy.remove ?? {});
      for (const id of copy.remove?.targets ?? []) this.#outbox.endDeliveries(id);
      this.#rows.write(copy);
      this.#rows.writeVersion(version);
      return this.#outbox.publish(copy.notifications ?? [], this.targetsAfter(copy));
    });
    this.memory.put(copy);
    this.#version = version;
    if (madeDeliveries) this.#outbox.wake();
  }

  /**
   * Marks a token as resolved unless it is: was it before? undefined for an unknown token. Called inside a transaction;
   * `tokenResolved` follows its commit.
   */
  resolveToken(hash: string, at: number): boolean | undefined {
    if (this.#resolveToken.run(at, hash).changes === 1) return false;
    return this.memory.tokens.has(hash) ? true : undefined;
  }

  /** Empties the catalogue's tables. Called inside a transaction; `forget` follows its commit. */
  clear(): void {
    this.#rows.clear();
    this.#rows.writeVersion(this.#version + 1);
  }

  /** The version goes on from where it was: a decision that is still on its way must not pass as fresh. */
  forget(): void {
    this.memory.clear();
    this.#version += 1;
  }
}
