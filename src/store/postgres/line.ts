/**
 * One connection for whole transactions, each of which is one message. The next is sent without waiting for the answer to the
 * one before, so that the server goes from one to the next by itself.
 */
import type pg from "pg";
import { copyIn } from "./copyIn.ts";
import { CommitUnknown, isConnectionError, lost } from "./errors.ts";
import { expiry } from "./expiry.ts";

export interface LineOptions {
  /** A pool of one connection that takes messages while it works on others. */
  readonly open: () => pg.Pool;
  /** The server did not answer in time. */
  readonly onExpired: () => void;
}

export interface Line {
  /** See `Connections.atOnce`. */
  send(text: string, rows: readonly Uint8Array[], maxMs: number): Promise<void>;
  /** The way to the server is not trusted any more: what comes next goes by another connection. */
  leave(): void;
  end(): Promise<void>;
}

/** The connection while something is on its way; in between it is the pool's, which closes what idles. */
interface Held {
  readonly client: Promise<pg.PoolClient>;
  users: number;
  isReleased: boolean;
}

export function createLine({ open, onExpired }: LineOptions): Line {
  let pool = open();
  let held: Held | undefined;
  let isEnded = false;
  const release = (own: Held, isBroken: boolean): void => {
    // Whoever sent something else on it may have found it broken, too.
    if (own.isReleased) return;
    own.isReleased = true;
    if (held === own) held = undefined;
    own.client
      .then((client) => {
        // The driver would wait for what was sent on it.
        if (isBroken) client.connection.stream.destroy();
        client.release(isBroken);
      })
      .catch(() => {});
  };
  const leave = (): void => {
    if (isEnded) return;
    held = undefined;
    pool.end().catch(() => {});
    pool = open();
  };
  return {
    send: async (text, rows, maxMs) => {
      held ??= { client: lost(pool.connect()), users: 0, isReleased: false };
      const own = held;
      own.users += 1;
      const limit = expiry(maxMs, () => {
        release(own, true);
        leave();
        onExpired();
      });
      let isSent = false;
      try {
        const client = await Promise.race([own.client, limit.expired]);
        isSent = true;
        await lost(Promise.race([copyIn(client, text, rows), limit.expired]));
      } catch (error) {
        if (!isConnectionError(error)) throw error;
        release(own, true);
        if (!isSent) throw error;
        throw new CommitUnknown("The connection broke while a transaction was on its way.", { cause: error });
      } finally {
        limit.end();
        own.users -= 1;
        if (own.users === 0) release(own, held !== own);
      }
    },
    leave,
    end: () => {
      isEnded = true;
      return pool.end();
    },
  };
}
