/** Connections to PostgreSQL: a bounded pool, numbers as numbers, statements that cannot run for ever. */
import pg from "pg";
import { copyIn } from "./copyIn.ts";
import { CommitUnknown, ConnectionLost, isConnectionError, lost } from "./errors.ts";
import { expiry, noLimit } from "./expiry.ts";
import { createLine } from "./line.ts";

/**
 * Of one node. Whoever holds one in a transaction may ask for something on another meanwhile, so those that are held for
 * long must not come to all of them: claims, metering and changes of the catalogue take one each, streams a few.
 */
const connectionsMax = 10;
const streamsMax = 4;
const connectMaxMs = 5_000;
/** A statement that runs longer is given up: its caller has gone by then. */
const statementMaxMs = 30_000;
/** The server would have given it up before: no answer will come on this connection any more. */
const answerMaxMs = statementMaxMs + 5_000;
/** A node that went silent in a transaction holds keys that others wait for; streams have readers that may be slow. */
const idleInTransactionMaxMs = 5_000;
const idleMaxMs = 30_000;
/** What holds a connection gives it up so much earlier than the whole that it is a part of: it knows what became of it. */
const graceMs = 200;
/** Longer than any that is still in the pool: the session of a node that vanished without a word. */
const sessionIdleMaxMs = 60_000;

/** What runs statements: the pool, or one connection inside a transaction. */
export interface Sql {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** The same, prepared once a connection under that name. */
  prepared<Row extends object>(name: string, text: string, values?: readonly unknown[]): Promise<readonly Row[]>;
}

/** One connection inside a transaction. */
export interface Transaction extends Sql {
  /** Statements without parameters, of which the last is COPY … FROM STDIN, and its rows. */
  copyIn(text: string, rows: Uint8Array): Promise<void>;
}

export interface Connections extends Sql {
  /**
   * Runs `body` in a transaction. Rejects with what it rejects with, or with CommitUnknown. One that takes longer than
   * `maxMs` is given up with its connection: nobody knows otherwise that packets are dropped on the way.
   */
  transaction<T>(body: (sql: Transaction) => Promise<T>, maxMs?: number): Promise<T>;
  /**
   * A transaction in one round trip, behind those that are on their way: `text` is its statements, `rows` what its COPYs
   * take. Rejects with what the server refused, undone; or with CommitUnknown, as `transaction` does.
   */
  atOnce(text: string, rows: readonly Uint8Array[], maxMs: number): Promise<void>;
  /**
   * For what asks for several things in turn, on any connections: rejects with ConnectionLost after `maxMs`, and the way to
   * the server is not trusted any more. `left` tells how many milliseconds there are for what is asked next, which must give
   * up by itself after them; it throws when there are none.
   */
  within<T>(maxMs: number, body: (left: () => number) => Promise<T>): Promise<T>;
  /** Rows of one statement, some at a time, all of one moment. Its connection is held until the last is read. */
  stream<Row extends object>(
    text: string,
    values: readonly unknown[],
    batch: number,
  ): AsyncGenerator<readonly Row[], void, undefined>;
  /** One connection of its own, outside of the pool, such as for LISTEN; the caller ends it. */
  dedicated(): Promise<pg.Client>;
  end(): Promise<void>;
}

const int8 = 20;
/** bigint columns hold numbers of rows, quantities and times, all below 2^53; what could be larger is selected as text. */
export const types = new pg.TypeOverrides();
types.setTypeParser(int8, Number);

/** Nodes go by this name in `pg_stat_activity`; what is not one by another. */
export const nodeName = "meterhouse";

