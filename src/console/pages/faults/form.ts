/** A fault as the form holds it, as text, and as the control plane takes it. */

export const kinds = [
  { value: "error", label: "Error", description: "InternalServiceErrorException" },
  { value: "cut", label: "Cut", description: "The connection is reset, without an answer" },
  { value: "throttle", label: "Throttle", description: "ThrottlingException, 400" },
  { value: "delay", label: "Delay", description: "The answer comes later" },
  {
    value: "unprocessed",
    label: "Unprocessed records",
    description: "Records of a batch come back in UnprocessedRecords",
  },
  { value: "slow-body", label: "Slow body", description: "Status and headers at once, the body in pieces" },
  { value: "proxy-503", label: "Proxy 503", description: "503 with a page of HTML, as from a proxy" },
] as const;
export type Kind = (typeof kinds)[number]["value"];

export const operations = [
  "BatchMeterUsage",
  "MeterUsage",
  "RegisterUsage",
  "ResolveCustomer",
  "GetEntitlements",
] as const;

export interface FaultForm {
  readonly kind: Kind;
  readonly phase: "before-commit" | "after-commit";
  readonly status: string;
  readonly ms: string;
  readonly bytes: string;
  /** Which records: by their places, or a share of them. */
  readonly recordsBy: "place" | "share";
  readonly records: string;
  readonly recordShare: string;
  readonly operation: string;
  readonly product: string;
  readonly customer: string;
  readonly accessKeyId: string;
  readonly until: "times" | "removed";
  readonly times: string;
  readonly share: string;
  readonly seed: string;
}

export const emptyForm: FaultForm = {
  ...{ kind: "error", phase: "before-commit", status: "", ms: "", bytes: "" },
  ...{ recordsBy: "place", records: "0", recordShare: "" },
  ...{ operation: "", product: "", customer: "", accessKeyId: "", until: "times", times: "1", share: "", seed: "" },
};

export function isKind(value: string): value is Kind {
  return kinds.some((kind) => kind.value === value);
}

export function hasPhase(kind: Kind): boolean {
  return kind === "error" || kind === "cut" || kind === "delay";
}

/** Whether something is drawn, so that a seed says what. */
export function isDrawn({ kind, share, recordsBy }: FaultForm): boolean {
  return share.trim() !== "" || (kind === "unprocessed" && recordsBy === "share");
}

/** What is no number goes as it is: the server says at which field it is none. */
function numberOf(text: string): number | string | undefined {
  const given = text.trim();
  if (given === "") return undefined;
  const number = Number(given);
  return Number.isFinite(number) ? number : given;
}

function recordsOf(text: string): readonly (number | string)[] {
  return text
    .split(/[\s,]+/)
    .map(numberOf)
    .filter((record) => record !== undefined);
}

/** The body of POST /faults; members that were left empty are absent. */
export function bodyOf(form: FaultForm): Readonly<Record<string, unknown>> {
  const { kind } = form;
  const ofKind: Readonly<Record<Kind, object>> = {
    error: { status: numberOf(form.status) },
    cut: {},
    throttle: {},
    delay: { ms: numberOf(form.ms) },
    unprocessed:
      form.recordsBy === "place" ? { records: recordsOf(form.records) } : { recordShare: numberOf(form.recordShare) },
    "slow-body": { ms: numberOf(form.ms), bytes: numberOf(form.bytes) },
    "proxy-503": {},
  };
  const all = {
    kind,
    ...ofKind[kind],
    phase: hasPhase(kind) ? form.phase : undefined,
    ...{ operation: form.operation, product: form.product.trim(), customer: form.customer.trim() },
    accessKeyId: form.accessKeyId.trim(),
    ...(form.until === "removed" ? { untilRemoved: true } : { times: numberOf(form.times) }),
    share: numberOf(form.share),
    seed: isDrawn(form) ? numberOf(form.seed) : undefined,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== ""));
}
