/**
 * The way of everything that a node writes with its usage: what came while a transaction was on its way shares the next. A
 * second one follows it before it is done, so that node and database do not work by turns. One poisoned unit must not take
 * the others down with it, so a group that fails is undone and each of its units is tried again alone.
 */
import { StaleFactsError, StoreFailure } from "../ledger.ts";
import type { CommitTold } from "../store.ts";
import { CommitUnknown, isOfServer } from "./errors.ts";

/** A group is one statement's worth of records; what is beyond waits for the next. */
const groupMaxUnits = 256;
/**
 * So many do not wait for the end of the turn, nor for the group before them: the database works on them while the node
 * reads the calls behind them. Smaller groups would cost both of them more.
 */
const eagerUnits = 24;
const groupsMax = 2;
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
  readonly mayOverlap: boolean;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: Error) => void;
}

export interface LaneOptions<Unit, Value> {
  /** Before the transaction: what must be there for it, such as partitions and integers for identifiers. */
  readonly prepare: (units: readonly Unit[]) => Promise<void>;
  readonly write: GroupWriter<Unit, Value>;
  /** A group of such may be on its way at the same time as another. */
  readonly mayOverlap: (unit: Unit) => boolean;
  /** After the commit, before the promise resolves: where memory follows the database. */
  readonly committed: (unit: Unit, value: Value) => void;
}

export class Lane<Unit, Value> {
  readonly #options: LaneOptions<Unit, Value>;
  #queue: Pending<Unit, Value>[] = [];
  readonly #open = new Set<Promise<Value>>();
  /** How many of them may not overlap. */
  #aloneQueued = 0;
  /** Groups that are on their way. */
  readonly #running = new Set<Promise<void>>();
  /** The one group goes alone. */
  #isAlone = false;
  #prepared: Promise<void> = Promise.resolve();
  #isScheduled = false;
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
      const mayOverlap = this.#options.mayOverlap(unit);
      this.#queue.push({ unit, locks, mayOverlap, resolve, reject });
      if (!mayOverlap) this.#aloneQueued += 1;
    });
    this.#open.add(written);
    const forget = (): boolean => this.#open.delete(written);
    written.then(forget, forget);
    this.#goOn();
    return written;
  }

  /** Resolves when everything that was queued before is written, or has failed; what comes meanwhile is not waited for. */
  async drain(): Promise<void> {
    if (this.#open.size > 0) await Promise.allSettled(this.#open);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.drain();
    await Promise.all(this.#running);
  }

  /** Sends the next group if it is time for it. */
  #goOn(): void {
    const { length } = this.#queue;
    if (length === 0 || this.#isAlone || this.#running.size >= groupsMax) return;
    if (length >= eagerUnits) this.#send();
    else if (this.#running.size === 0) this.#schedule();
  }

  /** Calls that arrive in this turn of the event loop share the first group. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#running.size === 0 && this.#queue.length > 0) this.#send();
    });
  }

  #send(): void {
    if (this.#aloneQueued > 0 && this.#running.size > 0) return;
    this.#isAlone = this.#aloneQueued > 0;
    const sent = this.#writeAll(this.#nextGroup()).finally(() => {
      this.#running.delete(sent);
      this.#isAlone = false;
      // What waited for the whole of it goes at once.
      if (this.#running.size === 0 && this.#queue.length > 0) this.#send();
      else this.#goOn();
    });
    this.#running.add(sent);
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
    this.#aloneQueued = rest.filter(({ mayOverlap }) => !mayOverlap).length;
    return group;
  }

  async #writeAll(group: readonly Pending<Unit, Value>[]): Promise<void> {
    const { prepare, write, committed } = this.#options;
    const units = group.map(({ unit }) => unit);
    let answers: readonly (Value | Error)[];
    const startedAt = performance.now();
    try {
      // One after another, so that groups are written in their order.
      const prepared = this.#prepared.then(() => prepare(units));
      this.#prepared = prepared.catch(() => {});
      await prepared;
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
