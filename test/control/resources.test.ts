/** Accounts, credentials, products with their dimensions and keys, offers: each with its errors. */
import { generateKeyPairSync } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buyer, type Harness, product, seller, startAt, startControl } from "./harness.ts";

let control: Harness;
beforeEach(async () => {
  control = await startControl();
});
afterEach(() => control.close());

const pointers = (answer: { readonly body: { readonly errors: readonly { readonly pointer: string }[] } }): string[] =>
  answer.body.errors.map(({ pointer }) => pointer);

describe("accounts", () => {
  test("are created, read, renamed, suspended and resumed", async () => {
    const made = await control.post("/accounts", { id: "777788889999", name: "Birch" });
    expect(made).toMatchObject({ status: 201, body: { id: "777788889999", name: "Birch", suspended: false } });
    expect((await control.get("/accounts/777788889999")).body).toEqual(made.body);
    const patched = await control.call("PATCH", "/accounts/777788889999", { body: { name: null, suspended: true } });
    expect(patched).toMatchObject({ status: 200, body: { suspended: true } });
    expect(patched.body).not.toHaveProperty("name");
    await control.call("PATCH", "/accounts/777788889999", { body: { suspended: false } });
    const { items } = (await control.get("/events?target=777788889999")).body;
    expect(items.map((one: { action: string }) => one.action)).toEqual([
      "account.resume",
      "account.suspend",
      "account.rename",
      "account.create",
    ]);
    expect(items[0]).toMatchObject({ actor: "root", at: expect.any(String) });
  });

  test("get an id where none is given", async () => {
    expect((await control.post("/accounts", {})).body.id).toMatch(/^[1-9]\d{11}$/);
  });

  test("clash by id and by CustomerIdentifier", async () => {
    expect((await control.post("/accounts", { id: buyer })).status).toBe(409);
    expect((await control.post("/accounts", { customerIdentifier: "aLd3rQ7wE1z" })).status).toBe(409);
  });

  test("are 404 where there is none, 422 where the form is wrong", async () => {
    expect((await control.get("/accounts/000000000000")).status).toBe(404);
    expect((await control.call("PATCH", "/accounts/000000000000", { body: {} })).status).toBe(404);
    expect(pointers(await control.post("/accounts", { id: "1", suspended: "yes" }))).toEqual(["/id", "/suspended"]);
    expect(pointers(await control.call("PATCH", `/accounts/${buyer}`, { body: { id: "1" } }))).toEqual(["/id"]);
  });

  test("come in pages that lose and repeat nothing, while rows come", async () => {
    for (let count = 0; count < 5; count += 1) await control.post("/accounts", { id: `90000000000${count}` });
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const { body } = await control.get(`/accounts?limit=2${cursor === undefined ? "" : `&cursor=${cursor}`}`);
      seen.push(...body.items.map((one: { id: string }) => one.id));
      cursor = body.nextCursor;
      if (seen.length === 2) await control.post("/accounts", { id: "900000000009" });
    } while (cursor !== undefined);
    expect(new Set(seen).size).toBe(8);
    expect(seen).toHaveLength(8);
  });
});

