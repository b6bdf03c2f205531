/** More calls than there is room for: those beyond the bound are ThrottlingException, unread, and good when sent again. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTestService, type TestService } from "../support/service.ts";
import { signCall } from "../support/signedClient.ts";
import { type BatchInput, batchSupply, sellerKey, usageCatalog } from "../support/usageCatalog.ts";

const room = 8;
const buyers = 50;

let running: TestService;
let supply: (records: number) => BatchInput;
let sockets: Socket[];

beforeEach(async () => {
  running = await startTestService(usageCatalog({ buyers }), { callsInFlightMax: room });
  supply = batchSupply(Date.now(), buyers);
  sockets = [];
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await running.close();
});

function callText(batch: BatchInput, headers: Record<string, string> = {}): string {
  const call = signCall(running.service.url, "BatchMeterUsage", batch, sellerKey);
  const lines = Object.entries({ ...call.headers, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST / HTTP/1.1\r\n${lines.join("")}\r\n${call.body}`;
}

interface Connection {
  readonly socket: Socket;
  /** Resolves when so many answers are complete; an answer's body is one line of JSON. */
  answers(count: number): Promise<readonly string[]>;
}

async function open(): Promise<Connection> {
  const { hostname, port } = new URL(running.service.url);
  const socket = connect(Number(port), hostname);
  sockets.push(socket);
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await once(socket, "connect");
  return {
    socket,
    answers: async (count) => {
      for (;;) {
        const all = text.split(/(?=HTTP\/1\.1 \d{3} )/).filter((one) => /\r\n\r\n\{.*\}$/s.test(one));
        if (all.length >= count) return all;
        await once(socket, "data");
      }
    },
  };
}

/** A call that has its place and waits for the rest of its body. */
async function sendHalf(): Promise<{ finish(): Promise<string> }> {
  const connection = await open();
  const text = callText(supply(2));
  connection.socket.write(text.slice(0, -20));
  return {
    finish: async () => {
      connection.socket.write(text.slice(-20));
      return (await connection.answers(1))[0] ?? "";
    },
  };
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${running.service.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

/** The server has read what was sent. */
async function untilFull(): Promise<void> {
  await expect.poll(() => metric("meterhouse_calls_in_flight_highest"), { timeout: 10_000 }).toBe(room);
}

const kept = async (): Promise<number> => (await running.service.store.ledger.count({})).count;

test("what is beyond the bound is refused, whoever sends it; the SDK sends it again by itself", async () => {
  const half = await Promise.all(Array.from({ length: room }, sendHalf));
  await untilFull();
  const refused = await open();
  refused.socket.write(callText(supply(3)) + callText(supply(3), { authorization: "nobody's" }));
  const answers = await refused.answers(2);
  for (const answer of answers) {
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain("x-amzn-ErrorType: ThrottlingException");
    expect(answer).toContain('{"__type":"ThrottlingException","message":"Rate exceeded.');
    expect(answer).not.toContain("Connection: close");
  }
  expect(answers[0]?.split("\r\n\r\n")[1]).toBe(answers[1]?.split("\r\n\r\n")[1]);
  expect(await metric("meterhouse_calls_refused_total")).toBe(2);
  expect(await kept()).toBe(0);

  let attempts = 0;
  let finished: Promise<readonly string[]> | undefined;
  const { ProductCode, UsageRecords } = supply(3);
  const client = new MarketplaceMeteringClient({
    endpoint: running.service.url,
    region: "us-east-1",
    credentials: sellerKey,
    maxAttempts: 10,
  });
  client.middlewareStack.add(
    (next) => async (args) => {
      attempts += 1;
      // Room again, once it was refused.
      if (attempts === 2) finished = Promise.all(half.map((one) => one.finish()));
      await finished;
      return next(args);
    },
    { step: "finalizeRequest", priority: "low" },
  );
  const records = UsageRecords.map((record) => ({ ...record, Timestamp: new Date(record.Timestamp * 1_000) }));
  const answer = await client.send(new BatchMeterUsageCommand({ ProductCode, UsageRecords: records }));
  client.destroy();
  expect(attempts).toBe(2);
  expect(answer.Results?.map((result) => result.Status)).toEqual(["Success", "Success", "Success"]);
  for (const one of (await finished) ?? []) expect(one.match(/"Status":"Success"/g)).toHaveLength(2);
  expect(await kept()).toBe(2 * room + 3);

  // The connection of a refused call goes on.
  refused.socket.write(callText(supply(4)));
  expect((await refused.answers(3))[2]).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
});

test("a flood: never more in flight than the bound, each call answered, nothing stored but what was admitted", async () => {
  const connections = await Promise.all(Array.from({ length: 20 }, open));
  const each = 25;
  for (const { socket } of connections) socket.write(Array.from({ length: each }, () => callText(supply(2))).join(""));
  const answers = (await Promise.all(connections.map((connection) => connection.answers(each)))).flat();
  const admitted = answers.filter((answer) => answer.startsWith("HTTP/1.1 200 "));
  const refused = answers.filter((answer) => answer.includes("x-amzn-ErrorType: ThrottlingException"));
  expect(admitted.length + refused.length).toBe(20 * each);
  expect(admitted.length).toBeGreaterThan(0);
  expect(refused.length).toBeGreaterThan(0);
  expect(await metric("meterhouse_calls_in_flight_limit")).toBe(room);
  expect(await metric("meterhouse_calls_in_flight_highest")).toBe(room);
  expect(await metric("meterhouse_calls_refused_total")).toBe(refused.length);
  expect(await kept()).toBe(2 * admitted.length);
});

test("a body too large to be thrown away ends its connection", async () => {
  await Promise.all(Array.from({ length: room }, sendHalf));
  await untilFull();
  const { socket, answers } = await open();
  socket.write("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n");
  const closed = once(socket, "close");
  expect(await answers(1)).toEqual([expect.stringMatching(/Connection: close[\s\S]*ThrottlingException/)]);
  socket.end();
  await closed;
});
