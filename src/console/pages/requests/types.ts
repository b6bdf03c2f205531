/** Calls as the control plane has them, and the words for what became of them. */

export interface FaultMark {
  readonly id: string;
  readonly kind: string;
  readonly phase?: "before-commit" | "after-commit";
}

export interface CallView {
  readonly requestId: string;
  readonly at: string;
  readonly operation: string;
  readonly region: string;
  readonly account: string;
  readonly accessKeyId: string;
  readonly product?: string;
  readonly outcome: string;
  readonly errorMessage?: string;
  readonly statuses?: string;
  readonly source?: string;
  readonly userAgent?: string;
  readonly faults?: readonly FaultMark[];
}

export interface UntracedCallView {
  readonly requestId: string;
  /** Wall time. */
  readonly at: string;
  readonly operation?: string;
  readonly region?: string;
  readonly accessKeyId?: string;
  readonly userAgent: string;
  readonly outcome: string;
  readonly errorMessage: string;
  readonly skewMs?: number;
}

export interface ErrorHelpView {
  readonly name: string;
  readonly status: number;
  readonly operations: readonly string[];
  readonly canRetry: boolean;
  readonly meaning: string;
  readonly fix: string;
  readonly rules: readonly string[];
}

export interface StatusHelpView {
  readonly letter: string;
  readonly status: string;
  readonly meaning: string;
  readonly fix: string;
  readonly rules: readonly string[];
}

export interface ErrorHelpList {
  readonly errors: readonly ErrorHelpView[];
  readonly statuses: readonly StatusHelpView[];
}

export const operationNames = [
  "BatchMeterUsage",
  "MeterUsage",
  "RegisterUsage",
  "ResolveCustomer",
  "GetEntitlements",
] as const;

const statusWords: Readonly<Record<string, string>> = {
  S: "stored",
  R: "replayed",
  D: "duplicate",
  N: "not subscribed",
  U: "unprocessed",
};

/** `SSRN`: 2 stored, 1 replayed, 1 not subscribed. */
export function recordsText(statuses: string | undefined): string {
  if (statuses === undefined || statuses === "") return "–";
  const counts = Object.entries(statusWords).map(([letter, word]) => ({
    word,
    count: [...statuses].filter((one) => one === letter).length,
  }));
  return counts
    .filter(({ count }) => count > 0)
    .map(({ word, count }) => `${count} ${word}`)
    .join(", ");
}

export function requestPath(requestId: string): string {
  return `/requests/${encodeURIComponent(requestId)}`;
}
