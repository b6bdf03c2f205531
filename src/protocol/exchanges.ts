/**
 * The exact bytes of the last calls and answers, in memory and bounded: what the audit trail does not keep, for whoever
 * looks for a fault right after it happened. Secrets are taken out before anything is kept.
 */
import { hidden } from "../operations/auditDetail.ts";
import { ByteRing, type RingEntry } from "./byteRing.ts";
import { createUntracedLog, type UntracedExchange, untracedExchange, withoutCredential } from "./untraced.ts";
import { header, type WireAnswer, type WireRequest } from "./wire.ts";

export interface Exchange {
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly body: string;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
}

export interface Exchanges {
  /**
   * `isKnown`: the caller has shown a key. Throttled calls and those of strangers are kept nowhere else, but for those
   * that a planned fault hit: `isFaulted`.
   */
  keep(requestId: string, request: WireRequest, answer: WireAnswer, isKnown: boolean, isFaulted?: boolean): void;
  find(requestId: string): Exchange | undefined;
  /** Answers by error name that are in no audit trail: of calls that failed authentication, or came too fast. */
  readonly withoutTrail: ReadonlyMap<string, number>;
  /** The last of those calls, oldest first. */
  untraced(): readonly UntracedExchange[];
  /** Bytes that are held now. */
  readonly bytes: number;
  clear(): void;
}

const defaultBytesMax = 256_000_000;
/** Strangers have a share of their own, so that they cannot push out what callers look for. */
const strangersShare = 16;

export function createExchanges(bytesMax = defaultBytesMax, wallClock: () => number = Date.now): Exchanges {
  const strangers = new ByteRing(Math.floor(bytesMax / strangersShare));
  const callers = new ByteRing(bytesMax - Math.floor(bytesMax / strangersShare));
  const withoutTrail = new Map<string, number>();
  const untraced = createUntracedLog();
  return {
    keep(requestId, request, answer, isKnown, isFaulted = false) {
      const error = answer.headers["x-amzn-ErrorType"];
      const shownAnswer = isKnown ? answer : withoutCredential(answer);
      const safe = isTokenCall(request) ? withoutTokens(request, shownAnswer) : { request, answer: shownAnswer };
      if (error !== undefined && (!isKnown || (error === "ThrottlingException" && !isFaulted))) {
        withoutTrail.set(error, (withoutTrail.get(error) ?? 0) + 1);
        const input = { requestId, request, answer: safe.answer, outcome: error };
        untraced.add(untracedExchange(input, isKnown, wallClock()), isKnown);
      }
      (isKnown ? callers : strangers).add(requestId, {
        head: headOf(safe.request, safe.answer),
        bytes: safe.request.body,
        text: safe.answer.body,
      });
    },
    find(requestId) {
      const kept = callers.find(requestId) ?? strangers.find(requestId);
      return kept && shown(kept);
    },
    withoutTrail,
    untraced: untraced.list,
    get bytes() {
      return strangers.bytes + callers.bytes;
    },
    clear() {
      strangers.clear();
      callers.clear();
      untraced.clear();
      withoutTrail.clear();
    },
  };
}

/** Method, target, status, the number of the request's lines of headers, then names and values in turn; a line each. */
function headOf(request: WireRequest, answer: WireAnswer): string {
  const { method, rawHeaders } = request;
  const lines = [method, withoutSignature(request.url), String(answer.status), String(rawHeaders.length)];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    lines.push(name, isSecret(name) ? hidden : (rawHeaders[index + 1] ?? ""));
  }
  for (const name in answer.headers) lines.push(name, answer.headers[name] ?? "");
  // No line has a break of its own: HTTP's parser lets none through.
  return lines.join("\n");
}

function shown({ head, bytes, text }: RingEntry): Exchange {
  const [method = "", url = "", status = "", count = "", ...lines] = head.split("\n");
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < lines.length; index += 2) pairs.push([lines[index] ?? "", lines[index + 1] ?? ""]);
  const ofRequest = Number(count) / 2;
  return {
    request: { method, url, headers: pairs.slice(0, ofRequest), body: Buffer.from(bytes).toString("utf8") },
    response: { status: Number(status), headers: Object.fromEntries(pairs.slice(ofRequest)), body: text },
  };
}

/** Those of the service plane, and what a client that mixes up its addresses sends here. */
const secretHeaders = [
  "authorization",
  "proxy-authorization",
  "x-amz-security-token",
  "x-amz-signature",
  "cookie",
  "x-meterhouse-csrf",
];

function isSecret(name: string): boolean {
  // By length first: this runs for every header of every call.
  return secretHeaders.some((secret) => secret.length === name.length && secret === name.toLowerCase());
}

function withoutSignature(url: string): string {
  return url.length === 1 ? url : url.replace(/((?:X-Amz-Signature|X-Amz-Security-Token)=)[^&]*/gi, `$1${hidden}`);
}

/**
 * By the body as well: a call under a wrong target carries the same token, and one under JavaScript's name for it. The name
 * is searched for by its rarest letter on: usage is full of the others, and each would stop the search.
 */
function isTokenCall(request: WireRequest): boolean {
  const target = header(request, "x-amz-target") ?? "";
  return target.endsWith("ResolveCustomer") || request.body.includes("gistrationToken");
}

/**
 * Members by their names alone: a token stands under a wrong name as well, and in JSON's escapes. A body that cannot be
 * read has nothing in it that could be shown safely; nor has an answer that quotes it.
 */
function withoutTokens(request: WireRequest, answer: WireAnswer): { request: WireRequest; answer: WireAnswer } {
  let body: unknown;
  try {
    body = JSON.parse(request.body.toString("utf8"));
  } catch {
    return { request: { ...request, body: Buffer.from(hidden) }, answer: { ...answer, body: `"${hidden}"` } };
  }
  const members = Object.entries(typeof body === "object" && body !== null ? body : { body });
  const names = Object.fromEntries(members.map(([name]) => [name, hidden]));
  const quoted = members.flatMap(([, value]) => quotedForms(typeof value === "string" ? value : JSON.stringify(value)));
  const masked = quoted.reduce((text, form) => text.replaceAll(form, hidden), answer.body);
  return {
    request: { ...request, body: Buffer.from(JSON.stringify(names)) },
    answer: answer.status === 200 ? answer : { ...answer, body: masked },
  };
}

/** Short texts are no tokens, and hiding them would garble the rest. Long ones are quoted in messages by their start. */
const tokenMinLength = 8;
const quotedLength = 256;

function quotedForms(text: string): readonly string[] {
  return [text, text.slice(0, quotedLength)]
    .map((form) => JSON.stringify(form).slice(1, -1))
    .filter((form) => form.length >= tokenMinLength);
}
