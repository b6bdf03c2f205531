/**
 * The audit trail as CloudTrail records (SPEC H.1): an event and the ledger's rows of its call become the record that
 * AWS would have delivered.
 */
import { type CallerIdentity, callerArn, principalId, sessionNameOf } from "../api/identity.ts";
import { partitionOf } from "../api/regions.ts";
import type { Account, MeteringRecord, OperationName, UsageRecord } from "../api/types.ts";
import type { AuditDetail, AuditEvent, AuditedCall, AuditFilter } from "../store/audit.ts";
import type { Store } from "../store/store.ts";
import { formOf, hidden, keptBytesMax } from "./auditDetail.ts";

type Members = Readonly<Record<string, unknown>>;

export interface CloudTrailRecord {
  readonly eventVersion: string;
  readonly userIdentity: Members;
  /** ISO, to the second. */
  readonly eventTime: string;
  readonly eventSource: string;
  readonly eventName: OperationName;
  readonly awsRegion: string;
  readonly sourceIPAddress: string;
  readonly userAgent: string;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly requestParameters: Members | null;
  readonly responseElements: Members | null;
  /** Of calls that a planned fault hit: `meterhouseFault`, its marks. AWS's records of these operations have none. */
  readonly additionalEventData?: Members;
  readonly requestID: string;
  readonly eventID: string;
  readonly readOnly: boolean;
  readonly eventType: "AwsApiCall";
  readonly managementEvent: true;
  readonly recipientAccountId: string;
}

export type AccountOf = (id: string) => Account | undefined;

/** H-10: event history reaches back so far, in business time. */
export const historyMs = 90 * 86_400_000;

/** The records of the history, newest first (H-10). */
export async function eventHistory(
  store: Store,
  filter: AuditFilter,
  now: number,
  limit: number,
): Promise<readonly CloudTrailRecord[]> {
  const fromAt = Math.max(filter.fromAt ?? Number.NEGATIVE_INFINITY, now - historyMs);
  const calls = await store.audit.page({ ...filter, isCall: true, fromAt }, limit);
  return calls.map((call) => cloudTrailRecord(call, (id) => store.catalog.account(id)));
}

/** H-1, K-12. The Entitlement Service's name is made in the same way: its sample is not public. */
export function eventSourceOf(operation: OperationName): string {
  return operation === "GetEntitlements"
    ? "entitlement-marketplace.amazonaws.com"
    : "metering-marketplace.amazonaws.com";
}

/** H-1. AWS's list of actions has GetEntitlements alone as one that reads. */
export function isReadOnly(operation: OperationName): boolean {
  return operation === "GetEntitlements";
}

const eventIdMask = Buffer.from("5d1c7a90be3f0a6437e2c48b10f96da5", "hex");

/**
 * H-5: another UUID than the request's, the same for the same event. The way back is the same function, so that a look-up
 * by event id is one by request id. Version and variant stay, as the mask has zeros there.
 */
export function eventIdOf(requestId: string): string {
  const bytes = Buffer.from(requestId.replaceAll("-", ""), "hex");
  if (bytes.length !== eventIdMask.length) return requestId;
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = (bytes[index] ?? 0) ^ (eventIdMask[index] ?? 0);
  }
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The record of one call. `accountOf` gives back the CustomerIdentifiers that the ledger keeps by account. */
export function cloudTrailRecord(call: AuditedCall, accountOf: AccountOf): CloudTrailRecord {
  const { event } = call;
  const { detail = {} } = event;
  const isRefused = event.outcome !== "Success";
  const { requestParameters, responseElements } = elementsOf(call, detail, accountOf);
  return {
    eventVersion: "1.05",
    userIdentity: userIdentityOf(event),
    eventTime: isoSeconds(event.at),
    eventSource: eventSourceOf(event.operation),
    eventName: event.operation,
    awsRegion: event.region,
    // IPv4 over a socket that takes both is written as IPv6 by the system, and not by AWS.
    sourceIPAddress: (detail.source ?? "").replace(/^::ffff:(?=\d+\.)/, ""),
    userAgent: detail.userAgent ?? "",
    // H-8; H-9: what became of each record of a batch is no error of the call.
    ...(isRefused ? { errorCode: event.outcome } : {}),
    ...(isRefused && detail.errorMessage !== undefined ? { errorMessage: detail.errorMessage } : {}),
    requestParameters,
    responseElements: isRefused || isReadOnly(event.operation) ? null : responseElements,
    ...(detail.faults === undefined ? {} : { additionalEventData: { meterhouseFault: detail.faults } }), // B-92
    requestID: event.requestId,
    eventID: eventIdOf(event.requestId),
    readOnly: isReadOnly(event.operation),
    eventType: "AwsApiCall",
    managementEvent: true,
    recipientAccountId: event.accountId, // H-5, H-6
  };
}

