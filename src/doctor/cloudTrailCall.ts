/**
 * One CloudTrail record as an observed call: the one way in which the trail of this server and AWS's log files become
 * what the checks see. It takes a record as it may stand in any file, so nothing of its form is relied on.
 */
import { hourMs } from "../api/limits.ts";
import type { OperationName } from "../api/types.ts";
import type { ObservedCall, ObservedRecord, ObservedStatus } from "./observed.ts";

export type Members = Readonly<Record<string, unknown>>;

/** What a server knows of its own calls beyond the record. */
export interface Beyond {
  /** To the millisecond, where the record has seconds. */
  readonly at?: number;
  /** One letter a record, in request order, as the audit trail has them. */
  readonly letters?: string;
}

const sources: Readonly<Record<string, readonly OperationName[]>> = {
  "metering-marketplace.amazonaws.com": ["BatchMeterUsage", "MeterUsage", "RegisterUsage", "ResolveCustomer"],
  "entitlement-marketplace.amazonaws.com": ["GetEntitlements"],
};

/** H-1. undefined: another service's event, or an operation that is not looked at. */
export function operationOf({ eventSource, eventName }: Members): OperationName | undefined {
  const names = typeof eventSource === "string" && Object.hasOwn(sources, eventSource) ? sources[eventSource] : [];
  return names?.find((name) => name === eventName);
}

/** undefined: another service's event, or one without a time or request id. */
export function observedCall(record: Members, beyond: Beyond = {}): ObservedCall | undefined {
  const operation = operationOf(record);
  const at = beyond.at ?? Date.parse(textOf(record.eventTime));
  const requestId = textOf(record.requestID) || textOf(record.eventID);
  if (operation === undefined || !Number.isFinite(at) || requestId === "") return undefined;
  const identity = membersOf(record.userIdentity);
  const accessKeyId = textOf(identity.accessKeyId);
  const request = membersOf(record.requestParameters);
  const response = membersOf(record.responseElements);
  const outcome = textOf(record.errorCode) || "Success";
  const errorMessage = textOf(record.errorMessage);
  const productCode = textOf(request.productCode) || textOf(response.productCode);
  const resolved = operation === "ResolveCustomer" && outcome === "Success" ? resolvedOf(response) : undefined;
  return {
    requestId,
    at,
    operation,
    region: textOf(record.awsRegion),
    accountId: textOf(identity.accountId) || textOf(record.recipientAccountId),
    accessKeyId,
    caller: callerOf(identity),
    userAgent: textOf(record.userAgent),
    sourceIp: textOf(record.sourceIPAddress),
    outcome,
    ...(errorMessage === "" ? {} : { errorMessage }),
    ...(productCode === "" ? {} : { productCode }),
    records: recordsOf(operation, outcome, request, response, beyond.letters),
    ...(resolved === undefined ? {} : { resolved }),
    request: otherMembers(operation, request),
  };
}

/**
 * H-7 and AWS's other forms: users, sessions and the root user have an ARN; AWS's own services say which they are; a
 * caller of another account may have no more than that account.
 */
function callerOf(identity: Members): string {
  return (
    textOf(identity.arn) ||
    textOf(identity.invokedBy) ||
    textOf(identity.accessKeyId) ||
    textOf(identity.principalId) ||
    textOf(identity.accountId) ||
    "unknown"
  );
}

function resolvedOf(response: Members): NonNullable<ObservedCall["resolved"]> {
  const customerIdentifier = textOf(response.customerIdentifier);
  const accountId = accountIn(response);
  const licenseArn = textOf(response.licenseArn);
  return {
    ...(customerIdentifier === "" ? {} : { customerIdentifier }),
    ...(accountId === "" ? {} : { accountId }),
    ...(licenseArn === "" ? {} : { licenseArn }),
  };
}

