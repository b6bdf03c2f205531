/**
 * CloudTrail on the same endpoint, AWS JSON 1.1: so much of it as reads the event history, LookupEvents. The caller sees
 * the events of its own account in the Region of the call, as in AWS.
 * Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { ServiceError } from "../api/errors.ts";
import { userNameOf } from "../api/identity.ts";
import type { Credential, OperationName } from "../api/types.ts";
import type { Clock } from "../clock.ts";
import { cloudTrailRecord, eventIdOf, eventSourceOf, historyMs, isReadOnly } from "../operations/cloudTrail.ts";
import type { AuditedCall, AuditFilter } from "../store/audit.ts";
import { InvalidCursorError } from "../store/ledger.ts";
import type { Store } from "../store/store.ts";
import { callerArn, isAllowed } from "./authorise.ts";
import { contentType, parseBody } from "./awsJson.ts";
import { createVerifier } from "./sigv4.ts";
import { header, type WireAnswer, type WireRequest } from "./wire.ts";

/** A refusal by CloudTrail's own names, which no model of ours lists. */
class CloudTrailError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The long form is the AWS CLI's (botocore), the short one that of the SDKs that are made from Smithy models. */
const targetForm = /^(?:com\.amazonaws\.cloudtrail\.v20131101\.)?CloudTrail_20131101\.(.*)$/;

export function isCloudTrailCall(request: WireRequest): boolean {
  return targetForm.test(header(request, "x-amz-target") ?? "");
}

export interface CloudTrailOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly wallClock: () => number;
  readonly enforceRegions: () => boolean;
  readonly log: Logger;
}

const operationNames: readonly OperationName[] = [
  "BatchMeterUsage",
  "MeterUsage",
  "RegisterUsage",
  "ResolveCustomer",
  "GetEntitlements",
];

const pageMax = 50;
type Members = Readonly<Record<string, unknown>>;

interface Lookup {
  readonly filter: AuditFilter;
  readonly limit: number;
  readonly cursor: string | undefined;
}

export function createCloudTrail(options: CloudTrailOptions): (request: WireRequest) => Promise<WireAnswer> {
  const { store, clock, wallClock, log } = options;
  const verifier = createVerifier({
    credential: (accessKeyId) => store.catalog.credential(accessKeyId),
    account: (id) => store.catalog.account(id),
    wallClock,
    enforceRegions: options.enforceRegions,
    signingName: "cloudtrail",
  });

  const lookup = async (request: WireRequest): Promise<object> => {
    if (request.isTooLarge) {
      throw new CloudTrailError("RequestEntityTooLargeException", "The request body must stay under 1 MB.");
    }
    const name = targetForm.exec(header(request, "x-amz-target") ?? "")?.[1] ?? "";
    if (name !== "LookupEvents") {
      throw new CloudTrailError("UnknownOperationException", `CloudTrail's ${name} is not served; LookupEvents is.`);
    }
    const input = parseBody(request.body);
    const { credential, region } = verifier.verify(request);
    requireAllowed(credential, region);
    const { filter, limit, cursor } = readInput(input, credential, region, clock.now());
    // One more than is shown tells whether there is another page.
    const found = await store.audit.page(filter, limit + 1, cursor);
    const calls = found.slice(0, limit);
    const next = found.length > limit ? calls.at(-1)?.position : undefined;
    return { Events: calls.map((call) => wireEvent(call, store)), ...(next === undefined ? {} : { NextToken: next }) };
  };

  return async (request) => {
    const requestId = randomUUID();
    const headers = { "x-amzn-RequestId": requestId, "Content-Type": contentType };
    try {
      return { status: 200, headers, body: JSON.stringify(await lookup(request)) };
    } catch (thrown) {
      const { code, message, status } = refusalOf(thrown, requestId, log);
      const body = JSON.stringify({ __type: code, Message: message, message });
      return { status, headers: { ...headers, "x-amzn-ErrorType": code }, body };
    }
  };
}

function requireAllowed(credential: Credential, region: string): void {
  const action = "cloudtrail:LookupEvents";
  if (isAllowed(credential.allow, action)) return;
  throw new CloudTrailError(
    "AccessDeniedException",
    `User: ${callerArn(credential, region)} is not authorized to perform: ${action} because no identity-based policy allows the ${action} action`,
  );
}