/** H-7. */
function userIdentityOf(event: AuditEvent): Members {
  const { identity, accountId, accessKeyId, region } = event;
  if (identity === undefined) return { type: "Unknown", accountId, accessKeyId };
  const arn = callerArn(identity, accountId, region);
  const principal = principalId(identity, accountId);
  if (identity.kind === "iam-user") {
    return { type: "IAMUser", principalId: principal, arn, accountId, accessKeyId, userName: identity.name };
  }
  const partition = partitionOf(region) ?? "aws";
  return {
    type: "AssumedRole",
    principalId: `${principal}:${sessionNameOf(identity)}`,
    arn,
    accountId,
    accessKeyId,
    sessionContext: {
      sessionIssuer: {
        type: "Role",
        principalId: principal,
        arn: `arn:${partition}:iam::${accountId}:role/${identity.name}`,
        accountId,
        userName: identity.name,
      },
      webIdFederationData: identity.kind === "eks-irsa" ? federation(identity, accountId, region, partition) : {},
      attributes: {
        mfaAuthenticated: "false",
        creationDate: isoSeconds(identity.launchedAt ?? identity.createdAt),
      },
      ...(identity.kind === "ec2" ? { ec2RoleDelivery: "2.0" } : {}),
    },
  };
}

/** A pod with a role for its service account came by the cluster's OIDC provider. */
function federation({ resource }: CallerIdentity, accountId: string, region: string, partition: string): Members {
  const cluster = resource?.split(/[/:]/).at(-2) ?? "cluster";
  const provider = `oidc.eks.${region}.amazonaws.com/id/${cluster}`;
  return { federatedProvider: `arn:${partition}:iam::${accountId}:oidc-provider/${provider}`, attributes: {} };
}

interface Elements {
  readonly requestParameters: Members | null;
  readonly responseElements: Members | null;
}

function elementsOf({ event, stored }: AuditedCall, detail: AuditDetail, accountOf: AccountOf): Elements {
  const isAccepted = event.outcome === "Success";
  if (event.operation === "BatchMeterUsage" && isAccepted) return batchElements(detail, stored, accountOf);
  const record = event.operation === "MeterUsage" && isAccepted ? stored[0] : undefined;
  const request: Record<string, unknown> = {
    ...(event.operation === "ResolveCustomer" ? { registrationToken: hidden } : {}),
    ...(isAccepted && detail.productCode !== undefined ? { productCode: detail.productCode } : {}),
    ...(record === undefined ? {} : meterMembers(record)),
    ...(detail.request === undefined ? {} : lowerCamel(detail.request)),
    ...omission(detail),
  };
  // The ledger has 0 where no quantity was sent.
  if (request.usageQuantity === null) delete request.usageQuantity;
  const response = record === undefined ? detail.response : { MeteringRecordId: record.meteringRecordId };
  return {
    requestParameters: Object.keys(request).length === 0 ? null : request,
    responseElements: response === undefined ? null : lowerCamel(response),
  };
}

/** H-4. */
function meterMembers(record: MeteringRecord): Members {
  const { timestampAt, dimension, quantity, allocations, clientToken } = record;
  return {
    timestamp: showTimestamp(timestampAt / 1_000),
    usageDimension: dimension,
    usageQuantity: quantity,
    ...(allocations === undefined ? {} : { usageAllocations: camel(allocations) }),
    ...(clientToken === undefined ? {} : { clientToken }),
  };
}

const statusOf: Readonly<Record<string, string>> = {
  S: "Success",
  R: "Success",
  D: "DuplicateRecord",
  N: "CustomerNotSubscribed",
};

