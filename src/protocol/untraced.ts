/**
 * What is kept of calls that leave no audit event, because they were throttled or their caller showed no key: enough to
 * tell who sends them and why they fail, and never a signature, a session token or a body. In memory and bounded.
 */
import { hash } from "node:crypto";
import { hidden } from "../operations/auditDetail.ts";
import { header, type WireAnswer, type WireRequest } from "./wire.ts";

export interface UntracedExchange {
  readonly requestId: string;
  /** Wall time, epoch milliseconds. */
  readonly at: number;
  readonly operation: UntracedOperation | undefined;
  readonly region: string | undefined;
  /** By the credential scope; of strangers only what has the form of one. */
  readonly accessKeyId: string | undefined;
  readonly userAgent: string;
  readonly outcome: string;
  readonly errorMessage: string;
  /** SHA-256, lower-case hex. */
  readonly bodyHash: string;
  /** `X-Amz-Date` minus the wall clock, milliseconds; absent where it could not be read. */
  readonly skewMs?: number;
}

const operations = [
  "BatchMeterUsage",
  "MeterUsage",
  "RegisterUsage",
  "ResolveCustomer",
  "GetEntitlements",
] as const satisfies readonly string[];
export type UntracedOperation = (typeof operations)[number];

const keptMax = 1_000;
const textMaxLength = 256;

export interface UntracedLog {
  add(entry: UntracedExchange, isKnown: boolean): void;
  /** Oldest first. */
  list(): readonly UntracedExchange[];
  clear(): void;
}

/** Strangers and callers have a room each, so that nobody without a key pushes out what callers look for. */
export function createUntracedLog(max = keptMax): UntracedLog {
  const strangers: UntracedExchange[] = [];
  const callers: UntracedExchange[] = [];
  return {
    add(entry, isKnown) {
      const kept = isKnown ? callers : strangers;
      kept.push(entry);
      if (kept.length > max) kept.shift();
    },
    list: () => [...strangers, ...callers].toSorted((a, b) => a.at - b.at),
    clear() {
      strangers.length = 0;
      callers.length = 0;
    },
  };
}

/** `answer` is the one that shows no token. */
export function untracedExchange(
  { requestId, request, answer, outcome }: UntracedInput,
  isKnown: boolean,
  now: number,
): UntracedExchange {
  const query = queryOf(request.url);
  const credential =
    /Credential=([^,\s]*)/.exec(header(request, "authorization") ?? "")?.[1] ?? query.get("X-Amz-Credential") ?? "";
  const [accessKeyId = "", , region] = credential.split("/");
  const target = header(request, "x-amz-target")?.split(".").at(-1);
  const signedAt = amzDate(header(request, "x-amz-date") ?? query.get("X-Amz-Date") ?? "");
  return {
    requestId,
    at: now,
    operation: operations.find((name) => name === target),
    region: region !== undefined && /^[a-z0-9-]{1,32}$/.test(region) ? region : undefined,
    // Whoever takes the secret for the id sends the secret here; those have small letters.
    accessKeyId: isKnown || /^[A-Z0-9]{16,128}$/.test(accessKeyId) ? accessKeyId : undefined,
    userAgent: (header(request, "user-agent") ?? "").slice(0, textMaxLength),
    outcome,
    errorMessage: shownMessage(answer),
    bodyHash: hash("sha256", request.body, "hex"),
    ...(signedAt === undefined ? {} : { skewMs: signedAt - now }),
  };
}

export interface UntracedInput {
  readonly requestId: string;
  readonly request: WireRequest;
  readonly answer: WireAnswer;
  readonly outcome: string;
}

function queryOf(url: string): URLSearchParams {
  const start = url.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : url.slice(start + 1));
}

/** S-24: `20260815T102000Z`. */
function amzDate(text: string): number | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(at) ? undefined : at;
}

/**
 * An answer without what it quotes of the credential: whoever takes the secret for the id sends the secret there, and a
 * header that cannot be read may hold a signature. The caller is told all the same what came.
 */
export function withoutCredential(answer: WireAnswer): WireAnswer {
  const body = answer.body
    .replace(/(Authorization=AWS4-)[^}]*(?="[},])/, `$1${hidden}`)
    .replace(/(?<=keyid\/date\/region\/service\/term, got ')[^}]*(?='"[},])/, hidden)
    .replace(/(?<=the access key id ')(?![A-Z0-9]{16,128}')[^}]*?(?=' is not known)/, hidden);
  return body === answer.body ? answer : { ...answer, body };
}

/**
 * The first line alone, and none of what it quotes of the signature: the canonical request on the lines below holds
 * session tokens.
 */
function shownMessage({ body }: WireAnswer): string {
  try {
    const { message }: { readonly message?: unknown } = JSON.parse(body) ?? {};
    const [line = ""] = (typeof message === "string" ? message : "").split("\n");
    return line
      .replace(/Authorization=.*$/, "")
      .trim()
      .slice(0, textMaxLength);
  } catch {
    return "";
  }
}
