/**
 * A server with the test catalogue, and a client that signs for it and hides nothing: every part of a request can be
 * wrong, and every answer is held to what all answers have in common.
 */
import { Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { expect } from "vitest";
import type { SettingsInput } from "../../src/api/settings.ts";
import { type Instant, type Meterhouse, type MeterhouseOptions, startMeterhouse } from "../../src/index.ts";
import { type KeyName, keys, startAt, testCatalog } from "./catalog.ts";
import { type SignedParts, type SignOptions, signRequest } from "./signer.ts";

export interface WireCall {
  /** Default BatchMeterUsage. */
  readonly operation?: string | undefined;
  /** Whose key signs. Default the seller's. */
  readonly key?: KeyName | undefined;
  /** Of the credential scope. */
  readonly region?: string | undefined;
  /** Sent as JSON. Default {}. */
  readonly request?: unknown;
  /** Sent as it is, in place of `request`. */
  readonly body?: string | Buffer | undefined;
  readonly method?: string | undefined;
  readonly path?: string | undefined;
  /** X-Amz-Target in place of the operation's; null: none. */
  readonly target?: string | null | undefined;
  /** null: none. */
  readonly contentType?: string | null | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly sign?: Partial<SignOptions> | undefined;
}

export interface WireReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The parsed body. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Name of the error; "" on success. */
  readonly error: string;
  readonly message: string;
}

export interface BatchResult {
  readonly UsageRecord: Readonly<Record<string, unknown>>;
  readonly MeteringRecordId?: string;
  readonly Status: string;
}

export interface Wire {
  readonly meterhouse: Meterhouse;
  call(call: WireCall): Promise<WireReply>;
  /** A signed request as the bytes of HTTP/1.1. */
  bytes(call: WireCall): Buffer;
  /** The catalogue anew, an empty ledger, `startAt` unless told otherwise, no quotas unless told otherwise. */
  reset(settings?: Partial<SettingsInput>, now?: Instant): Promise<void>;
  /** Lets go of the connections that are kept for the next call. */
  disconnect(): void;
  close(): Promise<void>;
}

const noQuotas = { quotas: "off" } as const;
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** Version 4, variant 8 to b, as W-32 has it. */
export const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export async function startWire(options: MeterhouseOptions = {}): Promise<Wire> {
  const meterhouse = await startMeterhouse({ catalog: testCatalog(), now: startAt, settings: noQuotas, ...options });
  const agent = new Agent({ keepAlive: true });
  return {
    meterhouse,
    call: (call) => send(meterhouse, agent, call),
    bytes: (call) => {
      const { parts, body } = sign(meterhouse, call);
      const lines = Object.entries({ ...parts.headers, "content-length": String(Buffer.byteLength(body)) });
      const head = [
        `${call.method ?? "POST"} ${parts.path} HTTP/1.1`,
        ...lines.map(([name, value]) => `${name}: ${value}`),
      ];
      return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), Buffer.from(body)]);
    },
    reset: (settings = {}, now = startAt) => meterhouse.reset({ settings: { ...noQuotas, ...settings }, now }),
    disconnect: () => agent.destroy(),
    close: async () => {
      agent.destroy();
      await meterhouse.close();
    },
  };
}

function sign(meterhouse: Meterhouse, call: WireCall): { readonly parts: SignedParts; readonly body: string | Buffer } {
  const credential = meterhouse.credentials[keys[call.key ?? "seller"]];
  if (credential === undefined) throw new Error(`no key ${call.key}`);
  const body = call.body ?? JSON.stringify(call.request ?? {});
  const target =
    call.target === undefined ? `AWSMPMeteringService.${call.operation ?? "BatchMeterUsage"}` : call.target;
  const contentType = call.contentType === undefined ? "application/x-amz-json-1.1" : call.contentType;
  const parts = signRequest({
    host: new URL(meterhouse.endpoint).host,
    method: call.method,
    path: call.path,
    headers: {
      ...(contentType === null ? {} : { "content-type": contentType }),
      ...(target === null ? {} : { "x-amz-target": target }),
      ...call.headers,
    },
    body,
    accessKeyId: credential.accessKeyId,
    secretAccessKey: credential.secretAccessKey,
    sessionToken: credential.sessionToken,
    region: call.region,
    ...call.sign,
  });
  return { parts, body };
}

async function send(meterhouse: Meterhouse, agent: Agent, call: WireCall): Promise<WireReply> {
  const { parts, body } = sign(meterhouse, call);
  const reply = await exchange(meterhouse.endpoint, agent, call.method ?? "POST", parts, body);
  checkEveryAnswer(reply);
  return reply;
}

function exchange(
  endpoint: string,
  agent: Agent,
  method: string,
  parts: SignedParts,
  body: string | Buffer,
): Promise<WireReply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(endpoint);
    const headers = { ...parts.headers, "content-length": String(Buffer.byteLength(body)) };
    const outgoing = httpRequest({ hostname, port, method, path: parts.path, headers, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve(replyOf(response.statusCode ?? 0, response.headers, text));
      });
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function replyOf(status: number, headers: IncomingHttpHeaders, text: string): WireReply {
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // W-39: whoever expects JSON sees it missing.
  }
  return { status, headers, text, json, error: String(json.__type ?? ""), message: String(json.message ?? "") };
}

