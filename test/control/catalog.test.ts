/** The catalogue as a document; and what must not show when something goes wrong inside. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type Answer, type Harness, type Json, product, rootToken, seller, startControl } from "./harness.ts";

let control: Harness;
beforeEach(async () => {
  control = await startControl();
});
afterEach(() => control.close());

const pointers = (answer: Answer): string[] => answer.body.errors.map(({ pointer }: Json) => pointer);

describe("the catalogue", () => {
  test("is exported as JSON or YAML, without secrets unless they are asked for", async () => {
    const { secretAccessKey } = (await control.post("/credentials", { account: seller, kind: "iam-user" })).body;
    const exported = await control.get("/catalog");
    expect(exported.body.products).toMatchObject([{ code: product }]);
    const yaml = await control.call("GET", "/catalog", { headers: { accept: "application/yaml" } });
    expect(yaml.headers.get("content-type")).toBe("application/yaml");
    expect(parse(yaml.body)).toEqual(exported.body);
    expect(yaml.body).not.toContain(secretAccessKey);
    expect(JSON.stringify((await control.get("/catalog?secrets=true")).body)).toContain(secretAccessKey);
    expect((await control.get("/events?action=catalog.export")).body.items).toMatchObject([{ actor: "root" }]);
  });

  test("is imported from what was exported, elsewhere and again", async () => {
    const { body } = await control.get("/catalog");
    const other = await startControl();
    try {
      const imported = await other.call("POST", "/catalog", { body });
      expect(imported).toMatchObject({ status: 200, body: { entries: { accounts: 2, products: 1 } } });
      expect((await other.get("/events?action=catalog.import")).body.items).toEqual([]);
      const yaml = "accounts:\n  - id: '900000000001'\n    name: Cedar\n";
      const headers = { "content-type": "application/yaml" };
      expect((await other.call("POST", "/catalog", { body: yaml, headers })).status).toBe(200);
      expect((await other.get("/accounts/900000000001")).body.name).toBe("Cedar");
      expect((await other.get("/events?action=catalog.import")).body.items).toMatchObject([{ actor: "root" }]);
    } finally {
      await other.close();
    }
  });

  test("names what is wrong, in YAML with its line", async () => {
    const wrong = await control.call("POST", "/catalog", { body: { accounts: [{ id: "12" }], colours: [] } });
    expect(wrong.status).toBe(422);
    expect(pointers(wrong).sort()).toEqual(["/accounts/0/id", "/colours"]);
    const headers = { "content-type": "application/yaml" };
    const yaml = await control.call("POST", "/catalog", { body: "accounts:\n  - id: '12'\n", headers });
    expect(yaml.body.errors).toMatchObject([
      { pointer: "/accounts/0/id", message: expect.stringMatching(/^line 2, /) },
    ]);
    expect((await control.call("POST", "/catalog", { body: "{" })).status).toBe(400);
  });

  test("may be larger than other bodies, up to a bound", async () => {
    const accounts = Array.from({ length: 20_000 }, (_, index) => ({
      id: String(500_000_000_000 + index),
      name: "x".repeat(60),
    }));
    expect(JSON.stringify({ accounts }).length).toBeGreaterThan(1_048_576);
    expect((await control.call("POST", "/catalog", { body: { accounts } })).status).toBe(200);
    const yaml = `# ${"x".repeat(5_000_000)}\naccounts: []\n`;
    const refused = await control.call("POST", "/catalog", {
      body: yaml,
      headers: { "content-type": "application/yaml" },
    });
    expect(refused.status).toBe(413);
  });
});

test("what nobody expected is 500 without its text", async () => {
  const broken = await startControl({
    changeSettings: () => Promise.reject(new Error("the secret inside")),
  });
  try {
    const answer = await broken.call("PATCH", "/settings", { body: { revision: "2021" } });
    expect(answer.status).toBe(500);
    expect(JSON.stringify(answer.body)).not.toContain("secret");
  } finally {
    await broken.close();
  }
});

test("an endpoint that hangs holds no answer up", async () => {
  const silent = createServer(() => {});
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
  const other = await startControl({
    confirmTarget: async (target) => {
      await fetch(target.url, { signal: AbortSignal.timeout(5_000) });
      return undefined;
    },
  });
  try {
    const before = performance.now();
    expect((await other.post("/notification-targets", { seller, kind: "http", url })).status).toBe(201);
    expect(performance.now() - before).toBeLessThan(2_000);
    expect((await other.call("GET", "/accounts", { token: rootToken })).status).toBe(200);
  } finally {
    silent.closeAllConnections();
    silent.close();
    await other.close();
  }
});