describe("credentials", () => {
  test("show their secrets once", async () => {
    const made = await control.post("/credentials", { account: seller, kind: "assumed-role", name: "meter" });
    expect(made).toMatchObject({ status: 201, body: { account: seller, isTemporary: true } });
    const { accessKeyId, secretAccessKey, sessionToken } = made.body;
    expect(accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(control.store.catalog.credential(accessKeyId)).toMatchObject({ secretAccessKey, sessionToken });
    for (const path of [`/credentials/${accessKeyId}`, "/credentials", "/events", "/catalog"]) {
      const text = JSON.stringify((await control.get(path)).body);
      expect(text).toContain(accessKeyId);
      expect(text).not.toContain(secretAccessKey);
      expect(text).not.toContain(sessionToken);
    }
    expect((await control.call("DELETE", `/credentials/${accessKeyId}`)).status).toBe(204);
    expect((await control.get(`/credentials/${accessKeyId}`)).status).toBe(404);
    expect((await control.call("DELETE", `/credentials/${accessKeyId}`)).status).toBe(404);
  });

  test("are filtered by account and kind", async () => {
    await control.post("/credentials", { account: seller, kind: "iam-user" });
    await control.post("/credentials", { account: buyer, kind: "iam-user" });
    expect((await control.get(`/credentials?account=${seller}`)).body.items).toHaveLength(1);
    expect((await control.get("/credentials?kind=ec2")).body.items).toHaveLength(0);
  });

  test.each([
    [{ account: "000000000000", kind: "iam-user" }, "/account"],
    [{ account: seller, kind: "ec2", region: "us-east-1" }, "/resource"],
    [{ account: seller, kind: "iam-user", resource: "i-1" }, "/resource"],
    [{ account: seller, kind: "ec2", resource: "i-1", region: "us-east-1", products: ["none"] }, "/products/0"],
    [{ account: seller, kind: "robot" }, "/kind"],
    [{ account: seller, kind: "iam-user", allow: ["everything"] }, "/allow/0"],
    [
      {
        account: seller,
        kind: "ec2",
        resource: "i-1",
        region: "us-east-1",
        launchedAt: startAt,
        stoppedAt: "2026-01-01T00:00:00Z",
      },
      "/stoppedAt",
    ],
  ])("%j is wrong at %s", async (body, pointer) => {
    const answer = await control.post("/credentials", body);
    expect(answer.status).toBe(422);
    expect(pointers(answer)).toEqual([pointer]);
  });

  test("clash by their id", async () => {
    const body = { account: seller, kind: "iam-user", accessKeyId: "AKIAEXAMPLE", secretAccessKey: "s" };
    expect((await control.post("/credentials", body)).status).toBe(201);
    expect((await control.post("/credentials", body)).status).toBe(409);
  });
});

describe("products", () => {
  test("are created, changed, and deleted while nothing refers to them", async () => {
    const made = await control.post("/products", {
      title: "Logs",
      seller,
      type: "container-hourly",
      dimensions: [
        { name: "requests", price: "0.01" },
        { name: "seats", kind: "entitlement" },
      ],
      registrationUrl: "https://seller.example/register",
    });
    expect(made).toMatchObject({
      status: 201,
      body: {
        code: expect.stringMatching(/^[a-z0-9]{25}$/),
        createdAt: startAt,
        concurrentAgreementsOnly: true,
        keyVersions: [1],
      },
    });
    const { code } = made.body;
    const patched = await control.call("PATCH", `/products/${code}`, {
      body: {
        description: "Keeps logs",
        registrationUrl: null,
        sendsSns: true,
        enabledRegions: ["us-east-1", "eu-west-1"],
      },
    });
    expect(patched.body).toMatchObject({
      description: "Keeps logs",
      sendsSns: true,
      enabledRegions: ["us-east-1", "eu-west-1"],
    });
    expect(patched.body).not.toHaveProperty("registrationUrl");
    expect((await control.get(`/products?seller=${seller}&type=container-hourly`)).body.items).toEqual([patched.body]);
    expect((await control.call("DELETE", `/products/${code}`)).status).toBe(204);
    expect((await control.get(`/products/${code}`)).status).toBe(404);
  });

  test("stay while something refers to them", async () => {
    const offer = (await control.post("/offers", { product })).body;
    const refused = await control.call("DELETE", `/products/${product}`);
    expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining(offer.id) } });
    await control.call("DELETE", `/offers/${offer.id}`);
    await control.post("/agreements", { product, buyer });
    expect((await control.call("DELETE", `/products/${product}`)).body.detail).toContain("agreement agmt-");
  });

  test("have errors that name the member", async () => {
    expect((await control.post("/products", { code: product, seller, type: "saas-contract" })).status).toBe(409);
    const body = { seller: "000000000000", type: "saas-contract" };
    expect(pointers(await control.post("/products", body))).toEqual(["/seller"]);
    const twice = { seller, type: "saas-contract", dimensions: [{ name: "a" }, { name: "a" }] };
    expect(pointers(await control.post("/products", twice))).toEqual(["/dimensions/1/name"]);
    const script = { registrationUrl: "javascript:alert(1)" };
    expect(pointers(await control.call("PATCH", `/products/${product}`, { body: script }))).toEqual([
      "/registrationUrl",
    ]);
    expect((await control.call("PATCH", `/products/${product}`, { body: { code: "other" } })).status).toBe(422);
    expect((await control.call("DELETE", "/products/none")).status).toBe(404);
  });

  test("two of one code at once: one is made", async () => {
    const body = { code: "twins", seller, type: "container-hourly" };
    const answers = await Promise.all([control.post("/products", body), control.post("/products", body)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
  });
});

