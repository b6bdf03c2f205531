/**
 * One day of a server, in which every secret it can know is made, used rightly and used wrongly; and the texts that it
 * left behind, to be searched. Each secret says where alone it is shown by design.
 */
import { createHash, randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { AssumeRoleCommand, AssumeRoleWithWebIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type { CatalogDocument } from "../../src/catalog/schema.ts";
import { keys, products, testCatalog } from "../support/catalog.ts";
import { type SignOptions, signRequest } from "../support/signer.ts";

// biome-ignore lint/suspicious/noExplicitAny: the wire has no types
type Json = any;

export interface Secret {
  readonly name: string;
  readonly value: string;
  /** Places, by their names, that show it by design. */
  readonly shownIn?: readonly RegExp[];
}

/** A text that the server wrote, by the name of its place. */
export interface Place {
  readonly name: string;
  /** Bytes as latin1. */
  readonly text: string;
}

export const word = (): string => randomBytes(18).toString("base64url");
/** As AWS's are: of base64's whole alphabet. */
export const awsSecret = (): string => `+/${randomBytes(28).toString("base64")}`;

export const roleArn = "arn:aws:iam::210000000001:role/metering";

/** The test catalogue with secrets nobody could guess, so that none of them is found by chance. */
export function secretCatalog(): CatalogDocument {
  const catalog = testCatalog();
  return {
    ...catalog,
    credentials: (catalog.credentials ?? []).map((entry) => ({
      ...entry,
      secretAccessKey: awsSecret(),
      ...(entry.sessionToken === undefined ? {} : { sessionToken: awsSecret() }),
    })),
    roles: [{ account: "210000000001", name: "metering", allow: ["aws-marketplace:*"], trusts: ["210000000001"] }],
  };
}

export interface Scenario {
  readonly secrets: readonly Secret[];
  /** Every answer of every plane, with its headers. */
  readonly answers: readonly Place[];
}

interface Sent {
  readonly status: number;
  readonly json: Json;
  readonly text: string;
  readonly cookie: string;
}

const key = (catalog: CatalogDocument, id: string) => {
  const { secretAccessKey = "", sessionToken } =
    catalog.credentials?.find(({ accessKeyId }) => accessKeyId === id) ?? {};
  return { accessKeyId: id, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
};

/** Does everything; `catalog` is what the server started with. */
export async function liveThrough(endpoint: string, adminToken: string, catalog: CatalogDocument): Promise<Scenario> {
  const secrets: Secret[] = [];
  const answers: Place[] = [];
  const secret = (name: string, value: string, ...shownIn: readonly RegExp[]): void => {
    if (typeof value !== "string" || value.length < 12) throw new Error(`${name} is no secret to look for: ${value}`);
    secrets.push({ name, value, shownIn });
  };
  const send = async (name: string, path: string, init: RequestInit = {}): Promise<Sent> => {
    const response = await fetch(`${endpoint}${path}`, { redirect: "manual", ...init });
    const text = await response.text();
    const headers = [...response.headers].map(([header, value]) => `${header}: ${value}`).join("\n");
    answers.push({ name, text: `${response.status}\n${headers}\n\n${text}` });
    let json: Json;
    try {
      json = JSON.parse(text);
    } catch {}
    return { status: response.status, json, text, cookie: response.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
  };
  const admin = (name: string, method: string, path: string, body?: unknown, token = adminToken) =>
    send(name, `/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const seller = key(catalog, keys.seller);
  const aws = (name: string, operation: string, request: unknown, more: Partial<SignOptions> = {}) => {
    const body = typeof request === "string" ? request : JSON.stringify(request);
    const { path, headers } = signRequest({
      host: new URL(endpoint).host,
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `AWSMPMeteringService.${operation}`,
      },
      body,
      ...seller,
      ...more,
    });
    const { host: _host, ...sent } = headers;
    return send(name, path, { method: "POST", headers: sent, body });
  };
  const parts: Parts = { endpoint, catalog, secret, send, admin, aws };

  secret("root admin token", adminToken, /^file .*admin\.token$/);
  for (const { accessKeyId = "", secretAccessKey = "", sessionToken } of catalog.credentials ?? []) {
    secret(`secret of ${accessKeyId}`, secretAccessKey, exportPlace);
    if (sessionToken !== undefined) secret(`session token of ${accessKeyId}`, sessionToken, exportPlace);
  }
  const pem = catalog.products?.flatMap(({ publicKeys = [] }) => publicKeys)[0]?.privateKeyPem ?? "";
  for (const line of pem.split("\n").slice(2, 6)) secret("a line of a private key", line, exportPlace);

  await adminTokens(parts);
  await credentials(parts);
  await registration(parts);
  await signatures(parts);
  await browsers(parts);
  await targets(parts);
  await workloads(parts);
  await faults(parts);
  await reads(parts);
  return { secrets, answers };
}

const exportPlace = /^export with secrets$/;

interface Parts {
  readonly endpoint: string;
  readonly catalog: CatalogDocument;
  readonly secret: (name: string, value: string, ...shownIn: readonly RegExp[]) => void;
  readonly send: (name: string, path: string, init?: RequestInit) => Promise<Sent>;
  readonly admin: (name: string, method: string, path: string, body?: unknown, token?: string) => Promise<Sent>;
  readonly aws: (name: string, operation: string, request: unknown, more?: Partial<SignOptions>) => Promise<Sent>;
}

async function adminTokens({ secret, admin, send }: Parts): Promise<void> {
  const made = await admin("creation of an admin token", "POST", "/admin-tokens", { name: "reader", role: "read" });
  secret("named admin token", made.json.token, /^creation of an admin token$/);
  await admin("a read", "GET", "/accounts", undefined, made.json.token);
  await admin("a write by a reader", "POST", "/accounts", {}, made.json.token);
  await admin("a revocation", "DELETE", `/admin-tokens/${made.json.id}`);
  await admin("a revoked token", "GET", "/accounts", undefined, made.json.token);
  const wrong = `mht_${word()}`;
  secret("wrong admin token", wrong);
  await admin("a wrong token", "GET", "/accounts", undefined, wrong);
  const basic = Buffer.from(`root:${wrong}`).toString("base64");
  await send("basic authorization", "/api/v1/accounts", { headers: { authorization: `Basic ${basic}` } });
  await send("a token in the query", `/api/v1/accounts?token=${wrong}&access_token=${wrong}`);
}

async function credentials({ secret, admin, send }: Parts): Promise<void> {
  const made = await admin("creation of a credential", "POST", "/credentials", {
    account: "210000000001",
    kind: "assumed-role",
  });
  secret("drawn secret key", made.json.secretAccessKey, /^creation of a credential$/, exportPlace);
  secret("drawn session token", made.json.sessionToken, /^creation of a credential$/, exportPlace);
  const given = word();
  secret("secret key of bodies that were refused", given);
  const body = { account: "nobody", kind: "iam-user", secretAccessKey: given };
  await admin("a credential that is wrong", "POST", "/credentials", body);
  await admin("a secret of a wrong type", "POST", "/credentials", { ...body, secretAccessKey: [given] });
  await admin("a secret with a space", "POST", "/credentials", { ...body, secretAccessKey: `${given} ${given}` });
  await admin("a secret as a name", "POST", "/credentials", {
    account: "210000000001",
    kind: "iam-user",
    sekret: given,
  });
  await admin("a credential that is no JSON", "POST", "/credentials", `{"secretAccessKey":"${given}",}`);
  await admin("a credential cut off", "POST", "/credentials", `{"secretAccessKey":"${given}`);
  await admin("no JSON around a secret", "POST", "/credentials", given);
  for (const [form, text] of [
    ["json", `{"credentials":[{"secretAccessKey":"${given}","account":1}]}`],
    ["json", `{"credentials":[{"secretAccessKey":"${given}"`],
    ["yaml", `credentials:\n  - account: "210000000001"\n   secretAccessKey: ${given}\n`],
    ["yaml", `credentials:\n  - account: "210000000001"\n    kind: iam-user\n    secretAccessKey: [${given}]\n`],
    ["yaml", `credentials: *${given}\n`],
    ["yaml", `notificationTargets:\n  - kind: http\n    url: "${given}"\n`],
  ] as const) {
    await send(`a catalogue that is wrong: ${form}`, "/api/v1/catalog", {
      method: "POST",
      headers: { authorization: `Bearer ${secretOf(text)}`, "content-type": `application/${form}` },
      body: text,
    });
    await admin(`a catalogue as JSON: ${form}`, "POST", "/catalog", text);
  }
}

/** Not the token: what a person pastes into the wrong field. */
function secretOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function registration({ secret, admin, aws, send }: Parts): Promise<void> {
  const issued = await admin("issue of a registration token", "POST", "/registration-tokens", {
    product: products.logs,
    customer: "310000000001",
  });
  const { token } = issued.json;
  // The page that posts it to the seller; and refusals quote to their caller, and to nobody else, what they refuse.
  const forwarded = /^(?:issue of a registration token|the registration page|the sample page)/;
  secret("registration token", token, forwarded, /^ResolveCustomer, in a list$/);
  for (const [name, request] of [
    ["resolved", { RegistrationToken: token }],
    ["resolved again", { RegistrationToken: token }],
    ["encoded twice", { RegistrationToken: encodeURIComponent(token) }],
    ["under another name", { Token: token, registrationToken: token }],
    ["in a list", { RegistrationToken: [token] }],
    ["no JSON", `{"RegistrationToken":"${token}"`],
  ] as const) {
    await aws(`ResolveCustomer, ${name}`, "ResolveCustomer", request);
    await aws(`BatchMeterUsage with a token, ${name}`, "BatchMeterUsage", request);
  }
  const form = (fields: Record<string, string>): RequestInit => ({ method: "POST", body: new URLSearchParams(fields) });
  await send("the registration page", "/marketplace/handover", form({ "x-amzn-marketplace-token": token }));
  await send("the sample page", `/sample-registration/${products.logs}`, form({ "x-amzn-marketplace-token": token }));
}

async function signatures({ catalog, secret, aws, endpoint, send }: Parts): Promise<void> {
  const session = key(catalog, keys.sellerSession);
  const other = key(catalog, keys.allowsNothingSession);
  const batch = { ProductCode: products.logs, UsageRecords: [] };
  await aws("by a session", "BatchMeterUsage", batch, session);
  await aws("by a session, in the query", "BatchMeterUsage", batch, { ...session, form: "query" });
  await aws("a token of another session", "BatchMeterUsage", batch, { ...session, ...tokenOf(other) });
  await aws("a wrong secret", "BatchMeterUsage", batch, { ...session, wrongSecret: true });
  await aws("a wrong secret, in the query", "BatchMeterUsage", batch, {
    ...session,
    ...{ wrongSecret: true, form: "query" },
  });
  await aws("without a date", "BatchMeterUsage", batch, { ...session, omit: "x-amz-date" });
  await aws("too old", "BatchMeterUsage", batch, { ...session, skewSeconds: -1_000 });
  const { secretAccessKey } = session;
  // Some people paste it there. AWS's text quotes what came to whoever sent it; nothing else may.
  const pasted = [awsSecret(), word(), word()] as const;
  secret("secret in place of its id", pasted[0], /^the secret as its id$/);
  secret("secret without slashes in place of its id", pasted[1], /^the secret as its id$/);
  secret("secret in a header that cannot be read", pasted[2], /^a header that cannot be read$/);
  for (const accessKeyId of pasted.slice(0, 2)) {
    await aws("the secret as its id", "BatchMeterUsage", batch, { ...session, accessKeyId });
  }
  await send("a header that cannot be read", "/", {
    method: "POST",
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=${pasted[2]}`,
      "x-amz-target": "AWSMPMeteringService.MeterUsage",
    },
    body: "{}",
  });
  for (const authorization of [
    `Bearer ${secretAccessKey}`,
    `Basic ${Buffer.from(`x:${secretAccessKey}`).toString("base64")}`,
    secretAccessKey,
  ]) {
    await send("an Authorization that is none", "/", {
      method: "POST",
      headers: { authorization, "x-amz-target": "AWSMPMeteringService.MeterUsage", "x-amz-security-token": "none" },
      body: "{}",
    });
  }
  secret("signature", signatureOf(endpoint, session));
}

const tokenOf = ({ sessionToken }: { readonly sessionToken?: string }) =>
  sessionToken === undefined ? {} : { sessionToken };

function signatureOf(endpoint: string, session: ReturnType<typeof key>): string {
  const { headers } = signRequest({ host: new URL(endpoint).host, headers: {}, body: "", ...session });
  return /Signature=(\w+)/.exec(headers.authorization ?? "")?.[1] ?? "";
}

async function browsers({ secret, admin, send }: Parts): Promise<void> {
  const link = await admin("a console link", "POST", "/console-links", {});
  const linkWord = /#sign-in=(.+)$/.exec(link.json.url)?.[1] ?? "";
  secret("word of a console link", linkWord, /^a console link$/);
  const json = { "content-type": "application/json" };
  const open = (name: string, body: object) =>
    send(name, "/api/v1/session", { method: "POST", headers: json, body: JSON.stringify(body) });
  const opened = await open("opening a session", { link: linkWord });
  const own = /^(?:opening a session|one's own session)$/;
  secret("word against forged requests", opened.json.csrf, own);
  secret("session cookie", opened.cookie.split("=")[1] ?? "", own);
  await open("a link used again", { link: linkWord });
  const guess = word();
  secret("wrong words", guess);
  await open("a wrong link", { link: guess });
  await open("a wrong admin token", { adminToken: guess });
  await open("a session of a wrong form", { link: guess, adminToken: guess });
  const { cookie } = opened;
  await send("one's own session", "/api/v1/session", { headers: { cookie } });
  const csrf = opened.json.csrf as string;
  const change = (name: string, headers: Record<string, string>) =>
    send(name, "/api/v1/clock/follow", { method: "POST", headers: { cookie, ...json, ...headers }, body: "{}" });
  await change("a change by a session", { "x-meterhouse-csrf": csrf });
  await change("a forged change", {});
  await change("a change with a wrong word", { "x-meterhouse-csrf": guess });
  await send("the console under a cookie", "/console/", { headers: { cookie } });
  await send("a service call under a cookie", "/", {
    method: "POST",
    headers: { cookie, "x-meterhouse-csrf": csrf, "x-amz-target": "AWSMPMeteringService.MeterUsage" },
    body: "{}",
  });
}

async function targets({ secret, admin, send }: Parts): Promise<void> {
  const [password, queueSecret] = [word(), awsSecret()];
  secret("password of an endpoint", password, exportPlace);
  secret("secret key of a queue", queueSecret, exportPlace);
  const owner = { seller: "210000000001" };
  const endpoint = await startEndpoint();
  try {
    const url = `http://seller:${password}@${endpoint.host}/sns`;
    const http = await admin("creation of an HTTP target", "POST", "/notification-targets", {
      ...owner,
      kind: "http",
      url,
    });
    // Nobody listens on port 9: deliveries fail, and say why.
    await admin("creation of a queue's target", "POST", "/notification-targets", {
      ...{ ...owner, kind: "sqs", url: "http://127.0.0.1:9/queue" },
      sqs: {
        endpoint: "http://127.0.0.1:9",
        region: "us-east-1",
        accessKeyId: "AKIAQUEUE",
        secretAccessKey: queueSecret,
      },
    });
    await admin("a queue of a wrong form", "POST", "/notification-targets", {
      ...{ ...owner, kind: "http", url: `http://x:${password}@127.0.0.1:9/`, sqs: { secretAccessKey: queueSecret } },
    });
    const wrongUrl = `ftp://x:${password}@h/`;
    await admin("a URL that is none", "POST", "/notification-targets", { ...owner, kind: "http", url: wrongUrl });
    const exported = await admin("export", "GET", "/catalog");
    await admin("import of an export without secrets", "POST", "/catalog", exported.text);
    await admin("asking to confirm", "POST", `/notification-targets/${http.json.id}/confirm`, {});
    const asked = await endpoint.next();
    const basic = `Basic ${Buffer.from(`seller:${password}`).toString("base64")}`;
    if (asked.authorization !== basic) throw new Error("the endpoint was not shown its password");
    const subscription = JSON.parse(asked.body) as { readonly Token: string; readonly SubscribeURL: string };
    secret("subscription token", subscription.Token);
    const confirmed = await send(
      "confirming",
      new URL(subscription.SubscribeURL).pathname + new URL(subscription.SubscribeURL).search,
    );
    if (confirmed.json.confirmed !== true) throw new Error("the subscription was not confirmed");
    const agreement = await admin("an agreement", "POST", "/agreements", {
      product: products.safe,
      buyer: "310000000008",
    });
    await admin("its end", "POST", `/agreements/${agreement.json.id}/cancel`, {});
    await admin("export with secrets", "GET", "/catalog?secrets=true");
  } finally {
    endpoint.close();
  }
  const guess = word();
  secret("wrong subscription token", guess);
  await send("a wrong subscription token", `/sns/confirm?token=${guess}`);
}

interface Posted {
  readonly authorization: string | undefined;
  readonly body: string;
}

/** A seller's endpoint. */
async function startEndpoint() {
  const posts: Posted[] = [];
  const told = new EventEmitter();
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      posts.push({ authorization: request.headers.authorization, body });
      told.emit("post");
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: async (): Promise<Posted> => {
      for (;;) {
        const post = posts.shift();
        if (post !== undefined) return post;
        await once(told, "post");
      }
    },
    close: () => server.close().closeAllConnections(),
  };
}

async function workloads({ endpoint, secret, admin, send }: Parts): Promise<void> {
  const run = async (kind: string) => {
    const { id } = (await admin(`running ${kind}`, "POST", "/workloads", { kind, account: "310000000001" })).json;
    const name = `environment of ${kind}`;
    const { variables, webIdentityToken } = (await admin(name, "GET", `/workloads/${id}/environment`)).json;
    return {
      id: id as string,
      variables: variables as Record<string, string>,
      webIdentityToken: webIdentityToken as string,
    };
  };
  const task = await run("ecs");
  const authorization = task.variables.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? "";
  secret("authorization token of a task", authorization, /^environment of ecs$/, exportPlace);
  const credentialsOf = (name: string, token: string) =>
    send(name, `/workloads/${task.id}/ecs/credentials`, { headers: { authorization: token } });
  const fetched = (await credentialsOf("credentials of a task", authorization)).json;
  secret("secret key of a task", fetched.SecretAccessKey, /^credentials of a task$/);
  secret("session token of a task", fetched.Token, /^credentials of a task$/);
  const guess = word();
  secret("wrong authorization token", guess);
  await credentialsOf("credentials by a wrong token", guess);

  const instance = await run("ec2");
  const imds = `/workloads/${instance.id}/imds/latest`;
  const token = await send("metadata token", `${imds}/api/token`, {
    ...{ method: "PUT", headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" } },
  });
  secret("metadata token", token.text, /^metadata token$/);
  await send("metadata", `${imds}/meta-data/instance-id`, { headers: { "x-aws-ec2-metadata-token": token.text } });
  await send("metadata by a wrong token", `${imds}/meta-data/`, { headers: { "x-aws-ec2-metadata-token": guess } });

  const pod = await run("eks");
  secret("web identity token", pod.webIdentityToken, /^environment of eks$/);
  const sts = new STSClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "none", secretAccessKey: "none" },
    maxAttempts: 1,
  });
  const assume = (WebIdentityToken: string) =>
    sts.send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: pod.variables.AWS_ROLE_ARN,
        RoleSessionName: "pod",
        WebIdentityToken,
      }),
    );
  const { Credentials } = await assume(pod.webIdentityToken);
  secret("secret key of a pod", Credentials?.SecretAccessKey ?? "");
  secret("session token of a pod", Credentials?.SessionToken ?? "");
  const [head = "", payload = "", proof = ""] = pod.webIdentityToken.split(".");
  secret("proof of a web identity token", proof, /^environment of eks$/);
  await assume(`${head}.${payload}.${proof.slice(0, -4)}AAAA`).catch(() => {});
  await assume(`${word()}`).catch(() => {});
  const body = `Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=x&RoleSessionName=pod&WebIdentityToken=${pod.webIdentityToken}`;
  await send("AssumeRoleWithWebIdentity of a wrong form", "/", {
    ...{ method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body },
  });
  sts.destroy();
}

async function faults({ endpoint, catalog, secret, admin, aws, send }: Parts): Promise<void> {
  const sts = new STSClient({ endpoint, region: "us-east-1", credentials: key(catalog, keys.seller), maxAttempts: 1 });
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: "nightly" }));
  sts.destroy();
  const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = Credentials ?? {};
  secret("secret key by AssumeRole", SecretAccessKey, exportPlace);
  secret("session token by AssumeRole", SessionToken, exportPlace);
  const session = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  const record = {
    ...{
      Timestamp: Math.floor(Date.now() / 1_000),
      CustomerAWSAccountId: "310000000001",
      Dimension: "searches",
      Quantity: 1,
    },
  };
  const batch = { ProductCode: products.logs, UsageRecords: [record] };
  for (const phase of ["before-commit", "after-commit"]) {
    await admin("planning a fault", "POST", "/faults", { kind: "error", status: 503, phase });
    await aws(`a fault ${phase}`, "BatchMeterUsage", batch, session);
  }
  await admin("planning a proxy's fault", "POST", "/faults", { kind: "proxy-503" });
  await aws("a proxy's fault", "BatchMeterUsage", batch, session);
  await aws("usage", "BatchMeterUsage", batch, session);
  await send("a path that makes no sense", `/%zz/${word()}`);
}

