/**
 * Loads that take turns. A machine that shares its host is faster in one minute than in the next, by a third and more, so
 * what is compared should have had the same minutes: a second or some for each, again and again. Whoever has no turn is
 * stopped, so that nothing of it runs beside the others.
 */
import type { ClientReport } from "./client.ts";
import type { Options } from "./options.ts";
import { type LoadClient, pause, resume, type Server, startClient } from "./processes.ts";
import type { Measurement } from "./report.ts";
import { residentBytes } from "./usage.ts";
import type { CustomerMember } from "./workload.ts";

const turns = 4;
/** Before each turn but the first: caches that the others have used are to be filled again. */
const turnWarmUpSeconds = 0.3;

/** What a load goes to. */
export interface Target {
  readonly name: string;
  readonly servers: readonly Server[];
  readonly databasePid?: number;
  readonly repeats?: boolean;
  readonly anyAnswer?: boolean;
  readonly customerMember?: CustomerMember;
}

export interface Loaded {
  readonly measurement: Measurement;
  readonly recordsSent: number;
  /** Shorter than asked for where the usage keys ran out. */
  readonly seconds: number;
}

export interface LoadParts {
  readonly options: Options;
  readonly nowMs: number;
  readonly progress: (text: string) => void;
}

/** Loads all of them in turns. The servers are left running. */
export async function loadInTurns(targets: readonly Target[], parts: LoadParts): Promise<readonly Loaded[]> {
  const { seconds, warmUpSeconds } = parts.options;
  const clients: LoadClient[] = [];
  for (const target of targets) clients.push(await clientOf(target, parts));
  const isAlone = targets.length === 1;
  const rounds = isAlone ? 1 : turns;
  const withTurn = async (index: number, run: (client: LoadClient) => Promise<void>): Promise<void> => {
    const [target, client] = [targets[index], clients[index]];
    if (target === undefined || client === undefined) return;
    for (const server of target.servers) resume(server);
    await run(client);
    if (!isAlone) for (const server of target.servers) pause(server);
  };
  if (!isAlone) for (const { servers } of targets) for (const server of servers) pause(server);

  for (let round = 0; round < rounds; round += 1) {
    for (let place = 0; place < targets.length; place += 1) {
      // Back and forth, so that none always follows the same one.
      const index = round % 2 === 0 ? place : targets.length - 1 - place;
      const warmUp = round === 0 ? warmUpSeconds : Math.min(turnWarmUpSeconds, warmUpSeconds);
      await withTurn(index, (client) => client.turn(warmUp, seconds / rounds));
    }
  }
  const loaded: Loaded[] = [];
  for (const [index, target] of targets.entries()) {
    await withTurn(index, async (client) => {
      loaded.push(loadedOf(target, await client.end()));
    });
  }
  for (const { servers } of targets) for (const server of servers) resume(server);
  return loaded;
}

function clientOf(target: Target, { options, nowMs, progress }: LoadParts): Promise<LoadClient> {
  const { connections, seconds, buyers, mixedHours } = options;
  const { name, servers, databasePid, repeats = false, anyAnswer = false, customerMember } = target;
  const job = {
    ports: servers.map((server) => server.port),
    serverPids: servers.map((server) => server.pid),
    ...{ databasePid, connections, seconds, buyers, mixedHours, nowMs, repeats, anyAnswer, customerMember },
  };
  return startClient(job, (text) => progress(`${name}: ${text}`));
}

function loadedOf({ servers, databasePid }: Target, report: ClientReport): Loaded {
  const database =
    databasePid === undefined ? {} : { databaseCpuMicrosPerRequest: round(report.databaseCpuMicrosPerRequest, 1) };
  return {
    recordsSent: report.recordsSent,
    seconds: report.seconds,
    measurement: {
      requestsPerSecond: Math.round(report.requestsPerSecond),
      p50Ms: round(report.p50Ms, 2),
      p99Ms: round(report.p99Ms, 2),
      maxMs: round(report.maxMs, 1),
      cpuMicrosPerRequest: round(report.serverCpuMicrosPerRequest, 1),
      ...database,
      clientCpuMicrosPerRequest: round(report.clientCpuMicrosPerRequest, 1),
      singleP50Ms: round(report.singleP50Ms, 2),
      residentMiB: Math.round(servers.reduce((sum, { pid }) => sum + residentBytes(pid), 0) / 2 ** 20),
    },
  };
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