function recordsOf(
  operation: OperationName,
  outcome: string,
  request: Members,
  response: Members,
  letters: string | undefined,
): readonly ObservedRecord[] {
  const isRefused = outcome !== "Success";
  // M-41, M-43: of a dry run that went well, nothing was stored.
  if (operation === "MeterUsage" && request.dryRun === true && !isRefused) return [];
  if (operation === "MeterUsage") {
    const status = isRefused ? "Refused" : letters?.startsWith("R") ? "Replayed" : "Success";
    const id = textOf(response.meteringRecordId);
    return observedRecords([{ usageRecord: meterRecord(request), status, ...(id === "" ? {} : { id }) }]);
  }
  if (operation !== "BatchMeterUsage") return [];
  if (isRefused) {
    return observedRecords(listOf(request.usageRecords).map((usageRecord) => ({ usageRecord, status: "Refused" })));
  }
  return observedRecords(batchOutcomes(request, response, letters));
}

/** H-4: the one record of a MeterUsage under the names that those of a batch have. */
function meterRecord(request: Members): Members {
  return { timestamp: request.timestamp, dimension: request.usageDimension, quantity: request.usageQuantity };
}

interface RecordOutcome {
  readonly usageRecord: Members;
  readonly status: ObservedStatus;
  readonly id?: string;
}

/**
 * H-2, H-9: in request order. The answer says each record again; that is how its results and what came back unprocessed
 * are put beside the request. Where the request was too long to be kept, the answer is all there is.
 */
function batchOutcomes(request: Members, response: Members, letters: string | undefined): readonly RecordOutcome[] {
  return outcomesAsMade(request, response, letters) ?? outcomesByContent(request, response, letters);
}

/** A record that was just made of this server's trail has the same objects on both sides, in order; else undefined. */
function outcomesAsMade(
  request: Members,
  response: Members,
  letters: string | undefined,
): readonly RecordOutcome[] | undefined {
  const { usageRecords } = request;
  const { results, unprocessedRecords } = response;
  if (!(Array.isArray(usageRecords) && Array.isArray(results) && Array.isArray(unprocessedRecords))) return undefined;
  const outcomes: RecordOutcome[] = [];
  let answered = 0;
  let unprocessed = 0;
  for (const usageRecord of usageRecords) {
    if (typeof usageRecord !== "object" || usageRecord === null) return undefined;
    if (unprocessedRecords[unprocessed] === usageRecord) {
      unprocessed += 1;
      outcomes.push({ usageRecord, status: "Unprocessed" });
      continue;
    }
    const result: unknown = results[answered];
    if (typeof result !== "object" || result === null) return undefined;
    const { usageRecord: same, status: given, meteringRecordId } = result as Members;
    const status = statuses.find((one) => one === given);
    if (same !== usageRecord || status === undefined) return undefined;
    const isReplay = status === "Success" && letters?.[outcomes.length] === "R";
    const id = textOf(meteringRecordId);
    outcomes.push({ usageRecord, status: isReplay ? "Replayed" : status, ...(id === "" ? {} : { id }) });
    answered += 1;
  }
  const areAll = answered === results.length && unprocessed === unprocessedRecords.length;
  return areAll && outcomes.length > 0 ? outcomes : undefined;
}

function outcomesByContent(request: Members, response: Members, letters: string | undefined): readonly RecordOutcome[] {
  const answered = new Map<string, RecordOutcome[]>();
  const inAnswer: RecordOutcome[] = [];
  const add = (outcome: RecordOutcome): void => {
    const key = keyOf(outcome.usageRecord);
    const same = answered.get(key);
    if (same === undefined) answered.set(key, [outcome]);
    else same.push(outcome);
    inAnswer.push(outcome);
  };
  for (const result of listOf(response.results)) {
    const status = statuses.find((one) => one === result.status);
    const id = textOf(result.meteringRecordId);
    if (status === undefined) continue;
    add({ usageRecord: membersOf(result.usageRecord), status, ...(id === "" ? {} : { id }) });
  }
  for (const usageRecord of listOf(response.unprocessedRecords)) add({ usageRecord, status: "Unprocessed" });
  const inOrder: RecordOutcome[] = [];
  for (const [index, usageRecord] of listOf(request.usageRecords).entries()) {
    const outcome = answered.get(keyOf(usageRecord))?.shift();
    if (outcome === undefined) return inAnswer;
    const isReplay = outcome.status === "Success" && letters?.[index] === "R";
    inOrder.push(isReplay ? { ...outcome, status: "Replayed" } : outcome);
  }
  return inOrder.length === 0 ? inAnswer : inOrder;
}

