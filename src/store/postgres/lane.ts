/**
 * The way of everything that a node writes with its usage: one transaction at a time, and what came while one was on its
 * way shares the next. One poisoned unit must not take the others down with it, so a group that fails is undone and each
 * of its units is tried again alone.
 */
import { StaleFactsError, StoreFailure } from "../ledger.ts";
import type { CommitTold } from "../store.ts";
import { CommitUnknown, isOfServer } from "./connection.ts";

/** A group is one statement's worth of records; what is beyond waits for the next. */
const groupMaxUnits = 256;
/** So many do not wait for the end of the turn: the database works on them while the node reads the calls behind them. */
const eagerUnits = 16;
/** What waits behind a group that the database does not answer fails after this, and its callers send it again. */
const groupMaxMs = 8_000;

/**
 * Writes units in one transaction and answers each, in order: with its value, or with the error that refuses it. Rejects,
 * with nothing kept, or with CommitUnknown, and gives the database up after `maxMs`.
 */
export type GroupWriter<Unit, Value> = (units: readonly Unit[], maxMs: number) => Promise<readonly (Value | Error)[]>;

interface Pending<Unit, Value> {
  readonly unit: Unit;
  /** Units of one group do not share these. */
  readonly locks: readonly string[];
  readonly resolve: (value: Value) => void;
  readonly reject: (error: Error) => void;
}

export interface LaneOptions<Unit, Value> {
  /** Before the transaction: what must be there for it, such as partitions and integers for identifiers. */
  readonly prepare: (units: readonly Unit[]) => Promise<void>;
  readonly write: GroupWriter<Unit, Value>;
  /** After the commit, before the promise resolves: where memory follows the database. */
  readonly committed: (unit: Unit, value: Value) => void;
}

export class Lane<Unit, Value> {
  readonly #options: LaneOptions<Unit, Value>;
  #queue: Pending<Unit, Value>[] = [];
  readonly #open = new Set<Promise<Value>>();
  #running: Promise<void> | undefined;
  /** Ends the wait for the end of the turn. */
  #begin: (() => void) | undefined;
  #isClosed = false;
  /** Told of each group, for whoever measures. */
  onCommit: ((commit: CommitTold, error?: unknown) => void) | undefined;

  constructor(options: LaneOptions<Unit, Value>) {
    this.#options = options;
  }

  /** Joins the next group. Rejects with what refused the unit, or with StoreFailure. */
  enqueue(unit: Unit, locks: readonly string[] = []): Promise<Value> {
    if (this.#isClosed) return Promise.reject(new StoreFailure("no", new Error("the store is closed")));
    const written = new Promise<Value>((resolve, reject) => {
      this.#queue.push({ unit, locks, resolve, reject });
    });
    this.#open.add(written);
    const forget = (): boolean => this.#open.delete(written);
    written.then(forget, forget);
    this.#running ??= this.#run();
    if (this.#queue.length >= eagerUnits) this.#begin?.();
    return written;
  }

  /** Resolves when everything that was queued before is written, or has failed; what comes meanwhile is not waited for. */
  async drain(): Promise<void> {
    if (this.#open.size > 0) await Promise.allSettled(this.#open);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // Calls that arrive in this turn of the event loop share the first group.
    await new Promise<void>((resolve) => {
      this.#begin = resolve;
      setImmediate(resolve);
    });
    this.#begin = undefined;
    while (this.#queue.length > 0) await this.#writeAll(this.#nextGroup());
    this.#running = undefined;
  }

  #tell(units: number, startedAt: number, isStored: boolean, error?: unknown): void {
    this.onCommit?.({ units, ms: performance.now() - startedAt, isStored }, error);
  }

  #nextGroup(): readonly Pending<Unit, Value>[] {
    const held = new Set<string>();
    const group: Pending<Unit, Value>[] = [];
    const rest: Pending<Unit, Value>[] = [];
    for (const pending of this.#queue) {
      const isFree = group.length < groupMaxUnits && !pending.locks.some((lock) => held.has(lock));
      (isFree ? group : rest).push(pending);
      for (const lock of pending.locks) held.add(lock);
    }
    this.#queue = rest;
    return group;
  }

  async #writeAll(group: readonly Pending<Unit, Value>[]): Promise<void> {
    const { prepare, write, committed } = this.#options;
    const units = group.map(({ unit }) => unit);
    let answers: readonly (Value | Error)[];
    const startedAt = performance.now();
    try {
      await prepare(units);
      answers = await write(units, groupMaxMs);
    } catch (error) {
      if (group.length > 1 && !isOfServer(error) && !(error instanceof CommitUnknown)) {
        for (const one of group) await this.#writeAll([one]);
        return;
      }
      this.#tell(group.length, startedAt, false, error);
      const failure = new StoreFailure(error instanceof CommitUnknown ? "unknown" : "no", error);
      for (const { reject } of group) reject(error instanceof StaleFactsError ? error : failure);
      return;
    }
    this.#tell(group.length, startedAt, true);
    for (const [index, { unit, resolve, reject }] of group.entries()) {
      const answer = answers[index];
      if (answer instanceof Error) reject(answer);
      else if (answer === undefined) reject(new StoreFailure("unknown", new Error("a unit was given no answer")));
      else {
        committed(unit, answer);
        resolve(answer);
      }
    }
  }
}