export function connect(url: string, applicationName = nodeName): Connections {
  const config: pg.PoolConfig = {
    connectionString: url,
    application_name: applicationName,
    types,
    connectionTimeoutMillis: connectMaxMs,
    statement_timeout: statementMaxMs,
    query_timeout: answerMaxMs,
    idle_in_transaction_session_timeout: idleInTransactionMaxMs,
    options: `-c idle_session_timeout=${sessionIdleMaxMs}`,
    keepAlive: true,
  };
  let pool = openPool(config);
  const line = createLine({
    open: () => openPool({ ...config, max: 1, pipeline: true }),
    onExpired: () => leavePool(pool),
  });
  const streams = createTurns(streamsMax);
  /** What came by the way on which packets were lost is not trusted any more: each would have to be waited for. */
  const leavePool = (left: pg.Pool): void => {
    if (left !== pool || left.ending) return;
    pool = openPool(config);
    left.end().catch(() => {});
  };
  /** Lends `body` a connection, which goes when it breaks or takes too long. */
  const held = async <T>(
    maxMs: number,
    body: (client: pg.PoolClient, expired: Promise<never>) => Promise<T>,
  ): Promise<T> => {
    const from = pool;
    const client = await lost(from.connect());
    let isReleased = false;
    const release = (isBroken: boolean): void => {
      if (!isReleased) client.release(isBroken);
      isReleased = true;
    };
    const limit = expiry(maxMs, () => {
      release(true);
      leavePool(from);
      line.leave();
    });
    let isBroken = false;
    try {
      return await body(client, limit.expired);
    } catch (error) {
      isBroken = error instanceof CommitUnknown || isConnectionError(error);
      throw error;
    } finally {
      limit.end();
      release(isBroken);
    }
  };
  return {
    query: (text, values) => sqlOf(pool).query(text, values),
    prepared: (name, text, values) => sqlOf(pool).prepared(name, text, values),
    transaction: (body, maxMs = noLimit) =>
      held(maxMs, (client, expired) => inTransaction(client, (sql) => Promise.race([body(sql), expired]))),
    atOnce: (text, rows, maxMs) => line.send(text, rows, maxMs),
    within: async (maxMs, body) => {
      const endsAt = performance.now() + maxMs;
      const limit = expiry(maxMs + graceMs, () => {
        leavePool(pool);
        line.leave();
      });
      const left = (): number => {
        const ms = endsAt - performance.now();
        if (ms <= 0) throw new ConnectionLost(`The database did not answer within ${maxMs} ms.`);
        return ms;
      };
      try {
        return await Promise.race([body(left), limit.expired]);
      } finally {
        limit.end();
      }
    },
    stream: async function* <Row extends object>(text: string, values: readonly unknown[], batch: number) {
      const done = await streams();
      let client: pg.PoolClient | undefined;
      let isWhole = false;
      try {
        client = await pool.connect();
        await client.query(`BEGIN READ ONLY; SET LOCAL idle_in_transaction_session_timeout = ${statementMaxMs}`);
        await client.query(`DECLARE batches NO SCROLL CURSOR FOR ${text}`, [...values]);
        for (;;) {
          const { rows } = await client.query<Row>(`FETCH ${batch} FROM batches`);
          if (rows.length > 0) yield rows;
          if (rows.length < batch) break;
        }
        await client.query("COMMIT");
        isWhole = true;
      } finally {
        // A reader that leaves early leaves an open transaction: the connection goes with it.
        client?.release(!isWhole);
        done();
      }
    },
    dedicated: async () => {
      // Whoever has it says how long a statement may take.
      const client = new pg.Client({ ...config, query_timeout: 0 });
      client.on("error", () => {});
      await client.connect();
      return client;
    },
    end: async () => {
      await Promise.all([pool.end(), line.end()]);
    },
  };
}

function openPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({ max: connectionsMax, idleTimeoutMillis: idleMaxMs, ...config });
  // A connection that breaks is replaced when it is needed; without a listener it would end the process. The pool listens
  // to those that are idle; one that breaks between two statements of a transaction is in use.
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

/** At most so many at once; the others wait. Resolves to what ends a turn. */
export function createTurns(max: number): () => Promise<() => void> {
  let running = 0;
  const waiting: (() => void)[] = [];
  const end = (): void => {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  };
  return async () => {
    if (running >= max) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    return end;
  };
}

async function inTransaction<T>(client: pg.PoolClient, body: (sql: Transaction) => Promise<T>): Promise<T> {
  await lost(client.query("BEGIN"));
  let value: T;
  try {
    value = await body({ ...sqlOf(client), copyIn: (text, rows) => lost(copyIn(client, text, [rows])) });
  } catch (error) {
    // Where the connection is gone the server undoes it by itself, and no answer would come.
    if (!isConnectionError(error)) await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
  try {
    await lost(client.query("COMMIT"));
  } catch (error) {
    if (!isConnectionError(error)) throw error;
    throw new CommitUnknown("The connection broke while the transaction was being committed.", { cause: error });
  }
  return value;
}

function sqlOf(source: pg.Pool | pg.PoolClient): Sql {
  return {
    query: async <Row extends object>(text: string, values: readonly unknown[] = []) =>
      (await lost(source.query<Row>(text, [...values]))).rows,
    prepared: async <Row extends object>(name: string, text: string, values: readonly unknown[] = []) =>
      (await lost(source.query<Row>({ name, text, values: [...values] }))).rows,
  };
}
