/**
 * The wire contract as data: members, types, limits and which are required, by revision (SPEC C.1). One table feeds
 * the type check, the constraint messages and the comparison with the official SDK's schemas.
 */
import type { ErrorName } from "./errors.ts";
import type { MeteringOperationName, OperationName, Revision } from "./types.ts";

export interface StringShape {
  readonly type: "string";
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
}
export interface IntegerShape {
  readonly type: "integer";
  readonly min?: number;
  readonly max?: number;
}
export interface TimestampShape {
  readonly type: "timestamp";
}
export interface BooleanShape {
  readonly type: "boolean";
}
export interface ListShape {
  readonly type: "list";
  readonly member: Shape;
  readonly min?: number;
  readonly max?: number;
  /** The service models an exception of its own for too many members; the operation's rules raise it. */
  readonly maxRaises?: ErrorName;
}
export interface StructureShape {
  readonly type: "structure";
  readonly name: string;
  readonly members: readonly Member[];
}
/** Any key; the operation judges which it knows. */
export interface MapShape {
  readonly type: "map";
  readonly member: Shape;
}
export type Shape = StringShape | IntegerShape | TimestampShape | BooleanShape | ListShape | MapShape | StructureShape;

export interface Member {
  readonly name: string;
  /** Absent in a revision = the member is unknown there, and ignored (W-16). */
  readonly shape: Readonly<Partial<Record<Revision, Shape>>>;
  readonly required: readonly Revision[];
  /** Limits and absence are reported by this modelled exception, raised by the operation's rules (B-73). */
  readonly raises?: ErrorName;
}

const all: readonly Revision[] = ["2026", "2024", "2021"];

function always(shape: Shape): Member["shape"] {
  return { "2026": shape, "2024": shape, "2021": shape };
}
function required(name: string, shape: Shape): Member {
  return { name, shape: always(shape), required: all };
}
function optional(name: string, shape: Shape): Member {
  return { name, shape: always(shape), required: [] };
}

const timestamp: TimestampShape = { type: "timestamp" };
const boolean: BooleanShape = { type: "boolean" };
const quantity: IntegerShape = { type: "integer", min: 0, max: 2_147_483_647 };
const anyText: StringShape = { type: "string" };
const name255: StringShape = { type: "string", min: 1, max: 255, pattern: /^[\s\S]+$/ };

const productCode2021: StringShape = name255;
const productCode2024: StringShape = { type: "string", min: 1, max: 255, pattern: /^[-a-zA-Z0-9/=:_.@]*$/ };
const productCode2026: StringShape = { type: "string", min: 0, max: 255, pattern: /^[-a-zA-Z0-9/=:_.@]*$/ };
const productCode: Member["shape"] = { "2021": productCode2021, "2024": productCode2024, "2026": productCode2026 };

/**
 * Inside the class ` -=` is a range from space to `=`, so that `! " # $ % & ' ( ) * , ; <` pass too (SPEC C.1, tag
 * pattern trap).
 */
export const tagPattern = /^[a-zA-Z0-9+ -=._:/@]+$/;

/** Written as the model writes it, for messages. */
export const tagPatternText = "^[a-zA-Z0-9+ -=._:\\/@]+$";

export const licenseArnPattern =
  /^arn:aws[a-zA-Z-]*:[A-Za-z0-9][A-Za-z0-9_/.-]{0,62}:[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9][A-Za-z0-9:_/+=,@.-]{0,1023}$/;

export const tagShape: StructureShape = {
  type: "structure",
  name: "Tag",
  members: [
    { ...required("Key", { type: "string", min: 1, max: 100, pattern: tagPattern }), raises: "InvalidTagException" },
    { ...required("Value", { type: "string", min: 1, max: 256, pattern: tagPattern }), raises: "InvalidTagException" },
  ],
};

const tagList: ListShape = { type: "list", member: tagShape, min: 1, max: 5, maxRaises: "InvalidTagException" };

export const usageAllocationShape: StructureShape = {
  type: "structure",
  name: "UsageAllocation",
  members: [required("AllocatedUsageQuantity", quantity), optional("Tags", tagList)],
};

const usageAllocations: ListShape = { type: "list", member: usageAllocationShape, min: 1, max: 2_500 };
/** J-22: until 2022 too many entries were InvalidUsageAllocationsException. */
const usageAllocations2021: ListShape = {
  ...usageAllocations,
  max: 500,
  maxRaises: "InvalidUsageAllocationsException",
};
const usageAllocationsByRevision: Member["shape"] = {
  "2026": usageAllocations,
  "2024": usageAllocations,
  "2021": usageAllocations2021,
};

