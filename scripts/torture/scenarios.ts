/** What `npm run torture` does to the product. Each scenario throws on the first thing that was lost, doubled or stuck. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { sqliteEngine, untilAlone, withPostgresStore } from "../../test/support/killEngines.ts";
import { keptOf, killRounds, summaryText } from "../../test/support/killRounds.ts";
import { type OwnPostgres, type PostgresServer, startPostgres } from "../../test/support/postgres.ts";
import { endProcesses } from "../../test/support/serverProcess.ts";
import { usageCatalog } from "../../test/support/usageCatalog.ts";
import { type Cluster, type ClusterNode, startCluster } from "./cluster.ts";
import { type LoadSummary, SdkLoad } from "./load.ts";
import { UsageLog } from "./log.ts";
import { overload } from "./overload.ts";
import type { Result, Scenario, ScenarioOptions } from "./scenario.ts";

/** A fault from which nothing comes back within this is one that the product does not recover from. */
const resumeMaxMs = 45_000;
const swallowMs = 3_000;

export const scenarios = { nodes, postgres, embedded, overload } satisfies Record<string, Scenario>;
export type ScenarioName = keyof typeof scenarios;

async function embedded({ rounds, tell }: ScenarioOptions): Promise<Result> {
  try {
    const summary = await killRounds(sqliteEngine(usageCatalog()), rounds, (round) => {
      if (round % 10 === 0) tell(`${round} of ${rounds} kills`);
    });
    tell(summaryText(summary));
    return [
      ["kills (SIGKILL) under load", String(summary.rounds)],
      ["records, each once and with its id", String(summary.records)],
      ["calls unanswered at a kill", `${summary.unanswered} of ${summary.calls}`],
      ["of which had been kept", String(summary.keptUnanswered)],
    ];
  } finally {
    await endProcesses();
  }
}

async function nodes({ seconds, tell, server }: ScenarioOptions): Promise<Result> {
  const run = async ({ url }: Pick<PostgresServer, "url">): Promise<Result> => {
    const log = new UsageLog();
    const cluster = await startCluster({ url });
    try {
      const load = loadOf(cluster, log);
      tell(`three nodes, ${seconds} s of load`);
      await sleep(seconds * 1_000);
      const summary = await load.stop();
      assert.deepEqual(summary.errors, {}, "calls failed though nothing was broken");
      assert.equal(summary.unprocessed, 0);
      await stopNodes(cluster);
      return [...loadRows(summary, log), ...(await compare(cluster, log))];
    } finally {
      await endCluster(cluster);
    }
  };
  return server === undefined ? withOwn(run) : run(server);
}

async function postgres(options: ScenarioOptions): Promise<Result> {
  const { seconds, rounds, tell } = options;
  return withOwn(async (database) => {
    const log = new UsageLog();
    const cluster = await startCluster(database);
    try {
      const load = loadOf(cluster, log);
      const startedAt = performance.now();
      const slowest = new Map<string, number>();
      for (let round = 1; round <= rounds; round += 1) {
        for (const { name, strike } of faultsOf(cluster, database)) {
          const ms = await strike(load).catch((error: unknown) => explain(error, name, load, cluster));
          slowest.set(name, Math.max(ms, slowest.get(name) ?? 0));
          tell(`round ${round} of ${rounds}, ${name}: resumed after ${Math.round(ms)} ms`);
          await sleep(Math.random() * 500);
        }
      }
      await sleep(Math.max(0, seconds * 1_000 - (performance.now() - startedAt)));
      const summary = await load.stop();
      await stopNodes(cluster);
      return [
        ["rounds of faults under load", `${rounds}, in ${Math.round((performance.now() - startedAt) / 1_000)} s`],
        ...loadRows(summary, log),
        ...(await compare(cluster, log)),
        ...[...slowest].map(
          ([name, ms]) => [`resumed at the latest after: ${name}`, `${(ms / 1_000).toFixed(1)} s`] as const,
        ),
      ];
    } finally {
      await endCluster(cluster);
    }
  });
}

interface Fault {
  readonly name: string;
  /** Resolves to the milliseconds from its end to the first call that each node it hit acknowledges. */
  readonly strike: (load: SdkLoad) => Promise<number>;
}

