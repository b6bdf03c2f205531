/**
 * The service plane: one call from bytes to bytes. The ladder below is the one order of checks for all operations
 * (SPEC W-60); what comes after it is the operation's own page.
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { ServiceError } from "../api/errors.ts";
import { requestBodyMaxBytes } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { Credential, OperationName } from "../api/types.ts";
import type { Clock } from "../clock.ts";
import type { Faults } from "../faults.ts";
import { requestDetail, withoutToken } from "../operations/auditDetail.ts";
import { operations } from "../operations/index.ts";
import { auditEvent, type Call } from "../operations/operation.ts";
import type { FaultMark } from "../store/audit.ts";
import type { Store } from "../store/store.ts";
import { requireAllowed } from "./authorise.ts";
import { contentType, errorBody, parseBody, resultBody } from "./awsJson.ts";
import { readInput } from "./constraints.ts";
import type { Exchanges } from "./exchanges.ts";
import { createStrikes, ForeignAnswer, type Struck } from "./plannedFaults.ts";
import { createVerifier } from "./sigv4.ts";
import type { Throttle } from "./throttle.ts";
import { header, isServicePath, type WireAnswer, type WireRequest } from "./wire.ts";

export type { WireAnswer, WireRequest } from "./wire.ts";

export interface EndpointOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly wallClock: () => number;
  readonly settings: () => Settings;
  readonly throttle: Throttle;
  readonly faults: Faults;
  readonly log: Logger;
  /** Where the exact bytes of calls go. Absent: nowhere. */
  readonly exchanges?: Exchanges;
}

/** What the steps of the ladder have found out so far. */
interface Exchange extends Struck {
  readonly request: WireRequest;
  readonly requestId: string;
  readonly settings: Settings;
  operation: OperationName;
  json: Record<string, unknown>;
  input: unknown;
  credential: Credential | undefined;
  region: string;
}

interface Step {
  readonly name: string;
  /** A promise only where something has to be fetched, which in memory nothing has. */
  readonly run: (exchange: Exchange) => void | Promise<void>;
}

/** W-1, W-5: each operation is chosen by its service's prefix and its name. */
const targets: Readonly<Record<string, OperationName>> = {
  "AWSMPMeteringService.BatchMeterUsage": "BatchMeterUsage",
  "AWSMPMeteringService.MeterUsage": "MeterUsage",
  "AWSMPMeteringService.RegisterUsage": "RegisterUsage",
  "AWSMPMeteringService.ResolveCustomer": "ResolveCustomer",
  "AWSMPEntitlementService.GetEntitlements": "GetEntitlements",
};

function unknownOperation(message: string, status = 400): ServiceError {
  return new ServiceError("UnknownOperationException", message, status);
}

function isJsonType(type: string, settings: Settings): boolean {
  const bare = (type.split(";")[0] ?? "").trim().toLowerCase(); // W-11
  if (bare === contentType) return true;
  return settings.lenientContentType && (bare === "application/json" || bare === "application/x-amz-json-1.0"); // W-52
}

