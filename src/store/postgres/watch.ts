/**
 * A node's look at the others: one connection that hears what they tell, asks for the catalogue's version in case it was
 * not told, and holds the lock of the one node that leads. It is made again whenever it breaks.
 */
import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import type { Leadership } from "../leadership.ts";
import type { Connections } from "./connection.ts";

/** Whoever hears nothing learns of a change after this. */
const lookEveryMs = 700;
const lookMaxMs = 3_000;
/** The server ends the session of a node that it has not heard of for so long: it hangs, or its network does. */
const sessionIdleMaxMs = 8_000;
/** Less: a node that hangs must not take itself for the leader when it wakes up. */
const leaseMs = 5_000;
const retryFirstMs = 50;
const retryMaxMs = 800;
export const watchName = "meterhouse watch";
/** Any number that nothing else locks by. */
const leaderLock = 4_016_002;

export interface WatchOptions {
  readonly connections: Connections;
  readonly channels: readonly string[];
  readonly onTold: (channel: string, payload: string) => void;
  /** Each time it begins to hear: what was told before is lost. */
  readonly onConnected: () => void;
  /** Each look at the database. */
  readonly onLook: (catalogVersion: number) => void;
  readonly onError: (error: unknown) => void;
}

export class Watch implements Leadership {
  readonly #options: WatchOptions;
  readonly #gained: (() => void)[] = [];
  #closing = new AbortController();
  #running: Promise<void> | undefined;
  /** By the monotonic clock; 0: not held. */
  #heldUntil = 0;
  #outage: unknown;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  isHeld(): boolean {
    return performance.now() < this.#heldUntil;
  }

  onGained(listener: () => void): void {
    this.#gained.push(listener);
  }

  /** Why the last look failed; undefined: it did not. */
  get outage(): unknown {
    return this.#outage;
  }

  /** Resolves when it hears, and has looked once. Rejects when it cannot connect. */
  async start(): Promise<void> {
    const client = await this.#connect();
    this.#running = this.#run(client);
  }

  /** Lets the lock go. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(first: pg.Client): Promise<void> {
    const { signal } = this.#closing;
    let client: pg.Client | undefined = first;
    let retryMs = retryFirstMs;
    while (!signal.aborted) {
      try {
        client ??= await this.#connect();
        retryMs = retryFirstMs;
        await this.#look(client, signal);
      } catch (error) {
        this.#heldUntil = 0;
        if (this.#outage === undefined) this.#options.onError(error);
        this.#outage = error;
        await end(client);
        client = undefined;
        await delay(retryMs, undefined, { signal }).catch(() => {});
        retryMs = Math.min(retryMs * 2, retryMaxMs);
      }
    }
    this.#heldUntil = 0;
    await end(client);
  }

  async #connect(): Promise<pg.Client> {
    const { connections, channels, onTold, onConnected } = this.#options;
    const client = await connections.dedicated();
    try {
      client.on("notification", ({ channel, payload }) => onTold(channel, payload ?? ""));
      // The name tells whoever looks at the server's sessions which one holds the lead.
      await client.query(`SET application_name = '${watchName}'; SET idle_session_timeout = ${sessionIdleMaxMs}`);
      for (const channel of channels) await client.query(`LISTEN ${channel}`);
      await this.#lookOnce(client, false);
      onConnected();
      return client;
    } catch (error) {
      await end(client);
      throw error;
    }
  }

  /** Until the connection breaks, which rejects, or the end. */
  async #look(client: pg.Client, signal: AbortSignal): Promise<void> {
    const broken = new AbortController();
    // What ends a connection ends the wait for the next look at once, and with it the lead.
    client.once("end", () => broken.abort());
    client.once("error", () => broken.abort());
    while (!signal.aborted) {
      await delay(lookEveryMs, undefined, { signal: AbortSignal.any([signal, broken.signal]) }).catch(() => {});
      if (signal.aborted) return;
      if (broken.signal.aborted) throw new Error("the connection to the database broke");
      await this.#lookOnce(client, this.#heldUntil > 0);
    }
  }

  async #lookOnce(client: pg.Client, holdsLock: boolean): Promise<void> {
    const from = performance.now();
    const asked = client.query<{ version: number; held: boolean }>(
      `SELECT (SELECT version FROM catalog_version) AS version,
         CASE WHEN $1 THEN true ELSE pg_try_advisory_lock($2) END AS held`,
      [holdsLock, leaderLock],
    );
    const { rows } = await inTime(asked);
    const [row] = rows;
    if (row === undefined) throw new Error("the database has lost its version of the catalogue");
    this.#outage = undefined;
    const isNew = row.held && !this.isHeld();
    this.#heldUntil = row.held ? from + leaseMs : 0;
    if (isNew) for (const listener of this.#gained) listener();
    this.#options.onLook(row.version);
  }
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  const late = new AbortController();
  const timeout = delay(lookMaxMs, undefined, { signal: late.signal }).then(
    () => Promise.reject(new Error(`the database did not answer within ${lookMaxMs} ms`)),
    () => work,
  );
  try {
    return await Promise.race([work, timeout]);
  } finally {
    late.abort();
    // Whichever of the two comes later has nobody to tell.
    timeout.catch(() => {});
    work.catch(() => {});
  }
}

async function end(client: pg.Client | undefined): Promise<void> {
  if (client === undefined) return;
  // One whose network hangs never answers; the server ends such a session by itself.
  await Promise.race([client.end().catch(() => {}), delay(lookMaxMs, undefined, { ref: false })]);
}