function faultsOf({ nodes: all, database }: Cluster, server: OwnPostgres): readonly Fault[] {
  const everywhere = all.map((_, index) => index);
  const one = (): readonly [ClusterNode, number] => {
    const index = Math.floor(Math.random() * all.length);
    return [all[index] as ClusterNode, index];
  };
  return [
    {
      name: "PostgreSQL killed (SIGKILL) and started again",
      strike: async (load) => {
        await server.kill();
        await sleep(Math.random() * 1_000);
        await server.start();
        return resumed(load, everywhere);
      },
    },
    {
      name: "a node killed (SIGKILL) and started again",
      strike: async (load) => {
        const [node, index] = one();
        await node.kill();
        await sleep(Math.random() * 500);
        await node.start();
        return resumed(load, [index]);
      },
    },
    {
      name: "connections of a node reset",
      strike: (load) => {
        const [node, index] = one();
        node.proxy.cut();
        return resumed(load, [index]);
      },
    },
    {
      name: "all sessions ended by pg_terminate_backend",
      strike: async (load) => {
        const { pathname } = new URL(database.url);
        await database.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [
          pathname.slice(1),
        ]);
        return resumed(load, everywhere);
      },
    },
    {
      name: `a node's packets to the database dropped for ${swallowMs / 1_000} s, its connections for good`,
      strike: async (load) => {
        const [node, index] = one();
        node.proxy.swallow();
        await sleep(swallowMs);
        node.proxy.heal();
        return resumed(load, [index]);
      },
    },
  ];
}

async function resumed(load: SdkLoad, hit: readonly number[]): Promise<number> {
  const late = new AbortController();
  const tooLate = sleep(resumeMaxMs, undefined, { signal: late.signal }).then(() => {
    throw new Error(`the service did not resume within ${resumeMaxMs} ms`);
  });
  tooLate.catch(() => {});
  try {
    const times = await Promise.race([Promise.all(hit.map((node) => load.nextSuccess(node))), tooLate]);
    return Math.max(...times);
  } finally {
    late.abort();
  }
}

/** With what the nodes say of it. */
async function explain(error: unknown, fault: string, load: SdkLoad, { nodes: all }: Cluster): Promise<never> {
  const ready = await Promise.all(
    all.map(({ endpoint }) => fetch(`${endpoint}/readyz`).then((answer) => answer.text(), String)),
  );
  const said = (await Promise.all(all.map((node) => node.kill()))).map(({ stderr }) => stderr.slice(-2_000));
  const lines = [`${fault}: ${String(error)}`, JSON.stringify(load.errors), ...ready, ...said];
  throw new Error(lines.join("\n"), { cause: error });
}

function loadOf({ nodes: all }: Cluster, log: UsageLog): SdkLoad {
  return new SdkLoad(
    all.map(({ endpoint }) => endpoint),
    log,
  );
}

function loadRows({ calls, failed, unprocessed, errors }: LoadSummary, log: UsageLog): Result {
  const names = Object.entries(errors).map(([name, count]) => `${name} ${count}`);
  return [
    ["calls by the AWS SDK for JavaScript v3", String(calls)],
    ["calls that failed, all retryable", names.length === 0 ? "0" : `${failed} (${names.join(", ")})`],
    ["records back in UnprocessedRecords", String(unprocessed)],
    ["answers with the id of an earlier one", String(log.replays)],
    ["DuplicateRecord for another quantity", String(log.duplicates)],
  ];
}

/** What the database holds once all nodes are gone, against the client's own log. */
async function compare({ database, nodes: all }: Cluster, log: UsageLog): Promise<Result> {
  // What a proxy swallowed looks alive to the database for as long as the proxy is there.
  for (const { proxy } of all) await proxy.close();
  await untilAlone(database);
  let rows: Result = [];
  await withPostgresStore(database.url, async (store) => {
    const records = log.compare(await keptOf(store));
    const total = log.total();
    assert.deepEqual(await store.ledger.count({}), total);
    rows = [["records, each once and with its id, as in the client's log", `${records} (quantity ${total.quantity})`]];
  });
  return rows;
}

async function stopNodes({ nodes: all }: Cluster): Promise<void> {
  const exits = await Promise.all(all.map((node) => node.stop()));
  for (const { code, stderr } of exits) assert.equal(code, 0, stderr);
}

async function endCluster(cluster: Cluster): Promise<void> {
  await endProcesses();
  await cluster.close();
  await cluster.database.drop();
}

async function withOwn<T>(body: (server: OwnPostgres) => Promise<T>): Promise<T> {
  const server = await startPostgres({ fsync: "on" });
  try {
    return await body(server);
  } finally {
    await server.stop();
  }
}
