/**
 * Planned faults on the way of a call (B-92), where each strikes. Only a call with a valid signature meets one: nobody
 * without a key uses a fault up, and every answer that a fault made or changed has its mark in the audit trail.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { ServiceError } from "../api/errors.ts";
import type { Awaitable, Fault, FaultHit, Faults } from "../faults.ts";
import type { Call } from "../operations/operation.ts";
import type { FaultMark } from "../store/audit.ts";
import type { Catalog } from "../store/catalog.ts";
import { faultCallOf } from "./faultCalls.ts";
import type { Delivery, WireAnswer } from "./wire.ts";

/** A call under way, and what faults have left on it. */
export interface Struck {
  readonly json: Record<string, unknown>;
  /** undefined: nobody has shown a key yet. */
  call: Call | undefined;
  marks: readonly FaultMark[];
  /** How the answer goes out. */
  delivery: Delivery | undefined;
}

/** What comes in place of an answer of the service: of a proxy, or nothing at all. */
export class ForeignAnswer extends Error {
  override readonly name: "ConnectionCut" | "ServiceUnavailable";
  readonly answer: WireAnswer;
  readonly delivery: Delivery | undefined;

  constructor(name: "ConnectionCut" | "ServiceUnavailable", message: string, answer: WireAnswer, delivery?: Delivery) {
    super(message);
    this.name = name;
    this.answer = answer;
    this.delivery = delivery;
  }
}

export interface Strikes {
  /** Between the client and the service: proxy-503 throws, slow-body changes how the answer goes out. */
  onConnection(struck: Struck): Awaitable<void>;
  /** Throws, or rejects with, ThrottlingException. */
  onRate(struck: Struck): Awaitable<void>;
  /** Runs `handle` between the faults before the commit and those after it. */
  aroundCommit<T>(struck: Struck, call: Call, handle: (call: Call) => Promise<T>): Promise<T>;
}

const defaultPieceBytes = 16;
const noRecords: readonly number[] = [];

export interface StrikesOptions {
  readonly plan: Faults;
  readonly catalog: Catalog;
  /** The text of a `Date` header. */
  readonly date: () => string;
}

export function createStrikes({ plan, catalog, date }: StrikesOptions): Strikes {
  const strike = async ({ fault }: FaultHit, cleared: AbortSignal): Promise<void> => {
    if (fault.kind === "delay") await heldUp(fault.ms, cleared);
    else if (fault.kind === "error") throw internalError(fault.status);
    else if (fault.kind === "cut") throw cutConnection();
  };

  const struckCommit = async <T>(struck: Struck, call: Call, handle: (call: Call) => Promise<T>): Promise<T> => {
    const seen = faultCallOf(call, struck.json, catalog);
    // Of this plan: one that is cleared while the call commits must not hold it up afterwards.
    const { cleared } = plan;
    /** Felt only if the call is accepted. */
    const waiting: FaultHit[] = [];
    let after: readonly FaultHit[];
    let result: T;
    try {
      for (const hit of await plan.take("before-commit", seen)) {
        if (hit.fault.kind === "unprocessed") {
          waiting.push(hit);
          continue;
        }
        mark(struck, hit);
        await strike(hit, cleared);
      }
      after = await plan.take("after-commit", seen);
      waiting.push(...after);
      // The marks are in the commit, so they are made before it.
      const faults = [...struck.marks, ...waiting.map(markOf)];
      const source = faults.length === 0 ? call.source : { ...call.source, faults };
      const unprocessed = waiting.length === 0 ? noRecords : waiting.flatMap(({ records }) => records);
      result = await handle({ ...call, unprocessed, source });
    } catch (error) {
      for (const hit of waiting) plan.giveBack(hit);
      throw error;
    }
    // The commit stands and has its event; only the answer is lost.
    struck.call = undefined;
    for (const hit of after) await strike(hit, cleared);
    return result;
  };

  const connected = (struck: Struck, hits: readonly FaultHit[]): void => {
    for (const hit of hits) {
      mark(struck, hit);
      if (hit.fault.kind === "proxy-503") throw proxyError(date());
      if (hit.fault.kind === "slow-body") struck.delivery = trickle(hit.fault, plan.cleared);
    }
  };
  const rated = (struck: Struck, hits: readonly FaultHit[]): void => {
    for (const hit of hits) {
      mark(struck, hit);
      throw new ServiceError("ThrottlingException", "Rate exceeded. (This is a planned fault.)");
    }
  };

  return {
    onConnection: (struck) => {
      if (!plan.isActive || struck.call === undefined) return;
      return then(plan.take("connection", faultCallOf(struck.call, struck.json, catalog)), (hits) =>
        connected(struck, hits),
      );
    },

    onRate: (struck) => {
      if (!plan.isActive || struck.call === undefined) return;
      return then(plan.take("rate", faultCallOf(struck.call, struck.json, catalog)), (hits) => rated(struck, hits));
    },

    aroundCommit: (struck, call, handle) =>
      plan.isActive || struck.marks.length > 0 ? struckCommit(struck, call, handle) : handle(call),
  };
}

/** At once where it is there. */
function then<T>(value: Awaitable<T>, go: (value: T) => void): Awaitable<void> {
  return value instanceof Promise ? value.then(go) : go(value);
}

function mark(struck: Struck, hit: FaultHit): void {
  struck.marks = [...struck.marks, markOf(hit)];
}

function markOf({ id, fault }: FaultHit): FaultMark {
  return { id, kind: fault.kind, ...("phase" in fault && fault.phase !== undefined ? { phase: fault.phase } : {}) };
}

async function heldUp(ms: number, cleared: AbortSignal): Promise<void> {
  // A plan that is cleared, as a server that stops does, lets go of whatever it holds up.
  await sleep(ms, undefined, { signal: cleared }).catch(() => {});
}

function internalError(status = 500): ServiceError {
  return new ServiceError(
    "InternalServiceErrorException",
    "An internal error has occurred. Send the request again unchanged. (This is a planned fault.)",
    status,
  );
}

function cutConnection(): ForeignAnswer {
  const message = "The connection was cut without an answer. (This is a planned fault.)";
  return new ForeignAnswer("ConnectionCut", message, { status: 0, headers: {}, body: "" }, { kind: "cut" });
}

/** Nothing in it says that it is a fault: no proxy would. */
function proxyError(date: string): ForeignAnswer {
  const title = "503 Service Temporarily Unavailable";
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`;
  return new ForeignAnswer(
    "ServiceUnavailable",
    "A proxy answered 503 in HTML; the service did not see the call. (This is a planned fault.)",
    { status: 503, headers: { "Content-Type": "text/html", Date: date }, body },
  );
}

function trickle({ ms, bytes }: Extract<Fault, { kind: "slow-body" }>, until: AbortSignal): Delivery {
  return { kind: "trickle", overMs: ms, pieceBytes: bytes ?? defaultPieceBytes, until };
}
