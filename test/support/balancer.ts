/** A TCP load balancer as small as can be: each new connection goes to a node whose `/readyz` says 200. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface Balancer {
  readonly url: string;
  /** URLs of the nodes from now on; which of them are ready is asked all the time. */
  setNodes(nodes: readonly string[]): void;
  /** Resolves once just these are ready. */
  untilReady(nodes: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

const askEveryMs = 100;

export async function startBalancer(): Promise<Balancer> {
  let nodes: readonly string[] = [];
  let ready: readonly string[] = [];
  let turn = 0;
  const sockets = new Set<Socket>();
  const look = async (): Promise<void> => {
    const asked = nodes;
    const answers = await Promise.all(asked.map(isReady));
    if (asked === nodes) ready = asked.filter((_, index) => answers[index]);
  };
  let looking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    looking = look();
  }, askEveryMs);
  const server = createServer((client) => {
    turn += 1;
    const node = ready[turn % Math.max(ready.length, 1)];
    if (node === undefined) {
      client.destroy();
      return;
    }
    const { hostname, port } = new URL(node);
    const upstream = connect(Number(port), hostname);
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return {
    url: `http://127.0.0.1:${address.port}`,
    setNodes: (urls) => {
      nodes = urls;
    },
    untilReady: async (urls) => {
      const wanted = [...urls].sort().join();
      while ([...ready].sort().join() !== wanted) await new Promise((resolve) => setTimeout(resolve, askEveryMs / 4));
    },
    close: async () => {
      clearInterval(timer);
      await looking;
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function isReady(node: string): Promise<boolean> {
  try {
    const answer = await fetch(`${node}/readyz`);
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}
