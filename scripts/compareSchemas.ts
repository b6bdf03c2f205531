/**
 * The wire contract in words, once from our tables (`src/api`, revision 2026) and once from the schemas that the
 * official JavaScript SDK carries, and what differs between the two. Neither side's limits and patterns are compared:
 * the SDK leaves them to the service and has none.
 */
import { modelledErrors } from "../src/api/errors.ts";
import { inputShapes, outputShapes, type Shape, type StructureShape } from "../src/api/shapes.ts";
import type { UsageRecordResult } from "../src/operations/BatchMeterUsage.ts";

export interface Member {
  /** In words: `string`, `list of UsageRecord`. */
  readonly type: string;
  readonly isRequired: boolean;
}
type Members = ReadonlyMap<string, Member>;

export interface ErrorContract {
  readonly status: number;
  readonly fault: "client" | "server";
  readonly members: Members;
}

export interface OperationContract {
  /** Names of structures. */
  readonly input: string;
  readonly output: string;
  readonly errors: ReadonlySet<string>;
}

export interface Contract {
  readonly operations: ReadonlyMap<string, OperationContract>;
  readonly structures: ReadonlyMap<string, Members>;
  readonly errors: ReadonlyMap<string, ErrorContract>;
  /** Values of enumerations; on the wire they are strings. */
  readonly enums: ReadonlyMap<string, ReadonlySet<string>>;
  /** How a call travels (SPEC W-1). */
  readonly protocol: Readonly<Record<"protocol" | "serviceTarget" | "version", string>>;
}

/* Ours. */

const revision = "2026";

/** Members that SDKs fill by themselves when the caller leaves them out (SPEC W-15). */
const idempotencyTokens: ReadonlySet<string> = new Set(["MeterUsageRequest.ClientToken"]);

/** SPEC C.1; the type sees to it that none is forgotten. */
const statuses: Readonly<Record<UsageRecordResult["Status"], true>> = {
  Success: true,
  CustomerNotSubscribed: true,
  DuplicateRecord: true,
};

/** Every error body carries its text under this member (SPEC C-1). */
const errorMembers: Members = new Map([["message", { type: "string", isRequired: false }]]);

export function ourContract(): Contract {
  const structures = new Map<string, Members>();
  const operations = new Map<string, OperationContract>();
  for (const operation of Object.keys(inputShapes) as (keyof typeof inputShapes)[]) {
    const [input, output] = [inputShapes[operation], outputShapes[operation]];
    addStructure(input, structures);
    addStructure(output, structures);
    const errors = Object.entries(modelledErrors).filter(([, error]) =>
      (error.operations as readonly string[]).includes(operation),
    );
    operations.set(operation, {
      input: input.name,
      output: output.name,
      errors: new Set(errors.map(([name]) => name)),
    });
  }
  return {
    operations,
    structures,
    errors: new Map(
      Object.entries(modelledErrors).map(([name, { status }]) => [
        name,
        { status, fault: status >= 500 ? "server" : "client", members: errorMembers },
      ]),
    ),
    enums: new Map([["UsageRecordResultStatus", new Set(Object.keys(statuses))]]),
    protocol: { protocol: "AwsJson1_1Protocol", serviceTarget: "AWSMPMeteringService", version: "2016-01-14" },
  };
}

function addStructure(shape: StructureShape, structures: Map<string, Members>): void {
  if (structures.has(shape.name)) return;
  const members = new Map<string, Member>();
  structures.set(shape.name, members);
  for (const member of shape.members) {
    const inner = member.shape[revision];
    if (inner === undefined) continue;
    const isToken = idempotencyTokens.has(`${shape.name}.${member.name}`);
    members.set(member.name, {
      type: `${typeOf(inner, structures)}${isToken ? " (idempotencyToken)" : ""}`,
      isRequired: member.required.includes(revision),
    });
  }
}

function typeOf(shape: Shape, structures: Map<string, Members>): string {
  if (shape.type === "structure") {
    addStructure(shape, structures);
    return shape.name;
  }
  if ("member" in shape) return `${shape.type} of ${typeOf(shape.member, structures)}`;
  // The SDK's schemas have one code for all numbers that fit a JSON number.
  return shape.type === "integer" ? "number" : shape.type;
}

/* The SDK's. Its schemas are arrays that start with a kind; see @smithy/types, schema/static-schemas. */

