/** The whole way of a call, over HTTP with its signature, and what the catalogue takes of a node's memory. */
import { mkdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { startMeterhouse } from "../bench/processes.ts";
import { createSigner } from "../bench/signing.ts";
import { cpuMicros } from "../bench/usage.ts";
import { catalogOf, createWorkload, requestBody, type UsageKey, usageKeys, type Workload } from "../bench/workload.ts";
import { catalogChange } from "../src/catalog/file.ts";
import { openPostgresStore } from "../src/store/postgres/open.ts";
import type { Sealer } from "../src/store/sealer.ts";
import type { TestDatabase } from "../test/support/postgres.ts";
import type { CallCost, CatalogCosts } from "./costs.ts";
import type { Probe } from "./measureStore.ts";

const host = "127.0.0.1";
const connections = 32;
const nowMs = Date.now();

function workloadOf(quick: boolean): Workload {
  const { openHours, ...workload } = createWorkload(quick ? 2_000 : 20_000, nowMs);
  return { ...workload, dimensions: 10, openHours: openHours.slice(-1) };
}

export async function measureCatalog(parts: {
  readonly database: TestDatabase;
  readonly sealer: Sealer;
  readonly quick: boolean;
  readonly say: (text: string) => void;
}): Promise<CatalogCosts> {
  const { database, sealer, quick, say } = parts;
  const workload = workloadOf(quick);
  const agreements = workload.buyers;
  say(`a catalogue of ${agreements} agreements`);
  const url = database.url;
  const maker = await openPostgresStore({ url, sealer });
  await maker.catalog.apply(await catalogChange(catalogOf(workload), { existing: maker.catalog, now: nowMs }));
  await maker.close();
  const [row] = await database.query<{ bytes: string }>("SELECT pg_total_relation_size('catalog_rows')::text AS bytes");
  const before = heapBytes();
  const from = process.cpuUsage();
  const node = await openPostgresStore({ url, sealer });
  const { user, system } = process.cpuUsage(from);
  const nodeBytes = heapBytes() - before;
  await node.close();
  return {
    agreements,
    nodeBytesPerAgreement: Math.round(nodeBytes / agreements),
    databaseBytesPerAgreement: Math.round(Number(row?.bytes) / agreements),
    startMicrosPerAgreement: Number(((user + system) / agreements).toFixed(1)),
  };
}

/** Of what is still needed. */
function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}

export async function measureServer(parts: {
  readonly database: TestDatabase;
  readonly dataDir: string;
  readonly probe: Probe;
  readonly quick: boolean;
  readonly say: (text: string) => void;
}): Promise<{ readonly calls: readonly CallCost[]; readonly parquetPerRecord: number }> {
  const { database, dataDir, probe, quick, say } = parts;
  mkdirSync(dataDir, { recursive: true });
  const server = await startMeterhouse(dataDir, [], ["--database", database.url]);
  const workload = workloadOf(quick);
  const keys = usageKeys(workload);
  const calls: CallCost[] = [];
  const send = async (count: number, recordsPerCall: number): Promise<Sent> => {
    const sign = createSigner(`${host}:${server.port}`, Date.now());
    const bodies = Array.from({ length: count }, () => requestBody(take(keys, recordsPerCall), workload.untilSec));
    return sendAll(server.port, bodies.map(sign), recordsPerCall);
  };
  const each = quick ? 20 : 1;
  // Until the code is compiled; the customers of the later calls are new to the database for the most part.
  await send(1_200 / each, 25);
  for (const [recordsPerCall, count] of [
    [25, 3_000 / each],
    [1, 8_000 / each],
  ] as const) {
    say(`${count} calls of ${recordsPerCall} over HTTP`);
    const [node, postgres] = [cpuMicros(server.pid), probe.postgresMicros()];
    const { requestBytes, answerBytes } = await send(count, recordsPerCall);
    calls.push({
      ...{ recordsPerCall, calls: count },
      nodeMicros: Math.round((cpuMicros(server.pid) - node) / count),
      postgresMicros: Math.round((probe.postgresMicros() - postgres) / count),
      requestBytes: Math.round(requestBytes / count),
      answerBytes: Math.round(answerBytes / count),
    });
  }
  say("the hour as Parquet");
  const parquetPerRecord = await parquetBytes(server.port, dataDir);
  await server.stop();
  return { calls, parquetPerRecord };
}

function take(keys: Generator<UsageKey, void>, count: number): readonly UsageKey[] {
  return Array.from({ length: count }, () => {
    const { value } = keys.next();
    if (value === undefined) throw new Error("the usage keys are used up");
    return value;
  });
}

async function parquetBytes(port: number, dataDir: string): Promise<number> {
  const token = await rootToken(dataDir);
  const url = `http://${host}:${port}/api/v1/metering-records/export?format=parquet`;
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`the export was answered with ${answer.status}`);
  const records = Number(answer.headers.get("meterhouse-records"));
  const bytes = (await answer.bytes()).length;
  return Number((bytes / records).toFixed(1));
}

async function rootToken(dataDir: string): Promise<string> {
  return readFileSync(join(dataDir, "admin.token"), "utf8").trim();
}

interface Sent {
  readonly requestBytes: number;
  readonly answerBytes: number;
}

/** Each connection sends its next request when it has the answer to the last one. Every record must have been stored. */
async function sendAll(port: number, requests: readonly Buffer[], recordsPerCall: number): Promise<Sent> {
  let next = 0;
  let answerBytes = 0;
  const one = async (): Promise<void> => {
    const socket = connect({ host, port, noDelay: true });
    try {
      for (let place = next++; place < requests.length; place = next++) {
        const answer = await exchange(socket, requests[place] ?? Buffer.alloc(0));
        answerBytes += answer.length;
        const stored = answer.split('"Status":"Success"').length - 1;
        if (stored !== recordsPerCall)
          throw new Error(`${stored} of ${recordsPerCall} stored: ${answer.slice(0, 600)}`);
      }
    } finally {
      socket.destroy();
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
  return { requestBytes: requests.reduce((sum, { length }) => sum + length, 0), answerBytes };
}

/** The whole answer, head and body; all of it is ASCII. */
function exchange(socket: Socket, request: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const closed = (): void => reject(new Error("the server closed the connection"));
    const received = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      const head = text.indexOf("\r\n\r\n");
      const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
      if (head < 0 || length === undefined || text.length < head + 4 + Number(length)) return;
      socket.off("data", received).off("error", reject).off("close", closed);
      resolve(text);
    };
    socket.on("data", received).once("error", reject).once("close", closed);
    socket.write(request);
  });
}
