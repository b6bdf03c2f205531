/** Planned faults (SPEC B-92): what a test arranges so that a client meets what production would do to it. */
import { hash, randomInt, randomUUID } from "node:crypto";

/** `after-commit`: everything that the call says is durable, and the client does not learn of it. */
export type FaultPhase = "before-commit" | "after-commit";

type FaultKind =
  | {
      /** Records of a batch that come back in UnprocessedRecords: by index, or each with a probability. One of the two. */
      readonly kind: "unprocessed";
      readonly records?: readonly number[];
      /** 0 to 1. */
      readonly recordShare?: number;
    }
  | {
      /** InternalServiceErrorException, before anything is stored (default) or after everything is. */
      readonly kind: "error";
      /** Default 500. */
      readonly status?: number;
      readonly phase?: FaultPhase;
    }
  | {
      /** The connection breaks without an answer, before anything is stored (default) or after everything is. */
      readonly kind: "cut";
      readonly phase?: FaultPhase;
    }
  | { readonly kind: "throttle" }
  | { readonly kind: "delay"; readonly ms: number; readonly phase?: FaultPhase }
  | {
      /** The head of the answer goes out at once, its body in pieces over `ms`. */
      readonly kind: "slow-body";
      readonly ms: number;
      /** Of each piece but the last. Default 16. */
      readonly bytes?: number;
    }
  /** 503 with a page of HTML, as from a proxy; the service never sees the call. */
  | { readonly kind: "proxy-503" };

/** Which calls, of those with a valid signature. All that are given have to match. */
export interface FaultMatch {
  /** Only calls of this operation. */
  readonly operation?: string;
  /** Product code that the call names, by itself or by a licence or token. */
  readonly product?: string;
  /** Account id, CustomerIdentifier or licence ARN of a buyer; it matches calls that name this buyer in any of these ways. */
  readonly customer?: string;
  /** Whose key signed. */
  readonly accessKeyId?: string;
}

export interface FaultDuration {
  /** Calls that it hits. Default 1; with `share`, until it is removed. */
  readonly times?: number;
  /** Goes on until it is taken back. Not with `times`. */
  readonly untilRemoved?: boolean;
  /** 0 to 1: of the calls that match, so many are hit. Default 1. */
  readonly share?: number;
  /** Of `share` and `recordShare`: the same seed draws the same sequence. Default: one is drawn, and shown. */
  readonly seed?: number;
}

/** One planned fault. */
export type Fault = FaultKind & FaultMatch & FaultDuration;

/** A fault that still waits for calls. */
export interface PlannedFault {
  readonly id: string;
  readonly fault: Fault;
  /** Calls that it will still hit. Absent: it goes on until it is removed. */
  readonly left?: number;
  /** Calls that came to where it strikes and matched. */
  readonly matched: number;
  /** Calls whose answer it made or changed. */
  readonly hits: number;
}

/** Where in the way of a call a fault strikes, in this order. */
export type FaultPlace = "connection" | "rate" | FaultPhase;

/** A call as faults see it. The functions are asked only when a fault has that condition. */
export interface FaultCall {
  readonly operation: string;
  readonly accessKeyId: string;
  /** Usage records of a batch. */
  readonly recordCount: number;
  isOfProduct(code: string): boolean;
  isOfCustomer(customer: string): boolean;
}

/** A fault that hits a call. */
export interface FaultHit {
  readonly id: string;
  readonly fault: Fault;
  /** Of `unprocessed`: which records of this call, at least one. */
  readonly records: readonly number[];
}

/** A promise only where many nodes plan together. */
export type Awaitable<T> = T | Promise<T>;

/** Faults as everyone meets them, planned by this server alone or by many nodes over one database. */
export interface Faults {
  /** false: nothing is planned, which is all that a call has to ask then. */
  readonly isActive: boolean;
  /** Aborted by the next `clear`: what a fault holds up goes on then. */
  readonly cleared: AbortSignal;
  /** Returns what takes the fault back, where it has not hit yet. Throws as `add` does. */
  plan(fault: Fault): () => void;
  /** The same for those who take it back by its id. Throws a RangeError where a member is out of range or the plan is full. */
  add(fault: Fault): Awaitable<PlannedFault>;
  /** In the order they were planned, as this node knows them: what other nodes count is there within a second. */
  list(): readonly PlannedFault[];
  /** The same, as all nodes together have counted by now. */
  counted(): Awaitable<readonly PlannedFault[]>;
  /** false: there is none of that id (any more). */
  remove(id: string): Awaitable<boolean>;
  /** The faults of this place that hit the call, in the order they were planned, up to one that ends the call. */
  take(place: FaultPlace, call: FaultCall): Awaitable<readonly FaultHit[]>;
  /** The call was refused before the hit could be felt: it is none, and waits for another call. */
  giveBack(hit: FaultHit): void;
  clear(): Awaitable<void>;
  /** The server stops: calls that faults hold up go on. What is planned in a database stays planned. */
  release(): void;
}