/** Whatever can be read at all. */
async function reads({ admin, send }: Parts): Promise<void> {
  const document = (await send("the OpenAPI document", "/api/v1/openapi.json")).json;
  const [from, to] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 60_000)].map((at) => at.toISOString());
  const query = `?from=${from}&to=${to}&month=2026-08&date=2026-08-15`;
  for (const [path, methods] of Object.entries<Json>(document.paths)) {
    if (methods.get === undefined || path.endsWith("/stream") || path.includes("{")) continue;
    const own = path.slice("/api/v1".length);
    const wanted = (methods.get.parameters ?? []).filter((one: Json) => one.in === "query" && one.required);
    await admin(`GET ${own}`, "GET", wanted.length === 0 ? own : queryOf(own, wanted, query));
  }
  for (const [list, member] of [
    ["calls", "requestId"],
    ["calls/untraced", "requestId"],
    ["notifications", "id"],
    ["credentials", "accessKeyId"],
    ["workloads", "id"],
    ["products", "code"],
  ] as const) {
    const { items } = (await admin(`all ${list}`, "GET", `/${list}?limit=1000`)).json;
    for (const one of items) await admin(`one of ${list}`, "GET", `/${list}/${one[member]}`);
  }
  for (const path of ["/", "/healthz", "/metrics", "/console/", "/marketplace", "/marketplace/subscriptions"]) {
    await send(`GET ${path}`, path);
  }
}

