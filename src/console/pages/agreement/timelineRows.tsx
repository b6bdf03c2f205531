/** Entries of a time line, in words. */
import type { StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { ReactNode } from "react";
import { To } from "../../parts/link.tsx";
import { formTexts } from "../notifications.tsx";
import { agreementPath } from "./types.ts";

interface Counts {
  readonly pending: number;
  readonly delivered: number;
  readonly dead: number;
}

interface UsageOfDimension {
  readonly dimension: string;
  readonly quantity: number;
  readonly records: number;
  readonly billable: boolean;
}

export type TimelineEntry = { readonly at: string } & (
  | { readonly kind: "state"; readonly event: keyof typeof stateTexts; readonly agreement?: string }
  | { readonly kind: "token"; readonly event: keyof typeof tokenTexts }
  | {
      readonly kind: "notification";
      readonly id: string;
      readonly name: string;
      readonly form: "sns" | "eventbridge";
      readonly deliveries: Counts;
    }
  | {
      readonly kind: "usage";
      readonly day: string;
      readonly records: number;
      readonly dimensions: readonly UsageOfDimension[];
      readonly otherDimensions: number;
    }
  | { readonly kind: "call"; readonly requestId: string; readonly operation: string; readonly outcome: string }
);

export interface TimelineDue {
  readonly at: string;
  readonly what: keyof typeof dueTexts;
  readonly daysBeforeEnd?: number;
  readonly dimension?: string;
}

export interface TimelineAnswer {
  readonly items: readonly TimelineEntry[];
  readonly nextCursor?: string;
  readonly due: readonly TimelineDue[];
}

export interface TimelineRow {
  readonly key: string;
  readonly at: string;
  readonly status: StatusIndicatorProps.Type;
  readonly what: ReactNode;
  readonly detail?: ReactNode;
}

const stateTexts = {
  accepted: { status: "info", what: "Accepted by the buyer", detail: "Pending until it is paid" },
  "payment-failed": { status: "error", what: "Payment failed", detail: "It does not start" },
  started: { status: "success", what: "Started", detail: "Usage is accepted from here on" },
  "purchase-agreement-ended": {
    status: "info",
    what: "Purchase agreement ended",
    detail: "Changes nothing for metering by itself",
  },
  "final-hour": { status: "warning", what: "Final hour began", detail: "The seller sends the last usage" },
  ended: { status: "stopped", what: "Ended", detail: "No usage is accepted from here on" },
  renewed: { status: "success", what: "Renewed", detail: "" },
} as const;

const tokenTexts = {
  issued: { status: "info", what: "Registration token issued", detail: "The buyer was to post it to the seller" },
  resolved: { status: "success", what: "Registration token resolved", detail: "The seller called ResolveCustomer" },
  expired: {
    status: "warning",
    what: "Registration token expired",
    detail: "It was never resolved; from here on it answers ExpiredTokenException",
  },
} as const;

const dueTexts = {
  announcement: "Announcement of the end",
  renewal: "Renewal by a new agreement",
  "term-end": "End of the term: the final hour begins",
  "final-hour-end": "End of the final hour: no usage is accepted any more",
  "usage-hour": "An hour of usage",
  "usage-end": "Last usage",
  "token-expiry": "Registration token expires",
  "entitlement-expiry": "Entitlement expires",
} as const;

export function dueRow({ at, what, daysBeforeEnd: days, dimension }: TimelineDue): TimelineRow {
  const more = days === undefined ? (dimension ?? "") : `${days} days before`;
  return {
    key: `due ${at} ${what} ${more}`,
    at,
    status: "pending",
    what: more === "" ? dueTexts[what] : `${dueTexts[what]}: ${more}`,
    detail: "Due, as things stand",
  };
}

export function rowOf(entry: TimelineEntry, place: number): TimelineRow {
  const { at } = entry;
  const key = `${place} ${entry.kind} ${at}`;
  switch (entry.kind) {
    case "state": {
      const { agreement } = entry;
      const words = stateTexts[entry.event];
      return agreement === undefined
        ? { key, at, ...words }
        : { key, at, ...words, detail: <To to={agreementPath(agreement)}>By {agreement}</To> };
    }
    case "token":
      return { key, at, ...tokenTexts[entry.event] };
    case "notification": {
      const { id, name, form, deliveries } = entry;
      return {
        ...{ key, at },
        ...deliveryWords(deliveries),
        what: <To to={`/notifications/${encodeURIComponent(id)}`}>{name}</To>,
        detail: `${formTexts[form]}, ${deliveryWords(deliveries).text}`,
      };
    }
    case "usage":
      return {
        ...{ key, at },
        status: "success",
        what: `Usage of ${entry.day}: ${entry.records} ${entry.records === 1 ? "record" : "records"}`,
        detail: usageText(entry),
      };
    case "call": {
      const { operation, outcome, requestId } = entry;
      const isAccepted = outcome === "Success";
      return {
        ...{ key, at },
        status: isAccepted ? "success" : "error",
        what: <To to={`/requests/${encodeURIComponent(requestId)}`}>{operation}</To>,
        detail: isAccepted ? "Accepted, from the buyer’s account" : outcome,
      };
    }
  }
}

function deliveryWords({ pending, delivered, dead }: Counts): {
  readonly status: StatusIndicatorProps.Type;
  readonly text: string;
} {
  const all = pending + delivered + dead;
  if (all === 0) return { status: "info", text: "no target" };
  if (dead > 0) return { status: "error", text: `given up for ${dead} of ${all} targets` };
  if (pending > 0) return { status: "pending", text: `on its way to ${pending} of ${all} targets` };
  return { status: "success", text: `delivered to ${delivered} ${delivered === 1 ? "target" : "targets"}` };
}

const numbers = new Intl.NumberFormat("en-GB");

function usageText(usage: TimelineEntry & { readonly kind: "usage" }): string {
  const parts = usage.dimensions.map(
    ({ dimension, quantity, billable }) => `${dimension} ${numbers.format(quantity)}${billable ? "" : " (not billed)"}`,
  );
  return [...parts, ...(usage.otherDimensions > 0 ? [`${usage.otherDimensions} more`] : [])].join(", ");
}
