/**
 * Issue 7: what a page of another site can do with a browser whose owner runs this server: nothing. Every operation is
 * called as such pages can make a browser call it, and under names that were bound to the server's address.
 */
import type { OutgoingHttpHeaders } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, call, meterhouse, openSurface, operations, send, state } from "./surface.ts";

beforeAll(openSurface);
afterAll(() => meterhouse.close());

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
