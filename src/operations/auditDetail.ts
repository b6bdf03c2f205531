/**
 * What the audit trail keeps of a call beside what the ledger holds, and the way back. A record that was stored leaves one
 * digit, which says in what form it was sent; whatever the ledger could not give back word for word is kept as sent.
 */
import type { Account, OperationName, UsageRecord } from "../api/types.ts";
import type { AuditDetail } from "../store/audit.ts";
import type { UsageClaim } from "../store/ledger.ts";

/** So much of a request is kept where the ledger holds nothing of it; nobody can fill the trail with refused megabytes. */
export const keptBytesMax = 16_384;

/** CloudTrail's own words for what it does not show. */
export const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";

/** Which members of a record were sent: the bits of its digit. */
const formBits = { identifier: 1, account: 2, license: 4, quantity: 8 } as const;
const formDigits = "0123456789abcdef";

/** What has become of a record. */
export interface MarkedRecord {
  readonly letter: "S" | "R" | "D" | "N" | "U";
  /** Of what is stored, now or before. */
  readonly meteringRecordId: string | undefined;
}

/** Of the records of an accepted batch; `marks`, and `forms` by `recordForm`, are in the order of `records`. */
export function batchDetail(
  records: readonly UsageRecord[],
  marks: readonly MarkedRecord[],
  formsOfStored: readonly string[],
): AuditDetail {
  let statuses = "";
  let forms = "";
  let sent: Record<string, UsageRecord> | undefined;
  let ids: Record<string, string> | undefined;
  const room = { left: keptBytesMax, omitted: 0 };
  for (let index = 0; index < marks.length; index += 1) {
    const mark = marks[index];
    const record = records[index];
    if (mark === undefined || record === undefined) continue;
    statuses += mark.letter;
    const digit = mark.letter === "S" ? (formsOfStored[index] ?? "-") : "-";
    forms += digit;
    if (digit !== "-") continue;
    const kept = fitting(record, room);
    if (kept !== undefined) {
      sent ??= {};
      sent[index] = kept;
    }
    if (mark.letter === "R" && mark.meteringRecordId !== undefined) {
      ids ??= {};
      ids[index] = mark.meteringRecordId;
    }
  }
  return {
    statuses,
    forms: shortened(forms),
    ...(sent === undefined ? {} : { sent }),
    ...(ids === undefined ? {} : { ids }),
    ...(room.omitted === 0 ? {} : { omittedBytes: room.omitted }),
  };
}

/**
 * The digit of a record that is stored as `claim`; "-" where the ledger's row would not give it back as it was sent.
 * `buyer` is the one that the record names.
 */
export function recordForm(record: UsageRecord, claim: UsageClaim, buyer: Account | undefined): string {
  const { CustomerIdentifier, CustomerAWSAccountId, LicenseArn, Quantity } = record;
  let bits = 0;
  if (CustomerIdentifier !== undefined) {
    if (CustomerIdentifier !== buyer?.customerIdentifier || buyer.id !== claim.accountId) return "-";
    bits += formBits.identifier;
  }
  if (CustomerAWSAccountId !== undefined) {
    if (CustomerAWSAccountId !== claim.accountId) return "-";
    bits += formBits.account;
  }
  if (LicenseArn !== undefined) {
    if (LicenseArn !== claim.holder) return "-";
    bits += formBits.license;
  }
  if (Quantity !== undefined) bits += formBits.quantity;
  // The row keeps milliseconds, the trail shows seconds: rounding must not have moved the second.
  if (Math.floor(claim.timestampMs / 1_000) !== Math.floor(record.Timestamp)) return "-";
  return formDigits.charAt(bits);
}

/** One digit for all where all are the same, which is what clients send. */
function shortened(forms: string): string {
  const first = forms.charAt(0);
  for (let index = 1; index < forms.length; index += 1) if (forms[index] !== first) return forms;
  return first;
}

