/**
 * Issue 7, what strangers can make the server do: every size, count, depth and time of a request is bounded on every
 * plane, before anybody has shown a key or a token. Limits of the service plane in detail: `wire/server.test.ts`.
 */
import { connect } from "node:net";
import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createLog } from "../../src/log.ts";
import { listen } from "../../src/server.ts";
import { products } from "../support/catalog.ts";
import { answersIn, rawExchange, startWire, type Wire } from "../support/wireClient.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire.close());
afterEach(async () => {
  // Whatever came: the next call is answered, and nothing was kept.
  expect((await wire.call({ request: { UsageRecords: [] } })).status).toBe(200);
  expect(await wire.meterhouse.records()).toEqual([]);
});

const host = (): string => `Host: ${new URL(wire.meterhouse.endpoint).host}\r\n`;
const raw = (...parts: (string | Buffer)[]) => rawExchange(wire.meterhouse.endpoint, parts, { end: true });

/** Of a control call, by its own connection. */
async function control(path: string, body: string | Buffer, headers = "", token = wire.meterhouse.adminToken) {
  const length = `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  const head = `POST /api/v1${path} HTTP/1.1\r\n${host()}Content-Type: application/json\r\nAuthorization: Bearer ${token}\r\n${length}${headers}Connection: close\r\n\r\n`;
  const reply = await rawExchange(wire.meterhouse.endpoint, [head, body]);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(reply.text)?.[1]), text: reply.text };
}

describe("headers", () => {
  test.each([
    "/",
    "/api/v1/accounts",
    "/marketplace",
    "/console/",
    "/healthz",
    "/metrics",
    "/workloads/x/ecs/credentials",
  ])("%s: 16 KiB of them at most", async (path) => {
    const reply = await raw(`GET ${path} HTTP/1.1\r\n${host()}X-Big: ${"a".repeat(20_000)}\r\n\r\n`);
    expect(reply.text).toMatch(/^HTTP\/1\.1 431 /);
  });

  test("a signature over a thousand names is refused, soon", async () => {
    const names = ["host", ...Array.from({ length: 1_000 }, (_, index) => `x-${index}`)].sort().join(";");
    const reply = await wire.call({ request: {}, headers: { authorization: "" }, sign: { form: "none" } });
    expect(reply.error).toBe("MissingAuthenticationTokenException");
    const bytes = wire
      .bytes({ request: {} })
      .toString("latin1")
      .replace(/SignedHeaders=[^,]+/, `SignedHeaders=${names}`);
    const [answer] = answersIn((await rawExchange(wire.meterhouse.endpoint, [bytes], { until: /\}$/ })).text);
    expect(answer?.error).toBe("InvalidSignatureException");
    expect(answer?.text.length).toBeLessThan(8_000);
  });

  test("a query of a thousand members is refused, soon, and shown in part", async () => {
    const query = Array.from({ length: 1_000 }, (_, index) => `a${index}=%41`).join("&");
    const reply = await wire.call({ request: {}, path: `/?${query}`, sign: { wrongSecret: true } });
    expect(reply.error).toBe("InvalidSignatureException");
    expect(reply.text.length).toBeLessThan(8_000);
  });
});

describe("what is compressed is not unpacked", () => {
  const bomb = Buffer.alloc(50 * 1_048_576, " ");
  const body = Buffer.from('{"UsageRecords":[]}');

  test.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
    ["br", (plain: Buffer) => brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
  ] as const)("%s", async (coding, pack) => {
    for (const plain of [body, bomb]) {
      const packed = pack(plain);
      const reply = await wire.call({ body: packed, headers: { "content-encoding": coding } });
      expect([reply.status, reply.error]).toEqual([400, "SerializationException"]);
      const headers = `Content-Encoding: ${coding}\r\n`;
      const { status } = await control("/accounts", packed, headers);
      expect([400, 415]).toContain(status);
      expect([400, 415]).toContain((await control("/catalog", packed, headers)).status);
    }
  });
});

describe("bodies of the other planes", () => {
  test("nobody without a token makes the control plane read one", async () => {
    const { status } = await control("/catalog", "x".repeat(100_000), "", "mht_wrong");
    expect(status).toBe(401);
  });

  test("1 MiB at most, a catalogue's 64 MiB, a form's 64 KiB; told by their length or counted as they come", async () => {
    expect((await control("/accounts", "x".repeat(1_048_577))).status).toBe(413);
    const head = (path: string, more: string) =>
      `POST ${path} HTTP/1.1\r\n${host()}Authorization: Bearer ${wire.meterhouse.adminToken}\r\n${more}\r\n`;
    const large = `Content-Type: application/json\r\nContent-Length: ${64 * 1_048_576 + 1}\r\n`;
    const told = await rawExchange(wire.meterhouse.endpoint, [head("/api/v1/catalog", large)], { until: /\}$/ });
    expect(told.text).toMatch(/^HTTP\/1\.1 413 /);
    const form = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (const path of ["/marketplace/buyer", "/marketplace/handover", `/sample-registration/${products.logs}`]) {
      const length = await rawExchange(wire.meterhouse.endpoint, [head(path, `${form}Content-Length: 70000\r\n`)], {
        until: /<\/html>$/,
      });
      expect([path, length.text.slice(0, 12)]).toEqual([path, "HTTP/1.1 413"]);
      const chunk = `1000\r\n${"x".repeat(4_096)}\r\n`;
      const chunks = Array.from({ length: 20 }, () => chunk);
      const counted = await rawExchange(
        wire.meterhouse.endpoint,
        [head(path, `${form}Transfer-Encoding: chunked\r\n`), ...chunks, "0\r\n\r\n"],
        { until: /<\/html>\s*(?:0\r\n\r\n)?$/ },
      );
      expect([path, counted.text.slice(0, 12)]).toEqual([path, "HTTP/1.1 413"]);
    }
  });

  test("a form that is sent in chunks is read as any other", async () => {
    const form = "x-amzn-marketplace-token=nobody";
    const reply = await fetch(`${wire.meterhouse.endpoint}/marketplace/handover`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new ReadableStream({
        start: (controller) => {
          controller.enqueue(Buffer.from(form.slice(0, 9)));
          controller.enqueue(Buffer.from(form.slice(9)));
          controller.close();
        },
      }),
      duplex: "half",
    } as RequestInit);
    expect(reply.status).toBe(404);
    expect(await reply.text()).toContain("No such registration token");
  });

  test("JSON a hundred thousand deep is refused, in every section", async () => {
    const deep = 100_000;
    for (const value of [`${"[".repeat(deep)}${"]".repeat(deep)}`, `${'{"a":'.repeat(deep)}1${"}".repeat(deep)}`]) {
      for (const [path, body] of [
        ["/accounts", value],
        ["/accounts", `{"id":${value}}`],
        ["/settings", `{"quotas":${value}}`],
        ["/faults", `{"kind":${value}}`],
        ["/entitlements", `{"value":${value}}`],
        ["/catalog", value],
        ["/catalog", `{"accounts":${value}}`],
        ["/catalog", `{"settings":{"quotas":${value}}}`],
      ] as const) {
        const { status, text } = await control(path, body);
        expect([path, body.slice(0, 20), [400, 405, 422].includes(status)]).toEqual([path, body.slice(0, 20), true]);
        expect(text.length).toBeLessThan(10_000);
      }
    }
  });

  test("YAML that multiplies itself is refused", async () => {
    const lines = ["a: &a [x,x,x,x,x,x,x,x,x,x]"];
    for (let level = 0; level < 9; level += 1) {
      const [name, last] = [String.fromCharCode(98 + level), String.fromCharCode(97 + level)];
      lines.push(`${name}: &${name} [${Array(10).fill(`*${last}`).join(",")}]`);
    }
    const head = `POST /api/v1/catalog HTTP/1.1\r\n${host()}Authorization: Bearer ${wire.meterhouse.adminToken}\r\nContent-Type: application/yaml\r\n`;
    const body = lines.join("\n");
    const reply = await rawExchange(
      wire.meterhouse.endpoint,
      [`${head}Content-Length: ${body.length}\r\n\r\n${body}`],
      { until: /\}$/ },
    );
    expect(reply.text).toMatch(/^HTTP\/1\.1 4(?:00|22) /);
  });

  test("lists of a hundred thousand members, and as many names, are refused in few words", async () => {
    const many = JSON.stringify(Array.from({ length: 100_000 }, () => "*"));
    const named = JSON.stringify(Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`m${index}`, 1])));
    for (const [path, body] of [
      ["/credentials", `{"account":"210000000001","kind":"iam-user","allow":${many}}`],
      ["/accounts", named],
      ["/settings", `{"quotas":{"accounts":${named}}}`],
    ] as const) {
      const { status, text } = await control(path, body);
      expect([path, [405, 422].includes(status)]).toEqual([path, true]);
      expect([path, text.length < 100_000]).toEqual([path, true]);
    }
  });
});

describe("time", () => {
  test("who sends headers or a body slowly is given half a minute; with small limits, seen to be cut off on every plane", async () => {
    const times = { requestMaxMs: 300, headersMaxMs: 150, lingerMaxMs: 100, checkEveryMs: 20 };
    const server = await listen(
      {
        endpoint: async () => ({ status: 200, headers: {}, body: "{}" }),
        router: (request, response) => {
          request.resume().on("end", () => response.end());
        },
        log: createLog("silent"),
        times,
      },
      "127.0.0.1",
      0,
    );
    const { hostname, port } = new URL(server.url);
    const slow = (head: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect(Number(port), hostname);
        let text = "";
        socket.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
        });
        socket.on("error", () => {});
        socket.write(head);
        const drip = setInterval(() => socket.write("x"), 20);
        socket.on("close", () => {
          clearInterval(drip);
          resolve(text);
        });
      });
    try {
      for (const path of ["/", "/api/v1/catalog", "/marketplace/buyer"]) {
        const body = await slow(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n`);
        expect([path, body.slice(0, 12)]).toEqual([path, "HTTP/1.1 408"]);
        const headers = await slow(`POST ${path} HTTP/1.1\r\nHost: x\r\nX-Slow: `);
        expect([path, headers.slice(0, 12)]).toEqual([path, "HTTP/1.1 408"]);
      }
    } finally {
      await server.close();
    }
  });
});
