/** Opens the store of many nodes: one PostgreSQL database, and as many processes over it as there need be. */

import { StoreFailure } from "../ledger.ts";
import { checkKey, keyCheckName, keyCheckOf, type Sealer } from "../sealer.ts";
import type { Store } from "../store.ts";
import { PostgresAudit } from "./audit.ts";
import { catalogChannel, PostgresCatalog, tokensChannel } from "./catalog.ts";
import { type Connections, connect, type Sql } from "./connection.ts";
import { refuseUnfinishedCopy } from "./copyPlaces.ts";
import { explained, type Place, placeOf, reasonOf, StartError } from "./failures.ts";
import { Interner } from "./interner.ts";
import { PostgresLedger } from "./ledger.ts";
import { migrate } from "./migrate.ts";
import { outboxChannel, PostgresOutbox } from "./outbox.ts";
import { monthsAhead, Partitions } from "./partitions.ts";
import { abandonedAfterMs, completeAbandoned } from "./pendingCalls.ts";
import { ShardMap } from "./shardMap.ts";
import { sharedChannel } from "./sharedChannel.ts";
import { PostgresSharedState } from "./sharedState.ts";
import { createSummaries } from "./summaries.ts";
import { Watch } from "./watch.ts";

const oldestServer = 150_000;

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:5432/database` */
  readonly url: string;
  readonly sealer: Sealer;
  /** What failed where nobody waits for it: the connection that hears the other nodes broke. Default: nothing. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Opens the store, makes its tables on first use, and brings an older schema up to date.
 *
 * Rejects with an Error that a person can act on, and that never shows the password: the database cannot be reached or
 * does not let the user in, is of a newer schema, or was sealed under another master key.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const place = placeOf(options.url);
  const connections = closable(connect(options.url));
  try {
    await checkServer(connections, place);
    await refuseUnfinishedCopy(connections, place);
    await migrate(connections);
    await checkMasterKey(connections, options.sealer, place);
    return await assemble(connections, options, place);
  } catch (error) {
    await connections.end();
    throw explained(error, place);
  }
}

async function checkServer(sql: Sql, { host, port }: Place): Promise<void> {
  const [row] = await sql.query<{ number: string; version: string }>(
    "SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS version",
  );
  if (Number(row?.number) >= oldestServer) return;
  throw new StartError(`PostgreSQL at ${host}:${port} is version ${row?.version}; Meterhouse needs 15 or newer.`);
}

/** Finds a wrong key at the start, even while nothing else is sealed: nodes of two keys could not read each other's rows. */
async function checkMasterKey(sql: Sql, sealer: Sealer, { database }: Place): Promise<void> {
  // Of nodes that start at once, the first one's stays.
  await sql.query("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
    keyCheckName,
    keyCheckOf(sealer),
  ]);
  const [row] = await sql.query<{ value: string }>("SELECT value FROM meta WHERE name = $1", [keyCheckName]);
  checkKey(sealer, row?.value ?? "", `the database '${database}'`);
}

/** After its end everything is refused, as on the embedded store. */
function closable(connections: Connections): Connections {
  let isClosed = false;
  const ifOpen = <T>(work: () => Promise<T>): Promise<T> =>
    isClosed ? Promise.reject(new StoreFailure("no", new Error("the store is closed"))) : work();
  return {
    query: (text, values) => ifOpen(() => connections.query(text, values)),
    prepared: (name, text, values) => ifOpen(() => connections.prepared(name, text, values)),
    transaction: (body, maxMs) => ifOpen(() => connections.transaction(body, maxMs)),
    atOnce: (text, rows, maxMs) => ifOpen(() => connections.atOnce(text, rows, maxMs)),
    within: (maxMs, body) => ifOpen(() => connections.within(maxMs, body)),
    stream: async function* <Row extends object>(text: string, values: readonly unknown[], batch: number) {
      await ifOpen(() => Promise.resolve());
      yield* connections.stream<Row>(text, values, batch);
    },
    dedicated: () => ifOpen(() => connections.dedicated()),
    end: async () => {
      if (isClosed) return;
      isClosed = true;
      await connections.end();
    },
  };
}

async function assemble(
  connections: Connections,
  { sealer, onError = () => {} }: PostgresStoreOptions,
  place: Place,
): Promise<Store> {
  const interner = new Interner(connections);
  const shards = await ShardMap.open(connections);
  const partitions = new Partitions(connections);
  const outbox = new PostgresOutbox({ connections, catchUp: () => catalog.catchUp() });
  const catalog = new PostgresCatalog({
    ...{ connections, sealer, outbox },
    claimed: () => ledger.lane.drain(),
    // Another node may have emptied everything: what memory knows of rows is no longer so.
    onReload: () => {
      interner.forget();
      partitions.forget();
      ledger.forget();
      inBackground(ledger.catchUp());
    },
  });
  const ledger: PostgresLedger = new PostgresLedger({ connections, interner, partitions, catalog, shards, onError });
  const audit = new PostgresAudit(connections, ledger.lane);
  const shared = await PostgresSharedState.open(connections);
  shared.onChanged("months", () => partitions.forget());
  let isOpen = true;
  const inBackground = (work: Promise<void>): void => {
    work.catch((error: unknown) => {
      if (isOpen) onError(error);
    });
  };
  let isLooking = false;
  const lookAtShards = async (map: ShardMap): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      await map.look();
      // What a node that died left pending, by the node that leads.
      if (watch.isHeld()) await completeAbandoned(connections, abandonedAfterMs);
    } finally {
      isLooking = false;
    }
  };
  const watch = new Watch({
    connections,
    channels: [catalogChannel, tokensChannel, outboxChannel, sharedChannel],
    onTold: (channel, payload) => {
      if (channel === catalogChannel && Number(payload) > catalog.version) inBackground(catalog.catchUp());
      if (channel === tokensChannel) catalog.tokenTold(payload);
      if (channel === outboxChannel) outbox.told(payload);
      if (channel === sharedChannel) shared.told(payload);
    },
    onConnected: () => {
      inBackground(catalog.catchUpTokens());
      outbox.wake();
      // Somebody may have put the buckets back, or dropped a month, while nobody told this node.
      for (const topic of ["rates", "months"]) shared.tellHere(topic);
    },
    onLook: (version) => {
      if (version > catalog.version) inBackground(catalog.catchUp());
      inBackground(ledger.catchUp());
      inBackground(shared.look());
      if (shards !== undefined) inBackground(lookAtShards(shards));
    },
    onError,
  });
  await catalog.catchUp();
  await ledger.catchUp();
  await watch.start();
  return {
    ...{ catalog, ledger, audit, outbox, leadership: watch, shared },
    async upkeep(now) {
      await partitions.ensure(monthsAhead(now));
      await shared.tidy();
    },
    summaries: createSummaries(connections, () => ledger.lane.drain()),
    onCommit(listener) {
      ledger.lane.onCommit = (commit, error) =>
        listener(commit.isStored ? commit : { ...commit, why: reasonOf(error, place) });
    },
    outage: () => (watch.outage === undefined ? undefined : reasonOf(watch.outage, place)),
    onChangedElsewhere: (listener) => catalog.onCaughtUp(listener),
    async reset() {
      await ledger.lane.drain();
      await catalog.drain();
      await connections.transaction(async (sql) => {
        await catalog.clear(sql);
        await outbox.clear(sql);
        await sql.query(Partitions.dropAll);
        await sql.query(
          "TRUNCATE subjects, dimensions, callers, client_tokens, metering_workloads, audit, pending_calls",
        );
      });
      await catalog.catchUp();
      await ledger.catchUp();
    },
    async close() {
      if (!isOpen) return;
      isOpen = false;
      await ledger.lane.close();
      await catalog.drain();
      await watch.close();
      await connections.end();
    },
  };
}
