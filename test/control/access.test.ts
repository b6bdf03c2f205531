/** The doors of the control plane: tokens, roles, other sites' pages, content types, sizes. */
import { request as httpRequest } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Answer, type Harness, rootToken, startControl } from "./harness.ts";

let control: Harness;
let wallNow: number;
beforeEach(async () => {
  wallNow = Date.now();
  control = await startControl({ wallClock: () => wallNow });
});
afterEach(() => control.close());

/** By node:http, which sends the headers that fetch does not let anyone set. */
function raw(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: Iterable<string | Buffer>,
): Promise<{ readonly status: number; readonly headers: NodeJS.Dict<string | string[]>; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${control.url}${path}`, { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    request.on("error", reject);
    for (const chunk of body ?? []) request.write(chunk);
    request.end();
  });
}

describe("admin tokens", () => {
  test.each([
    ["missing", null],
    ["wrong", "not-the-token"],
    ["empty of words", " "],
  ])("a %s token is 401 and a problem", async (_what, token) => {
    const answer = await control.call("GET", "/accounts", { token });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.body).toMatchObject({ type: "about:blank", title: "Unauthorized", status: 401 });
  });

  test("another scheme is 401", async () => {
    const basic = `Basic ${Buffer.from(`root:${rootToken}`).toString("base64")}`;
    expect((await control.call("GET", "/accounts", { token: null, headers: { authorization: basic } })).status).toBe(
      401,
    );
  });

  test("a missing token tells nothing of what is there", async () => {
    expect((await control.call("GET", "/no-such-thing", { token: null })).status).toBe(401);
    expect((await control.call("GET", "/no-such-thing")).status).toBe(404);
    expect((await control.call("GET", "")).status).toBe(404);
  });

  test("a wrong method is 405 with those that are right", async () => {
    const answer = await control.call("PUT", "/accounts", { body: {} });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")?.split(", ").sort()).toEqual(["GET", "POST"]);
  });

  test("a named token acts under its name until it is revoked", async () => {
    const made = await control.post("/admin-tokens", { name: "ci", role: "full" });
    expect(made).toMatchObject({
      status: 201,
      body: { name: "ci", role: "full", token: expect.stringMatching(/^mht_/) },
    });
    const { id, token } = made.body;
    expect((await control.call("POST", "/accounts", { token, body: { id: "123456789012" } })).status).toBe(201);
    const events = await control.get("/events?action=account.create");
    expect(events.body.items).toMatchObject([{ actor: "ci", target: "123456789012" }]);
    expect((await control.call("DELETE", `/admin-tokens/${id}`)).status).toBe(204);
    const refused = await control.call("GET", "/accounts", { token });
    expect(refused).toMatchObject({ status: 401, body: { detail: expect.stringContaining("revoked") } });
    expect((await control.call("DELETE", `/admin-tokens/${id}`)).status).toBe(409);
    const listed = await control.get("/admin-tokens");
    expect(listed.body.items).toMatchObject([{ id, name: "ci", revokedAt: expect.any(String) }]);
    expect(JSON.stringify(listed.body)).not.toContain(token);
    expect(JSON.stringify(listed.body)).not.toContain("hash");
  });

  test("a token of the role read may only read", async () => {
    const { token } = (await control.post("/admin-tokens", { name: "viewer", role: "read" })).body;
    expect((await control.call("GET", "/accounts", { token })).status).toBe(200);
    expect((await control.call("HEAD", "/accounts", { token })).status).toBe(200);
    for (const [method, path] of [
      ["POST", "/accounts"],
      ["PATCH", "/settings"],
      ["DELETE", "/faults"],
      ["PUT", "/entitlements"],
      ["POST", "/clock/follow"],
      ["POST", "/admin-tokens"],
    ] as const) {
      expect((await control.call(method, path, { token, body: {} })).status).toBe(403);
    }
    expect((await control.call("GET", "/catalog?secrets=true", { token })).status).toBe(403);
  });

  test("names are used once, and those of the server not at all", async () => {
    await control.post("/admin-tokens", { name: "ci", role: "full" });
    expect((await control.post("/admin-tokens", { name: "ci", role: "read" })).status).toBe(409);
    expect((await control.post("/admin-tokens", { name: "Root", role: "full" })).body.errors).toEqual([
      { pointer: "/name", message: expect.any(String) },
    ]);
  });

  test("wrong tokens are slowed after a burst, and not looked at while many wait", async () => {
    const wrong = () => control.call("GET", "/accounts", { token: "wrong" });
    const timed = async (call: Promise<Answer>): Promise<{ readonly status: number; readonly isSlow: boolean }> => {
      const before = performance.now();
      const { status } = await call;
      return { status, isSlow: performance.now() - before > 900 };
    };
    // Missing ones are not counted.
    await Promise.all(Array.from({ length: 50 }, () => control.call("GET", "/accounts", { token: null })));
    for (let count = 0; count < 20; count += 1) expect((await timed(wrong())).isSlow).toBe(false);
    const slow = timed(wrong());
    // One script with an old token keeps nobody out.
    expect(await timed(control.get("/accounts"))).toEqual({ status: 200, isSlow: false });
    expect(await slow).toEqual({ status: 401, isSlow: true });
    const many = await Promise.all(Array.from({ length: 40 }, () => timed(wrong())));
    expect(many.filter(({ status, isSlow }) => status === 401 && isSlow)).toHaveLength(16);
    expect(many.filter(({ status, isSlow }) => status === 429 && !isSlow)).toHaveLength(24);
    wallNow += 60_000;
    expect(await timed(wrong())).toEqual({ status: 401, isSlow: false });
    expect((await control.get("/accounts")).status).toBe(200);
  });
});

describe("pages of other sites", () => {
  const json = { "content-type": "application/json", authorization: `Bearer ${rootToken}` };

  test.each(["https://evil.example", "null", "http://localhost:3000", "garbage"])(
    "the origin %s is refused with a token too",
    async (origin) => {
      const answer = await raw("POST", "/api/v1/accounts", { ...json, origin }, ["{}"]);
      expect(answer.status).toBe(403);
      expect((await control.get("/accounts")).body.items).toHaveLength(2);
    },
  );

  test("the own origin may", async () => {
    expect((await raw("POST", "/api/v1/accounts", { ...json, origin: control.url }, ["{}"])).status).toBe(201);
  });

  test("Sec-Fetch-Site: cross-site is refused for reads too", async () => {
    const headers = { ...json, "sec-fetch-site": "cross-site" };
    expect((await raw("GET", "/api/v1/accounts", headers)).status).toBe(403);
    expect((await raw("GET", "/api/v1/accounts", { ...json, "sec-fetch-site": "same-origin" })).status).toBe(200);
  });

  test("there are no CORS headers, for preflights neither", async () => {
    const headers = { origin: "https://evil.example", "access-control-request-method": "POST" };
    const preflight = await raw("OPTIONS", "/api/v1/accounts", headers);
    expect(preflight.status).toBe(403);
    const answers = [
      preflight,
      await raw("GET", "/api/v1/accounts", json),
      await raw("GET", "/api/v1/openapi.json", {}),
    ];
    for (const answer of answers) {
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  test("a name that was bound to this address is refused (DNS rebinding)", async () => {
    const answer = await raw("GET", "/api/v1/accounts", { ...json, host: "rebound.example" });
    expect(answer.status).toBe(421);
  });
});

describe("bodies", () => {
  const bearer = { authorization: `Bearer ${rootToken}` };

  test.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/yaml"])(
    "%s is 415",
    async (type) => {
      const answer = await raw("POST", "/api/v1/accounts", { ...bearer, "content-type": type }, ["{}"]);
      expect(answer.status).toBe(415);
    },
  );

  test("a body without a Content-Type is 415", async () => {
    expect((await raw("POST", "/api/v1/accounts", bearer, ["{}"])).status).toBe(415);
  });

  test("an action without members needs no body", async () => {
    expect((await raw("POST", "/api/v1/clock/follow", bearer)).status).toBe(200);
    const typed = { ...bearer, "content-type": "application/json" };
    expect((await raw("POST", "/api/v1/clock/follow", typed)).status).toBe(200);
    expect((await raw("POST", "/api/v1/products", typed)).status).toBe(422);
  });

  test("text that is not JSON is 400, and bytes that are not UTF-8", async () => {
    expect((await control.call("POST", "/accounts", { body: "{" })).status).toBe(400);
    const bytes = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]);
    expect(
      (await raw("POST", "/api/v1/accounts", { ...bearer, "content-type": "application/json" }, [bytes])).status,
    ).toBe(400);
  });

  test("more than 1 MiB is 413, told by its length or found on the way", async () => {
    const body = JSON.stringify({ name: "x".repeat(1_048_576) });
    const told = await control.call("POST", "/accounts", { body });
    expect(told.status).toBe(413);
    const headers = { ...bearer, "content-type": "application/json", "transfer-encoding": "chunked" };
    const chunks = Array.from({ length: 40 }, () => "x".repeat(65_536));
    expect((await raw("POST", "/api/v1/accounts", headers, chunks)).status).toBe(413);
    expect((await control.get("/accounts")).status).toBe(200);
  });

  test("every member that is wrong is named by its pointer", async () => {
    const answer = await control.post("/products", {
      seller: "12",
      type: "saas",
      dimensions: [{ name: "ok" }, { name: "not ok", price: "1.2345" }],
      colour: "red",
    });
    expect(answer.status).toBe(422);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(answer.body.errors.map((one: { pointer: string }) => one.pointer).sort()).toEqual([
      "/colour",
      "/dimensions/1/name",
      "/dimensions/1/price",
      "/seller",
      "/type",
    ]);
  });

  test("a member of the query that is wrong is named", async () => {
    for (const [query, field] of [
      ["limit=0", "limit"],
      ["limit=5000", "limit"],
      ["limit=1&limit=2", "limit"],
      ["colour=red", "colour"],
      ["cursor=nonsense", "cursor"],
    ]) {
      const answer = await control.get(`/accounts?${query}`);
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0].field).toBe(field);
    }
  });

  test("answers are kept in no cache", async () => {
    expect((await control.get("/accounts")).headers.get("cache-control")).toBe("no-store");
  });
});