/** What holds for every answer of the service plane: W-30, W-36 to W-39, and that nothing is ever compressed. */
function checkEveryAnswer({ status, headers, text, json, error, message }: WireReply): void {
  expect(typeof JSON.parse(text), text).toBe("object");
  expect(headers["content-type"]).toBe("application/x-amz-json-1.1");
  expect(headers["x-amzn-requestid"]).toMatch(uuid);
  expect(headers["content-encoding"]).toBeUndefined();
  expect(headers["content-length"]).toBe(String(Buffer.byteLength(text)));
  expect(Math.abs(Date.parse(headers.date ?? "") - Date.now())).toBeLessThan(5_000);
  if (status === 200) {
    expect(error).toBe("");
    return;
  }
  expect(status).toBeGreaterThanOrEqual(400);
  expect(error, text).toMatch(/^[A-Z][A-Za-z]+$/);
  expect(headers["x-amzn-errortype"]).toBe(error);
  // Every text tells a person something: a sentence, nothing that leaked out of a program.
  expect(message.length, text).toBeGreaterThan(12);
  // A body that is no JSON is quoted, whatever it says.
  const own = message.startsWith("The body is not JSON") ? "" : message;
  expect(own).not.toMatch(/undefined|NaN|Infinity|\[object |node_modules|\bat .*\.ts:\d/);
  expect(json.Message).toBe(error === "SerializationException" ? message : undefined);
}

/** Expects this error; `words` are in its text. */
export function expectError(reply: WireReply, error: string, ...words: readonly (string | RegExp)[]): void {
  expect(reply.error || reply.text).toBe(error);
  for (const word of words) {
    if (typeof word === "string") expect(reply.message).toContain(word);
    else expect(reply.message).toMatch(word);
  }
}

/** Expects 200 and returns `Results`. */
export function resultsOf(reply: WireReply): readonly BatchResult[] {
  expect(reply.status, reply.text).toBe(200);
  return reply.json.Results as readonly BatchResult[];
}

/** Statuses of a batch, in order. */
export function statusesOf(reply: WireReply): readonly string[] {
  return resultsOf(reply).map((result) => result.Status);
}

export interface RawReply {
  /** Everything that came until the server closed, or until `until` was seen. */
  readonly text: string;
  /** The server closed its side. */
  readonly isClosed: boolean;
  /** What went wrong on our side, such as ECONNRESET. */
  readonly error: string | undefined;
}

export interface RawOptions {
  /** Stop when the answer matches. Without it: when the server closes. */
  readonly until?: RegExp | undefined;
  /** Stop after this long. Default 5 s. */
  readonly timeoutMs?: number | undefined;
  /** Close our side after sending; or break the connection off. */
  readonly end?: boolean | "reset" | undefined;
  /** Sent one after another, with a pause in between. */
  readonly pauseMs?: number | undefined;
}

/** Sends bytes over a bare socket and returns what comes back. Never rejects for what the server does. */
export function rawExchange(
  endpoint: string,
  parts: readonly (string | Buffer)[],
  options: RawOptions = {},
): Promise<RawReply> {
  const { hostname, port } = new URL(endpoint);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let text = "";
    let isClosed = false;
    let error: string | undefined;
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ text, isClosed, error });
    };
    const timer = setTimeout(finish, options.timeoutMs ?? 5_000);
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (options.until?.test(text) === true) finish();
    });
    socket.on("end", () => {
      isClosed = true;
      finish();
    });
    socket.on("close", finish);
    socket.on("error", (failure: NodeJS.ErrnoException) => {
      isClosed = true;
      error = failure.code;
    });
    socket.on("connect", async () => {
      for (const part of parts) {
        if (socket.destroyed) return;
        socket.write(part);
        if (options.pauseMs !== undefined) await new Promise((next) => setTimeout(next, options.pauseMs));
      }
      if (options.end === true) socket.end();
      if (options.end === "reset") socket.resetAndDestroy();
    });
  });
}

/** Status and body of the HTTP answers in a text, in order. Expects each to say its length. */
export function answersIn(text: string): readonly WireReply[] {
  const replies: WireReply[] = [];
  for (let rest = text; rest !== ""; ) {
    const border = rest.indexOf("\r\n\r\n");
    if (border < 0) throw new Error(`half an answer: ${rest}`);
    const [first = "", ...lines] = rest.slice(0, border).split("\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
    const headers: Record<string, string> = {};
    for (const line of lines)
      headers[line.slice(0, line.indexOf(":")).toLowerCase()] = line.slice(line.indexOf(":") + 1).trim();
    const length = Number(headers["content-length"] ?? 0);
    const body = Buffer.from(rest.slice(border + 4))
      .subarray(0, length)
      .toString();
    rest = rest.slice(border + 4 + body.length);
    if (status !== 100) replies.push(replyOf(status, headers, body));
  }
  return replies;
}
