/** Calls made up for checks, one check looked at by itself, and the whole doctor over a server that runs. */
import { expect } from "vitest";
import type { Diagnosis } from "../../src/doctor/diagnose.ts";
import type {
  Check,
  Finding,
  Knowledge,
  ObservedCall,
  ObservedRecord,
  UntracedCall,
} from "../../src/doctor/observed.ts";
import type { Meterhouse } from "../../src/index.ts";

export const hour = 3_600_000;
/** The time of a made-up call that names none; half past, so that its hour and the one before are told apart. */
export const noon = Date.parse("2026-08-15T12:30:00Z");
export const sellerAccount = "111122223333";
export const buyerAccount = "444455556666";
export const productCode = "logs0product0000000000001";
export const sellerCaller = `arn:aws:iam::${sellerAccount}:user/metering`;

/** An instant as tests write it: ISO text, or milliseconds. */
export type At = string | number;

export function ms(at: At): number {
  return typeof at === "number" ? at : Date.parse(at);
}

/** Members of a record; `hour` and `timestamp` are instants, the default is the hour before the call's. */
export type RecordInput = Partial<Omit<ObservedRecord, "timestampAt" | "hourAt">> & { readonly timestamp?: At };
export type CallInput = Partial<Omit<ObservedCall, "at" | "records">> & {
  readonly at?: At;
  readonly records?: readonly RecordInput[];
};

let count = 0;

/** `11111111-….`: unique, and the same in every run of a file. */
function nextId(first: string): string {
  count += 1;
  return `${first.repeat(8)}-0000-4000-8000-${String(count).padStart(12, "0")}`;
}

/** A record of an hour ago of one unit of `requests`, stored; those of a refused call are `Refused`. */
export function observedRecord(input: RecordInput = {}, callAt: number = noon, outcome = "Success"): ObservedRecord {
  const { timestamp, ...given } = input;
  const timestampAt = timestamp === undefined ? callAt - hour : ms(timestamp);
  const status = given.status ?? (outcome === "Success" ? "Success" : "Refused");
  const hasBuyer =
    given.customerAccountId !== undefined || given.customerIdentifier !== undefined || given.licenseArn !== undefined;
  return {
    timestampAt,
    hourAt: Math.floor(timestampAt / hour) * hour,
    ...(hasBuyer ? {} : { customerAccountId: buyerAccount }),
    dimension: "requests",
    quantity: 1,
    ...(status === "Success" || status === "Replayed" ? { meteringRecordId: nextId("5") } : {}),
    ...given,
    status,
  };
}

function observed(input: CallInput, defaults: Pick<ObservedCall, "operation" | "accountId" | "caller">): ObservedCall {
  const { at, records = [], ...given } = input;
  const callAt = at === undefined ? noon : ms(at);
  const outcome = given.outcome ?? "Success";
  return {
    requestId: nextId("1"),
    region: "us-east-1",
    accessKeyId: "AKIAMETERING00000001",
    userAgent: "aws-sdk-js/3.1138.0",
    sourceIp: "203.0.113.7",
    outcome,
    productCode,
    request: {},
    ...defaults,
    ...given,
    at: callAt,
    records: records.map((record) => observedRecord(record, callAt, outcome)),
  };
}

const bySeller = { accountId: sellerAccount, caller: sellerCaller };
const byBuyer = {
  accountId: buyerAccount,
  caller: `arn:aws:sts::${buyerAccount}:assumed-role/instance/i-0aaaaaaaaaaaaaaa1`,
};

/** A BatchMeterUsage; with no `records` given, of one record. */
export function observedBatch(input: CallInput = {}): ObservedCall {
  return observed({ records: [{}], ...input }, { operation: "BatchMeterUsage", ...bySeller });
}

export function observedMeter(input: CallInput = {}): ObservedCall {
  return observed({ records: [{}], ...input }, { operation: "MeterUsage", ...byBuyer });
}

export function observedRegister(input: CallInput = {}): ObservedCall {
  return observed(input, { operation: "RegisterUsage", ...byBuyer });
}

/** A ResolveCustomer; where it succeeds, of the made-up buyer. */
export function observedResolve(input: CallInput = {}): ObservedCall {
  const isRefused = (input.outcome ?? "Success") !== "Success";
  const resolved = { customerIdentifier: "aLd3rQ7wE1z", accountId: buyerAccount };
  return observed({ ...(isRefused ? {} : { resolved }), ...input }, { operation: "ResolveCustomer", ...bySeller });
}

export function observedEntitlements(input: CallInput = {}): ObservedCall {
  return observed(input, { operation: "GetEntitlements", ...bySeller });
}

export function untracedCall(input: Partial<Omit<UntracedCall, "at">> & { readonly at?: At } = {}): UntracedCall {
  return {
    requestId: nextId("9"),
    operation: "BatchMeterUsage",
    region: "us-east-1",
    accessKeyId: "AKIAMETERING00000001",
    userAgent: "aws-sdk-js/3.1138.0",
    outcome: "ThrottlingException",
    errorMessage: "Rate exceeded.",
    bodyHash: "0".repeat(64),
    ...input,
    at: input.at === undefined ? noon : ms(input.at),
  };
}

/** What CloudTrail files alone would tell: nothing. `now` is the time of the made-up calls unless given. */
export function knowledge(given: Partial<Knowledge> = {}): Knowledge {
  return {
    now: noon,
    accountOf: (record) => record.customerAccountId,
    productOfLicense: () => undefined,
    metered: [],
    tokens: [],
    needsLicense: () => false,
    dimensionsOf: () => undefined,
    ...given,
  };
}

/** The findings of one check over these calls, put in order of time as `diagnose` has them; each is well-formed. */
export function lookAt(
  check: Check,
  calls: readonly ObservedCall[],
  known: Partial<Knowledge> = {},
  untraced: readonly UntracedCall[] = [],
): readonly Finding[] {
  const look = check.look(knowledge(known));
  for (const call of calls.toSorted((a, b) => a.at - b.at)) look.see(call);
  for (const call of untraced) look.seeUntraced?.(call);
  const findings = look.findings();
  for (const finding of findings) expectWellFormed(finding, check);
  return findings;
}

export function expectWellFormed(finding: Finding, check: Check): void {
  expect(finding.check).toBe(check.name);
  expect(finding.check).toMatch(/^[a-z]+(-[a-z0-9]+)*$/);
  expect(finding.count).toBeGreaterThan(0);
  expect(finding.rules.length).toBeGreaterThan(0);
  expect(finding.evidence.length).toBeGreaterThan(0);
  expect(finding.evidence.length).toBeLessThanOrEqual(10);
  expect(new Set(finding.evidence).size).toBe(finding.evidence.length);
  for (const text of [finding.title, finding.fix]) expect(text).toMatch(/\S.*\.$/s);
}

/** The whole doctor over what this server was sent, by its own audit trail. */
export function diagnoseService(
  meterhouse: Meterhouse,
  filter: Parameters<Meterhouse["doctor"]>[0] = {},
): Promise<Diagnosis> {
  return meterhouse.doctor(filter);
}