describe("dimensions", () => {
  test("are added now, and change all but their name", async () => {
    const made = await control.post(`/products/${product}/dimensions`, { name: "alerts", price: "1.5", unit: "alert" });
    expect(made).toMatchObject({
      status: 201,
      body: { name: "alerts", kind: "metered", price: "1.5", addedAt: startAt },
    });
    const path = `/products/${product}/dimensions/alerts`;
    const patched = await control.call("PATCH", path, { body: { price: "2", unit: null, description: "Sent" } });
    expect(patched.body).toEqual({
      name: "alerts",
      kind: "metered",
      price: "2",
      description: "Sent",
      addedAt: startAt,
    });
    expect(pointers(await control.call("PATCH", path, { body: { name: "warnings" } }))).toEqual(["/name"]);
    const { items } = (await control.get(`/products/${product}/dimensions`)).body;
    expect(items.map(({ name }: { name: string }) => name)).toEqual(["requests", "seats", "alerts"]);
  });

  test("have one space of names, at most 24 of them", async () => {
    const path = `/products/${product}/dimensions`;
    expect((await control.post(path, { name: "seats" })).status).toBe(409);
    expect((await control.post("/products/none/dimensions", { name: "a" })).status).toBe(404);
    expect((await control.call("PATCH", `${path}/none`, { body: {} })).status).toBe(404);
    const names = Array.from({ length: 22 }, (_, index) => `d${index}`);
    await Promise.all(names.map((name) => control.post(path, { name })));
    expect((await control.post(path, { name: "one_more" })).status).toBe(409);
    expect((await control.get(path)).body.items).toHaveLength(24);
  });
});

describe("key versions", () => {
  const path = `/products/${product}/key-versions`;

  test("are generated, imported, listed with their public half, rotated once", async () => {
    const first = await control.post(path);
    expect(first).toMatchObject({ status: 201, body: { version: 1, url: `${control.url}/keys/${product}/1.pem` } });
    expect(await (await fetch(first.body.url)).text()).toBe(first.body.publicKeyPem);
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const privateKeyPem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const second = await control.post(path, { version: 7, privateKeyPem });
    expect(second).toMatchObject({ status: 201, body: { version: 7 } });
    expect((await control.post(`${path}/1/rotate`)).body).toMatchObject({ version: 1, rotatedAt: startAt });
    expect((await control.post(`${path}/1/rotate`)).status).toBe(409);
    expect((await control.post(`${path}/2/rotate`)).status).toBe(404);
    const listed = await control.get(path);
    expect(listed.body.items.map(({ version }: { version: number }) => version)).toEqual([1, 7]);
    expect(JSON.stringify(listed.body)).not.toContain("PRIVATE");
    expect(JSON.stringify((await control.get("/events")).body)).not.toContain("PRIVATE");
  });

  test("must be RSA keys of 2048 bits; the error does not repeat them", async () => {
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const weak = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    for (const privateKeyPem of [weak, "not a key"]) {
      const answer = await control.post(path, { privateKeyPem });
      expect(pointers(answer)).toEqual(["/privateKeyPem"]);
      expect(JSON.stringify(answer.body)).not.toContain(privateKeyPem);
    }
    await control.post(path, { version: 1 });
    expect((await control.post(path, { version: 1 })).status).toBe(409);
  });

  test("made at once get different versions", async () => {
    const answers = await Promise.all([control.post(path), control.post(path), control.post(path)]);
    expect(answers.map(({ body }) => body.version).sort()).toEqual([1, 2, 3]);
  });
});

describe("offers", () => {
  test("are created, listed for a buyer, deleted", async () => {
    const made = await control.post("/offers", { product, buyers: [buyer], termDays: 365, entitlements: { seats: 5 } });
    expect(made).toMatchObject({
      status: 201,
      body: { buyers: [buyer], entitlements: { seats: { IntegerValue: 5 } } },
    });
    const open = (await control.post("/offers", { product, freeTrialDays: 14 })).body;
    expect((await control.get(`/offers?product=${product}&buyer=${buyer}`)).body.items).toHaveLength(2);
    expect((await control.get(`/offers?buyer=${seller}`)).body.items).toEqual([open]);
    expect((await control.get(`/offers/${made.body.id}`)).body).toEqual(made.body);
    await control.post("/agreements", { product, buyer, offer: made.body.id });
    expect((await control.call("DELETE", `/offers/${made.body.id}`)).status).toBe(409);
    expect((await control.call("DELETE", `/offers/${open.id}`)).status).toBe(204);
    expect((await control.get(`/offers/${open.id}`)).status).toBe(404);
  });

  test.each([
    [{ product: "none" }, "/product"],
    [{ product, freeTrialDays: 91 }, "/freeTrialDays"],
    [{ product, entitlements: { requests: 1 } }, "/entitlements/requests"],
    [{ product, buyers: [] }, "/buyers"],
    [{ product, expiresAt: "tomorrow" }, "/expiresAt"],
  ])("%j is wrong at %s", async (body, pointer) => {
    const answer = await control.post("/offers", body);
    expect(answer.status).toBe(422);
    expect(pointers(answer)).toEqual([pointer]);
  });
});
