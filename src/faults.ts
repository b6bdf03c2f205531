/** Planned faults (SPEC B-92): what a test arranges so that a client meets what production would do to it. */

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

export interface FaultPlan {
  /** Returns what takes the fault back, where it has not hit yet. */
  plan(fault: Fault): () => void;
  /** The faults that hit this call; they are used up by it. */
  take(operation: string): readonly Fault[];
  clear(): void;
}

const none: readonly Fault[] = [];

export function createFaultPlan(): FaultPlan {
  let planned: { readonly fault: Fault; left: number }[] = [];
  return {
    plan: (fault) => {
      const entry = { fault, left: fault.times ?? 1 };
      planned.push(entry);
      return () => {
        planned = planned.filter((one) => one !== entry);
      };
    },
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
