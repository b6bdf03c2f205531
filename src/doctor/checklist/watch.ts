/** What the checklist says, and what its rows are made of. */
import { Evidence } from "../checks/evidence.ts";
import type { Knowledge, ObservedCall } from "../observed.ts";

export type ChecklistArea =
  | "Registration"
  | "Identity"
  | "Metering"
  | "Entitlement"
  | "Notification"
  | "Billing"
  | "Stage"
  | "Containers"
  | "AMI"
  | "Security";

/** `cannot-tell`: calls do not show it, or what was read does not hold it; a person has to look. */
export type ChecklistState = "exercised" | "never" | "cannot-tell";

export interface ChecklistItem {
  /** Kebab-case, such as `token-resolved-at-once`; stays the same over versions. */
  readonly id: string;
  readonly area: ChecklistArea;
  /** What AWS asks for, one sentence. */
  readonly text: string;
  readonly state: ChecklistState;
  /** Request ids that show it, oldest first, at most `evidenceMax`; none unless `exercised`, and none where no call does. */
  readonly evidence: readonly string[];
  /** How often it was seen; 0 unless `exercised`. */
  readonly count: number;
  /** How to exercise it, what is missing, or what to look at; one sentence or two. */
  readonly hint: string;
}

/** What a server knows beyond its calls and its catalogue. */
export interface ChecklistFacts {
  /** Names of notifications that reached a target of the seller: SNS actions and EventBridge detail types. */
  readonly delivered?: ReadonlySet<string>;
}

export interface Told {
  readonly state: ChecklistState;
  readonly evidence?: Evidence | undefined;
  /** Default: that of the evidence. */
  readonly count?: number | undefined;
  /** Default: that of the row. */
  readonly hint?: string | undefined;
}

export interface Watch {
  see(call: ObservedCall): void;
  told(): Told;
}

export interface Row {
  readonly id: string;
  readonly area: ChecklistArea;
  readonly text: string;
  readonly hint: string;
  /** Absent: no call can show it. */
  readonly watch?: (known: Knowledge, facts: ChecklistFacts) => Watch;
}

/** Exercised once a call matches. */
export function seen(matches: (call: ObservedCall, known: Knowledge) => boolean): NonNullable<Row["watch"]> {
  return (known) => {
    const evidence = new Evidence();
    return {
      see: (call) => {
        if (matches(call, known)) evidence.add(call.requestId);
      },
      told: () => toldBy(evidence),
    };
  };
}

export function toldBy(evidence: Evidence): Told {
  return { state: evidence.count > 0 ? "exercised" : "never", evidence };
}

/** Whether the agreements are known at all; CloudTrail files have none. */
export function hasAgreements({ metered }: Knowledge): boolean {
  return metered.length > 0;
}

/** At most a few names, for a hint. */
export function named(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
