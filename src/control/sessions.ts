/**
 * Browsers of the console. A link with a one-time word, or an admin token, becomes a session: a cookie that no script can
 * read, and a word against forged requests that every change must carry in a header. Both are kept by their hash alone.
 */
import { hash, randomBytes } from "node:crypto";
import type { Catalog } from "../store/catalog.ts";
import type { Caller } from "./caller.ts";

/** Wall time; milliseconds. */
const linkLifeMs = 12 * 3_600_000;
const idleMaxMs = 12 * 3_600_000;
const sessionLifeMs = 7 * 86_400_000;
const linksMax = 100;
const sessionsMax = 1_000;

/** With the port: cookies know none, and two servers of one machine must not sign each other's browsers out. */
export function sessionCookie(publicUrl: string): string {
  return `meterhouse_session_${new URL(publicUrl).port || "default"}`;
}

export const csrfHeader = "X-Meterhouse-Csrf";

export interface Session {
  readonly caller: Caller;
  /** What changes must carry in `csrfHeader`. */
  readonly csrf: string;
  /** Wall time, epoch milliseconds; use moves it on. */
  readonly expiresAt: number;
}

export interface Sessions {
  /** A word for a link; it opens one session of `caller`, within twelve hours. */
  invite(caller: Caller): string;
  /** Whom the word was for; a second time it is nobody's. */
  redeem(word: string): Caller | undefined;
  /** Opens a session: the value of its cookie, told once. */
  open(caller: Caller): { readonly cookie: string; readonly session: Session };
  /** The session of a cookie, unless it is over or its admin token was revoked. */
  find(cookie: string): Session | undefined;
  end(cookie: string): void;
}

interface Kept {
  readonly caller: Caller;
  readonly csrf: string;
  readonly openedAt: number;
  usedAt: number;
}

export function createSessions(options: {
  readonly catalog: Pick<Catalog, "adminTokens">;
  readonly wallClock: () => number;
}): Sessions {
  const { catalog, wallClock } = options;
  const links = new Map<string, { readonly caller: Caller; readonly at: number }>();
  const sessions = new Map<string, Kept>();
  /** Root has no row: its token is not revoked but replaced, at a start, which ends all sessions. */
  const isRevoked = ({ name }: Caller): boolean =>
    name !== "root" && catalog.adminTokens().every((one) => one.name !== name || one.revokedAt !== undefined);
  const expiryOf = ({ openedAt, usedAt }: Kept): number => Math.min(usedAt + idleMaxMs, openedAt + sessionLifeMs);
  const shown = (kept: Kept): Session => ({ caller: kept.caller, csrf: kept.csrf, expiresAt: expiryOf(kept) });

  return {
    invite: (caller) => {
      const word = randomBytes(24).toString("base64url");
      links.set(keyOf(word), { caller, at: wallClock() });
      dropOldest(links, linksMax);
      return word;
    },
    redeem: (word) => {
      const key = keyOf(word);
      const link = links.get(key);
      links.delete(key);
      if (link === undefined || wallClock() - link.at > linkLifeMs || isRevoked(link.caller)) return undefined;
      return link.caller;
    },
    open: (caller) => {
      const cookie = randomBytes(32).toString("base64url");
      const now = wallClock();
      const kept = { caller, csrf: randomBytes(24).toString("base64url"), openedAt: now, usedAt: now };
      sessions.set(keyOf(cookie), kept);
      dropOldest(sessions, sessionsMax);
      return { cookie, session: shown(kept) };
    },
    find: (cookie) => {
      const key = keyOf(cookie);
      const kept = sessions.get(key);
      if (kept === undefined) return undefined;
      const now = wallClock();
      if (now > expiryOf(kept) || isRevoked(kept.caller)) {
        sessions.delete(key);
        return undefined;
      }
      kept.usedAt = now;
      // Taken out and put back: the first of the map is the one that was used least recently.
      sessions.delete(key);
      sessions.set(key, kept);
      return shown(kept);
    },
    end: (cookie) => {
      sessions.delete(keyOf(cookie));
    },
  };
}

/** Looked up by hash: how long that takes tells nothing about the word. */
function keyOf(word: string): string {
  return hash("sha256", word, "hex");
}

function dropOldest(map: Map<string, unknown>, max: number): void {
  for (const key of map.keys()) {
    if (map.size <= max) return;
    map.delete(key);
  }
}