function refusalOf(thrown: unknown, requestId: string, log: Logger) {
  if (thrown instanceof CloudTrailError) return { code: thrown.code, message: thrown.message, status: 400 };
  if (thrown instanceof ServiceError) return { code: thrown.name, message: thrown.message, status: thrown.status };
  if (thrown instanceof InvalidCursorError) {
    return { code: "InvalidNextTokenException", message: "The NextToken is not one of an answer before.", status: 400 };
  }
  log.error({ err: thrown, requestId }, "LookupEvents failed");
  return { code: "InternalFailure", message: "The request failed; the server's log says why.", status: 500 };
}

function readInput(input: Members, { accountId }: Credential, region: string, now: number): Lookup {
  const from = instantOf(input.StartTime, "StartTime") ?? Number.NEGATIVE_INFINITY;
  const to = instantOf(input.EndTime, "EndTime");
  if (to !== undefined && from > to) {
    throw new CloudTrailError("InvalidTimeRangeException", "The StartTime is later than the EndTime.");
  }
  const limit = input.MaxResults ?? pageMax;
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 1 || limit > pageMax) {
    throw new CloudTrailError("InvalidMaxResultsException", `MaxResults must be a whole number from 1 to ${pageMax}.`);
  }
  const { NextToken: cursor = undefined } = input;
  if (cursor !== undefined && typeof cursor !== "string") {
    throw new CloudTrailError("InvalidNextTokenException", "The NextToken must be a string.");
  }
  if (input.EventCategory !== undefined && input.EventCategory !== "insight") {
    throw new CloudTrailError("InvalidEventCategoryException", "EventCategory takes insight alone.");
  }
  return {
    // H-10: the history reaches back 90 days, whether or not older events are gone from the disk by now.
    filter: {
      ...attributeOf(input.LookupAttributes),
      // Of Insights events there are none.
      ...(input.EventCategory === undefined ? {} : nothing),
      accountId,
      region,
      isCall: true,
      fromAt: Math.max(from, now - historyMs),
      ...(to === undefined ? {} : { toAt: to }),
    },
    limit,
    cursor: cursor ?? undefined,
  };
}

function instantOf(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Math.abs(value) <= 8.64e12) return value * 1_000;
  throw new CloudTrailError("InvalidTimeRangeException", `${name} must be epoch seconds as a JSON number.`);
}

const nothing: AuditFilter = { operations: [] };

/** One attribute a look-up, as in AWS. */
function attributeOf(given: unknown): AuditFilter {
  const invalid = (message: string) => new CloudTrailError("InvalidLookupAttributesException", message);
  if (given === undefined || given === null) return {};
  if (!Array.isArray(given)) throw invalid("LookupAttributes must be a list.");
  if (given.length > 1) throw invalid("You can specify at most one lookup attribute.");
  if (given.length === 0) return {};
  const [first] = given as readonly unknown[];
  const { AttributeKey: key, AttributeValue: value } = (first ?? {}) as Members;
  if (typeof value !== "string" || value.length < 1 || value.length > 2_000) {
    throw invalid("AttributeValue must be a string of 1 to 2000 characters.");
  }
  const attribute = typeof key === "string" && Object.hasOwn(attributes, key) ? attributes[key] : undefined;
  if (attribute === undefined) throw invalid(`AttributeKey must be one of ${Object.keys(attributes).join(", ")}.`);
  return attribute(value);
}

const byOperation = (isRight: (name: OperationName) => boolean): AuditFilter => ({
  operations: operationNames.filter(isRight),
});

const attributes: Readonly<Record<string, (value: string) => AuditFilter>> = {
  EventId: (value) => ({ requestId: eventIdOf(value.toLowerCase()) }),
  EventName: (value) => byOperation((name) => name === value),
  ReadOnly: (value) => byOperation((name) => String(isReadOnly(name)) === value.toLowerCase()),
  Username: (value) => ({ userName: value }),
  // Events of Metering name no resources.
  ResourceType: () => nothing,
  ResourceName: () => nothing,
  EventSource: (value) => byOperation((name) => eventSourceOf(name) === value),
  AccessKeyId: (value) => ({ accessKeyId: value }),
};

function wireEvent(call: AuditedCall, store: Store): object {
  const { identity, accessKeyId, at } = call.event;
  const record = cloudTrailRecord(call, (id) => store.catalog.account(id));
  return {
    EventId: record.eventID,
    EventName: record.eventName,
    ReadOnly: String(record.readOnly),
    AccessKeyId: accessKeyId,
    EventTime: Math.floor(at / 1_000),
    EventSource: record.eventSource,
    ...(identity === undefined ? {} : { Username: userNameOf(identity) }),
    Resources: [],
    CloudTrailEvent: JSON.stringify(record),
  };
}