/** What `readSdk` finds in a package. */
export interface SdkModel {
  /** The exports of its schemas and enumerations. */
  readonly exports: Readonly<Record<string, unknown>>;
  /** Errors that the documents of each operation list: the schemas do not say which operation throws which. */
  readonly throws: ReadonlyMap<string, ReadonlySet<string>>;
  readonly protocol: Contract["protocol"];
}

const listKind = 1;
const mapKind = 2;
const structureKind = 3;
const errorKind = -3;
const operationKind = 9;

const simpleTypes: Readonly<Record<number, string>> = {
  0: "string",
  1: "number",
  2: "boolean",
  // In AWS JSON the default is epoch seconds.
  4: "timestamp",
  5: "timestamp as ISO text",
  6: "timestamp as HTTP date",
  7: "timestamp",
  15: "document",
  17: "big integer",
  19: "big decimal",
  21: "blob",
  42: "streaming blob",
};
const listModifier = 64;
const mapModifier = 128;

/** Bits of a numeric trait, lowest first. */
const traitBits = [
  "httpLabel",
  "idempotent",
  "idempotencyToken",
  "sensitive",
  "httpPayload",
  "httpResponseCode",
  "httpQueryParams",
];

export function sdkContract({ exports, throws, protocol }: SdkModel): Contract {
  const structures = new Map<string, Members>();
  const operations = new Map<string, OperationContract>();
  const errors = new Map<string, ErrorContract>();
  const enums = new Map<string, ReadonlySet<string>>();
  for (const [exportName, value] of Object.entries(exports)) {
    if (!Array.isArray(value)) {
      const values = enumValues(value);
      if (values !== undefined) enums.set(exportName, values);
      continue;
    }
    const [kind, namespace, name, traits, first, second] = value as readonly unknown[];
    if (kind === operationKind) {
      operations.set(String(name), {
        input: typeName(first, structures),
        output: typeName(second, structures),
        errors: throws.get(String(name)) ?? new Set(),
      });
    } else if (kind === structureKind) {
      typeName(value, structures);
    } else if (kind === errorKind && !String(namespace).startsWith("smithy.ts.sdk.synthetic.")) {
      errors.set(String(name), errorOf(traits, membersOf(value, structures)));
    }
  }
  return { operations, structures, errors, enums, protocol };
}

/** An enumeration is exported as an object of texts. */
function enumValues(value: unknown): ReadonlySet<string> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const texts = Object.values(value);
  return texts.length > 0 && texts.every((text) => typeof text === "string") ? new Set(texts) : undefined;
}

function errorOf(traits: unknown, members: Members): ErrorContract {
  const given = typeof traits === "object" && traits !== null ? (traits as Readonly<Record<string, unknown>>) : {};
  const fault = given.error === "server" ? "server" : "client";
  // Without an httpError trait Smithy's own rule holds.
  const status = typeof given.httpError === "number" ? given.httpError : fault === "server" ? 500 : 400;
  return { status, fault, members };
}

function membersOf(schema: readonly unknown[], structures: Map<string, Members>): Members {
  const names = schema[4] as readonly string[];
  const schemas = schema[5] as readonly unknown[];
  // The required members come first.
  const requiredCount = typeof schema[6] === "number" ? schema[6] : 0;
  return new Map(
    names.map((name, index) => [
      name,
      { type: typeName(schemas[index], structures), isRequired: index < requiredCount },
    ]),
  );
}

function typeName(reference: unknown, structures: Map<string, Members>): string {
  const schema: unknown = typeof reference === "function" ? reference() : reference;
  if (typeof schema === "number") return simpleType(schema);
  if (!Array.isArray(schema)) return `unknown schema ${String(schema)}`;
  const parts = schema as readonly unknown[];
  // A pair is a member's schema with the traits of that member.
  if (parts.length === 2) return `${typeName(parts[0], structures)}${traitText(parts[1])}`;
  const [kind, , name, , first, second] = parts;
  if (kind === listKind) return `list of ${typeName(first, structures)}`;
  if (kind === mapKind) return `map of ${typeName(second, structures)}`;
  if (kind === 0) return typeName(first, structures);
  if (kind !== structureKind) return `schema of kind ${String(kind)}`;
  const key = String(name);
  if (!structures.has(key)) {
    structures.set(key, new Map()); // Before its members: they may lead back to it.
    structures.set(key, membersOf(parts, structures));
  }
  return key;
}