export function createEndpoint(options: EndpointOptions): (request: WireRequest) => Promise<WireAnswer> {
  const { store, clock, throttle, log } = options;
  // W-41: the date that SDKs adopt when a signature is refused must be the clock that refused it.
  const date = createHttpDate(options.wallClock);
  const strikes = createStrikes({ plan: options.faults, catalog: store.catalog, date });
  const verifier = createVerifier({
    credential: (accessKeyId) => store.catalog.credential(accessKeyId),
    account: (id) => store.catalog.account(id),
    wallClock: options.wallClock,
    enforceRegions: () => options.settings().enforceRegions,
  });

  /** In SPEC W-60's order. Each step throws a ServiceError or leaves what it found in the exchange. */
  const ladder: readonly Step[] = [
    {
      name: "size", // W-18, W-19
      run: ({ request }) => {
        if (!request.isTooLarge) return;
        throw new ServiceError(
          "RequestEntityTooLargeException",
          `The request body has ${requestBodyMaxBytes} bytes or more; it must stay under 1 MB, member names included. Send fewer records or allocations a request.`,
        );
      },
    },
    {
      name: "method", // W-50
      run: ({ request }) => {
        if (request.method !== "POST") {
          throw unknownOperation(`The method ${request.method} is not used; send POST.`, 404);
        }
        if (request.spoken === undefined && !isServicePath(request.url)) {
          const path = request.url.split("?")[0] ?? "";
          throw unknownOperation(
            `The path '${path.slice(0, 256)}' is not used; give SDKs an endpoint without a path.`,
            404,
          );
        }
      },
    },
    {
      name: "content type", // W-51, W-52
      run: ({ request, settings }) => {
        if (request.spoken !== undefined) return;
        const type = header(request, "content-type");
        if (request.body.length === 0 || isJsonType(type ?? "", settings)) return;
        throw unknownOperation(`The content type '${type ?? ""}' is not spoken here; send ${contentType}.`, 404);
      },
    },
    {
      name: "target", // W-10, W-53
      run: (exchange) => {
        const { spoken } = exchange.request;
        const target = spoken?.target ?? header(exchange.request, "x-amz-target") ?? "";
        const operation = Object.hasOwn(targets, target) ? targets[target] : undefined;
        if (operation === undefined) {
          throw unknownOperation(
            `The X-Amz-Target '${target}' names no operation; it is one of ${Object.keys(targets).join(", ")}.`,
          );
        }
        exchange.operation = operation;
      },
    },
    {
      name: "JSON", // W-54, W-55
      run: (exchange) => {
        const { spoken, body } = exchange.request;
        exchange.json = spoken === undefined ? parseBody(body) : spoken.parse();
      },
    },
    {
      name: "authentication", // S-20 to S-32: form, date, scope, key, signature, token
      run: (exchange) => {
        const { credential, region } = verifier.verify(exchange.request);
        exchange.credential = credential;
        exchange.region = region;
        exchange.call = callOf(exchange, credential, clock.now());
      },
    },
    { name: "planned faults on the way here", run: strikes.onConnection }, // B-92
    {
      name: "authorisation", // S-33, M-42
      run: ({ credential, region, operation, json }) => {
        if (credential === undefined) return;
        requireAllowed(credential, region, operation, operation === "MeterUsage" && json.DryRun === true);
      },
    },
    {
      name: "members: types, then constraints", // W-56, W-57, W-58
      run: (exchange) => {
        const { operation, settings } = exchange;
        exchange.input = readInput(operation, settings.revision, exchange.json, settings.lenientNumbers);
      },
    },
    {
      name: "Region", // L-1, L-2
      run: ({ operation, input, call }) => {
        if (call !== undefined) operations[operation].requireRegion(input, call, store);
      },
    },
    {
      name: "rate", // C-30, C-31
      run: (exchange) => {
        const { call, operation, region, settings } = exchange;
        if (call === undefined) return;
        const asked = throttle.take(call.credential.accountId, region, operation, settings);
        if (asked instanceof Promise) return asked.then(() => strikes.onRate(exchange));
        return strikes.onRate(exchange);
      },
    },
  ];

  /** The steps from `first` on, then the operation. Waits where a step has to, and nowhere else: each wait is a promise. */
  const walk = (exchange: Exchange, first = 0): Promise<object> => {
    for (let index = first; index < ladder.length; index += 1) {
      const asked = ladder[index]?.run(exchange);
      if (asked instanceof Promise) return asked.then(() => walk(exchange, index + 1));
    }
    const { call, operation, input } = exchange;
    if (call === undefined) throw new Error("The ladder let an unauthenticated call pass.");
    return strikes.aroundCommit(exchange, call, (struck) => operations[operation].handle(input, struck, store));
  };

  const keepRefusal = ({ call, operation, json, marks }: Exchange, error: Error): void => {
    // Nobody without a key, and nobody over the rate, can make us write; a fault is planned by who may.
    if (call === undefined || (error.name === "ThrottlingException" && marks.length === 0)) return;
    const errorMessage = withoutToken(operation, error.message, json);
    const productCode = typeof json.ProductCode === "string" ? json.ProductCode : "";
    // Only a product there is: callers that differ are kept for good.
    const product = store.catalog.product(productCode) === undefined ? {} : { productCode };
    const faults = marks.length === 0 ? {} : { faults: marks };
    store.audit
      .append(auditEvent(call, error.name, { errorMessage, ...product, ...requestDetail(operation, json), ...faults }))
      .catch((failure: unknown) => log.error({ err: failure, requestId: call.requestId }, "refusal not kept"));
  };

  const refuse = (exchange: Exchange, thrown: unknown): WireAnswer => {
    const { requestId } = exchange;
    if (thrown instanceof ForeignAnswer) {
      keepRefusal(exchange, thrown);
      exchange.delivery = thrown.delivery ?? exchange.delivery;
      return thrown.answer;
    }
    logFailure(log, exchange, thrown);
    const error =
      thrown instanceof ServiceError
        ? thrown
        : new ServiceError(
            "InternalServiceErrorException",
            `An internal error has occurred. Send the request again unchanged; request id ${requestId}.`,
          );
    keepRefusal(exchange, error);
    return {
      status: error.status,
      headers: {
        "x-amzn-RequestId": requestId,
        "x-amzn-ErrorType": error.name,
        "Content-Type": contentType,
        Date: date(),
      },
      body: errorBody(error),
    };
  };

  return async (request) => {
    const requestId = randomUUID();
    const exchange: Exchange = {
      request,
      requestId,
      settings: options.settings(),
      operation: "BatchMeterUsage",
      json: {},
      input: undefined,
      credential: undefined,
      region: "",
      call: undefined,
      marks: noMarks,
      delivery: undefined,
    };
    let answered: WireAnswer;
    try {
      const result = await walk(exchange);
      const headers = { "x-amzn-RequestId": requestId, "Content-Type": contentType, Date: date() };
      answered = { status: 200, headers, body: resultBody(exchange.operation, result) };
    } catch (thrown) {
      answered = refuse(exchange, thrown);
    }
    const { credential, marks, delivery } = exchange;
    options.exchanges?.keep(requestId, request, answered, credential !== undefined, marks.length > 0);
    return delivery === undefined ? answered : { ...answered, delivery };
  };
}

