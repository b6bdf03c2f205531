/** The control plane over HTTP: one place that knows tokens, problems, pages, and what a server that is away looks like. */
import type { Connection } from "./connection.ts";
import { ApiProblem, CliError, codeOf, exitCodes, type MemberFault } from "./errors.ts";

/** A JSON object that the API answered with. */
export type Row = Readonly<Record<string, unknown>>;
export type Query = Readonly<Record<string, unknown>>;

export interface ApiRequest {
  readonly query?: Query;
  readonly body?: unknown;
  readonly accept?: string;
  readonly timeoutMs?: number;
  /** Instead of a time for the whole. */
  readonly signal?: AbortSignal;
}

/** An answer that is read as it comes. */
export interface Streamed {
  readonly headers: Headers;
  /** Throws CliError when the connection ends before the answer does, or when nothing comes for too long. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface Page {
  readonly items: readonly Row[];
  readonly nextCursor?: string;
}

export interface Api {
  readonly url: string;
  /** An empty object where the answer has no body. */
  json(method: string, path: string, request?: ApiRequest): Promise<Row>;
  text(method: string, path: string, request?: ApiRequest): Promise<string>;
  stream(path: string, request: Omit<ApiRequest, "body">): Promise<Streamed>;
  /** Until `limit` rows are there, from `cursor` on. */
  pages(path: string, options: { query: Query; limit?: number; cursor?: string }): AsyncGenerator<Page>;
}

const apiPath = "/api/v1";
const pageMax = 1_000;
const timeoutMs = 120_000;

/** `at("products", code, "dimensions")`: ids may hold slashes. */
export function at(...steps: readonly string[]): string {
  return steps.map((step) => `/${encodeURIComponent(step)}`).join("");
}

export function createApi(connection: Connection): Api {
  const text: Api["text"] = async (method, path, request = {}) => {
    const response = await send(connection, method, path, request);
    const answer = await response.text().catch((error: unknown) => {
      throw unreachable(connection.url, error);
    });
    if (!response.ok) throw problemOf(connection, response, answer);
    return answer;
  };
  const json: Api["json"] = async (method, path, request = {}) => {
    const answer = await text(method, path, request);
    if (answer === "") return {};
    const parsed = parse(answer);
    if (parsed === undefined) throw stranger(connection.url, "its answer is no JSON object");
    return parsed;
  };
  const pages: Api["pages"] = async function* (path, { query, limit = Number.POSITIVE_INFINITY, cursor }) {
    let left = limit;
    let next = cursor;
    do {
      const answer = await json("GET", path, {
        query: { ...query, limit: Math.min(left, pageMax), ...(next === undefined ? {} : { cursor: next }) },
      });
      const items = rowsOf(answer.items);
      left -= items.length;
      next = typeof answer.nextCursor === "string" ? answer.nextCursor : undefined;
      yield { items, ...(next === undefined ? {} : { nextCursor: next }) };
    } while (next !== undefined && left > 0);
  };
  const stream: Api["stream"] = (path, request) => streamed(connection, path, request);
  return { url: connection.url, json, text, stream, pages };
}

/** The time counts anew for each chunk, and stands still while the caller works on one. */
async function streamed(connection: Connection, path: string, request: ApiRequest): Promise<Streamed> {
  const idle = new AbortController();
  const limited = async <T>(wait: () => Promise<T>): Promise<T> => {
    const timer = setTimeout(() => idle.abort(new DOMException("nothing came", "TimeoutError")), timeoutMs);
    try {
      return await wait();
    } catch (error) {
      throw error instanceof CliError ? error : unreachable(connection.url, error);
    } finally {
      clearTimeout(timer);
    }
  };
  const response = await limited(() => send(connection, "GET", path, { ...request, signal: idle.signal }));
  if (!response.ok) throw problemOf(connection, response, await limited(() => response.text()));
  const reader = response.body?.getReader();
  const chunks = async function* (): AsyncIterable<Uint8Array> {
    if (reader === undefined) return;
    try {
      for (;;) {
        const { done, value } = await limited(() => reader.read());
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  };
  return { headers: response.headers, chunks: chunks() };
}

export function rowsOf(value: unknown): readonly Row[] {
  return Array.isArray(value) ? value.filter(isRow) : [];
}

export function isRow(value: unknown): value is Row {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function send(connection: Connection, method: string, path: string, request: ApiRequest): Promise<Response> {
  const url = new URL(`${connection.url}${apiPath}${path}`);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const { body } = request;
  try {
    return await fetch(url, {
      method,
      // A redirect would carry the token to whoever it names.
      redirect: "manual",
      signal: request.signal ?? AbortSignal.timeout(request.timeoutMs ?? timeoutMs),
      headers: {
        authorization: `Bearer ${connection.token}`,
        accept: request.accept ?? "application/json",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw unreachable(connection.url, error);
  }
}

const refused: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "the name could not be looked up",
  ECONNRESET: "the connection was cut",
  UND_ERR_SOCKET: "the connection was cut",
  EHOSTUNREACH: "there is no way to that host",
  ENETUNREACH: "there is no way to that network",
  ETIMEDOUT: "it did not answer in time",
  UND_ERR_CONNECT_TIMEOUT: "it did not answer in time",
};
const certificateFault = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL/;

function unreachable(url: string, error: unknown): CliError {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const code = codeOf(cause) ?? (error instanceof Error && error.name === "TimeoutError" ? "ETIMEDOUT" : undefined);
  const reason = refused[code ?? ""] ?? (cause instanceof Error ? cause.message : String(cause));
  const isCertificate = certificateFault.test(code ?? "");
  return new CliError(`the server at ${url} cannot be reached: ${reason}.`, {
    exitCode: exitCodes.unreachable,
    hints: isCertificate
      ? ["Name the certificate authority that signed its certificate with NODE_EXTRA_CA_CERTS=<file>."]
      : ["Start it with 'meterhouse serve', or say where it is with --url or METERHOUSE_URL."],
  });
}

function stranger(url: string, reason: string): CliError {
  return new CliError(`what answers at ${url} is not a Meterhouse control plane: ${reason}.`, {
    exitCode: exitCodes.unreachable,
    hints: ["Say where the server is with --url or METERHOUSE_URL."],
  });
}

function parse(text: string): Row | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRow(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function problemOf(connection: Connection, response: Response, text: string): CliError {
  const { status } = response;
  const type = response.headers.get("content-type") ?? "";
  const body = type.startsWith("application/problem+json") ? parse(text) : undefined;
  if (body === undefined) return stranger(connection.url, `it answered with status ${status}`);
  const detail = typeof body.detail === "string" ? body.detail : `The server answered with status ${status}.`;
  const hints: string[] = [];
  if (status === 401) hints.push(`The token came from ${connection.tokenOrigin}; --token gives another.`);
  if (status >= 500) hints.push("It may help to try again; the server's log says more.");
  return new ApiProblem(status, detail, rowsOf(body.errors).map(faultOf), hints);
}

function faultOf(row: Row): MemberFault {
  const message = typeof row.message === "string" ? row.message : "not valid";
  if (typeof row.field === "string") return { path: row.field === "" ? [] : [row.field], message };
  const pointer = typeof row.pointer === "string" ? row.pointer : "";
  const path = pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return { path, message };
}
