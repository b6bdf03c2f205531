/** People and their programs: admin tokens, credentials, registration, signatures, browsers. */
import { createHash } from "node:crypto";
import { keys, products } from "../support/catalog.ts";
import { signRequest } from "../support/signer.ts";
import { awsSecret, exportPlace, key, type Parts, word } from "./secretsParts.ts";

export async function adminTokens({ secret, admin, send }: Parts): Promise<void> {
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

export async function credentials({ secret, admin, send }: Parts): Promise<void> {
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

export async function registration({ secret, admin, aws, send }: Parts): Promise<void> {
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

export async function signatures({ catalog, secret, aws, endpoint, send }: Parts): Promise<void> {
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

export async function browsers({ secret, admin, send }: Parts): Promise<void> {
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