const noMarks: readonly FaultMark[] = [];

/** What a caller gets as 5xx; a fault that somebody planned is no failure of ours. */
function logFailure(log: Logger, exchange: Exchange, thrown: unknown): void {
  const { requestId, operation, credential, marks } = exchange;
  const call = { requestId, operation, accessKeyId: credential?.accessKeyId };
  if (!(thrown instanceof ServiceError)) log.error({ err: thrown, ...call }, "call failed");
  else if (thrown.status < statusOfServer) return;
  else if (marks.length > 0) log.info({ ...call, faults: marks }, "call struck by a planned fault");
  else log.error({ err: thrown.cause ?? thrown, ...call, exception: thrown.name }, "call failed");
}

const statusOfServer = 500;

/** The `Date` header by a clock; the text is made once a second. */
function createHttpDate(wallClock: () => number): () => string {
  let second = Number.NaN;
  let text = "";
  return () => {
    const now = Math.floor(wallClock() / 1_000);
    if (now !== second) {
      second = now;
      text = new Date(now * 1_000).toUTCString();
    }
    return text;
  };
}

function callOf(exchange: Exchange, credential: Credential, now: number): Call {
  const { request, requestId, operation, region, settings } = exchange;
  const userAgent = header(request, "user-agent");
  return {
    requestId,
    operation,
    credential,
    region,
    now,
    settings,
    unprocessed: [],
    source: {
      ...(request.remoteAddress === undefined ? {} : { source: request.remoteAddress }),
      ...(userAgent === undefined ? {} : { userAgent: userAgent.slice(0, 256) }),
    },
  };
}
