/** A diagnosis, asked for when someone wants it: it may take minutes over a long trail. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { get } from "../../api.ts";

export const severities = ["lost-revenue", "double-billing", "risk", "advice"] as const;
export type Severity = (typeof severities)[number];

export interface Finding {
  readonly check: string;
  readonly severity: Severity;
  readonly productCode?: string;
  readonly caller?: string;
  readonly title: string;
  readonly fix: string;
  readonly rules: readonly string[];
  readonly evidence: readonly string[];
  readonly count: number;
  readonly quantities?: Readonly<Record<string, number>>;
}

export interface ChecklistItem {
  readonly id: string;
  readonly area: string;
  readonly text: string;
  readonly state: "exercised" | "never" | "cannot-tell";
  readonly evidence: readonly string[];
  readonly count: number;
  readonly hint: string;
}

export interface Diagnosis {
  /** Business time. */
  readonly at: string;
  readonly calls: number;
  readonly from?: string;
  readonly to?: string;
  readonly findings: readonly Finding[];
  readonly checklist: readonly ChecklistItem[];
  readonly checksRun: readonly string[];
}

/** As the address has them, "" where it has not: `last` is a span back from now, and leaves no room for from and to. */
export interface DiagnosisFilter {
  readonly product: string;
  readonly caller: string;
  readonly last: string;
  readonly from: string;
  readonly to: string;
}

export const spans = [
  { value: "1h", label: "Last hour", ms: 3_600_000 },
  { value: "1d", label: "Last day", ms: 86_400_000 },
  { value: "7d", label: "Last 7 days", ms: 604_800_000 },
  { value: "30d", label: "Last 30 days", ms: 2_592_000_000 },
  { value: "90d", label: "Last 90 days", ms: 7_776_000_000 },
] as const;
export const defaultSpan = spans[2];

/** Between which business times calls are looked at; absent members have no end. */
export function rangeOf({ last, from, to }: DiagnosisFilter, businessAt: number) {
  if (last === "" && (from !== "" || to !== "")) return { ...(from && { from }), ...(to && { to }) };
  const { ms } = spans.find(({ value }) => value === last) ?? defaultSpan;
  return { from: new Date(Math.max(0, businessAt - ms)).toISOString() };
}

/** So long a diagnosis that nobody looks at is kept. */
const keptMs = 60 * 60_000;

/** Kept for each filter until it is asked for again; what changes meanwhile does not ask for it by itself. */
export function useDiagnosis(filter: DiagnosisFilter, businessAt: number) {
  const queries = useQueryClient();
  const queryKey = ["diagnosis", filter];
  const { data, error, isFetching, refetch } = useQuery<Diagnosis>({
    queryKey,
    queryFn: ({ signal }) => {
      const { product, caller } = filter;
      return get<Diagnosis>("/doctor", { product, caller, ...rangeOf(filter, businessAt) }, signal);
    },
    enabled: false,
    gcTime: keptMs,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return {
    diagnosis: data,
    error,
    isRunning: isFetching,
    run: () => void refetch(),
    /** The server ends it, too. */
    cancel: () => void queries.cancelQueries({ queryKey }),
  };
}
