/**
 * The exact bytes of the last calls and answers, in memory and bounded: what the audit trail does not keep, for whoever
 * looks for a fault right after it happened. Secrets are taken out before anything is kept.
 */
import { hidden } from "../operations/auditDetail.ts";
import { createUntracedLog, type UntracedExchange, untracedExchange } from "./untraced.ts";
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

const defaultBytesMax = 268_435_456;
/** Headers, keys and pointers of one exchange, roughly. */
const overheadBytes = 2_048;
/** Strangers have a share of their own, so that they cannot push out what callers look for. */
const strangersShare = 16;

interface Kept {
  readonly bytes: number;
  readonly request: WireRequest;
  readonly answer: WireAnswer;
}

class Ring {
  readonly #bytesMax: number;
  readonly #kept = new Map<string, Kept>();
  bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  add(requestId: string, kept: Kept): void {
    if (kept.bytes > this.#bytesMax) return;
    this.#kept.set(requestId, kept);
    this.bytes += kept.bytes;
    if (this.bytes <= this.#bytesMax) return;
    // A Map goes by the order of insertion: its first is its oldest.
    for (const [oldest, { bytes }] of this.#kept) {
      if (this.bytes <= this.#bytesMax) return;
      this.#kept.delete(oldest);
      this.bytes -= bytes;
    }
  }

  get(requestId: string): Kept | undefined {
    return this.#kept.get(requestId);
  }

  clear(): void {
    this.#kept.clear();
    this.bytes = 0;
  }
}

export function createExchanges(bytesMax = defaultBytesMax, wallClock: () => number = Date.now): Exchanges {
  const strangers = new Ring(Math.floor(bytesMax / strangersShare));
  const callers = new Ring(bytesMax - Math.floor(bytesMax / strangersShare));
  const withoutTrail = new Map<string, number>();
  const untraced = createUntracedLog();
  return {
    keep(requestId, request, answer, isKnown, isFaulted = false) {
      const error = answer.headers["x-amzn-ErrorType"];
      const safe = isTokenCall(request) ? withoutTokens(request, answer) : { request, answer };
      if (error !== undefined && (!isKnown || (error === "ThrottlingException" && !isFaulted))) {
        withoutTrail.set(error, (withoutTrail.get(error) ?? 0) + 1);
        const input = { requestId, request, answer: safe.answer, outcome: error };
        untraced.add(untracedExchange(input, isKnown, wallClock()), isKnown);
      }
      (isKnown ? callers : strangers).add(requestId, {
        bytes: overheadBytes + safe.request.body.length + safe.answer.body.length,
        request: withoutSignature(safe.request),
        answer: safe.answer,
      });
    },
    find(requestId) {
      const kept = callers.get(requestId) ?? strangers.get(requestId);
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

function shown({ request, answer }: Kept): Exchange {
  const headers: [string, string][] = [];
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    headers.push([request.rawHeaders[index] ?? "", request.rawHeaders[index + 1] ?? ""]);
  }
  const { method, url, body } = request;
  return { request: { method, url, headers, body: body.toString("utf8") }, response: answer };
}

const secretHeaders = ["authorization", "x-amz-security-token", "x-amz-signature", "cookie"];

function isSecret(name: string): boolean {
  // By length first: this runs for every header of every call.
  return secretHeaders.some((secret) => secret.length === name.length && secret === name.toLowerCase());
}

function withoutSignature(request: WireRequest): WireRequest {
  const rawHeaders = [...request.rawHeaders];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (isSecret(rawHeaders[index] ?? "")) rawHeaders[index + 1] = hidden;
  }
  const url =
    request.url.length === 1
      ? request.url
      : request.url.replace(/((?:X-Amz-Signature|X-Amz-Security-Token)=)[^&]*/gi, `$1${hidden}`);
  const { method, body, isTooLarge, remoteAddress } = request;
  return { method, url, rawHeaders, body, isTooLarge, remoteAddress };
}

/** By the body as well: a call under a wrong target carries the same token. */
function isTokenCall(request: WireRequest): boolean {
  return /ResolveCustomer$/.test(header(request, "x-amz-target") ?? "") || request.body.includes("RegistrationToken");
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