function queryOf(path: string, wanted: readonly Json[], query: string): string {
  const given = new URLSearchParams(query);
  return `${path}?${wanted.map(({ name }) => `${name}=${encodeURIComponent(given.get(name) ?? "x")}`).join("&")}`;
}

/** Every file of a folder, and of the folders in it. */
export function filesIn(folder: string): readonly Place[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => ({ name: `file ${name}`, text: readFileSync(join(folder, name), "latin1") }));
}

/** The forms in which a text may stand somewhere. */
export function formsOf(value: string): ReadonlySet<string> {
  const bytes = Buffer.from(value);
  return new Set([
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    encodeURIComponent(value).replaceAll(/%[0-9A-F]{2}/g, (pair) => pair.toLowerCase()),
    value.replaceAll("+", " "),
    value.replaceAll("&", "&amp;").replaceAll("+", "&#43;").replaceAll("=", "&#61;"),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    // Base64 wherever the text begins in its groups of three bytes; the ends depend on what stands beside it.
    ...[0, 1, 2].flatMap((lead) => {
      const text = Buffer.concat([Buffer.alloc(lead), bytes])
        .toString("base64")
        .replace(/=+$/, "");
      const inner = text.slice(lead === 0 ? 0 : lead + 1, -1);
      return [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
    }),
  ]);
}

/** Where secrets stand that are shown there by nobody's design: `secret ← place`, and the text around. */
export function leaksOf(secrets: readonly Secret[], places: readonly Place[]): readonly string[] {
  return secrets.flatMap(({ name, value, shownIn = [] }) => {
    const forms = [...formsOf(value)];
    return places
      .filter((place) => !shownIn.some((shown) => shown.test(place.name)))
      .flatMap((place) => {
        const form = forms.find((one) => place.text.includes(one));
        if (form === undefined) return [];
        const at = place.text.indexOf(form);
        return [
          `${name} ← ${place.name}: …${place.text.slice(Math.max(0, at - 60), at).replaceAll(/[^\x20-\x7e]/g, ".")}‹here›`,
        ];
      });
  });
}
