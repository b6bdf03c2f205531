/** Simulated compute: what a buyer runs a seller's software on. It can be run, stopped, and asked for its environment. */
import { randomBytes } from "node:crypto";
import type { Hono } from "hono";
import type { Logger } from "pino";
import type { Workload } from "../../api/types.ts";
import { defined } from "../../catalog/rows.ts";
import { type NewWorkload, newWorkload } from "../../catalog/workloads.ts";
import type { Clock } from "../../clock.ts";
import type { WebIdentity } from "../../protocol/sts.ts";
import type { Catalog } from "../../store/catalog.ts";
import { MarketplaceError } from "../agreementLookups.ts";
import type { KeyStore } from "../notifications/certificates.ts";
import { createWorkloadEndpoints } from "./endpoints.ts";
import { reachable, type Variables, variablesOf } from "./environment.ts";
import { createIdentity } from "./identity.ts";
import { createWorkloadKeys, keyLifeMsDefault } from "./keys.ts";
import { createMetadata } from "./metadata.ts";
import { createMetadataPorts } from "./metadataPorts.ts";

export interface WorkloadsOptions {
  /** Its changes carry the event of who made them. */
  readonly catalog: Catalog;
  /** The same one, without events: for keys, which come and go by themselves. */
  readonly keyCatalog: Catalog;
  readonly clock: Clock;
  readonly wallClock: () => number;
  readonly keyStore: KeyStore;
  readonly publicUrl: () => string;
  readonly log: Logger;
  /** The address that instances' metadata services listen on. */
  readonly host: string;
  readonly allowsHost: (host: string | undefined) => boolean;
  /** Life of the temporary keys. Default an hour. */
  readonly keyLifeMs?: number | undefined;
  /** What is metered ends with the workload. `at`: business time. */
  readonly onStopped?: ((resource: string, at: number) => Promise<void> | void) | undefined;
}

export type RunInput = Omit<NewWorkload, "id" | "now" | "authorizationToken"> & {
  readonly id?: string | undefined;
  /** Business time. Default now. */
  readonly launchedAt?: number | undefined;
};

export interface WorkloadEnvironment {
  readonly variables: Variables;
  /** EKS: what belongs into the file of AWS_WEB_IDENTITY_TOKEN_FILE. */
  readonly webIdentityToken?: string;
}

export interface Workloads {
  list(): readonly Workload[];
  run(input: RunInput): Promise<Workload>;
  /** Its keys stop working at once. A workload that is stopped already stays as it is. `at`: business time. */
  stop(id: string, at?: number): Promise<Workload>;
  /** Launches a stopped instance anew. Tasks, pods and runtimes are never started again: others take their place. */
  start(id: string): Promise<Workload>;
  /** `baseUrl`: this server as the workload reaches it; default the address that it listens on. */
  environment(id: string, baseUrl?: string): Promise<WorkloadEnvironment>;
  readonly webIdentity: WebIdentity;
  readonly endpoints: Hono;
  /** Opens the metadata services of the instances that run. */
  open(): Promise<void>;
  close(): Promise<void>;
}

export function createWorkloads(options: WorkloadsOptions): Workloads {
  const { catalog, clock, publicUrl, wallClock } = options;
  const find = (id: string): Workload | undefined => catalog.workload(id);
  const lifeMs = options.keyLifeMs ?? keyLifeMsDefault;
  const keys = createWorkloadKeys({ catalog: options.keyCatalog, wallClock, lifeMs });
  const identity = createIdentity({ catalog, keys, keyStore: options.keyStore, wallClock, publicUrl });
  const metadata = createMetadata({ workload: find, keys, wallClock });
  const ports = createMetadataPorts({ ...options, metadata });

  const require = (id: string): Workload => {
    const found = find(id);
    if (found === undefined) throw new MarketplaceError(`There is no workload '${id}'.`);
    return found;
  };

  /** An instance gets its port before anybody hears of it. */
  const withPort = async (workload: Workload): Promise<Workload> => {
    if (workload.kind !== "ec2" || workload.stoppedAt !== undefined) return workload;
    const metadataPort = await ports.open(workload.id, workload.metadataPort);
    return metadataPort === workload.metadataPort ? workload : { ...workload, metadataPort };
  };

  const refreshPort = async (workload: Workload): Promise<Workload> => {
    const opened = await withPort(workload);
    // The port is no deed of anybody's.
    if (opened !== workload) await options.keyCatalog.apply({ workloads: [opened] });
    return opened;
  };

  const run: Workloads["run"] = async ({ launchedAt, ...input }) => {
    const id = input.id ?? `${input.kind}-${randomBytes(4).toString("hex")}`;
    const isTaken = (resource: string): boolean => catalog.all().workloads.some((one) => one.resource === resource);
    if (find(id) !== undefined) throw new MarketplaceError(`There is a workload ${id} already.`);
    const now = clock.now();
    const made = newWorkload({ ...input, id, now });
    if (isTaken(made.resource)) throw new MarketplaceError(`${made.resource} is that of another workload.`);
    const workload = await withPort({ ...made, launchedAt: launchedAt ?? now });
    await catalog.apply({ workloads: [workload] });
    return workload;
  };

  const stop: Workloads["stop"] = async (id, at = clock.now()) => {
    const workload = require(id);
    const stoppedAt = workload.stoppedAt ?? Math.max(at, workload.launchedAt);
    const stopped: Workload = { ...workload, stoppedAt };
    // One change: no call can be signed by a workload that is stopped.
    await catalog.apply({ workloads: [stopped], remove: { credentials: keys.idsOf(id) } });
    await ports.close(id);
    if (workload.stoppedAt === undefined) await options.onStopped?.(workload.resource, stoppedAt);
    return stopped;
  };

  const start: Workloads["start"] = async (id) => {
    const workload = require(id);
    if (workload.stoppedAt === undefined) return workload;
    if (workload.kind !== "ec2") {
      throw new MarketplaceError(`${id} is no EC2 instance: what was stopped is not started again. Run another one.`);
    }
    const started = await withPort(defined({ ...workload, stoppedAt: undefined, launchedAt: clock.now() }));
    await catalog.apply({ workloads: [started] });
    return started;
  };

  const environment: Workloads["environment"] = async (id, baseUrl) => {
    const workload = await refreshPort(require(id));
    if (workload.stoppedAt !== undefined) throw new MarketplaceError(`The workload ${id} is stopped.`);
    const base = (baseUrl ?? reachable(publicUrl())).replace(/\/+$/, "");
    const variables = variablesOf(workload, { baseUrl: base, metadataPort: workload.metadataPort });
    return workload.kind === "eks"
      ? { variables, webIdentityToken: await identity.issueToken(workload) }
      : { variables };
  };

  return {
    ...{ run, stop, start, environment },
    list: () => catalog.all().workloads,
    webIdentity: identity.webIdentity,
    endpoints: createWorkloadEndpoints({ workload: find, keys, metadata, identity }),
    open: async () => {
      for (const workload of catalog.all().workloads) await refreshPort(workload);
    },
    close: () => ports.closeAll(),
  };
}