export const usageRecordShape: StructureShape = {
  type: "structure",
  name: "UsageRecord",
  members: [
    required("Timestamp", timestamp),
    required("Dimension", name255),
    {
      name: "CustomerIdentifier",
      shape: { "2021": name255, "2024": name255, "2026": { type: "string", min: 0, max: 255, pattern: /^[\s\S]*$/ } },
      required: ["2024", "2021"],
    },
    optional("Quantity", quantity),
    { name: "UsageAllocations", shape: usageAllocationsByRevision, required: [] },
    {
      name: "CustomerAWSAccountId",
      shape: { "2026": { type: "string", min: 1, max: 255, pattern: /^[0-9]+$/ } },
      required: [],
    },
    { name: "LicenseArn", shape: { "2026": { type: "string", pattern: licenseArnPattern } }, required: [] },
  ],
};

export const inputShapes: Readonly<Record<MeteringOperationName, StructureShape>> = {
  BatchMeterUsage: {
    type: "structure",
    name: "BatchMeterUsageRequest",
    members: [
      required("UsageRecords", { type: "list", member: usageRecordShape, min: 0, max: 25 }),
      { name: "ProductCode", shape: productCode, required: ["2024", "2021"] },
    ],
  },
  MeterUsage: {
    type: "structure",
    name: "MeterUsageRequest",
    members: [
      { name: "ProductCode", shape: productCode, required: all },
      required("Timestamp", timestamp),
      required("UsageDimension", name255),
      optional("UsageQuantity", quantity),
      optional("DryRun", boolean),
      { name: "UsageAllocations", shape: usageAllocationsByRevision, required: [] },
      { name: "ClientToken", shape: { "2026": { type: "string", min: 1, max: 64 } }, required: [] },
    ],
  },
  RegisterUsage: {
    type: "structure",
    name: "RegisterUsageRequest",
    members: [
      { name: "ProductCode", shape: productCode, required: all },
      required("PublicKeyVersion", { type: "integer", min: 1 }),
      optional("Nonce", { type: "string", min: 0, max: 255, pattern: /^[\s\S]*$/ }),
    ],
  },
  ResolveCustomer: {
    type: "structure",
    name: "ResolveCustomerRequest",
    members: [required("RegistrationToken", { type: "string", pattern: /^[\s\S]+$/ })],
  },
};

const usageRecordResultShape: StructureShape = {
  type: "structure",
  name: "UsageRecordResult",
  members: [
    optional("UsageRecord", usageRecordShape),
    optional("MeteringRecordId", anyText),
    optional("Status", anyText),
  ],
};

/** Members that every revision has unless `shape` says otherwise; the operations write them. */
export const outputShapes: Readonly<Record<MeteringOperationName, StructureShape>> = {
  BatchMeterUsage: {
    type: "structure",
    name: "BatchMeterUsageResult",
    members: [
      optional("Results", { type: "list", member: usageRecordResultShape }),
      optional("UnprocessedRecords", { type: "list", member: usageRecordShape }),
    ],
  },
  MeterUsage: { type: "structure", name: "MeterUsageResult", members: [optional("MeteringRecordId", anyText)] },
  RegisterUsage: {
    type: "structure",
    name: "RegisterUsageResult",
    members: [optional("PublicKeyRotationTimestamp", timestamp), optional("Signature", anyText)],
  },
  ResolveCustomer: {
    type: "structure",
    name: "ResolveCustomerResult",
    members: [
      optional("CustomerIdentifier", anyText),
      optional("ProductCode", anyText),
      { name: "CustomerAWSAccountId", shape: { "2026": anyText, "2024": anyText }, required: [] },
      { name: "LicenseArn", shape: { "2026": anyText }, required: [] },
    ],
  },
};

/** The Entitlement Service (SPEC G-2, G-3). */
export const entitlementInputShape: StructureShape = {
  type: "structure",
  name: "GetEntitlementsRequest",
  members: [
    required("ProductCode", name255),
    optional("Filter", { type: "map", member: { type: "list", member: anyText, min: 1 } }),
    optional("NextToken", { type: "string", pattern: /^\S+$/ }),
    optional("MaxResults", { type: "integer", min: 1, max: 25 }),
  ],
};

export function inputShapeOf(operation: OperationName): StructureShape {
  return operation === "GetEntitlements" ? entitlementInputShape : inputShapes[operation];
}