/** Planned in the memory of one process: every answer is there at once. */
export interface FaultPlan extends Faults {
  add(fault: Fault): PlannedFault;
  counted(): readonly PlannedFault[];
  remove(id: string): boolean;
  take(place: FaultPlace, call: FaultCall): readonly FaultHit[];
  clear(): void;
}

export const faultLimits = {
  /** Each call is held against all of them. */
  plannedMax: 1_000,
  timesMax: 1_000_000,
  /** Of a delay and of a slow body. */
  durationMaxMs: 600_000,
  pieceMaxBytes: 65_536,
  seedMax: 2 ** 32 - 1,
  recordIndexMax: 24,
} as const;

/** A fault with what has become of it so far. */
export interface FaultEntry {
  readonly id: string;
  readonly fault: Fault;
  /** Infinite: it goes on until it is removed. */
  left: number;
  matched: number;
  hits: number;
  /** Numbers that were drawn by its seed. */
  drawn: number;
}

interface Entry extends FaultEntry {
  /** Place in the order of planning. */
  readonly order: number;
  isRemoved: boolean;
}

const none: readonly FaultHit[] = [];

export function createFaultPlan(): FaultPlan {
  let planned: Entry[] = [];
  let count = 0;
  let clearing = new AbortController();
  /** Hits that may still be given back. */
  const entryOf = new WeakMap<FaultHit, Entry>();

  const add = (given: Fault): PlannedFault => {
    const made = newEntry(given);
    if (planned.length >= faultLimits.plannedMax) throw planFull();
    const entry: Entry = { ...made, order: count, isRemoved: false };
    count += 1;
    planned.push(entry);
    return shown(entry);
  };
  const remove = (id: string): boolean => {
    const found = planned.find((one) => one.id === id);
    if (found === undefined) return false;
    found.isRemoved = true;
    planned = planned.filter((one) => one !== found);
    return true;
  };
  const clear = (): void => {
    for (const entry of planned) entry.isRemoved = true;
    planned = [];
    clearing.abort();
    clearing = new AbortController();
  };

  return {
    get isActive() {
      return planned.length > 0;
    },
    get cleared() {
      return clearing.signal;
    },
    plan: (fault) => {
      const { id } = add(fault);
      return () => {
        remove(id);
      };
    },
    add,
    list: () => planned.map(shown),
    counted: () => planned.map(shown),
    remove,
    take: (place, call) => {
      if (planned.length === 0) return none;
      const struck = strike(meant(planned, place, call), call);
      for (const { entry, hit } of struck) entryOf.set(hit, entry);
      planned = planned.filter(({ left }) => left > 0);
      return struck.map(({ hit }) => hit);
    },
    giveBack: (hit) => {
      const entry = entryOf.get(hit);
      if (entry === undefined) return;
      entryOf.delete(hit);
      entry.hits -= 1;
      entry.left += 1;
      if (entry.isRemoved || planned.includes(entry)) return;
      planned = [...planned, entry].sort((a, b) => a.order - b.order);
    },
    clear,
    release: clear,
  };
}

/** Throws a RangeError where a member is out of range. */
export function newEntry(given: Fault): FaultEntry {
  checkFault(given);
  const fault = seeded(given);
  return { id: randomUUID(), fault, left: timesOf(fault), matched: 0, hits: 0, drawn: 0 };
}

export function planFull(): RangeError {
  return new RangeError(`${faultLimits.plannedMax} faults are planned, and no more can be; take some back.`);
}

/** Those that strike at this place, and mean this call. */
export function meant<One extends FaultEntry>(planned: readonly One[], place: FaultPlace, call: FaultCall): One[] {
  return planned.filter(({ fault }) => placeOf(fault) === place && isMeant(fault, call));
}

/** Which of them hit the call, up to one that ends it. What becomes of each is written into its entry. */
export function strike<One extends FaultEntry>(
  entries: readonly One[],
  call: FaultCall,
): readonly { readonly entry: One; readonly hit: FaultHit }[] {
  const struck: { readonly entry: One; readonly hit: FaultHit }[] = [];
  for (const entry of entries) {
    const hit = hitBy(entry, call);
    if (hit === undefined) continue;
    struck.push({ entry, hit });
    if (endsCall(hit.fault)) break;
  }
  return struck;
}