const statuses: readonly ObservedStatus[] = ["Success", "DuplicateRecord", "CustomerNotSubscribed"];

function keyOf(usageRecord: Members): string {
  const { timestamp, customerIdentifier, licenseArn, dimension, quantity } = usageRecord;
  return JSON.stringify([timestamp, customerIdentifier, accountIn(usageRecord), licenseArn, dimension, quantity]);
}

/** A record that was not kept, or has no time that could be read, says nothing to the checks. */
function observedRecords(outcomes: readonly RecordOutcome[]): readonly ObservedRecord[] {
  return outcomes.flatMap(({ usageRecord, status, id }) => {
    const timestampAt = timestampOf(usageRecord.timestamp);
    const dimension = textOf(usageRecord.dimension);
    if (timestampAt === undefined) return [];
    const customerIdentifier = textOf(usageRecord.customerIdentifier);
    const customerAccountId = accountIn(usageRecord);
    const licenseArn = textOf(usageRecord.licenseArn);
    const quantity = Number(usageRecord.quantity ?? 0);
    return {
      timestampAt,
      hourAt: Math.floor(timestampAt / hourMs) * hourMs,
      ...(customerIdentifier === "" ? {} : { customerIdentifier }),
      ...(customerAccountId === "" ? {} : { customerAccountId }),
      ...(licenseArn === "" ? {} : { licenseArn }),
      dimension,
      quantity: Number.isFinite(quantity) ? quantity : 0,
      status,
      ...(id === undefined ? {} : { meteringRecordId: id }),
    };
  });
}

/** Lower camel of the wire's name (H-2), in the two ways that there are to write AWS. */
function accountIn(members: Members): string {
  return textOf(members.customerAWSAccountId) || textOf(members.customerAwsAccountId);
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const textForm = /^([A-Z][a-z]{2}) (\d{1,2}), (\d{1,6}),? (\d{1,2}):(\d\d):(\d\d)\s?([AP])M$/u;

/** The one that was read last: records of a batch mostly have the same. */
let lastRead: { readonly value: unknown; readonly at: number | undefined } = { value: undefined, at: undefined };

/** H-3, such as `Apr 19, 2018 4:32:50 PM`, UTC; ISO text; epoch seconds. Epoch milliseconds. */
export function timestampOf(value: unknown): number | undefined {
  if (value !== lastRead.value) lastRead = { value, at: timestampRead(value) };
  return lastRead.at;
}

function timestampRead(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value * 1_000 : undefined;
  if (typeof value !== "string") return undefined;
  const [, month = "", day, year, hour, minute, second, half] = textForm.exec(value) ?? [];
  if (month !== "") {
    const hours = (Number(hour) % 12) + (half === "P" ? 12 : 0);
    const at = Date.UTC(Number(year), months.indexOf(month), Number(day), hours, Number(minute), Number(second));
    return months.includes(month) && Number.isFinite(at) ? at : undefined;
  }
  if (/^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return Number(value) * 1_000;
  const at = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isFinite(at) ? at : undefined;
}

/** What stands nowhere else in an observed call, and what a token hides behind. */
const elsewhere: Readonly<Record<OperationName, readonly string[]>> = {
  BatchMeterUsage: ["usageRecords"],
  MeterUsage: ["timestamp", "usageDimension", "usageQuantity"],
  RegisterUsage: [],
  ResolveCustomer: ["registrationToken"],
  GetEntitlements: [],
};

function otherMembers(operation: OperationName, request: Members): Members {
  const left = Object.entries(request).filter(
    ([name]) => name !== "productCode" && name !== "omitted" && name !== "reason" && name !== "originalSize",
  );
  return Object.fromEntries(
    left.filter(([name]) => !elsewhere[operation].includes(name)).map(([name, value]) => [upperFirst(name), value]),
  );
}

function upperFirst(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

export function membersOf(value: unknown): Members {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {};
}

export function listOf(value: unknown): readonly Members[] {
  return Array.isArray(value) ? value.map(membersOf) : [];
}
