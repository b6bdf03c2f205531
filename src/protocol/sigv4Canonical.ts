/**
 * The canonical request of Signature Version 4: what a client and a server must write down alike.
 * Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * Header and query text is taken as Node gives it, one character a byte (latin1), and is hashed as such: what a client
 * signed are bytes, and bytes that are not UTF-8 must not change on the way.
 */
import { hash } from "node:crypto";
import { isNamed } from "./wire.ts";

/** Values by lower-case name; repeated headers joined by a comma. */
export interface Headers {
  get(name: string): string | undefined;
}

/** Query members in the order sent, percent-decoded. */
export type Query = ReadonlyArray<readonly [name: string, value: string]>;

export interface Target {
  readonly path: string;
  readonly query: Query;
}

/** Hex SHA-256 of bytes or of latin1 text. */
export function sha256(data: Buffer | string): string {
  return hash("sha256", typeof data === "string" ? Buffer.from(data, "latin1") : data, "hex");
}

/** So many headers are looked up one after the other; whoever asks for more must not make us read all of them each time. */
const searchesMax = 64;

/** Of Node's `rawHeaders`, with values in canonical form: trimmed, runs of white space one space. */
export function joinHeaders(rawHeaders: readonly string[]): Headers {
  // Of the dozen headers of a call a dozen is asked for: a map would have to intern each name before it is of use.
  let searches = 0;
  let all: ReadonlyMap<string, string> | undefined;
  return {
    get: (name) => {
      searches += 1;
      if (searches <= searchesMax) return joinedValue(rawHeaders, name);
      all ??= mapOf(rawHeaders);
      return all.get(name);
    },
  };
}

function joinedValue(rawHeaders: readonly string[], name: string): string | undefined {
  let joined: string | undefined;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (!isNamed(rawHeaders[index] ?? "", name)) continue;
    const value = collapseSpace(rawHeaders[index + 1] ?? "");
    joined = joined === undefined ? value : `${joined},${value}`;
  }
  return joined;
}

function mapOf(rawHeaders: readonly string[]): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? "").toLowerCase();
    const value = collapseSpace(rawHeaders[index + 1] ?? "");
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return headers;
}

/** Splits a request target, origin-form or absolute-form, into path and query. */
export function splitTarget(url: string): Target {
  if (url === "/") return { path: url, query: [] };
  const local = url.replace(/^https?:\/\/[^/?]*/i, "");
  const mark = local.indexOf("?");
  if (mark < 0) return { path: local, query: [] };
  const members = local
    .slice(mark + 1)
    .split("&")
    .filter((member) => member !== "");
  return {
    path: local.slice(0, mark),
    query: members.map((member) => {
      const equals = member.indexOf("=");
      if (equals < 0) return [decode(member), ""];
      return [decode(member.slice(0, equals)), decode(member.slice(equals + 1))];
    }),
  };
}

/**
 * Writes the canonical request. A signed header that was not sent counts as empty: its signature then only matches if
 * it was empty for the client too.
 */
export function canonicalRequest(
  method: string,
  target: Target,
  headers: Headers,
  signedHeaders: ReadonlySet<string>,
  payloadHash: string,
): string {
  let lines = "";
  let names = "";
  for (const name of signedHeaders) {
    lines += `${name}:${headers.get(name) ?? ""}\n`;
    names += names === "" ? name : `;${name}`;
  }
  return `${method}\n${canonicalPath(target.path)}\n${canonicalQuery(target.query)}\n${lines}\n${names}\n${payloadHash}`;
}

/** Dot segments and doubled slashes resolved, then encoded once more: every service but S3 signs the path encoded twice. */
function canonicalPath(path: string): string {
  if (path === "/" || path === "") return "/";
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(encode(segment));
  }
  return `/${kept.join("/")}${path.endsWith("/") && kept.length > 0 ? "/" : ""}`;
}

function canonicalQuery(query: Query): string {
  if (query.length === 0) return "";
  return query
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([name, value], [otherName, otherValue]) => compare(name, otherName) || compare(value, otherValue))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Not `trim` and `\s`: those also take the no-break space, which in latin1 is the second byte of letters such as `à`.
 * Nor `/[ \t]+$/`, which takes quadratic time on a header of spaces: after the runs are single spaces one is cut.
 */
function collapseSpace(value: string): string {
  const single = value.includes("  ") || value.includes("\t") ? value.replace(/[ \t]+/g, " ") : value;
  const start = single.startsWith(" ") ? 1 : 0;
  return start === 0 && !single.endsWith(" ") ? single : single.slice(start, single.endsWith(" ") ? -1 : undefined);
}

function encode(text: string): string {
  return text.replace(/[^A-Za-z0-9\-._~]/g, (char) => {
    return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
}

/** A percent sign that starts no valid pair stands for itself: a request target never fails to decode. */
function decode(text: string): string {
  return text
    .replaceAll("+", " ")
    .replace(/%([0-9A-Fa-f]{2})/g, (_, pair: string) => String.fromCharCode(Number.parseInt(pair, 16)));
}
