/** A TCP proxy between a node and its database, which can cut connections, and swallow what goes through them. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface DatabaseProxy {
  readonly port: number;
  /** Resets every connection. */
  cut(): void;
  /** Connections that there are, and new ones, go on as if open and carry nothing any more, not even their end. */
  swallow(): void;
  /** New connections go through again; those that were swallowed stay dead. */
  heal(): void;
  close(): Promise<void>;
}

export async function startProxy(targetPort: number): Promise<DatabaseProxy> {
  const links = new Set<readonly [Socket, Socket | undefined]>();
  let isSwallowing = false;
  const server = createServer((client) => {
    client.on("error", () => {});
    const target = isSwallowing ? undefined : connect(targetPort, "127.0.0.1");
    const link = [client, target] as const;
    links.add(link);
    const end = (): void => {
      links.delete(link);
      client.destroy();
      target?.destroy();
    };
    client.on("close", end);
    if (target === undefined) {
      client.pause();
      return;
    }
    target.on("error", () => {});
    target.on("close", end);
    client.pipe(target);
    target.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port is free");
  const destroyAll = (): void => {
    for (const [client, target] of [...links]) {
      client.resetAndDestroy();
      target?.destroy();
    }
  };
  return {
    port: address.port,
    cut: destroyAll,
    swallow: () => {
      isSwallowing = true;
      for (const [client, target] of links) {
        client.unpipe();
        client.pause();
        target?.unpipe();
        target?.pause();
      }
    },
    heal: () => {
      isSwallowing = false;
    },
    close: async () => {
      if (!server.listening) return;
      server.close();
      destroyAll();
      await once(server, "close");
    },
  };
}
