/** Planned faults (SPEC B-92): what a test arranges so that a client meets what production would do to it. */
import { randomUUID } from "node:crypto";

/** One planned fault. It hits the next `times` calls (default 1) that match. */
export type Fault = (
  | {
      /** These records of a batch, by index, come back in UnprocessedRecords. */
      readonly kind: "unprocessed";
      readonly records: readonly number[];
    }
  | {
      /** InternalServiceErrorException, before anything is stored or after everything is. Default before. */
      readonly kind: "error";
      /** Default 500. */
      readonly status?: number;
      readonly phase?: "before-commit" | "after-commit";
    }
  | { readonly kind: "throttle" }
  | { readonly kind: "delay"; readonly ms: number; readonly phase?: "before-commit" | "after-commit" }
) & {
  /** Only calls of this operation. */
  readonly operation?: string;
  readonly times?: number;
};

/** A fault that still waits for calls. */
export interface PlannedFault {
  readonly id: string;
  readonly fault: Fault;
  /** Calls that it will still hit. */
  readonly left: number;
}

export interface FaultPlan {
  /** Returns what takes the fault back, where it has not hit yet. */
  plan(fault: Fault): () => void;
  /** The same for those who take it back by its id. */
  add(fault: Fault): PlannedFault;
  /** In the order they were planned. */
  list(): readonly PlannedFault[];
  /** false: there is none of that id (any more). */
  remove(id: string): boolean;
  /** The faults that hit this call; they are used up by it. */
  take(operation: string): readonly Fault[];
  clear(): void;
}

const none: readonly Fault[] = [];

export function createFaultPlan(): FaultPlan {
  let planned: { readonly id: string; readonly fault: Fault; left: number }[] = [];
  const add = (fault: Fault): PlannedFault => {
    const entry = { id: randomUUID(), fault, left: fault.times ?? 1 };
    planned.push(entry);
    return { ...entry };
  };
  const remove = (id: string): boolean => {
    const before = planned.length;
    planned = planned.filter((one) => one.id !== id);
    return planned.length < before;
  };
  return {
    plan: (fault) => {
      const { id } = add(fault);
      return () => {
        remove(id);
      };
    },
    add,
    list: () => planned.map((entry) => ({ ...entry })),
    remove,
    take: (operation) => {
      if (planned.length === 0) return none;
      const hits = planned.filter(({ fault }) => fault.operation === undefined || fault.operation === operation);
      for (const hit of hits) hit.left -= 1;
      planned = planned.filter(({ left }) => left > 0);
      return hits.map(({ fault }) => fault);
    },
    clear: () => {
      planned = [];
    },
  };
}
