/**
 * Issue 7: the admin surface is closed without a token. Every operation of the served OpenAPI document is called with
 * each wrong way to prove oneself, and nothing changes.
 */
import type { OutgoingHttpHeaders } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, call, json, meterhouse, type Operation, openSurface, operations, send, state } from "./surface.ts";

beforeAll(openSurface);
afterAll(() => meterhouse.close());

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
