/** Sessions of the console: cookies that no script reads, changes that carry their word, links that work once. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions } from "../../src/control/sessions.ts";
import { type Harness, rootToken, startControl } from "./harness.ts";

describe("sessions over HTTP", () => {
  let control: Harness;
  beforeAll(async () => {
    control = await startControl();
  });
  afterAll(() => control.close());

  const open = async (body: object): Promise<{ cookie: string; csrf: string; setCookie: string; status: number }> => {
    const answer = await control.call("POST", "/session", { token: null, body });
    const setCookie = answer.headers.get("set-cookie") ?? "";
    return { cookie: setCookie.split(";")[0] ?? "", csrf: answer.body?.csrf, setCookie, status: answer.status };
  };

  test("the cookie is HttpOnly and of this site alone", async () => {
    const { setCookie, status } = await open({ adminToken: rootToken });
    expect(status).toBe(201);
    expect(setCookie).toMatch(/HttpOnly/);
    expect(setCookie).toMatch(/SameSite=Strict/);
  });

  test("reads need the cookie, changes its word as well", async () => {
    const { cookie, csrf } = await open({ adminToken: rootToken });
    const byCookie = (method: string, path: string, headers = {}, body?: unknown) =>
      control.call(method, path, { token: null, headers: { cookie, ...headers }, body });
    expect((await byCookie("GET", "/products")).status).toBe(200);
    const forged = await byCookie("POST", "/clock/advance", {}, { by: "1h" });
    expect(forged.status).toBe(403);
    expect(forged.body.detail).toContain("X-Meterhouse-Csrf");
    const wrong = await byCookie("POST", "/clock/advance", { "x-meterhouse-csrf": `${csrf}x` }, { by: "1h" });
    expect(wrong.status).toBe(403);
    expect((await byCookie("POST", "/clock/advance", { "x-meterhouse-csrf": csrf }, { by: "1h" })).status).toBe(200);
    expect((await byCookie("POST", "/session", { origin: "https://elsewhere.example" }, {})).status).toBe(403);
  });

  test("a session of a token that may only read changes nothing", async () => {
    const { body } = await control.post("/admin-tokens", { name: "reader", role: "read" });
    const { cookie, csrf } = await open({ adminToken: body.token });
    const headers = { cookie, "x-meterhouse-csrf": csrf };
    expect((await control.call("POST", "/clock/follow", { token: null, headers, body: {} })).status).toBe(403);
    expect((await control.call("GET", "/clock", { token: null, headers })).status).toBe(200);
    expect((await control.call("DELETE", "/session", { token: null, headers })).status).toBe(204);
  });

  test("a link's word works once; wrong words and tokens are told apart from none", async () => {
    const { body } = await control.post("/console-links", {});
    const link = /#sign-in=(.+)$/.exec(body.url)?.[1];
    expect((await open({ link })).status).toBe(201);
    expect((await open({ link })).status).toBe(401);
    expect((await open({ adminToken: "no" })).status).toBe(401);
    expect((await open({})).status).toBe(422);
  });

  test("an ended session is nobody's", async () => {
    const { cookie, csrf } = await open({ adminToken: rootToken });
    const headers = { cookie, "x-meterhouse-csrf": csrf };
    expect((await control.call("DELETE", "/session", { token: null, headers })).status).toBe(204);
    expect((await control.call("GET", "/session", { token: null, headers })).status).toBe(401);
  });
});

describe("sessions in time", () => {
  const hourMs = 3_600_000;
  const root = { name: "root", role: "full" } as const;

  function at() {
    const time = { now: 0 };
    return { time, sessions: createSessions({ catalog: { adminTokens: () => [] }, wallClock: () => time.now }) };
  }

  test("one that is not used for twelve hours is over, one that is used lasts a week", async () => {
    const { time, sessions } = at();
    const { cookie } = await sessions.open(root);
    for (let hour = 0; hour < 7 * 24; hour += 11) {
      time.now = hour * hourMs;
      expect((await sessions.find(cookie))?.caller).toEqual(root);
    }
    time.now = (7 * 24 + 1) * hourMs;
    expect(await sessions.find(cookie)).toBeUndefined();
    const idle = (await sessions.open(root)).cookie;
    time.now += 12 * hourMs + 1;
    expect(await sessions.find(idle)).toBeUndefined();
  });

  test("links are good for twelve hours", async () => {
    const { time, sessions } = at();
    const [early, late] = [await sessions.invite(root), await sessions.invite(root)];
    time.now = 12 * hourMs;
    expect(await sessions.redeem(early)).toEqual(root);
    time.now += 1;
    expect(await sessions.redeem(late)).toBeUndefined();
  });

  test("those used least recently go when there are too many", async () => {
    const { sessions } = at();
    const first = (await sessions.open(root)).cookie;
    const second = (await sessions.open(root)).cookie;
    for (let count = 0; count < 998; count += 1) await sessions.open(root);
    await sessions.find(first);
    await sessions.open(root);
    expect(await sessions.find(first)).toBeDefined();
    expect(await sessions.find(second)).toBeUndefined();
  });
});
