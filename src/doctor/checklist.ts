/**
 * AWS's go-live checklist (SPEC I.1), row by row: what of it an integration was seen to do. It looks at the same calls
 * as the checks, and like them it knows no store and no clock. A row that calls cannot show says so.
 */
import { meteringRows } from "./checklist/metering.ts";
import { otherRows } from "./checklist/others.ts";
import { registrationRows } from "./checklist/registration.ts";
import type { ChecklistFacts, ChecklistItem } from "./checklist/watch.ts";
import { workloadRows } from "./checklist/workloads.ts";
import type { Knowledge, ObservedCall } from "./observed.ts";

export type { ChecklistArea, ChecklistFacts, ChecklistItem, ChecklistState } from "./checklist/watch.ts";

/** A look at a trail for the checklist. Feed it the calls of the checks, oldest first. */
export interface Checklist {
  see(call: ObservedCall): void;
  /** Every row of the list, in its order; the same rows whatever was seen. */
  items(): readonly ChecklistItem[];
}

export function createChecklist(known: Knowledge, facts: ChecklistFacts = {}): Checklist {
  const rows = [...registrationRows, ...meteringRows, ...otherRows.afterMetering, ...workloadRows, ...otherRows.last];
  const watched = rows.map(({ watch, ...row }) => ({ row, watch: watch?.(known, facts) }));
  return {
    see: (call) => {
      for (const { watch } of watched) watch?.see(call);
    },
    items: () =>
      watched.map(({ row, watch }) => {
        const { state, evidence, count = evidence?.count ?? 0, hint = row.hint } = watch?.told() ?? noSight;
        const isExercised = state === "exercised";
        return {
          ...row,
          state,
          evidence: isExercised ? (evidence?.requestIds ?? []) : [],
          count: isExercised ? count : 0,
          hint,
        };
      }),
  };
}

const noSight = { state: "cannot-tell", evidence: undefined, count: 0, hint: undefined } as const;
