/**
 * Planned faults of many nodes over one database. A node knows what is planned, and asks the database only for calls that a
 * fault means: its row is locked while the fault is decided, so the next n calls are n on all nodes together, and what a
 * seed draws is one sequence, whichever nodes the calls come to.
 *
 * A fault that another node plans strikes here as soon as this one was told, or has looked, within a second. While the
 * database is away nothing strikes: what cannot be counted is not done.
 */
import {
  type Awaitable,
  type Fault,
  type FaultCall,
  type FaultEntry,
  type FaultHit,
  type FaultPlace,
  type Faults,
  faultLimits,
  meant,
  newEntry,
  type PlannedFault,
  planFull,
  shown,
  strike,
} from "./faults.ts";
import type { FaultCounts, FaultRow, SharedFaults, SharedState } from "./store/sharedState.ts";

const none: readonly FaultHit[] = [];
/** Calls of one transaction. */
const groupMax = 256;

interface WaitingCall {
  /** Of the faults that mean it, in the order they were planned. */
  readonly ids: readonly string[];
  readonly call: FaultCall;
  readonly resolve: (hits: readonly FaultHit[]) => void;
}

/** Resolves when it knows what is planned. `onError` is told what failed where nobody waits for it. */
export async function openSharedFaults(shared: SharedState, onError: (error: unknown) => void): Promise<Faults> {
  const faults = new NodeFaults(shared.faults, onError);
  shared.onChanged("faults", () => void faults.look().catch(onError));
  shared.onChanged("faultsCleared", () => faults.release());
  await faults.look();
  return faults;
}

class NodeFaults implements Faults {
  readonly #rows: SharedFaults;
  readonly #onError: (error: unknown) => void;
  #planned: readonly FaultEntry[] = [];
  #clearing = new AbortController();
  /** What this node planned, took back or gave back, and has not heard of yet; calls wait for it. */
  readonly #writing = new Set<Promise<unknown>>();
  #waiting: WaitingCall[] = [];
  #isStriking = false;
  #looking: Promise<void> = Promise.resolve();
  #nextLook: Promise<void> | undefined;

  constructor(rows: SharedFaults, onError: (error: unknown) => void) {
    this.#rows = rows;
    this.#onError = onError;
  }

  get isActive(): boolean {
    return this.#planned.length > 0 || this.#writing.size > 0;
  }

  get cleared(): AbortSignal {
    return this.#clearing.signal;
  }

  plan(fault: Fault): () => void {
    const entry = newEntry(fault);
    const added = this.#written(this.#add(entry));
    added.catch(this.#onError);
    return () => {
      const removed = added.catch(() => {}).then(() => this.remove(entry.id));
      this.#written(removed).catch(this.#onError);
    };
  }

  async add(fault: Fault): Promise<PlannedFault> {
    const entry = newEntry(fault);
    await this.#written(this.#add(entry));
    return shown(entry);
  }

  list(): readonly PlannedFault[] {
    return this.#planned.map(shown);
  }

  async counted(): Promise<readonly PlannedFault[]> {
    await this.#settled();
    await this.look();
    return this.list();
  }

  async remove(id: string): Promise<boolean> {
    const isThere = await this.#written(this.#rows.remove(id));
    this.#planned = this.#planned.filter((one) => one.id !== id);
    return isThere;
  }

  take(place: FaultPlace, call: FaultCall): Awaitable<readonly FaultHit[]> {
    if (this.#writing.size > 0) return this.#settled().then(() => this.#take(place, call));
    return this.#take(place, call);
  }

  giveBack(hit: FaultHit): void {
    const given = this.#rows.change([hit.id], (rows) => {
      const counts = rows.map(({ id, left, hits, matched, drawn }): [string, FaultCounts] => [
        id,
        { left: left === null ? null : left + 1, hits: hits - 1, matched, drawn },
      ]);
      return { counts: new Map(counts), value: undefined };
    });
    this.#written(given.then(() => this.look())).catch(this.#onError);
  }

  async clear(): Promise<void> {
    this.release();
    this.#planned = [];
    await this.#written(this.#rows.clear());
  }

  release(): void {
    this.#clearing.abort();
    this.#clearing = new AbortController();
  }

  /** Reads what is planned. Calls that come while one is on its way share the next. */
  look(): Promise<void> {
    this.#nextLook ??= this.#looking.then(() => {
      this.#nextLook = undefined;
      const look = this.#rows.waiting().then((rows) => {
        this.#planned = rows.map(entryOf);
      });
      this.#looking = look.catch(() => {});
      return look;
    });
    return this.#nextLook;
  }

  async #add(entry: FaultEntry): Promise<void> {
    const isAdded = await this.#rows.add(rowOf(entry), faultLimits.plannedMax);
    if (!isAdded) throw planFull();
    // The others may have planned before it: the order is the database's.
    await this.look();
  }

  #take(place: FaultPlace, call: FaultCall): Awaitable<readonly FaultHit[]> {
    const candidates = meant(this.#planned, place, call);
    if (candidates.length === 0) return none;
    return this.#strike(
      candidates.map(({ id }) => id),
      call,
    );
  }

  #strike(ids: readonly string[], call: FaultCall): Promise<readonly FaultHit[]> {
    return new Promise((resolve) => {
      this.#waiting.push({ ids, call, resolve });
      if (this.#isStriking) return;
      this.#isStriking = true;
      void this.#strikeAll();
    });
  }

  /** One transaction at a time, for all calls that wait: however many they are, they hold one connection. Never rejects. */
  async #strikeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, groupMax);
      try {
        const hits = await this.#counted(group);
        for (const [index, { resolve }] of group.entries()) resolve(hits[index] ?? none);
      } catch (error) {
        this.#onError(error);
        for (const { resolve } of group) resolve(none);
      }
    }
    this.#isStriking = false;
  }

  /** In the order of the calls. */
  async #counted(group: readonly WaitingCall[]): Promise<readonly (readonly FaultHit[])[]> {
    const ids = [...new Set(group.flatMap((one) => one.ids))];
    const { hits, entries } = await this.#rows.change(ids, (rows) => {
      const entries = rows.map(entryOf);
      // Used up, or taken back, by the time that it is a call's turn.
      const hits = group.map((one) => {
        const left = entries.filter((entry) => entry.left > 0 && one.ids.includes(entry.id));
        return strike(left, one.call).map(({ hit }) => hit);
      });
      const counts = new Map(entries.map((one): [string, FaultCounts] => [one.id, rowOf(one)]));
      return { counts, value: { hits, entries } };
    });
    const counted = new Map(entries.map((one) => [one.id, one]));
    const gone = new Set(ids.filter((id) => !counted.has(id)));
    this.#planned = this.#planned
      .map((one) => counted.get(one.id) ?? one)
      .filter(({ id, left }) => left > 0 && !gone.has(id));
    return hits;
  }

  #written<T>(work: Promise<T>): Promise<T> {
    this.#writing.add(work);
    const forget = (): boolean => this.#writing.delete(work);
    work.then(forget, forget);
    return work;
  }

  async #settled(): Promise<void> {
    while (this.#writing.size > 0) await Promise.allSettled(this.#writing);
  }
}

function entryOf({ id, fault, left, matched, hits, drawn }: FaultRow): FaultEntry {
  return { id, fault: JSON.parse(fault) as Fault, left: left ?? Number.POSITIVE_INFINITY, matched, hits, drawn };
}

function rowOf({ id, fault, left, matched, hits, drawn }: FaultEntry): FaultRow {
  return { id, fault: JSON.stringify(fault), left: Number.isFinite(left) ? left : null, matched, hits, drawn };
}
