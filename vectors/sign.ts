/**
 * Signature Version 4 for the vectors, correct and wrong in the ways that `raw.sign` can ask for. Written apart from
 * the server's verifier on purpose: one shared helper would make both wrong together and every case would still pass.
 */
import { createHash, createHmac } from "node:crypto";
import { Fields, FormatError, type Json, show } from "./values.ts";

/** Headers as they go out: name as sent and its value, or its values when it is sent more than once. */
export type HeaderList = readonly (readonly [name: string, value: string | readonly string[]])[];

export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SignInput {
  readonly method: string;
  /** Request target: path and, perhaps, query. */
  readonly target: string;
  /** Without the headers that signing adds. */
  readonly headers: HeaderList;
  readonly body: Buffer;
  readonly key: SigningKey;
  readonly region: string;
  /** Epoch milliseconds on the wall clock. */
  readonly nowMs: number;
  readonly options: SignOptions;
}

export interface SignedRequest {
  readonly target: string;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

export interface SignOptions {
  readonly form: "header" | "query" | "none" | "both";
  readonly omit?: string;
  readonly skewSeconds?: number;
  readonly algorithm?: string;
  readonly terminator?: string;
  readonly scopeDateOffsetDays?: number;
  readonly unsigned?: readonly string[];
  readonly wrongSecret?: boolean;
  readonly tamperBody?: boolean;
  readonly sessionToken?: string;
  readonly date?: string;
  readonly credential?: string;
  readonly service?: string;
  readonly accessKeyId?: string;
}

const OPTION_NAMES = [
  "form",
  "omit",
  "skewSeconds",
  "algorithm",
  "terminator",
  "scopeDateOffsetDays",
  "unsigned",
  "wrongSecret",
  "tamperBody",
  "sessionToken",
  "date",
  "credential",
  "service",
  "accessKeyId",
];

const ALGORITHM = "AWS4-HMAC-SHA256";
const SERVICE = "aws-marketplace";
const TERMINATOR = "aws4_request";
const DAY_MS = 86_400_000;

export function readSignOptions(value: Json | undefined, where: string): SignOptions {
  if (value === undefined) return { form: "header" };
  const fields = new Fields(value, where, OPTION_NAMES);
  const form = fields.optionalText("form") ?? "header";
  if (form !== "header" && form !== "query" && form !== "none" && form !== "both") {
    throw new FormatError(`${where}: form: expected header, query, none or both, got ${show(form)}`);
  }
  const others = fields.keys().filter((key) => key !== "form");
  // Two changes at once would leave open which of them the expected error answers.
  if (others.length > 1)
    throw new FormatError(`${where}: at most one change may be asked for, got ${others.join(", ")}`);
  if (form === "none" && others.length > 0)
    throw new FormatError(`${where}: form none signs nothing, so ${others[0]} has no effect`);
  const options: Record<keyof SignOptions, unknown> = {
    form,
    omit: fields.optionalText("omit"),
    skewSeconds: fields.optionalNumber("skewSeconds"),
    algorithm: fields.optionalText("algorithm"),
    terminator: fields.optionalText("terminator"),
    scopeDateOffsetDays: fields.optionalNumber("scopeDateOffsetDays"),
    unsigned: fields.optionalTexts("unsigned"),
    wrongSecret: fields.optionalFlag("wrongSecret"),
    tamperBody: fields.optionalFlag("tamperBody"),
    sessionToken: fields.optionalText("sessionToken"),
    date: fields.optionalText("date"),
    credential: fields.optionalText("credential"),
    service: fields.optionalText("service"),
    accessKeyId: fields.optionalText("accessKeyId"),
  };
  return Object.fromEntries(
    Object.entries(options).filter(([, option]) => option !== undefined),
  ) as unknown as SignOptions;
}

/** Signs, or spoils the signature as asked. */
export function sign(input: SignInput): SignedRequest {
  const { options } = input;
  if (options.form === "none") return { target: input.target, headers: input.headers, body: input.body };
  const plan = planOf(input);
  let { target } = input;
  let headers: HeaderList = plan.headers;
  if (options.form !== "header") target = withQuery(target, queryMembers(input, plan));
  // An Authorization that the case writes itself goes out as written.
  if (options.form !== "query" && headerValue(headers, "authorization") === undefined) {
    const authorization = authorizationHeader(input, plan, target);
    if (authorization !== undefined) headers = [...headers, ["authorization", authorization]];
  }
  if (options.omit !== undefined && !plan.omission.found) {
    throw new FormatError(
      `sign: omit: ${show(options.omit)} is not a part of a request signed in the form ${options.form}`,
    );
  }
  return { target, headers, body: options.tamperBody === true ? tampered(input.body) : input.body };
}

/** What is left out, and whether anything bore that name. */
interface Omission {
  readonly name: string | undefined;
  found: boolean;
}

interface Plan {
  /** Without Authorization. */
  readonly headers: HeaderList;
  readonly signedNames: readonly string[];
  readonly bodyHash: string;
  readonly date: string;
  readonly credential: string;
  readonly algorithm: string;
  readonly token: string | undefined;
  readonly omission: Omission;
  readonly signature: (canonicalRequest: string) => string;
}

function omitted(omission: Omission, ...names: readonly string[]): boolean {
  if (omission.name === undefined || !names.includes(omission.name)) return false;
  omission.found = true;
  return true;
}

function planOf(input: SignInput): Plan {
  const { options, key } = input;
  const omission: Omission = { name: options.omit?.toLowerCase(), found: false };
  const token = options.sessionToken ?? key.sessionToken;
  const explicitDate = headerValue(input.headers, "x-amz-date");
  const date = options.date ?? explicitDate ?? basicIso(input.nowMs + (options.skewSeconds ?? 0) * 1_000);
  const bodyHash = sha256(input.body);
  const added: (readonly [string, string])[] = [];
  if (options.form !== "query") added.push(["x-amz-date", date]);
  added.push(["x-amz-content-sha256", bodyHash]);
  if (options.form !== "query" && token !== undefined) added.push(["x-amz-security-token", token]);
  const headers: HeaderList = [
    ...input.headers.filter(([name]) => !omitted(omission, name.toLowerCase())),
    ...added.filter(([name]) => headerValue(input.headers, name) === undefined && !omitted(omission, name)),
  ];
  // A key without a session has no token to leave out, which is what such a case wants.
  if (token === undefined) omitted(omission, "x-amz-security-token");
  const scope = scopeOf(input, date);
  const algorithm = options.algorithm ?? ALGORITHM;
  return {
    headers,
    signedNames: signedNamesOf(headers, options.unsigned ?? []),
    // A body hash that the case gives itself is what the server must compare with.
    bodyHash: headerValue(headers, "x-amz-content-sha256") ?? bodyHash,
    date,
    credential: credentialOf(input, scope, omission),
    algorithm,
    token,
    omission,
    signature: (canonicalRequest) => {
      const secret = options.wrongSecret === true ? `${key.secretAccessKey}x` : key.secretAccessKey;
      const signingKey = scope.reduce<string | Buffer>((parent, part) => hmac(parent, part), `AWS4${secret}`);
      return hmac(signingKey, [algorithm, date, scope.join("/"), sha256(canonicalRequest)].join("\n")).toString("hex");
    },
  };
}

/** date, region, service, terminator */
function scopeOf({ options, region, nowMs }: SignInput, date: string): readonly string[] {
  const literal = options.credential?.split("/").slice(1);
  if (literal?.length === 4) return literal;
  const day = /^\d{8}/.exec(date)?.[0] ?? basicIso(nowMs).slice(0, 8);
  return [
    options.scopeDateOffsetDays === undefined ? day : shiftedDay(day, options.scopeDateOffsetDays),
    region,
    options.service ?? SERVICE,
    options.terminator ?? TERMINATOR,
  ];
}

function shiftedDay(day: string, days: number): string {
  const at = Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T00:00:00Z`);
  return basicIso(at + days * DAY_MS).slice(0, 8);
}

function credentialOf(input: SignInput, scope: readonly string[], omission: Omission): string {
  if (input.options.credential !== undefined) return input.options.credential;
  const names = [["accesskeyid", "keyid", "key"], ["date"], ["region"], ["service"], ["terminator", "term"]];
  const parts = [input.options.accessKeyId ?? input.key.accessKeyId, ...scope];
  return parts.filter((_, index) => !omitted(omission, ...(names[index] ?? []))).join("/");
}

/** As the SDKs: everything that steers the call, nothing that a proxy may change. */
function signedNamesOf(headers: HeaderList, unsigned: readonly string[]): readonly string[] {
  const left = unsigned.map((name) => name.toLowerCase());
  const names = headers.map(([name]) => name.toLowerCase());
  const missing = left.find((name) => !names.includes(name));
  if (missing !== undefined) throw new FormatError(`sign: unsigned: no header ${show(missing)} is sent`);
  return [...new Set(names)]
    .filter((name) => (name === "host" || name === "content-type" || name.startsWith("x-amz-")) && !left.includes(name))
    .sort();
}

function authorizationHeader(input: SignInput, plan: Plan, target: string): string | undefined {
  const { omission } = plan;
  if (omitted(omission, "authorization")) return undefined;
  const signature = plan.signature(canonicalRequest(input.method, target, plan));
  const parts = [
    ["credential", `Credential=${plan.credential}`],
    ["signedheaders", `SignedHeaders=${plan.signedNames.join(";")}`],
    ["signature", `Signature=${signature}`],
  ] as const;
  const kept = parts.filter(([name]) => !omitted(omission, name)).map(([, text]) => text);
  return `${omitted(omission, "algorithm") ? "" : `${plan.algorithm} `}${kept.join(", ")}`;
}

/** The members of the query form, the signature last. */
function queryMembers(input: SignInput, plan: Plan): readonly (readonly [string, string])[] {
  const all: readonly (readonly [string, string | undefined])[] = [
    ["X-Amz-Algorithm", plan.algorithm],
    ["X-Amz-Credential", plan.credential],
    ["X-Amz-Date", plan.date],
    ["X-Amz-SignedHeaders", plan.signedNames.join(";")],
    ["X-Amz-Security-Token", plan.token],
  ];
  const kept = all.filter(([name, value]) => value !== undefined && !queryMemberOmitted(plan.omission, name));
  const members = kept as (readonly [string, string])[];
  // X-Amz-Expires is optional (SPEC S-3) and not sent, so leaving it out is no change.
  omitted(plan.omission, "x-amz-expires");
  if (queryMemberOmitted(plan.omission, "X-Amz-Signature")) return members;
  const signature = plan.signature(canonicalRequest(input.method, withQuery(input.target, members), plan));
  return [...members, ["X-Amz-Signature", signature]];
}

/** By its name or, as in the header form, without `X-Amz-`. */
function queryMemberOmitted(omission: Omission, name: string): boolean {
  const lower = name.toLowerCase();
  return omitted(omission, lower, ...(lower === "x-amz-date" ? [] : [lower.slice("x-amz-".length)]));
}

function withQuery(target: string, members: readonly (readonly [string, string])[]): string {
  const query = members.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
  return query === "" ? target : `${target}${target.includes("?") ? "&" : "?"}${query}`;
}

function canonicalRequest(method: string, target: string, plan: Plan): string {
  const at = target.indexOf("?");
  const path = at < 0 ? target : target.slice(0, at);
  const headers = plan.signedNames.map((name) => `${name}:${headerValue(plan.headers, name) ?? ""}\n`);
  return [
    method,
    canonicalPath(path),
    canonicalQuery(at < 0 ? "" : target.slice(at + 1)),
    headers.join(""),
    plan.signedNames.join(";"),
    plan.bodyHash,
  ].join("\n");
}

/** Dot segments and doubled slashes resolved, then encoded once more than on the wire, as for every service but S3. */
function canonicalPath(path: string): string {
  const segments: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "" && segment !== ".") segments.push(segment);
  }
  const slash = segments.length > 0 && path.endsWith("/") ? "/" : "";
  return `/${segments.map(encode).join("/")}${slash}`;
}

function canonicalQuery(query: string): string {
  return query
    .split("&")
    .filter((member) => member !== "")
    .map((member) => {
      const [name = "", ...value] = member.split("=");
      return [encode(decode(name)), encode(decode(value.join("=")))] as const;
    })
    .sort(([a, x], [b, y]) => compare(a, b) || compare(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Values trimmed, runs of spaces made one, repeated headers joined by commas. */
export function headerValue(headers: HeaderList, name: string): string | undefined {
  const values = headers.filter(([sent]) => sent.toLowerCase() === name).flatMap(([, value]) => value);
  return values.length === 0 ? undefined : values.map((value) => value.trim().replaceAll(/ +/g, " ")).join(",");
}

/** RFC 3986: encodeURIComponent leaves five characters that AWS encodes. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * One byte changed so that the text is still JSON of the same types: the server reads the JSON before it checks the
 * signature (SPEC W-60), and broken JSON would be refused for that.
 */
function tampered(body: Buffer): Buffer {
  const wasJson = isJson(body);
  for (let at = body.length - 1; at >= 0; at -= 1) {
    const char = String.fromCharCode(body[at] ?? 0);
    if (!/[0-9A-Za-z]/.test(char)) continue;
    const changed = Buffer.from(body);
    changed[at] = char.charCodeAt(0) + (/[9zZ]/.test(char) ? -1 : 1);
    if (isJson(changed) === wasJson) return changed;
  }
  throw new FormatError("sign: tamperBody: the body has no byte that can be changed");
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(body.toString());
    return true;
  } catch {
    return false;
  }
}

/** 20260815T102000Z */
function basicIso(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
}

function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac("sha256", key).update(data).digest();
}
