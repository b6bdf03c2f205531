/** `check` steps: they look at what the server holds, and at the last answer. */
import { constants, verify } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Notification } from "../src/api/types.ts";
import type { Meterhouse } from "../src/index.ts";
import type { Fixtures } from "./fixtures.ts";
import { type Answer, assertMatchers, type MatchContext, mismatches, valueAt } from "./match.ts";
import type { RegistrationVisits } from "./registrationVisits.ts";
import { Fields, FormatError, instant, isObject, type Json, type JsonObject, show } from "./values.ts";

export interface CheckContext extends MatchContext {
  readonly server: Meterhouse;
  readonly fixtures: Fixtures;
  /** Epoch milliseconds on the wall clock. */
  readonly wallMs: number;
  readonly visits?: RegistrationVisits | undefined;
}

/** Answers what does not hold; nothing = the check passes. */
type Check = (value: Json, context: CheckContext) => Promise<readonly string[]> | readonly string[];

const HOUR_MS = 3_600_000;

const CHECKS: Readonly<Record<string, Check>> = {
  ledger,
  equal,
  dateHeaderWithinSeconds,
  jwt,
  billedSeconds,
  registrations,
  sns,
  snsNever,
  eventBridge,
  registrationPost,
  cloudTrail,
};

/** Refuses unknown checks and matchers before the case starts. */
export function readCheck(value: Json, where: string): Fields {
  const fields = new Fields(value, where, Object.keys(CHECKS));
  if (fields.keys().length === 0) throw new FormatError(`${where}: an empty check looks at nothing`);
  assertMatchers(value, where);
  return fields;
}

export async function runCheck(fields: Fields, context: CheckContext): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const name of fields.keys()) problems.push(...((await CHECKS[name]?.(fields.required(name), context)) ?? []));
  return problems;
}

/** Accepted metering records: how many match, and what their quantities add up to. */
async function ledger(value: Json, { server, fixtures }: CheckContext): Promise<readonly string[]> {
  const fields = new Fields(value, "ledger", [
    "product",
    "customer",
    "license",
    "dimension",
    "hour",
    "count",
    "quantity",
  ]);
  const fromHourAt = fields.optionalInstant("hour");
  if (fromHourAt !== undefined && fromHourAt % HOUR_MS !== 0) {
    throw new FormatError(`ledger: hour: expected the start of a UTC hour, got ${show(fields.raw("hour"))}`);
  }
  const count = fields.count("count", 0);
  const quantity = fields.optionalNumber("quantity");
  const records = await server.records({
    ...(fields.has("product") ? { productCode: fixtures.productCode(fields.text("product")) } : {}),
    ...(fields.has("customer") ? { accountId: fixtures.accountId(fields.text("customer")) } : {}),
    ...(fields.has("license") ? { licenseArn: fixtures.licenseArn(fields.text("license")) } : {}),
    ...(fields.has("dimension") ? { dimension: fields.text("dimension") } : {}),
    ...(fromHourAt === undefined ? {} : { fromHourAt, toHourAt: fromHourAt + HOUR_MS }),
  });
  const sum = records.reduce((total, record) => total + record.quantity, 0);
  return [
    ...different("ledger: count", count, records.length),
    ...(quantity === undefined ? [] : different("ledger: quantity", quantity, sum)),
  ];
}

function equal(value: Json, context: CheckContext): readonly string[] {
  const paths = Array.isArray(value) ? value : [];
  const [a, b] = paths;
  if (paths.length !== 2 || typeof a !== "string" || typeof b !== "string") {
    throw new FormatError(`equal: expected two paths, got ${show(value)}`);
  }
  const { body } = lastAnswer(context, "equal");
  const [x, y] = [valueAt(body, a), valueAt(body, b)];
  if (x === undefined || y === undefined)
    return [`equal: expected a value at both paths, got ${show(x)} at ${a} and ${show(y)} at ${b}`];
  return isDeepStrictEqual(x, y) ? [] : [`equal: expected equal values, got ${show(x)} at ${a} and ${show(y)} at ${b}`];
}

function dateHeaderWithinSeconds(value: Json, context: CheckContext): readonly string[] {
  if (typeof value !== "number")
    throw new FormatError(`dateHeaderWithinSeconds: expected a number, got ${show(value)}`);
  const date = lastAnswer(context, "dateHeaderWithinSeconds").headers.date;
  const at = Date.parse(date ?? "");
  const now = new Date(context.wallMs).toUTCString();
  if (Math.abs(at - context.wallMs) <= value * 1_000) return [];
  return [`dateHeaderWithinSeconds: expected a Date within ${value} s of ${show(now)}, got ${show(date)}`];
}