/** Which members were sent of the record at `index`; undefined: it is kept as sent, or nothing is known of it. */
export function formOf(
  forms: string | undefined,
  index: number,
): Readonly<Record<keyof typeof formBits, boolean>> | undefined {
  const digit = forms === undefined ? "-" : forms.length === 1 ? forms : (forms[index] ?? "-");
  if (!/^[0-9a-f]$/.test(digit)) return undefined;
  const bits = Number.parseInt(digit, 16);
  const has = (bit: number): boolean => (bits & bit) !== 0;
  return {
    identifier: has(formBits.identifier),
    account: has(formBits.account),
    license: has(formBits.license),
    quantity: has(formBits.quantity),
  };
}

interface Room {
  left: number;
  omitted: number;
}

/** The record as far as there is room: whole, without its allocations, or not at all. */
function fitting(record: UsageRecord, room: Room): UsageRecord | undefined {
  if (taken(record, room)) return record;
  const { UsageAllocations, ...rest } = record;
  if (UsageAllocations === undefined) return undefined;
  const before = room.omitted;
  if (!taken(rest, room)) {
    room.omitted = before;
    return undefined;
  }
  return rest;
}

function taken(value: unknown, room: Room): boolean {
  const text = jsonOf(value);
  const size = Buffer.byteLength(text);
  if (size > 0 && size <= room.left && nesting(text) <= nestingMax) {
    room.left -= size;
    return true;
  }
  room.omitted += size;
  return false;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return ""; // Nested too deep to be written.
  }
}

/** No request of a known form is nested as deep; whoever reads the trail need not be able to. */
const nestingMax = 16;

function nesting(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [bracket] of json.replace(/"(?:[^"\\]|\\.)*"/g, "").matchAll(/[[\]{}]/g)) {
    depth += bracket === "[" || bracket === "{" ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

/** Members that a request is known to have. What else was sent is for the ring of exact bodies. */
const requestMembers: Readonly<Record<OperationName, readonly string[]>> = {
  BatchMeterUsage: ["ProductCode", "UsageRecords"],
  MeterUsage: [
    "ProductCode",
    "Timestamp",
    "UsageDimension",
    "UsageQuantity",
    "DryRun",
    "UsageAllocations",
    "ClientToken",
  ],
  RegisterUsage: ["ProductCode", "PublicKeyVersion", "Nonce"],
  ResolveCustomer: [],
  GetEntitlements: ["ProductCode", "Filter", "NextToken", "MaxResults"],
};

/**
 * A request, parsed and perhaps not yet checked, as far as there is room: of a batch the first records, and members that
 * fit. A registration token is never among them.
 */
export function requestDetail(operation: OperationName, json: object): Pick<AuditDetail, "request" | "omittedBytes"> {
  const room: Room = { left: keptBytesMax, omitted: 0 };
  const given = new Map<string, unknown>(Object.entries(json));
  const request: Record<string, unknown> = {};
  for (const name of requestMembers[operation]) {
    const value = plain(given.get(name));
    if (value === undefined) continue;
    if (name === "UsageRecords" && Array.isArray(value)) {
      let count = 0;
      while (count < value.length && taken(value[count], room)) count += 1;
      for (const left of value.slice(count + 1)) room.omitted += Buffer.byteLength(jsonOf(left));
      request[name] = value.slice(0, count);
    } else if (taken(value, room)) request[name] = value;
  }
  return {
    ...(Object.keys(request).length === 0 ? {} : { request }),
    ...(room.omitted === 0 ? {} : { omittedBytes: room.omitted }),
  };
}

function plain(value: unknown): unknown {
  return value instanceof Map ? Object.fromEntries(value) : value;
}

/** Texts that quote what was sent must not quote a registration token. */
export function withoutToken(operation: OperationName, text: string, json: Readonly<Record<string, unknown>>): string {
  const token = json.RegistrationToken;
  if (operation !== "ResolveCustomer" || token === undefined || token === null) return text;
  const quoted = typeof token === "string" ? token : (JSON.stringify(token) ?? "");
  let masked = text;
  // Messages show at most so many characters of a value.
  for (const secret of [quoted, quoted.slice(0, 256)]) {
    if (secret.length > 0) masked = masked.replaceAll(`'${secret}`, `'${hidden}`);
  }
  return masked;
}
