/**
 * One call as a raw HTTP request. node:http and no client library: nothing may tidy up what a case spells wrongly on
 * purpose (method, header names, a missing target, a body that is no JSON).
 */
import { type Agent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import type { Fault } from "../src/index.ts";
import { readFault } from "./faults.ts";
import { expand } from "./macros.ts";
import type { Answer, MatchContext } from "./match.ts";
import { type HeaderList, headerValue, readSignOptions, type SignedRequest, type SigningKey, sign } from "./sign.ts";
import { Fields, FormatError, isObject, type Json, show } from "./values.ts";

const CONTENT_TYPE = "application/x-amz-json-1.1";
/** A server that does not answer fails the case instead of holding up the run. */
const ANSWER_WAIT_MAX_MS = 30_000;

export interface Call {
  readonly operation: string;
  readonly creds: string;
  readonly region: string;
  readonly request?: Json;
  readonly raw: Fields | undefined;
  readonly faults: readonly Fault[];
}

export interface SendInput {
  readonly endpoint: string;
  readonly agent: Agent;
  readonly key: SigningKey;
  /** Epoch milliseconds on the wall clock. */
  readonly nowMs: number;
  readonly context: MatchContext;
}

const RAW_KEYS = ["method", "path", "target", "contentType", "headers", "bodyText", "sign"];

export function readCall(
  value: Json,
  where: string,
  defaults: { readonly creds: string; readonly region: string },
): Call {
  const fields = new Fields(value, where, ["operation", "creds", "region", "request", "raw", "faults"]);
  const request = fields.raw("request");
  const raw = fields.has("raw") ? new Fields(fields.required("raw"), `${where}.raw`, RAW_KEYS) : undefined;
  // Read now, so that a wrong option shows even if nothing of the case gets as far as this call.
  readSignOptions(raw?.raw("sign"), `${where}.raw.sign`);
  const operation = fields.text("operation");
  return {
    operation,
    creds: fields.optionalText("creds") ?? defaults.creds,
    region: fields.optionalText("region") ?? defaults.region,
    ...(request === undefined ? {} : { request }),
    raw,
    faults: (fields.optionalList("faults") ?? []).map((fault, index) =>
      readFault(fault, `${where}.faults[${index}]`, operation),
    ),
  };
}

/** Signs and sends the call; macros refer to the answers of the context. */
export async function sendCall(call: Call, input: SendInput): Promise<Answer> {
  const { context } = input;
  const request = call.request === undefined ? undefined : expand(call.request, "request", context);
  const raw = call.raw === undefined ? undefined : expandRaw(call.raw, context);
  const bodyText = raw?.optionalText("bodyText") ?? (request === undefined ? "" : JSON.stringify(request));
  const method = raw?.optionalText("method") ?? "POST";
  const body = Buffer.from(bodyText);
  const signed = sign({
    method,
    target: raw?.optionalText("path") ?? "/",
    headers: headersOf(call, raw, input.endpoint, method, body),
    body,
    key: input.key,
    region: call.region,
    nowMs: input.nowMs,
    options: readSignOptions(raw?.raw("sign"), "raw.sign"),
  });
  const answer = await exchange(input, method, signed);
  return request === undefined ? answer : { ...answer, request };
}

/** Macros work in the overrides as in the request. */
function expandRaw(raw: Fields, context: MatchContext): Fields {
  const members = Object.fromEntries(raw.keys().map((key) => [key, expand(raw.required(key), `raw.${key}`, context)]));
  return new Fields(members, "raw", RAW_KEYS);
}

/** The service that offers the operation; an unknown operation is asked of Metering. */
function targetOf(operation: string): string {
  return `${operation === "GetEntitlements" ? "AWSMPEntitlementService" : "AWSMPMeteringService"}.${operation}`;
}

function headersOf(call: Call, raw: Fields | undefined, endpoint: string, method: string, body: Buffer): HeaderList {
  const ownHeaders = Object.entries(raw?.optionalMap("headers") ?? {});
  const own = new Set(ownHeaders.map(([name]) => name.toLowerCase()));
  const target = raw?.raw("target") === null ? undefined : (raw?.optionalText("target") ?? targetOf(call.operation));
  const contentType = raw?.raw("contentType") === null ? undefined : (raw?.optionalText("contentType") ?? CONTENT_TYPE);
  // As fetch and the SDKs: a length for every method that can have a body, also when it is empty.
  const hasLength = body.length > 0 || !["GET", "HEAD", "OPTIONS"].includes(method.toUpperCase());
  const usual: readonly (readonly [string, string | undefined])[] = [
    ["host", new URL(endpoint).host],
    ["content-type", contentType],
    ["x-amz-target", target],
    ["content-length", hasLength ? String(body.length) : undefined],
  ];
  const kept = usual.filter(([name, value]) => value !== undefined && !own.has(name)) as (readonly [string, string])[];
  return [...kept, ...ownHeaders.flatMap(([name, value]) => ownHeader(name, value))];
}

/** null = the header is not sent. */
function ownHeader(name: string, value: Json): HeaderList {
  if (value === null) return [];
  if (typeof value === "string") return [[name, value]];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return [[name, value]];
  throw new FormatError(`raw.headers: ${name}: expected text, a list of texts or null, got ${show(value)}`);
}

function exchange(input: SendInput, method: string, signed: SignedRequest): Promise<Answer> {
  const { hostname, port } = new URL(input.endpoint);
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of signed.headers) headers[name] = typeof value === "string" ? value : [...value];
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      hostname,
      port,
      method,
      path: signed.target,
      headers,
      agent: input.agent,
      setHost: false,
      timeout: ANSWER_WAIT_MAX_MS,
    });
    let answered = false;
    request.on("timeout", () => request.destroy(new Error(`no answer within ${ANSWER_WAIT_MAX_MS / 1_000} s`)));
    // A server may answer and close while a body that it refuses is still on its way: the answer counts.
    request.on("error", (error) => {
      if (!answered) reject(new Error(`no answer: ${error.message}`));
    });
    request.on("response", (response) => {
      answered = true;
      readAnswer(response).then(resolve, reject);
    });
    if (headerValue(signed.headers, "content-length") === undefined) request.removeHeader("content-length");
    request.end(signed.body.length > 0 ? signed.body : undefined);
  });
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  return { status: response.statusCode ?? 0, headers: joinedHeaders(response), text, ...parsed(text) };
}

function joinedHeaders(response: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(response.headersDistinct).map(([name, values]) => [name.toLowerCase(), (values ?? []).join(", ")]),
  );
}

function parsed(text: string): Pick<Answer, "body" | "bodyProblem"> {
  if (text === "") return {};
  try {
    return { body: JSON.parse(text) as Json };
  } catch {
    return { bodyProblem: `the body is not JSON: ${show(text)}` };
  }
}

/** The name in `__type` after any `#`. */
export function errorTypeOf(answer: Answer): string | undefined {
  const type = isObject(answer.body) ? answer.body.__type : undefined;
  return typeof type === "string" ? type.slice(type.lastIndexOf("#") + 1) : undefined;
}
