/**
 * The doctor: calls, oldest first, go through every check and the checklist, one at a time, so that a trail of any
 * length takes the memory that the checks take. Where the calls come from is for `stored.ts` and `logFiles.ts`.
 */
import type { ChecklistFacts } from "./checklist/watch.ts";
import { type ChecklistItem, createChecklist } from "./checklist.ts";
import { checks as allChecks } from "./checks/index.ts";
import type { Check, Finding, Knowledge, ObservedCall, Severity, UntracedCall } from "./observed.ts";

/** Worst first, as reports are ordered. */
export const severities: readonly Severity[] = ["lost-revenue", "double-billing", "risk", "advice"];

export type DiagnosisSource = "audit-trail" | "cloudtrail-files";

export interface Diagnosis {
  /** Business time of the diagnosis, epoch milliseconds; of CloudTrail files the time of their last call. */
  readonly at: number;
  readonly source: DiagnosisSource;
  /** How many calls were looked at. */
  readonly calls: number;
  /** Times of the first and the last of them, epoch milliseconds; absent where there was none. */
  readonly from?: number;
  readonly to?: number;
  /** Worst first; those of one severity in the order of the checks. */
  readonly findings: readonly Finding[];
  readonly checklist: readonly ChecklistItem[];
  /** Names of the checks that were made. */
  readonly checksRun: readonly string[];
}

export interface DiagnoseInput {
  readonly source: DiagnosisSource;
  /** Oldest first. */
  readonly calls: AsyncIterable<ObservedCall> | Iterable<ObservedCall>;
  readonly known: Knowledge;
  /** Oldest first. */
  readonly untraced?: Iterable<UntracedCall>;
  /** For the checklist, where more is known than calls tell. */
  readonly facts?: ChecklistFacts;
  /** Default: all there are. */
  readonly checks?: readonly Check[];
  /** Aborted: nobody waits for it any more. */
  readonly signal?: AbortSignal;
}

/** So long other calls of a server wait while it looks at its trail. */
const turnMaxMs = 10;

/** Rejects with what reading the calls rejects with, and with the reason of `signal` when it is aborted. */
export async function diagnose(input: DiagnoseInput): Promise<Diagnosis> {
  const { source, known, signal, checks = allChecks } = input;
  const looks = checks.map((check) => check.look(known));
  const checklist = createChecklist(known, input.facts);
  let calls = 0;
  let from: number | undefined;
  let to: number | undefined;
  let turnAt = performance.now();
  for await (const observed of input.calls) {
    signal?.throwIfAborted();
    if (performance.now() - turnAt > turnMaxMs) {
      await new Promise((resolve) => setImmediate(resolve));
      turnAt = performance.now();
    }
    const call = withProduct(observed, known);
    calls += 1;
    from ??= call.at;
    to = call.at;
    for (const look of looks) look.see(call);
    checklist.see(call);
  }
  for (const call of input.untraced ?? []) {
    for (const look of looks) look.seeUntraced?.(call);
  }
  const found = looks.flatMap((look) => look.findings());
  return {
    at: known.now,
    source,
    calls,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    findings: severities.flatMap((severity) => found.filter((finding) => finding.severity === severity)),
    checklist: checklist.items(),
    checksRun: checks.map(({ name }) => name),
  };
}

/** B-20: a batch by licence alone names no product. */
function withProduct(call: ObservedCall, { productOfLicense }: Knowledge): ObservedCall {
  if (call.productCode !== undefined) return call;
  const licenseArn = call.records.find((record) => record.licenseArn !== undefined)?.licenseArn;
  const productCode = licenseArn === undefined ? undefined : productOfLicense(licenseArn);
  return productCode === undefined ? call : { ...call, productCode };
}

/** Whether something was found that is as bad as `level`, or worse. */
export function isAtLeast(severity: Severity, level: Severity): boolean {
  return severities.indexOf(severity) <= severities.indexOf(level);
}