/** A compact JWS of the last answer: header and claims by subset, its PS256 signature by the product's public key. */
function jwt(value: Json, context: CheckContext): readonly string[] {
  const fields = new Fields(value, "jwt", ["member", "header", "claims", "verifyWithKeyVersion", "saltLength"]);
  const version = fields.has("verifyWithKeyVersion") ? fields.count("verifyWithKeyVersion", 1) : undefined;
  const saltLength = fields.has("saltLength") ? fields.count("saltLength", 0) : undefined;
  if (version === undefined && saltLength !== undefined)
    throw new FormatError("jwt: saltLength needs verifyWithKeyVersion");
  const answer = lastAnswer(context, "jwt");
  const member = fields.text("member");
  const token = valueAt(answer.body, member);
  const parts = typeof token === "string" ? /^([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(token) : null;
  if (parts === null) return [`jwt: expected a compact JWS at ${member}, got ${show(token)}`];
  const [, head = "", payload = "", signature = ""] = parts;
  const header = decodedObject(head);
  const claims = decodedObject(payload);
  const problems = [
    ...mismatches(header, fields.raw("header") ?? {}, "jwt: header", context),
    ...mismatches(claims, fields.raw("claims") ?? {}, "jwt: claims", context),
  ];
  if (version === undefined) return problems;
  const product = productOf(answer, claims);
  const key = {
    key: context.server.publicKey(product, version),
    padding: constants.RSA_PKCS1_PSS_PADDING,
    // RFC 7518: the salt of PS256 is as long as the hash.
    saltLength: saltLength ?? 32,
  };
  if (header?.alg !== "PS256") problems.push(`jwt: alg: expected "PS256", got ${show(header?.alg)}`);
  if (!verify("sha256", Buffer.from(`${head}.${payload}`), key, Buffer.from(signature, "base64url"))) {
    problems.push(
      `jwt: signature: expected one by key version ${version} of ${product} with a salt of ${key.saltLength} bytes, got ${show(signature)}`,
    );
  }
  return problems;
}

/** Of the request, since the claims are what is in question. */
function productOf(answer: Answer, claims: JsonObject | undefined): string {
  const code = (isObject(answer.request) ? answer.request.ProductCode : undefined) ?? claims?.productCode;
  if (typeof code === "string") return code;
  throw new FormatError("jwt: the last call named no ProductCode whose key could verify the signature");
}

function decodedObject(part: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function billedSeconds(value: Json, { server, fixtures }: CheckContext): readonly string[] {
  const fields = new Fields(value, "billedSeconds", ["creds", "product", "total", "byHour", "until"]);
  const { accessKeyId } = fixtures.credential(fields.text("creds"));
  const total = fields.optionalNumber("total");
  const byHour = fields.optionalMap("byHour");
  const until = fields.optionalInstant("until");
  if (total === undefined && byHour === undefined && until === undefined) {
    throw new FormatError("billedSeconds: expected total, byHour or until");
  }
  const product = fields.has("product") ? { product: fixtures.productCode(fields.text("product")) } : {};
  const billed = server.billedSeconds({ accessKeyId, ...product });
  return [
    ...(total === undefined ? [] : different("billedSeconds: total", total, billed.total)),
    ...(byHour === undefined ? [] : different("billedSeconds: byHour", hours(byHour), hours(billed.byHour))),
    ...(until === undefined
      ? []
      : different(
          "billedSeconds: until",
          isoOf(until),
          billed.until === undefined ? undefined : isoOf(Date.parse(billed.until)),
        )),
  ];
}

/** By hour in one spelling and order; hours without a second are left out. */
function hours(byHour: JsonObject): Record<string, Json> {
  const entries = Object.entries(byHour).map(
    ([hour, seconds]) => [isoOf(instant(hour, "billedSeconds: byHour")), seconds] as const,
  );
  return Object.fromEntries(entries.filter(([, seconds]) => seconds !== 0).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function isoOf(ms: number): string {
  return Number.isNaN(ms) ? "no time" : new Date(ms).toISOString();
}

/** How many metering streams RegisterUsage has opened for the workload. */
function registrations(value: Json, { server, fixtures }: CheckContext): readonly string[] {
  const fields = new Fields(value, "registrations", ["creds", "count"]);
  const { accessKeyId, resource } = fixtures.credential(fields.text("creds"));
  const workloads = server
    .workloads(resource === undefined ? {} : { resource })
    .filter(
      (workload) =>
        workload.operation === "RegisterUsage" && (resource !== undefined || workload.accessKeyId === accessKeyId),
    );
  return different("registrations: count", fields.count("count", 0), workloads.length);
}

/** The newest post of the buyer's browser to the registration URL. */
function registrationPost(value: Json, context: CheckContext): readonly string[] {
  const fields = new Fields(value, "registrationPost", ["contentType", "fields"]);
  const contentType = fields.raw("contentType");
  const expected = fields.map("fields");
  const post = context.visits?.posts.at(-1);
  if (post === undefined) return ["registrationPost: expected a post to the registration URL, got nothing"];
  return [
    ...(contentType === undefined
      ? []
      : mismatches(post.contentType, contentType, "registrationPost: contentType", context)),
    ...mismatches(post.fields, expected, "registrationPost: fields", context),
  ];
}

/** SNS messages, in this order, others between them. */
async function sns(value: Json, context: CheckContext): Promise<readonly string[]> {
  const expected = listOf(value, "sns").map((item, index) => {
    const fields = new Fields(item, `sns[${index}]`, ["topic", "at", "message", "noOtherMembers"]);
    const topic = fields.optionalText("topic");
    const at = fields.optionalInstant("at");
    const message = fields.required("message");
    const isWhole = fields.optionalFlag("noOtherMembers") ?? false;
    if (!isObject(message)) throw new FormatError(`${fields.where}: message: expected an object, got ${show(message)}`);
    return (notification: Notification): boolean => {
      const body: unknown = JSON.parse(notification.body);
      return (
        (topic === undefined || topicPattern(topic).test(notification.topicArn ?? "")) &&
        (at === undefined || notification.at === at) &&
        mismatches(body, message, "message", context).length === 0 &&
        (!isWhole || (isObject(body) && Object.keys(body).every((key) => Object.hasOwn(message, key))))
      );
    };
  });
  const published = await context.server.notifications({ form: "sns" });
  return missingInOrder("sns", value, expected, published, ({ at, topicArn, body }) => ({
    at: isoOf(at),
    topic: topicArn,
    message: JSON.parse(body),
  }));
}

/** `{owner}` is the account that owns the topic: any. */
function topicPattern(topic: string): RegExp {
  const literal = topic.split("{owner}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literal.join("\\d{12}")}$`);
}

async function snsNever(value: Json, { server }: CheckContext): Promise<readonly string[]> {
  const never = listOf(value, "snsNever");
  for (const action of never) {
    if (typeof action !== "string") throw new FormatError(`snsNever: expected actions, got ${show(action)}`);
  }
  const published = await server.notifications({ form: "sns" });
  return published
    .filter(({ name }) => never.includes(name))
    .map(({ name, body }) => `snsNever: expected no ${name}, got ${body}`);
}

/** Events by subset, in this order, others between them. */
async function eventBridge(value: Json, context: CheckContext): Promise<readonly string[]> {
  const expected = listOf(value, "eventBridge").map((event, index) => {
    if (!isObject(event)) throw new FormatError(`eventBridge[${index}]: expected an object, got ${show(event)}`);
    return ({ body }: Notification): boolean => mismatches(JSON.parse(body), event, "event", context).length === 0;
  });
  const published = await context.server.notifications({ form: "eventbridge" });
  return missingInOrder("eventBridge", value, expected, published, ({ body }) => JSON.parse(body));
}

/** Each takes the first that fits after the one before it, which finds an order whenever there is one. */
function missingInOrder(
  check: string,
  value: Json,
  expected: readonly ((notification: Notification) => boolean)[],
  published: readonly Notification[],
  shown: (notification: Notification) => unknown,
): readonly string[] {
  let from = 0;
  for (const [index, fits] of expected.entries()) {
    const found = published.findIndex((notification, position) => position >= from && fits(notification));
    if (found < 0) {
      const wanted = show(listOf(value, check)[index]);
      return [`${check}[${index}]: expected ${wanted}, got ${show(published.slice(from).map(shown))}`];
    }
    from = found + 1;
  }
  return [];
}

/** The newest record, by subset. */
async function cloudTrail(value: Json, context: CheckContext): Promise<readonly string[]> {
  if (!isObject(value)) throw new FormatError(`cloudTrail: expected an object, got ${show(value)}`);
  const [newest] = await context.server.cloudTrail({ limit: 1 });
  if (newest === undefined) return [`cloudTrail: expected ${show(value)}, got no record`];
  return mismatches(newest, value, "cloudTrail", context);
}

function listOf(value: Json, check: string): readonly Json[] {
  if (Array.isArray(value) && value.length > 0) return value;
  throw new FormatError(`${check}: expected a list, got ${show(value)}`);
}

function lastAnswer({ previous }: CheckContext, check: string): Answer {
  const answer = previous.at(-1);
  if (answer === undefined) throw new FormatError(`${check}: no call was made before`);
  return answer;
}

function different(what: string, expected: unknown, actual: unknown): readonly string[] {
  return isDeepStrictEqual(actual, expected) ? [] : [`${what}: expected ${show(expected)}, got ${show(actual)}`];
}
