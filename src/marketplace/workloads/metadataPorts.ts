/**
 * A port for each instance: SDKs that take the metadata service's address from AWS_EC2_METADATA_SERVICE_ENDPOINT drop its
 * path (the JavaScript SDK does), so that nothing but host and port can tell the instances apart.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import type { Logger } from "pino";
import type { Metadata } from "./metadata.ts";

export interface MetadataPortsOptions {
  readonly metadata: Metadata;
  readonly host: string;
  /** Whether a Host header is one of ours, see the router. */
  readonly allowsHost: (host: string | undefined) => boolean;
  readonly log: Logger;
}

export interface MetadataPorts {
  /** Listens for an instance, on that port where it is free, and tells the port. */
  open(workloadId: string, port: number | undefined): Promise<number>;
  close(workloadId: string): Promise<void>;
  closeAll(): Promise<void>;
}

export function createMetadataPorts(options: MetadataPortsOptions): MetadataPorts {
  const servers = new Map<string, Promise<Server>>();

  const start = async (workloadId: string, port: number | undefined): Promise<Server> => {
    const app = appFor(workloadId, options);
    const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
    const server = createServer(listener);
    try {
      await listen(server, port ?? 0, options.host);
    } catch (error) {
      if (port === undefined) throw error;
      options.log.warn({ workloadId, port }, "the port of an instance's metadata service is taken; it gets another");
      await listen(server, 0, options.host);
    }
    return server;
  };

  const close = async (workloadId: string): Promise<void> => {
    const opening = servers.get(workloadId);
    servers.delete(workloadId);
    if (opening === undefined) return;
    const server = await opening;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };

  return {
    open: async (workloadId, port) => {
      let opening = servers.get(workloadId);
      if (opening === undefined) {
        opening = start(workloadId, port);
        servers.set(workloadId, opening);
        opening.catch(() => servers.delete(workloadId));
      }
      return ((await opening).address() as AddressInfo).port;
    },
    close,
    closeAll: async () => {
      await Promise.all([...servers.keys()].map(close));
    },
  };
}

function appFor(workloadId: string, { metadata, allowsHost, log }: MetadataPortsOptions): Hono {
  const app = new Hono();
  app.all("*", async (context): Promise<Response> => {
    if (!allowsHost(context.req.header("host"))) return context.text("This host is not served here.", 421);
    return metadata(workloadId, context.req.path, context.req.raw);
  });
  app.onError((error, context) => {
    log.error({ err: error, path: context.req.path }, "metadata request failed");
    return context.text("The request failed; the server's log says why.", 500);
  });
  return app;
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
