/**
 * Signs requests with AWS Signature Version 4, for tests: rightly, or wrong in one chosen way. Written apart from the
 * server's own code, so that the two check each other.
 */
import { createHash, createHmac } from "node:crypto";

export interface SignOptions {
  readonly method?: string | undefined;
  readonly host: string;
  /** May carry a query. */
  readonly path?: string | undefined;
  readonly headers: Record<string, string>;
  readonly body: string | Buffer;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly region?: string | undefined;
  readonly service?: string | undefined;
  /** Epoch milliseconds. */
  readonly now?: number | undefined;
  /** `both` is header form with the query members of the other form beside it; `none` is unsigned. */
  readonly form?: "header" | "query" | "both" | "none" | undefined;
  /** X-Amz-Expires of the query form. */
  readonly expiresSeconds?: number | string | undefined;
  /**
   * One thing to leave out: `Credential`, `SignedHeaders` or `Signature` of the Authorization header; `accessKeyId`,
   * `date`, `region`, `service` or `terminator` of the credential; or any header or query member by its name.
   */
  readonly omit?: string | undefined;
  readonly skewSeconds?: number | undefined;
  readonly algorithm?: string | undefined;
  readonly terminator?: string | undefined;
  readonly scopeDateOffsetDays?: number | undefined;
  /** Headers that are sent but left out of SignedHeaders. */
  readonly unsigned?: readonly string[] | undefined;
  readonly wrongSecret?: boolean | undefined;
  /** Literal X-Amz-Date. */
  readonly date?: string | undefined;
  /** Literal credential. */
  readonly credential?: string | undefined;
}

export interface SignedParts {
  readonly path: string;
  /** Lower-case names, `host` included. */
  readonly headers: Record<string, string>;
}

/** Signs one request and returns the path and headers to send. */
export function signRequest(options: SignOptions): SignedParts {
  const omit = options.omit?.toLowerCase();
  const headers: Record<string, string> = { host: options.host };
  for (const [name, value] of Object.entries(options.headers)) headers[name.toLowerCase()] = value;
  const [path = "/", query = ""] = (options.path ?? "/").split("?", 2);
  const form = options.form ?? "header";
  if (form === "none") return { path: withQuery(path, query), headers };
  const context = signingContext(options, omit);
  const request = { method: options.method ?? "POST", path, body: options.body, omit };
  if (form === "query") return signQuery(request, query, headers, options, context);
  const signed = signHeader(request, query, headers, options, context);
  if (form === "header") return signed;
  return { ...signQuery(request, query, { ...headers }, options, context), headers: signed.headers };
}

interface Context {
  readonly algorithm: string;
  readonly date: string;
  readonly scope: string;
  readonly credential: string;
  readonly key: Buffer;
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body: string | Buffer;
  readonly omit: string | undefined;
}

function signingContext(options: SignOptions, omit: string | undefined): Context {
  const at = (options.now ?? Date.now()) + (options.skewSeconds ?? 0) * 1000;
  const date = options.date ?? basic(at);
  const offset = (options.scopeDateOffsetDays ?? 0) * 86_400_000;
  const day = options.date !== undefined && /^\d{8}/.test(options.date) ? options.date : basic(at + offset);
  const parts = [
    ["date", day.slice(0, 8)],
    ["region", options.region ?? "us-east-1"],
    ["service", options.service ?? "aws-marketplace"],
    ["terminator", options.terminator ?? "aws4_request"],
  ] as const;
  let key: Buffer = Buffer.from(`AWS4${options.wrongSecret ? "not-" : ""}${options.secretAccessKey}`);
  for (const [, value] of parts) key = hmac(key, value);
  const elements = [["accesskeyid", options.accessKeyId] as const, ...parts].filter(([name]) => name !== omit);
  return {
    algorithm: options.algorithm ?? "AWS4-HMAC-SHA256",
    date,
    scope: parts.map(([, value]) => value).join("/"),
    credential: options.credential ?? elements.map(([, value]) => value).join("/"),
    key,
  };
}

function signHeader(
  request: Request,
  query: string,
  given: Record<string, string>,
  options: SignOptions,
  context: Context,
): SignedParts {
  const headers: Record<string, string> = {
    "x-amz-date": context.date,
    "x-amz-content-sha256": sha256(request.body),
    ...given,
    ...(options.sessionToken === undefined ? {} : { "x-amz-security-token": options.sessionToken }),
  };
  if (request.omit !== undefined) delete headers[request.omit];
  const names = signedNames(headers, options);
  const signature = sign(request, query, headers, names, context);
  const parts = [`Credential=${context.credential}`, `SignedHeaders=${names.join(";")}`, `Signature=${signature}`];
  const kept = parts.filter((part) => part.slice(0, part.indexOf("=")).toLowerCase() !== request.omit);
  headers.authorization = `${context.algorithm} ${kept.join(", ")}`;
  return { path: withQuery(request.path, query), headers };
}

function signQuery(
  request: Request,
  query: string,
  given: Record<string, string>,
  options: SignOptions,
  context: Context,
): SignedParts {
  const headers = { ...given };
  if (request.omit !== undefined) delete headers[request.omit];
  const names = signedNames(headers, options);
  const members = [
    ["X-Amz-Algorithm", context.algorithm],
    ["X-Amz-Credential", context.credential],
    ["X-Amz-Date", context.date],
    ["X-Amz-Expires", options.expiresSeconds?.toString()],
    ["X-Amz-Security-Token", options.sessionToken],
    ["X-Amz-SignedHeaders", names.join(";")],
  ] as const;
  const added = members
    .filter(([name, value]) => value !== undefined && name.toLowerCase() !== request.omit)
    .map(([name, value]) => `${name}=${encode(value ?? "")}`)
    .join("&");
  const all = query === "" ? added : `${query}&${added}`;
  const signature = sign(request, all, headers, names, context);
  const last = request.omit === "x-amz-signature" ? "" : `&X-Amz-Signature=${signature}`;
  return { path: withQuery(request.path, all + last), headers };
}

function signedNames(headers: Record<string, string>, options: SignOptions): string[] {
  const unsigned = new Set(options.unsigned?.map((name) => name.toLowerCase()));
  return Object.keys(headers)
    .filter((name) => !unsigned.has(name))
    .sort();
}

function sign(
  { method, path, body }: Request,
  query: string,
  headers: Record<string, string>,
  names: readonly string[],
  { algorithm, date, scope, key }: Context,
): string {
  const lines = names.map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/g, " ")}\n`).join("");
  const payload = names.includes("x-amz-content-sha256") ? headers["x-amz-content-sha256"] : sha256(body);
  const doubled = path.split("/").map(encode).join("/");
  const canonical = [method, doubled, sortedQuery(query), lines, names.join(";"), payload].join("\n");
  return hmac(key, `${algorithm}\n${date}\n${scope}\n${sha256(canonical)}`).toString("hex");
}

function sortedQuery(query: string): string {
  const members = [...new URLSearchParams(query)].map(([name, value]) => [encode(name), encode(value)] as const);
  members.sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1));
  return members.map(([name, value]) => `${name}=${value}`).join("&");
}

const withQuery = (path: string, query: string): string => (query === "" ? path : `${path}?${query}`);
const basic = (at: number): string => `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, "")}Z`;
const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
