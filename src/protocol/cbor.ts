/**
 * Smithy RPC v2 CBOR, which the Entitlement Service's model lists first (W-42): the same calls under a path of their own,
 * with bodies in CBOR. It is a translation around the endpoint: signatures are verified over the bytes that were sent.
 *
 * https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
 */
import { decode, encode, Token, Type } from "cborg";
import { ServiceError } from "../api/errors.ts";
import { header, type WireAnswer, type WireRequest } from "./wire.ts";

const protocol = "rpc-v2-cbor";
const contentType = "application/cbor";
/** Errors are named by their whole shape id. */
const namespaces: Readonly<Record<string, string>> = {
  AWSMPEntitlementService: "com.amazonaws.marketplaceentitlementservice",
  AWSMPMeteringService: "com.amazonaws.marketplacemetering",
};
const epochSecondsTag = 1;

export function isCborCall(request: WireRequest): boolean {
  // By the path first: this is asked of every call, and nearly all have the path "/".
  return request.url !== "/" && header(request, "smithy-protocol") === protocol;
}

type Endpoint = (request: WireRequest) => Promise<WireAnswer>;

export function speakingCbor(endpoint: Endpoint): Endpoint {
  return async (request) => {
    const [, service = "", operation = ""] =
      /^\/service\/([\w.]{1,128})\/operation\/(\w{1,128})$/.exec(request.url) ?? [];
    const answer = await endpoint({
      ...request,
      spoken: { target: `${service}.${operation}`, parse: () => parseBody(request) },
    });
    const body = readAnswer(answer.body);
    // What a planned fault put in place of an answer is no call's answer: it goes out as it is.
    if (body === undefined) return answer;
    const namespace = namespaces[service];
    const named =
      typeof body.__type === "string" && namespace !== undefined ? `${namespace}#${body.__type}` : undefined;
    return {
      ...answer,
      headers: { ...answer.headers, "Content-Type": contentType, "smithy-protocol": protocol },
      bytes: encodeMembers(named === undefined ? body : { ...body, __type: named }),
    };
  };
}

function parseBody(request: WireRequest): Record<string, unknown> {
  const type = (header(request, "content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (request.body.length === 0) return {};
  if (type !== contentType) {
    throw new ServiceError("SerializationException", `The content type '${type ?? ""}' is not ${contentType}.`);
  }
  let decoded: unknown;
  try {
    decoded = decode(request.body, { tags: { [epochSecondsTag]: (inner) => inner() }, rejectDuplicateMapKeys: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : "it cannot be read";
    throw new ServiceError("SerializationException", `The body is not CBOR: ${why}`);
  }
  if (typeof decoded !== "object" || decoded === null || Array.isArray(decoded) || ArrayBuffer.isView(decoded)) {
    throw new ServiceError("SerializationException", "The body is not a CBOR map.");
  }
  return Object.fromEntries(Object.entries(decoded).filter(([, value]) => value !== undefined));
}

function readAnswer(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** Timestamps carry their tag, and doubles stay floats when they are whole: readers go by the type. */
function encodeMembers(members: Record<string, unknown>): Buffer {
  const typed: unknown = JSON.parse(JSON.stringify(members), (name, value: unknown) => {
    if (typeof value !== "number") return value;
    if (/(?:Timestamp|Date)$/.test(name)) return new Date(value * 1_000);
    return name === "DoubleValue" ? Float64Array.of(value) : value;
  });
  return Buffer.from(
    encode(typed, {
      typeEncoders: {
        Date: (date: Date) => [new Token(Type.tag, epochSecondsTag), new Token(Type.float, date.getTime() / 1_000)],
        Float64Array: ([value]: Float64Array) => [new Token(Type.float, value)],
      },
    }),
  );
}
