/** Three nodes, `meterhouse serve --database`, over one PostgreSQL, each behind a proxy of its own. */
import { nodeLaunch } from "../../test/support/killEngines.ts";
import { createDatabase, type PostgresServer, type TestDatabase } from "../../test/support/postgres.ts";
import { type Exit, makePlace, type ServerProcess, startServer } from "../../test/support/serverProcess.ts";
import { usageCatalog } from "../../test/support/usageCatalog.ts";
import { type DatabaseProxy, startProxy } from "./proxy.ts";

const nodeCount = 3;

export interface ClusterNode {
  readonly endpoint: string;
  readonly proxy: DatabaseProxy;
  kill(): Promise<Exit>;
  /** After a kill, on the same port. */
  start(): Promise<void>;
  /** SIGTERM, and the end of it. */
  stop(): Promise<Exit>;
}

export interface Cluster {
  readonly nodes: readonly ClusterNode[];
  readonly database: TestDatabase;
  close(): Promise<void>;
}

export async function startCluster(postgres: Pick<PostgresServer, "url">): Promise<Cluster> {
  const database = await createDatabase(postgres);
  const port = Number(new URL(database.url).port);
  const nodes = await Promise.all(Array.from({ length: nodeCount }, () => startNode(database.url, port)));
  return {
    nodes,
    database,
    close: async () => {
      for (const { proxy } of nodes) await proxy.close();
    },
  };
}

async function startNode(databaseUrl: string, databasePort: number): Promise<ClusterNode> {
  const proxy = await startProxy(databasePort);
  const place = makePlace(usageCatalog());
  const url = Object.assign(new URL(databaseUrl), { port: String(proxy.port) }).href;
  const options = nodeLaunch(url);
  let server: ServerProcess = await startServer(place, options);
  const { endpoint } = server;
  const { port } = new URL(endpoint);
  return {
    endpoint,
    proxy,
    kill: () => server.kill(),
    start: async () => {
      server = await startServer(place, { ...options, flags: ["--port", port] });
    },
    stop: () => {
      server.signal("SIGTERM");
      return server.exit;
    },
  };
}
