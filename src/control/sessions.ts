/**
 * Browsers of the console. A link with a one-time word, or an admin token, becomes a session: a cookie that no script can
 * read, and a word against forged requests that every change must carry in a header. Links and cookies are kept by their
 * hash alone, in memory or, where many nodes serve one console, in their database.
 */
import { hash, randomBytes } from "node:crypto";
import type { Catalog } from "../store/catalog.ts";
import type { BrowserBounds, BrowserRow, BrowserRows } from "../store/sharedState.ts";
import type { Caller } from "./caller.ts";

/** Wall time; milliseconds. */
const linkLifeMs = 12 * 3_600_000;
const idleMaxMs = 12 * 3_600_000;
const sessionLifeMs = 7 * 86_400_000;
const linksMax = 100;
const sessionsMax = 1_000;

export const csrfHeader = "X-Meterhouse-Csrf";

export interface Session {
  readonly caller: Caller;
  /** What changes must carry in `csrfHeader`. */
  readonly csrf: string;
  /** Wall time, epoch milliseconds; use moves it on. */
  readonly expiresAt: number;
}

export interface Sessions {
  /** Cookies know no port, and two servers of one machine must not sign each other's browsers out. */
  cookieName(publicUrl: string): string;
  /** A word for a link; it opens one session of `caller`, within twelve hours. */
  invite(caller: Caller): Promise<string>;
  /** Whom the word was for; a second time it is nobody's. */
  redeem(word: string): Promise<Caller | undefined>;
  /** Opens a session: the value of its cookie, told once. */
  open(caller: Caller): Promise<{ readonly cookie: string; readonly session: Session }>;
  /** The session of a cookie, unless it is over or its admin token was revoked. */
  find(cookie: string): Promise<Session | undefined>;
  end(cookie: string): Promise<void>;
}

export interface SessionsOptions {
  readonly catalog: Pick<Catalog, "adminTokens">;
  readonly wallClock: () => number;
  /** Default: memory. */
  readonly rows?: BrowserRows;
  /** Whoever came by another root token is not let in. Default: sessions end with the process, and so with its token. */
  readonly rootToken?: string;
  /** Names the cookie instead of the port: nodes behind one address share it. */
  readonly scope?: string | undefined;
  /** Use is written down this often; the end of a session is as inexact. Default: each time. */
  readonly usedEveryMs?: number;
}

export function createSessions(options: SessionsOptions): Sessions {
  const { catalog, wallClock, rows = createBrowserMemory(), scope, usedEveryMs = 0 } = options;
  const rootMark = options.rootToken === undefined ? "" : keyOf(`root token\n${options.rootToken}`);
  const markOf = ({ name }: Caller): string => (name === "root" ? rootMark : "");
  /** Root has no row: its token is not revoked but replaced. */
  const isRevoked = ({ name, rootMark: mark }: BrowserRow): boolean =>
    name === "root"
      ? mark !== rootMark
      : catalog.adminTokens().every((one) => one.name !== name || one.revokedAt !== undefined);
  const newRow = (word: string, caller: Caller): BrowserRow => {
    const now = wallClock();
    return { hash: keyOf(word), ...callerOf(caller), rootMark: markOf(caller), openedAt: now, usedAt: now };
  };
  const shown = (cookie: string, row: BrowserRow): Session => ({
    caller: callerOf(row),
    // Of the cookie, which no script can read: there is nothing more to keep, and nothing in the database tells it.
    csrf: hash("sha256", `csrf\n${cookie}`, "base64url"),
    expiresAt: expiryOf(row),
  });

  return {
    cookieName: (publicUrl) => `meterhouse_session_${scope ?? (new URL(publicUrl).port || "default")}`,
    invite: async (caller) => {
      const word = randomBytes(24).toString("base64url");
      await rows.putLink(newRow(word, caller), { max: linksMax, endedBefore: wallClock() - linkLifeMs });
      return word;
    },
    redeem: async (word) => {
      const link = await rows.takeLink(keyOf(word));
      if (link === undefined || wallClock() - link.openedAt > linkLifeMs || isRevoked(link)) return undefined;
      return callerOf(link);
    },
    open: async (caller) => {
      const cookie = randomBytes(32).toString("base64url");
      const row = newRow(cookie, caller);
      await rows.putSession(row, { max: sessionsMax, endedBefore: wallClock() - idleMaxMs });
      return { cookie, session: shown(cookie, row) };
    },
    find: async (cookie) => {
      const key = keyOf(cookie);
      const row = await rows.session(key);
      if (row === undefined) return undefined;
      const now = wallClock();
      if (now > expiryOf(row) || isRevoked(row)) {
        await rows.endSession(key);
        return undefined;
      }
      if (now - row.usedAt >= usedEveryMs) await rows.used(key, now);
      return shown(cookie, { ...row, usedAt: now });
    },
    end: (cookie) => rows.endSession(keyOf(cookie)),
  };
}

function callerOf({ name, role }: Caller): Caller {
  return { name, role };
}

function expiryOf({ openedAt, usedAt }: BrowserRow): number {
  return Math.min(usedAt + idleMaxMs, openedAt + sessionLifeMs);
}

/** Looked up by hash: how long that takes tells nothing about the word. */
function keyOf(word: string): string {
  return hash("sha256", word, "hex");
}

function createBrowserMemory(): BrowserRows {
  const links = new Map<string, BrowserRow>();
  const sessions = new Map<string, BrowserRow>();
  const put = (map: Map<string, BrowserRow>, row: BrowserRow, { max }: BrowserBounds): void => {
    map.set(row.hash, row);
    // The first of the map is the one that was used least recently.
    for (const key of map.keys()) {
      if (map.size <= max) return;
      map.delete(key);
    }
  };
  return {
    putLink: async (row, bounds) => put(links, row, bounds),
    takeLink: async (key) => {
      const link = links.get(key);
      links.delete(key);
      return link;
    },
    putSession: async (row, bounds) => put(sessions, row, bounds),
    session: async (key) => sessions.get(key),
    used: async (key, at) => {
      const row = sessions.get(key);
      if (row === undefined) return;
      sessions.delete(key);
      sessions.set(key, { ...row, usedAt: at });
    },
    endSession: async (key) => {
      sessions.delete(key);
    },
  };
}