function simpleType(code: number): string {
  const known = simpleTypes[code];
  if (known !== undefined) return known;
  if ((code & mapModifier) !== 0) return `map of ${simpleType(code & ~mapModifier)}`;
  if ((code & listModifier) !== 0) return `list of ${simpleType(code & ~listModifier)}`;
  return `schema code ${code}`;
}

function traitText(traits: unknown): string {
  const names =
    typeof traits === "number"
      ? traitBits.filter((_, bit) => ((traits >> bit) & 1) === 1)
      : Object.keys((traits as object | null) ?? {});
  return names.length === 0 ? "" : ` (${names.join(", ")})`;
}

/* The comparison. */

/** One sentence a difference; empty = none. `sdk` is how the SDK is called in them. */
export function differences(ours: Contract, theirs: Contract, sdk: string): readonly string[] {
  const found: string[] = [];
  const report = (text: string): void => {
    found.push(text);
  };
  for (const name of ["protocol", "serviceTarget", "version"] as const) {
    if (ours.protocol[name] === theirs.protocol[name]) continue;
    report(`${name} is ${ours.protocol[name]} here and ${theirs.protocol[name] || "not found"} in ${sdk}.`);
  }
  compareKeys(ours.operations, theirs.operations, "Operation", sdk, report, (name, our, their) => {
    if (our.input !== their.input) report(`${name} takes ${our.input} here and ${their.input} in ${sdk}.`);
    if (our.output !== their.output) report(`${name} returns ${our.output} here and ${their.output} in ${sdk}.`);
    compareSets(our.errors, their.errors, (error) => `${name} throws ${error}`, sdk, report);
  });
  compareKeys(ours.structures, theirs.structures, "Structure", sdk, report, (name, our, their) =>
    compareMembers(name, our, their, sdk, report),
  );
  compareKeys(ours.errors, theirs.errors, "Error", sdk, report, (name, our, their) => {
    if (our.status !== their.status) report(`${name} has status ${our.status} here and ${their.status} in ${sdk}.`);
    if (our.fault !== their.fault) report(`${name} is a ${our.fault} fault here and a ${their.fault} fault in ${sdk}.`);
    compareMembers(name, our.members, their.members, sdk, report);
  });
  compareKeys(ours.enums, theirs.enums, "Enumeration", sdk, report, (name, our, their) =>
    compareSets(our, their, (value) => `${name} has the value ${value}`, sdk, report),
  );
  return found;
}

function compareMembers(
  structure: string,
  ours: Members,
  theirs: Members,
  sdk: string,
  report: (text: string) => void,
): void {
  compareKeys(ours, theirs, `Member ${structure}.`, sdk, report, (name, our, their) => {
    const member = `${structure}.${name}`;
    const must = (isRequired: boolean): string => (isRequired ? "required" : "optional");
    if (our.type !== their.type) report(`${member} is a ${our.type} here and a ${their.type} in ${sdk}.`);
    if (our.isRequired !== their.isRequired) {
      report(`${member} is ${must(our.isRequired)} here and ${must(their.isRequired)} in ${sdk}.`);
    }
  });
}

function compareKeys<T>(
  ours: ReadonlyMap<string, T>,
  theirs: ReadonlyMap<string, T>,
  kind: string,
  sdk: string,
  report: (text: string) => void,
  compare: (name: string, our: T, their: T) => void,
): void {
  const text = (name: string): string => (kind.endsWith(".") ? `${kind}${name}` : `${kind} ${name}`);
  for (const [name, their] of theirs) {
    const our = ours.get(name);
    if (our === undefined) report(`${text(name)} is new in ${sdk}.`);
    else compare(name, our, their);
  }
  for (const name of ours.keys()) {
    if (!theirs.has(name)) report(`${text(name)} is known here and not in ${sdk}.`);
  }
}

function compareSets(
  ours: ReadonlySet<string>,
  theirs: ReadonlySet<string>,
  say: (one: string) => string,
  sdk: string,
  report: (text: string) => void,
): void {
  for (const one of theirs) if (!ours.has(one)) report(`${say(one)} in ${sdk}, but not here.`);
  for (const one of ours) if (!theirs.has(one)) report(`${say(one)} here, but not in ${sdk}.`);
}
