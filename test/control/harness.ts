/** A control plane over a real store and a real server, and a client that reads what it answers. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { type Settings, settingsSchema } from "../../src/api/settings.ts";
import { createBusinessTime } from "../../src/businessTime.ts";
import { type CatalogDocument, catalogChange } from "../../src/catalog/file.ts";
import { createBusinessClock, type SettableClock } from "../../src/clock.ts";
import { auditedCatalog } from "../../src/control/actor.ts";
import { type ControlOptions, createControl } from "../../src/control/control.ts";
import { createFeed } from "../../src/control/feed.ts";
import { createSessions } from "../../src/control/sessions.ts";
import { createFaultPlan, type FaultPlan } from "../../src/faults.ts";
import { type Agreements, createAgreements } from "../../src/marketplace/agreements.ts";
import { createRegisteredUsage } from "../../src/marketplace/metering/registeredUsage.ts";
import { createThrottle } from "../../src/protocol/throttle.ts";
import { createRouter } from "../../src/router.ts";
import { createSealer } from "../../src/secrets.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import type { Store } from "../../src/store/store.ts";

import { expectDocumented } from "./documented.ts";

export const rootToken = "root-token-for-tests";
export const startAt = "2026-08-15T10:20:00.000Z";
export const seller = "111122223333";
export const buyer = "444455556666";
export const product = "contractproduct1234567890";

/** What is read of any answer; tests look into it by member. */
// biome-ignore lint/suspicious/noExplicitAny: the wire has no types
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

export interface CallOptions {
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Harness {
  readonly url: string;
  readonly store: Store;
  readonly clock: SettableClock;
  readonly agreements: Agreements;
  readonly faults: FaultPlan;
  settings(): Settings;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  get(path: string): Promise<Answer>;
  post(path: string, body?: unknown): Promise<Answer>;
  close(): Promise<void>;
}

const document: CatalogDocument = {
  accounts: [
    { id: seller, name: "Quayside" },
    { id: buyer, name: "Alder", customerIdentifier: "aLd3rQ7wE1z" },
  ],
  products: [
    {
      code: product,
      seller,
      type: "saas-contract-with-consumption",
      createdAt: "2024-01-01T00:00:00Z",
      dimensions: ["requests"],
      entitlementDimensions: ["seats"],
    },
  ],
};

export async function startControl(more: Partial<ControlOptions> = {}): Promise<Harness> {
  const folder = mkdtempSync(join(tmpdir(), "meterhouse-control-"));
  const store = openSqliteStore({ file: join(folder, "meterhouse.db"), sealer: createSealer(Buffer.alloc(32, 7)) });
  const log = pino({ level: "silent" });
  const clock = createBusinessClock(Date.now, Date.parse(startAt));
  const catalog = auditedCatalog(store.catalog, Date.now);
  const settings = (): Settings => settingsSchema.parse(catalog.settings());
  const agreements = createAgreements({ catalog, settings });
  const registeredUsage = createRegisteredUsage({ store, settings });
  const { timekeeper } = createBusinessTime({
    ...{ store, clock, wallClock: Date.now, settings, agreements, registeredUsage, log },
  });
  const faults = createFaultPlan();
  const loadCatalog = async (loaded: CatalogDocument): Promise<void> =>
    catalog.apply(await catalogChange(loaded, { existing: catalog, now: clock.now() }));
  await loadCatalog(document);
  let url = "";
  const control = createControl({
    store,
    clock,
    timekeeper,
    settings,
    changeSettings: (overrides) => catalog.apply({ settings: { ...catalog.settings(), ...overrides } }),
    throttle: createThrottle(() => performance.now()),
    faults,
    agreements,
    loadCatalog,
    adminToken: rootToken,
    wallClock: Date.now,
    log,
    version: "0.0.0-test",
    publicUrl: () => url,
    sessions: createSessions({ catalog, wallClock: Date.now }),
    feed: createFeed(),
    stopping: new AbortController().signal,
    ...more,
  });
  const server = createServer(
    createRouter({ store, log, version: "0.0.0-test", allowedHosts: [], notReady: () => undefined, control }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const openApi: Json = await (await fetch(`${url}/api/v1/openapi.json`)).json();

  const call = async (method: string, path: string, options: CallOptions = {}): Promise<Answer> => {
    const { token = rootToken, body } = options;
    const headers: Record<string, string> = {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: text }),
    });
    const content = await response.text();
    const isJson = content !== "" && /json/.test(response.headers.get("content-type") ?? "");
    const answer = { status: response.status, headers: response.headers, body: isJson ? JSON.parse(content) : content };
    // Every answer of every test is held against the document.
    if (path !== "/openapi.json") expectDocumented(openApi, method, path, answer);
    return answer;
  };
  return {
    url,
    store,
    clock,
    agreements,
    faults,
    settings,
    call,
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, { body: body ?? {} }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
