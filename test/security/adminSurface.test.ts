/**
 * Issue 7: the admin surface is closed without a token. Every operation of the served OpenAPI document is called with
 * each wrong way to prove oneself, from pages of other sites and under names of other hosts; nothing changes.
 */
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import { keys, startAt, testCatalog } from "../support/catalog.ts";

// biome-ignore lint/suspicious/noExplicitAny: the wire has no types
type Json = any;

interface Operation {
  readonly method: string;
  readonly path: string;
}

interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

let meterhouse: Meterhouse;
let document: Json;
let operations: readonly Operation[];
beforeAll(async () => {
  meterhouse = await startMeterhouse({ catalog: testCatalog(), now: startAt });
  document = JSON.parse((await send("GET", "/api/v1/openapi.json", {})).text);
  operations = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, keys.seller),
    })),
  );
});
afterAll(() => meterhouse.close());

/** By node:http, which sends whatever headers it is given. `host`: default the right one. */
function send(method: string, path: string, headers: OutgoingHttpHeaders, body?: string | Buffer): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(`${meterhouse.endpoint}${path}`, { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      // Streams have no end of their own.
      if (/event-stream/.test(response.headers["content-type"] ?? "")) {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        outgoing.destroy();
      }
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

const json = { "content-type": "application/json" };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const call = ({ method, path }: Operation, headers: OutgoingHttpHeaders, query = ""): Promise<Reply> =>
  method === "GET"
    ? send(method, path + query, headers)
    : send(method, path + query, { ...json, ...headers }, method === "DELETE" ? undefined : "{}");

/** All of what these calls could have changed. */
async function state(): Promise<string> {
  const paths = [
    "catalog",
    "events?limit=1000",
    "admin-tokens",
    "faults",
    "settings",
    "clock",
    "calls",
    "notifications",
  ];
  const replies = await Promise.all(paths.map((path) => send("GET", `/api/v1/${path}`, bearer(meterhouse.adminToken))));
  for (const { status } of replies) expect(status).toBe(200);
  return replies.map(({ text }) => text.replace(/"wall":"[^"]*"/, "")).join("\n");
}

/** Opening a session is how one proves oneself. */
const isDoor = ({ method, path }: Operation): boolean => method === "POST" && path.endsWith("/session");

async function makeToken(
  name: string,
  role: "full" | "read",
): Promise<{ readonly id: string; readonly token: string }> {
  const made = await send(
    "POST",
    "/api/v1/admin-tokens",
    { ...json, ...bearer(meterhouse.adminToken) },
    JSON.stringify({ name, role }),
  );
  return JSON.parse(made.text);
}

describe("every operation of the OpenAPI document", () => {
  test("there are as many as there should be", () => {
    expect(operations.length).toBeGreaterThan(80);
  });

  test("without a token, with one in the query, or by a cookie of no session: 401, and nothing changes", async () => {
    const before = await state();
    const token = meterhouse.adminToken;
    const port = new URL(meterhouse.endpoint).port;
    for (const operation of operations) {
      if (isDoor(operation)) continue;
      const ways: readonly (readonly [OutgoingHttpHeaders, string])[] = [
        [{}, ""],
        [{}, `?token=${token}&access_token=${token}&authorization=Bearer%20${token}`],
        [{ cookie: `meterhouse_session_${port}=${token}` }, ""],
        [{ cookie: `meterhouse_session=${token}; admin.token=${token}` }, ""],
        [{ "x-authorization": `Bearer ${token}`, "proxy-authorization": `Bearer ${token}`, "x-api-key": token }, ""],
        [{ "x-http-method-override": "GET", "x-original-url": "/healthz" }, ""],
        [{ "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1", forwarded: "for=127.0.0.1" }, ""],
      ];
      const replies = await Promise.all(ways.map(([headers, query]) => call(operation, headers, query)));
      expect([operation, replies.map(({ status }) => status)]).toEqual([operation, ways.map(() => 401)]);
      for (const { text } of replies) expect(JSON.parse(text)).toMatchObject({ status: 401 });
    }
    expect(await state()).toBe(before);
  });

  test("by other methods neither: what is there is told to nobody", async () => {
    const before = await state();
    for (const path of new Set(operations.map(({ path }) => path))) {
      const replies = await Promise.all(
        ["HEAD", "OPTIONS", "PUT", "PROPFIND", "TRACE"].map((one) => send(one, path, {})),
      );
      expect([path, replies.map(({ status }) => status)]).toEqual([path, replies.map(() => 401)]);
    }
    expect(await state()).toBe(before);
  });

  test("with a wrong or revoked token: 401, and nothing changes", async () => {
    const { id, token } = await makeToken("revoked", "full");
    expect((await send("DELETE", `/api/v1/admin-tokens/${id}`, bearer(meterhouse.adminToken))).status).toBe(204);
    const before = await state();
    const basic = Buffer.from(`root:${meterhouse.adminToken}`).toString("base64");
    const wrongs = [
      `Bearer ${token}`,
      `Bearer ${meterhouse.adminToken}x`,
      `Bearer ${meterhouse.adminToken.slice(0, -1)}`,
      `Bearer ${meterhouse.adminToken.toUpperCase()}`,
      `Bearer ${meterhouse.adminToken} ${meterhouse.adminToken}`,
      `Basic ${basic}`,
      meterhouse.adminToken,
    ];
    // Wrong ones are slowed after twenty: all at once, of which those beyond are answered 429, unlooked at.
    for (const [index, operation] of operations.filter((one) => !isDoor(one)).entries()) {
      if (index >= 16) break;
      const reply = await call(operation, { authorization: wrongs[index % wrongs.length] });
      expect([operation, reply.status]).toEqual([operation, 401]);
    }
    const rest = operations.filter((one) => !isDoor(one)).slice(16);
    const replies = await Promise.all(
      rest.map((one, index) => call(one, { authorization: wrongs[index % wrongs.length] })),
    );
    for (const reply of replies) expect([401, 429]).toContain(reply.status);
    expect(await state()).toBe(before);
  });

  test("with a token that may only read: every change is 403, and nothing changes", async () => {
    const { token } = await makeToken("reader", "read");
    const before = await state();
    for (const operation of operations) {
      if (operation.method === "GET" || isDoor(operation)) continue;
      const reply = await call(operation, bearer(token));
      const isOwnAffair = /\/(?:session|console-links)$/.test(operation.path);
      expect([operation, reply.status]).toEqual([operation, isOwnAffair ? reply.status : 403]);
      if (isOwnAffair) expect(reply.status).toBeLessThan(300);
    }
    for (const path of ["catalog?secrets=true", "catalog?secrets=true&secrets=false"]) {
      expect([403, 422]).toContain((await send("GET", `/api/v1/${path}`, bearer(token))).status);
    }
    expect(await state()).toBe(before);
  });

  test("a session of a reader makes no more of itself, and a cookie alone changes nothing", async () => {
    const { token } = await makeToken("visitor", "read");
    const opened = await send("POST", "/api/v1/session", json, JSON.stringify({ adminToken: token }));
    const cookie = opened.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const { csrf, role } = JSON.parse(opened.text);
    expect(role).toBe("read");
    const link = await send("POST", "/api/v1/console-links", { ...json, cookie, "x-meterhouse-csrf": csrf }, "{}");
    const word = /#sign-in=(.+)$/.exec(JSON.parse(link.text).url)?.[1];
    const again = await send("POST", "/api/v1/session", json, JSON.stringify({ link: word }));
    expect(JSON.parse(again.text)).toMatchObject({ name: "visitor", role: "read" });

    const full = await send("POST", "/api/v1/session", json, JSON.stringify({ adminToken: meterhouse.adminToken }));
    const own = full.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const before = await state();
    for (const operation of operations) {
      if (operation.method === "GET" || isDoor(operation)) continue;
      for (const headers of [
        { cookie: own },
        { cookie: own, "x-meterhouse-csrf": csrf },
        { cookie: own, "x-meterhouse-csrf": "" },
      ]) {
        const reply = await call(operation, headers);
        expect([operation, reply.status]).toEqual([operation, 403]);
      }
    }
    expect(await state()).toBe(before);
    expect((await send("GET", "/api/v1/session", { cookie: own })).status).toBe(200);
  });
});

describe("what is open by a word of its own", () => {
  test("subscriptions, keys of workloads, the console: nothing without the word", async () => {
    const admin = { ...json, ...bearer(meterhouse.adminToken) };
    const target = { seller: "210000000001", kind: "http", url: "http://127.0.0.1:9/" };
    expect((await send("POST", "/api/v1/notification-targets", admin, JSON.stringify(target))).status).toBe(201);
    const made = async (kind: string): Promise<string> =>
      JSON.parse(
        (await send("POST", "/api/v1/workloads", admin, JSON.stringify({ kind, account: "310000000001" }))).text,
      ).id;
    const [task, instance] = [await made("ecs"), await made("ec2")];
    const before = await state();
    for (const action of ["confirm", "unsubscribe"]) {
      for (const query of ["", "?token=", "?token=undefined", "?target=x", `?token=${"0".repeat(128)}`]) {
        expect((await send("GET", `/sns/${action}${query}`, {})).status).toBe(404);
      }
    }
    for (const authorization of [undefined, "", "undefined", "Bearer x", meterhouse.adminToken]) {
      const headers = authorization === undefined ? {} : { authorization };
      expect((await send("GET", `/workloads/${task}/ecs/credentials`, headers)).status).toBe(401);
    }
    const imds = `/workloads/${instance}/imds/latest`;
    const later = Buffer.alloc(40);
    later.writeBigUInt64BE(BigInt(Date.now() + 60_000));
    for (const token of [undefined, "", "x", later.toString("base64"), meterhouse.adminToken]) {
      const headers = token === undefined ? {} : { "x-aws-ec2-metadata-token": token };
      expect((await send("GET", `${imds}/meta-data/iam/security-credentials/`, headers)).status).toBe(401);
    }
    // A page of a browser can be made to send that through a proxy that is open to all.
    const forwarded = { "x-aws-ec2-metadata-token-ttl-seconds": "60", "x-forwarded-for": "10.0.0.1" };
    expect((await send("PUT", `${imds}/api/token`, forwarded)).status).toBe(403);
    for (const body of [{}, { link: "x" }, { adminToken: "x" }, { link: "" }, { adminToken: "" }, { link: null }]) {
      const reply = await send("POST", "/api/v1/session", json, JSON.stringify(body));
      expect([body, [401, 422].includes(reply.status)]).toEqual([body, true]);
      expect(reply.headers["set-cookie"]).toBeUndefined();
    }
    expect(await state()).toBe(before);
  });
});

describe("pages of other sites", () => {
  const wrongs = (): readonly OutgoingHttpHeaders[] => {
    const { port } = new URL(meterhouse.endpoint);
    return [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "" },
      { origin: `http://127.0.0.1:${Number(port) + 1}` },
      { origin: `http://localhost:${port}` },
      { origin: `http://127.0.0.1:${port}.evil.example` },
      { origin: `http://127.0.0.1:${port}@evil.example` },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "cross-site", origin: meterhouse.endpoint },
    ];
  };

  test("are refused by every operation, with the right token too, and nothing changes", async () => {
    const before = await state();
    for (const operation of operations) {
      const ways = wrongs().map((headers) => ({ ...bearer(meterhouse.adminToken), ...headers }));
      const replies = await Promise.all(ways.map((headers) => call(operation, headers)));
      expect([operation, replies.map(({ status }) => status)]).toEqual([operation, ways.map(() => 403)]);
    }
    expect(await state()).toBe(before);
  });

  test("the buyer's forms are taken from nobody else's page", async () => {
    const page = await send("GET", "/marketplace", {});
    const cookie = page.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
    const csrf = /name="csrf" value="(\w+)"/.exec(page.text)?.[1] ?? "";
    const form = { "content-type": "application/x-www-form-urlencoded", cookie };
    const before = await state();
    for (const [headers, body] of [
      [form, ""],
      [form, "csrf=wrong"],
      [{ ...form, cookie: "" }, `csrf=${csrf}`],
      [{ ...form, origin: "https://evil.example" }, `csrf=${csrf}`],
      [{ ...form, origin: "null" }, `csrf=${csrf}`],
      [{ ...form, "sec-fetch-site": "cross-site" }, `csrf=${csrf}`],
      [{ ...form, "sec-fetch-site": "same-site" }, `csrf=${csrf}`],
    ] as const) {
      const reply = await send("POST", "/marketplace/buyer", headers, `${body}&account=310000000001`);
      expect([headers, body, reply.status]).toEqual([headers, body, 403]);
    }
    expect(await state()).toBe(before);
  });

  test("no answer but the service plane's has CORS headers, for preflights neither", async () => {
    const origin = {
      origin: "https://evil.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization",
    };
    for (const path of [
      ...operations.map(({ path }) => path),
      "/healthz",
      "/readyz",
      "/metrics",
      "/console/",
      "/marketplace",
      "/.well-known/jwks.json",
      "/api/v1/openapi.json",
      "/nothing",
    ]) {
      for (const method of ["GET", "OPTIONS"]) {
        const { headers } = await send(method, path, origin);
        expect([path, Object.keys(headers).filter((name) => name.startsWith("access-control-"))]).toEqual([path, []]);
      }
    }
    // W-59: there every call is signed, and rides on no cookie.
    expect((await send("OPTIONS", "/", origin)).headers["access-control-allow-origin"]).toBe("*");
    expect((await send("OPTIONS", "/", origin)).headers["access-control-allow-credentials"]).toBeUndefined();
  });
});

describe("names of other hosts (DNS rebinding)", () => {
  const names = [
    "rebound.example",
    "127.0.0.1.nip.io",
    "localhost.evil.example",
    "evil.example:80",
    "LOCALHOST.evil",
    "[::1].evil",
    "0x7f000001",
    "2130706433.",
    "xn--e1afmkfd.example",
  ];
  const planes = [
    "/",
    "/healthz",
    "/readyz",
    "/metrics",
    "/console",
    "/console/",
    "/console/assets/x.js",
    "/marketplace",
    "/sample-registration/x",
    "/api/v1",
    "/api/v1/openapi.json",
    "/api/v1/stream",
    "/.well-known/jwks.json",
    "/sns/authority.pem",
    "/sns/confirm?token=x",
    "/workloads/x/ecs/credentials",
    "/workloads/x/imds/latest/meta-data/",
    "/workloads/oidc/id/x/keys",
    "/nothing",
  ];

  test.each(names)("%s is refused on every plane but the signed one", async (host) => {
    for (const path of planes) {
      const reply = await send("GET", path, { host, ...bearer(meterhouse.adminToken) });
      expect([path, host, [400, 421].includes(reply.status)]).toEqual([path, host, true]);
    }
    for (const operation of operations.filter(({ method }) => method !== "GET")) {
      const reply = await call(operation, { host, ...bearer(meterhouse.adminToken) });
      expect([operation, [400, 421].includes(reply.status)]).toEqual([operation, true]);
    }
  });

  test("a page of the rebound name cannot sign, so the service plane tells it nothing", async () => {
    const reply = await send(
      "POST",
      "/",
      {
        host: "rebound.example",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "AWSMPMeteringService.ResolveCustomer",
      },
      "{}",
    );
    expect(JSON.parse(reply.text).__type).toBe("MissingAuthenticationTokenException");
  });
});

describe("headers of what a browser shows", () => {
  const pages = [
    "/console/",
    "/console/settings",
    "/marketplace",
    "/marketplace/buyer",
    "/marketplace/nothing",
    "/sample-registration/x",
  ];

  test.each(pages)("%s", async (path) => {
    const { headers } = await send("GET", path, {});
    expect(headers["content-security-policy"]).toMatch(/default-src 'none'/);
    expect(headers["content-security-policy"]).toMatch(/frame-ancestors 'none'/);
    expect(headers["content-security-policy"]).toMatch(/base-uri 'none'/);
    expect(headers["content-security-policy"]).toMatch(/form-action 'self'/);
    expect(headers["content-security-policy"]).not.toMatch(/script-src[^;]*(?:unsafe|\*)/);
    expect(headers["x-frame-options"]).toBe("DENY");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["referrer-policy"]).toBeDefined();
  });

  test("whatever else is answered is no page: its type is not guessed, and the control plane's stays in no cache", async () => {
    for (const path of [
      "/",
      "/healthz",
      "/readyz",
      "/metrics",
      "/nothing",
      "/.well-known/jwks.json",
      "/api/v1/accounts",
      "/api/v1/openapi.json",
    ]) {
      const { headers } = await send("GET", path, bearer(meterhouse.adminToken));
      expect([path, headers["x-content-type-options"]]).toEqual([path, "nosniff"]);
      expect(headers["content-type"]).not.toMatch(/html/);
      if (path.startsWith("/api/")) expect(headers["cache-control"]).toBe("no-store");
    }
  });

  test("a host that is no host is told of without becoming part of a page", async () => {
    const { headers, text } = await send("GET", "/nothing/%3Cscript%3E", { host: "evil.example<script>" });
    expect(headers["content-type"]).toMatch(/^application\/problem\+json/);
    expect(text).toMatch(/^\{/);
  });
});
