/** Stopping by signal, and one process for one data folder. */
import { existsSync, statSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  endProcesses,
  launch,
  makePlace,
  type Place,
  type ServerProcess,
  startServer,
  withStore,
} from "../support/serverProcess.ts";
import { createSignedClient, signCall } from "../support/signedClient.ts";
import { type BatchInput, batchSupply, sellerKey, usageCatalog } from "../support/usageCatalog.ts";

const buyers = 50;

// Whole processes on a machine that is busy with others.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

afterEach(endProcesses);

/** A call whose headers and half of whose body have been sent. */
interface HalfSent {
  /** Sends the rest and resolves with everything that came back until the server closed the connection. */
  finish(): Promise<string>;
  readonly socket: Socket;
}

async function sendHalf(server: ServerProcess, batch: BatchInput): Promise<HalfSent> {
  const { headers, body } = signCall(server.endpoint, "BatchMeterUsage", batch, sellerKey);
  const { hostname, port } = new URL(server.endpoint);
  const socket = connect(Number(port), hostname);
  const answer = new Promise<string>((resolve) => {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text));
  });
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const half = Math.floor(body.length / 2);
  await new Promise<void>((resolve) => {
    socket.write(`POST / HTTP/1.1\r\n${head.join("")}\r\n${body.slice(0, half)}`, () => resolve());
  });
  return {
    socket,
    finish: () => {
      socket.write(body.slice(half));
      return answer;
    },
  };
}

/** Waits until the server has read what was sent so far: it answers calls in the order in which their bytes came. */
async function settle(server: ServerProcess): Promise<void> {
  for (let times = 0; times < 3; times += 1) await (await fetch(`${server.endpoint}/healthz`)).arrayBuffer();
}

/** Waits until nobody listens any more. */
async function untilRefused(server: ServerProcess): Promise<void> {
  const { hostname, port } = new URL(server.endpoint);
  for (;;) {
    const code = await new Promise<string | undefined>((resolve) => {
      const socket = connect(Number(port), hostname);
      socket.on("connect", () => resolve(undefined));
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code));
      socket.on("close", () => {});
      socket.on("connect", () => socket.destroy());
    });
    if (code === "ECONNREFUSED") return;
    await sleep(10);
  }
}

/** Everything is in the data file itself: no log is left to be read by the next start. */
function expectClosed(place: Place): void {
  const { dataFile, walFile } = place;
  expect(statSync(dataFile).size).toBeGreaterThan(0);
  expect(existsSync(walFile) ? statSync(walFile).size : 0).toBe(0);
}