function hitBy(entry: FaultEntry, call: FaultCall): FaultHit | undefined {
  const { id, fault } = entry;
  const draw = (): number => {
    entry.drawn += 1;
    return drawnNumber(fault.seed ?? 0, entry.drawn - 1);
  };
  entry.matched += 1;
  if (fault.share !== undefined && draw() >= fault.share) return undefined;
  const records = recordsHit(fault, call.recordCount, draw);
  // A batch none of whose records is meant is answered as ever.
  if (fault.kind === "unprocessed" && records.length === 0) return undefined;
  entry.hits += 1;
  entry.left -= 1;
  return { id, fault, records };
}

export function shown({ id, fault, left, matched, hits }: FaultEntry): PlannedFault {
  return { id, fault, ...(Number.isFinite(left) ? { left } : {}), matched, hits };
}

function timesOf({ times, share, untilRemoved }: Fault): number {
  if (times !== undefined) return times;
  return share === undefined && untilRemoved !== true ? 1 : Number.POSITIVE_INFINITY;
}

/** With the seed that it draws by, so that the list shows how to draw the same again. */
function seeded(fault: Fault): Fault {
  const isDrawn = fault.share !== undefined || (fault.kind === "unprocessed" && fault.recordShare !== undefined);
  return isDrawn && fault.seed === undefined ? { ...fault, seed: randomInt(2 ** 32) } : fault;
}

const drawnHexDigits = 12;

/** The number from 0 to below 1 at this place of the seed's sequence, the same on every machine. */
function drawnNumber(seed: number, place: number): number {
  const digest = hash("sha256", `${seed}/${place}`, "hex");
  return Number.parseInt(digest.slice(0, drawnHexDigits), 16) / 16 ** drawnHexDigits;
}

function recordsHit(fault: Fault, count: number, draw: () => number): readonly number[] {
  if (fault.kind !== "unprocessed") return [];
  const { records, recordShare } = fault;
  if (records !== undefined) return records.filter((index) => index < count);
  if (recordShare === undefined) return [];
  return Array.from({ length: count }, (_, index) => index).filter(() => draw() < recordShare);
}

function placeOf(fault: Fault): FaultPlace {
  if (fault.kind === "proxy-503" || fault.kind === "slow-body") return "connection";
  if (fault.kind === "throttle") return "rate";
  return fault.kind === "unprocessed" ? "before-commit" : (fault.phase ?? "before-commit");
}

function endsCall({ kind }: Fault): boolean {
  return kind === "proxy-503" || kind === "throttle" || kind === "error" || kind === "cut";
}

function isMeant({ kind, operation, product, customer, accessKeyId }: Fault, call: FaultCall): boolean {
  return (
    (operation === undefined || operation === call.operation) &&
    (kind !== "unprocessed" || call.operation === "BatchMeterUsage") &&
    (accessKeyId === undefined || accessKeyId === call.accessKeyId) &&
    (product === undefined || call.isOfProduct(product)) &&
    (customer === undefined || call.isOfCustomer(customer))
  );
}

/** What the control plane's form tells its callers, for those who come by the library. */
function checkFault(fault: Fault): void {
  const { timesMax, durationMaxMs, pieceMaxBytes, seedMax } = faultLimits;
  const whole = (name: string, value: number | undefined, min: number, max: number): void => {
    if (value === undefined || (Number.isSafeInteger(value) && value >= min && value <= max)) return;
    throw new RangeError(`${name} is ${value}; it is a whole number from ${min} to ${max}.`);
  };
  const share = (name: string, value: number | undefined): void => {
    if (value === undefined || (value >= 0 && value <= 1)) return;
    throw new RangeError(`${name} is ${value}; it is a number from 0 to 1.`);
  };
  whole("times", fault.times, 1, timesMax);
  whole("seed", fault.seed, 0, seedMax);
  share("share", fault.share);
  if (fault.times !== undefined && fault.untilRemoved === true) {
    throw new RangeError(`times is ${fault.times} and untilRemoved is true; a fault has one of the two.`);
  }
  if (fault.kind === "error") whole("status", fault.status, 400, 599);
  if (fault.kind === "delay" || fault.kind === "slow-body") whole("ms", fault.ms, 0, durationMaxMs);
  if (fault.kind === "slow-body") whole("bytes", fault.bytes, 1, pieceMaxBytes);
  if (fault.kind !== "unprocessed") return;
  share("recordShare", fault.recordShare);
  if ((fault.records === undefined) === (fault.recordShare === undefined)) {
    throw new RangeError("An unprocessed fault has either records, by index, or recordShare.");
  }
}
