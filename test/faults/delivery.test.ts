/** Slow bodies and cut connections on the wire, and that nothing is held up for longer than its plan and its client. */
import { getEventListeners } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { pino } from "pino";
import { afterEach, describe, expect, test, vi } from "vitest";
import { deliver } from "../../src/delivery.ts";
import { makeAuthority, makeLeaf } from "../../src/marketplace/notifications/certificates.ts";
import type { WireAnswer } from "../../src/protocol/wire.ts";
import { listen, type RunningServer } from "../../src/server.ts";
import { rawExchange, startWire, type Wire } from "../support/wireClient.ts";
import { batch, sdkClient } from "./support.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function startServed(): Promise<Wire> {
  const wire = await startWire();
  closing.push(() => wire.close());
  return wire;
}

/** A server of nothing but this answer. */
async function serve(answer: WireAnswer, tls?: { certFile: string; keyFile: string }): Promise<RunningServer> {
  const server = await listen(
    {
      endpoint: async () => answer,
      router: (_, response) => response.end(),
      log: pino({ level: "silent" }),
      ...(tls === undefined ? {} : { tls }),
    },
    "127.0.0.1",
    0,
  );
  closing.push(() => server.close());
  return server;
}

const post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
const long: WireAnswer = { status: 200, headers: {}, body: "0123456789".repeat(20) };
const hourMs = 3_600_000;

describe("a slow body", () => {
  test("its head comes at once, its body in pieces", async () => {
    const until = new AbortController().signal;
    const delivery = { kind: "trickle", overMs: 40_000, pieceBytes: 1, until } as const;
    const server = await serve({ ...long, delivery });
    const { text } = await rawExchange(server.url, [post], { until: /\r\n\r\n0123/ });
    expect(text).toContain("Content-Length: 200\r\n");
    expect(text.slice(text.indexOf("\r\n\r\n") + 4).length).toBeLessThan(200);
  });

  test("a piece is larger where the time has too few milliseconds", async () => {
    const until = new AbortController().signal;
    const server = await serve({ ...long, delivery: { kind: "trickle", overMs: 3, pieceBytes: 1, until } });
    const { text } = await rawExchange(server.url, [post], { until: /(?:0123456789){20}$/ });
    expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe(long.body);
  });

  test.each(["end", "reset"] as const)("is given up when its client leaves: %s", async (how) => {
    const { signal: until } = new AbortController();
    const begun = vi.spyOn(until, "addEventListener");
    const server = await serve({ ...long, delivery: { kind: "trickle", overMs: hourMs, pieceBytes: 1, until } });
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1", () => socket.write(post));
    closing.push(() => socket.destroy());
    socket.once("data", () => (how === "end" ? socket.end() : socket.resetAndDestroy()));
    await vi.waitFor(() => expect(begun).toHaveBeenCalledOnce(), { timeout: 5_000 });
    await vi.waitFor(() => expect(getEventListeners(until, "abort")).toHaveLength(0), { timeout: 5_000 });
  });

  test("goes out whole at once when the plan is cleared", async () => {
    const wire = await startServed();
    wire.meterhouse.plan({ kind: "slow-body", ms: 600_000 });
    const answer = sdkClient(wire).send(batch());
    await vi.waitFor(async () => expect(await wire.meterhouse.records()).toHaveLength(1), { timeout: 5_000 });
    await wire.reset();
    expect((await answer).Results).toMatchObject([{ Status: "Success" }]);
  });
});

describe("a server that stops does not wait for its faults, and answers the calls that they hold up", () => {
  test.each([
    { kind: "delay", ms: 600_000 },
    { kind: "delay", ms: 600_000, phase: "after-commit" },
    { kind: "slow-body", ms: 600_000 },
  ] as const)("%j", async (fault) => {
    const wire = await startWire();
    wire.meterhouse.plan({ ...fault, untilRemoved: true });
    const answer = sdkClient(wire, "seller", { maxAttempts: 1 }).send(batch());
    await vi.waitFor(() => expect(wire.meterhouse.plannedFaults()).toMatchObject([{ hits: 1 }]));
    await wire.close();
    expect((await answer).Results).toMatchObject([{ Status: "Success" }]);
  });
});

describe("a cut connection", () => {
  const cut: WireAnswer = { status: 0, headers: {}, body: "", delivery: { kind: "cut" } };

  test("is reset, without a byte", async () => {
    const server = await serve(cut);
    expect(await rawExchange(server.url, [post])).toEqual({ text: "", isClosed: true, error: "ECONNRESET" });
  });

  test("over TLS it is closed, without a byte", async () => {
    const folder = mkdtempSync(join(tmpdir(), "meterhouse-cut-"));
    closing.push(() => rmSync(folder, { recursive: true, force: true }));
    const leaf = await makeLeaf(await makeAuthority(Date.now()), ["localhost"], Date.now());
    const tls = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
    writeFileSync(tls.keyFile, leaf.privateKeyPem);
    writeFileSync(tls.certFile, leaf.certificatePem);
    const server = await serve(cut, tls);
    const port = Number(new URL(server.url).port);
    const received = await new Promise<string>((resolve) => {
      let text = "";
      const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => socket.write(post));
      socket.on("data", (chunk) => {
        text += chunk;
      });
      socket.on("error", () => {});
      socket.on("close", () => resolve(text));
    });
    expect(received).toBe("");
  });

  test("is in flight no more: as many as there is room for can follow", async () => {
    const server = await serve(cut);
    const replies = new Map<string, number>();
    // More than the server has in flight at once.
    for (let round = 0; round < 84; round += 1) {
      for (const { text } of await Promise.all(Array.from({ length: 50 }, () => rawExchange(server.url, [post])))) {
        replies.set(text, (replies.get(text) ?? 0) + 1);
      }
    }
    expect([...replies]).toEqual([["", 4_200]]);
  }, 30_000);
});

test("a client that left before its answer was ready holds nothing", async () => {
  const { signal: until } = new AbortController();
  let settle: (value: unknown) => void = () => {};
  const delivered = new Promise((resolve) => {
    settle = resolve;
  });
  const server = createServer((request, response) => {
    response.once("close", () => {
      const ways = [{ kind: "cut" }, { kind: "trickle", overMs: hourMs, pieceBytes: 1, until }] as const;
      settle(Promise.all(ways.map((way) => deliver(response, long, way))));
    });
    request.resume();
    request.once("end", () => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  closing.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  await rawExchange(`http://127.0.0.1:${port}`, [post]);
  await delivered;
  expect(getEventListeners(until, "abort")).toHaveLength(0);
});