describe("SIGTERM", () => {
  test("what is in flight is answered, nobody new gets in, and the store is closed", async () => {
    const place = makePlace(usageCatalog({ buyers }));
    const server = await startServer(place);
    const supply = batchSupply(Date.now(), buyers);
    const calls = await Promise.all(Array.from({ length: 20 }, () => sendHalf(server, supply(5))));
    await settle(server);
    server.signal("SIGTERM");
    await untilRefused(server);
    const answers = await Promise.all(calls.map((call) => call.finish()));
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(answer.match(/"Status":"Success"/g)).toHaveLength(5);
    }
    expect(await server.exit).toMatchObject({ code: 0, signal: null, stderr: "" });
    expectClosed(place);

    const next = await startServer(place);
    expect(await next.kill()).toMatchObject({ stderr: "" });
    await withStore(place, async ({ ledger }) => expect((await ledger.count({})).count).toBe(100));
  });

  test("clients that never pause do not hold it up, and each call that it read is answered", async () => {
    const place = makePlace(usageCatalog({ buyers }));
    const server = await startServer(place);
    const client = createSignedClient(server.endpoint);
    const supply = batchSupply(Date.now(), buyers);
    let acknowledged = 0;
    const failures: NodeJS.ErrnoException[] = [];
    const lane = async (): Promise<void> => {
      for (;;) {
        try {
          const reply = await client.call("BatchMeterUsage", supply(2), sellerKey);
          expect(reply, reply.text).toMatchObject({ status: 200, json: { UnprocessedRecords: [] } });
          acknowledged += 2;
        } catch (error) {
          failures.push(error as NodeJS.ErrnoException);
          return;
        }
      }
    };
    const lanes = Array.from({ length: 8 }, lane);
    await sleep(150);
    expect(failures).toEqual([]);
    const signalledAt = performance.now();
    server.signal("SIGTERM");
    expect(await server.exit).toMatchObject({ code: 0, signal: null, stderr: "" });
    // Well before the ten seconds after which connections are cut, whatever they are at.
    expect(performance.now() - signalledAt).toBeLessThan(8_000);
    await Promise.all(lanes);
    client.close();
    expect(failures).toHaveLength(lanes.length);
    for (const { code } of failures) expect(["ECONNREFUSED", "ECONNRESET"]).toContain(code);
    expectClosed(place);
    // Exactly: whatever was read was answered, too.
    await withStore(place, async ({ ledger }) => expect((await ledger.count({})).count).toBe(acknowledged));
  });

  test("a client that keeps its connection open and silent does not hold it up", async () => {
    const place = makePlace(usageCatalog({ buyers }));
    const server = await startServer(place);
    const idle = createSignedClient(server.endpoint);
    const supply = batchSupply(Date.now(), buyers);
    expect((await idle.call("BatchMeterUsage", supply(1), sellerKey)).status).toBe(200);
    // Not idle yet when the signal comes, and never used again.
    const half = await sendHalf(server, supply(1));
    await settle(server);
    server.signal("SIGTERM");
    await untilRefused(server);
    const signalledAt = performance.now();
    expect(await half.finish()).toContain('"Status":"Success"');
    expect(await server.exit).toMatchObject({ code: 0, signal: null, stderr: "" });
    expect(performance.now() - signalledAt).toBeLessThan(8_000);
    idle.close();
  });

  test("a second one ends it at once, and what was acknowledged is kept", async () => {
    const place = makePlace(usageCatalog({ buyers }));
    const server = await startServer(place);
    const client = createSignedClient(server.endpoint);
    const supply = batchSupply(Date.now(), buyers);
    expect((await client.call("BatchMeterUsage", supply(3), sellerKey)).status).toBe(200);
    client.close();
    const { socket } = await sendHalf(server, supply(5));
    await settle(server);
    server.signal("SIGTERM");
    await untilRefused(server);
    const signalledAt = performance.now();
    server.signal("SIGTERM");
    expect(await server.exit).toMatchObject({ code: 1, signal: null });
    expect(performance.now() - signalledAt).toBeLessThan(8_000);
    socket.destroy();
    const next = await startServer(place);
    next.signal("SIGINT");
    expect(await next.exit).toMatchObject({ code: 0 });
    await withStore(place, async ({ ledger }) => expect((await ledger.count({})).count).toBe(3));
  });
});

describe("a second process on the same folder", () => {
  test("is refused in words that say what to do; the first works on; a killed one leaves the folder free", async () => {
    const place = makePlace(usageCatalog({ buyers }));
    const first = await startServer(place);
    const supply = batchSupply(Date.now(), buyers);
    const client = createSignedClient(first.endpoint);
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const second = launch(place);
      expect(await second.ready).toBeUndefined();
      expect(await second.exit).toEqual({
        code: 1,
        signal: null,
        stdout: "",
        stderr:
          `meterhouse: The data file ${place.dataFile} is in use by another Meterhouse process. ` +
          "Stop that one first, or choose another data folder.\n",
      });
      const reply = await client.call("BatchMeterUsage", supply(4), sellerKey);
      expect(reply, reply.text).toMatchObject({ status: 200, json: { UnprocessedRecords: [] } });
    }
    client.close();
    await first.kill();
    const next = await startServer(place);
    await next.kill();
    await withStore(place, async ({ ledger }) => expect((await ledger.count({})).count).toBe(8));
  });

  test("of two that start at once, one serves", async () => {
    const place = makePlace(usageCatalog({ buyers }));
    const both = [launch(place), launch(place)];
    const served = await Promise.all(both.map((one) => one.ready));
    const serving = served.filter((ready) => ready !== undefined);
    expect(serving).toHaveLength(1);
    const refused = both[served.indexOf(undefined)];
    expect(await refused?.exit).toMatchObject({ code: 1, stderr: expect.stringContaining("in use by another") });
    const client = createSignedClient(serving[0]?.endpoint ?? "");
    const reply = await client.call("BatchMeterUsage", batchSupply(Date.now(), buyers)(4), sellerKey);
    expect(reply.status, reply.text).toBe(200);
    client.close();
  });
});