/** H-2. */
function batchElements(detail: AuditDetail, stored: AuditedCall["stored"], accountOf: AccountOf): Elements {
  const usageRecords: Members[] = [];
  const results: Members[] = [];
  const unprocessedRecords: Members[] = [];
  let count = 0;
  for (const [index, letter] of [...(detail.statuses ?? "")].entries()) {
    const row = letter === "S" ? stored[count++] : undefined;
    const kept = detail.sent?.[index] ?? (row && recordAsSent(row, detail.forms, index, accountOf));
    const usageRecord = kept === undefined ? {} : lowerCamel({ ...kept });
    usageRecords.push(usageRecord);
    if (letter === "U") {
      unprocessedRecords.push(usageRecord);
      continue;
    }
    const meteringRecordId = row?.meteringRecordId ?? detail.ids?.[index];
    results.push({
      usageRecord,
      ...(meteringRecordId === undefined ? {} : { meteringRecordId }),
      status: statusOf[letter] ?? letter,
    });
  }
  const { productCode, noProductCode } = detail;
  return {
    requestParameters: {
      usageRecords,
      ...(productCode === undefined || noProductCode === true ? {} : { productCode }),
      ...omission(detail),
    },
    responseElements: { results, unprocessedRecords },
  };
}

function recordAsSent(
  row: MeteringRecord,
  forms: string | undefined,
  index: number,
  accountOf: AccountOf,
): UsageRecord | undefined {
  const form = formOf(forms, index);
  if (form === undefined) return undefined;
  const identifier = form.identifier ? accountOf(row.accountId)?.customerIdentifier : undefined;
  return {
    Timestamp: row.timestampAt / 1_000,
    ...(identifier === undefined ? {} : { CustomerIdentifier: identifier }),
    ...(form.account ? { CustomerAWSAccountId: row.accountId } : {}),
    ...(form.license && row.licenseArn !== undefined ? { LicenseArn: row.licenseArn } : {}),
    Dimension: row.dimension,
    ...(form.quantity ? { Quantity: row.quantity } : {}),
    ...(row.allocations === undefined ? {} : { UsageAllocations: row.allocations }),
  };
}

/** In the words that CloudTrail has for requests that are too long for it. */
function omission({ omittedBytes }: AuditDetail): Members {
  if (omittedBytes === undefined) return {};
  return {
    omitted: true,
    originalSize: omittedBytes,
    reason: `Of what the ledger does not hold, the first ${keptBytesMax} bytes are kept; originalSize is what was left out.`,
  };
}

/** H-2: members begin with a small letter. */
function lowerCamel(members: Members): Members {
  const camelled: Record<string, unknown> = {};
  for (const name of Object.keys(members)) {
    const value = members[name];
    // The keys of a filter are values, not members.
    setOwn(camelled, lowerFirst(name), name === "Filter" ? value : (timestampText(name, value) ?? camel(value)));
  }
  return camelled;
}

function camel(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(camel);
  const camelled: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    setOwn(camelled, lowerFirst(name), timestampText(name, inner) ?? camel(inner));
  }
  return camelled;
}

/** Names come from requests: one of them would set the prototype. */
function setOwn(members: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__") Object.defineProperty(members, name, { value, enumerable: true });
  else members[name] = value;
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function timestampText(name: string, value: unknown): string | undefined {
  if (typeof value !== "number") return undefined;
  return name === "Timestamp" || name === "PublicKeyRotationTimestamp" ? showTimestamp(value) : undefined;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** The one that was shown last: records of a batch mostly have the same. */
let shown = { at: Number.NaN, text: "" };

/** H-3: `Apr 19, 2018 4:32:50 PM`, UTC. Numbers beyond all dates stay numbers. */
export function showTimestamp(timestampSec: number): string {
  if (shown.at !== timestampSec) shown = { at: timestampSec, text: timestampShown(timestampSec) };
  return shown.text;
}

function timestampShown(timestampSec: number): string {
  const date = new Date(Math.floor(timestampSec) * 1_000);
  if (Number.isNaN(date.getTime())) return String(timestampSec);
  const two = (part: number): string => String(part).padStart(2, "0");
  const hours = date.getUTCHours();
  const time = `${hours % 12 === 0 ? 12 : hours % 12}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${months[date.getUTCMonth()]} ${date.getUTCDate()}, ${date.getUTCFullYear()} ${time} ${hours < 12 ? "AM" : "PM"}`;
}

function isoSeconds(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().replace(/\.\d+Z$/, "Z");
}
