/** Who calls: the bearer tokens of the control plane, compared by their hashes, and a bound on wrong ones. */
import { hash, timingSafeEqual } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Catalog } from "../store/catalog.ts";
import type { Caller } from "./caller.ts";
import { Problem } from "./problems.ts";

/** Wrong tokens that an address may send at once, and how many it gets back a second. Those beyond are slowed. */
const failuresBurst = 20;
const failuresPerSecond = 1;
const slowedMs = 1_000;
/** Slowed answers that an address may wait for; what it sends meanwhile is not looked at. */
const slowedMax = 16;
/** Beyond this many addresses the oldest are forgotten. */
const addressesMax = 1_000;

export interface Authenticator {
  /** Rejects with Problem: 401, or 429 for an address that guesses. */
  authenticate(authorization: string | undefined, address: string): Promise<Caller>;
}

export function tokenHash(token: string): string {
  return hash("sha256", token, "hex");
}

function unauthorized(detail: string): Problem {
  return new Problem(401, detail, { headers: { "WWW-Authenticate": "Bearer" } });
}

export function createAuthenticator(options: {
  readonly catalog: Catalog;
  readonly adminToken: string;
  readonly wallClock: () => number;
}): Authenticator {
  const { catalog } = options;
  const rootHash = Buffer.from(tokenHash(options.adminToken), "hex");
  const failures = createFailures(options.wallClock);

  const callerOf = (token: string): Caller | "revoked" | undefined => {
    const given = hash("sha256", token, "buffer");
    let found: Caller | "revoked" | undefined;
    if (timingSafeEqual(given, rootHash)) found = { name: "root", role: "full" };
    // All are compared, whichever it is: the time tells nothing.
    for (const known of catalog.adminTokens()) {
      if (!timingSafeEqual(given, Buffer.from(known.hash, "hex"))) continue;
      found ??= known.revokedAt === undefined ? { name: known.name, role: known.role } : "revoked";
    }
    return found;
  };

  return {
    authenticate: async (authorization, address) => {
      // A missing token is not counted: any page can make a browser send such requests, and must not slow people down.
      if (authorization === undefined) {
        throw unauthorized(
          "Send the admin token: 'Authorization: Bearer <token>'. It is in admin.token in the data folder.",
        );
      }
      failures.refuseGuessing(address);
      const token = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization.trim())?.[1];
      const caller = token === undefined ? undefined : callerOf(token);
      if (typeof caller === "object") return caller;
      await failures.count(address);
      if (token === undefined) throw unauthorized("The Authorization header is not 'Bearer <token>'.");
      throw unauthorized(caller === "revoked" ? "This admin token was revoked." : "This admin token is not known.");
    },
  };
}

interface Failures {
  /** Throws 429 while the address has as many slowed answers to wait for as it may. */
  refuseGuessing(address: string): void;
  /** Resolves later for an address that has used up its burst. */
  count(address: string): Promise<void>;
}

interface Bucket {
  left: number;
  at: number;
  slowed: number;
}

/**
 * Slowed and not locked out: a forgotten script that polls with an old token must not keep the right one from working,
 * which is answered at once as long as nobody guesses in parallel.
 */
function createFailures(wallClock: () => number): Failures {
  const buckets = new Map<string, Bucket>();
  const bucketOf = (address: string): Bucket => {
    const bucket = buckets.get(address) ?? { left: failuresBurst, at: wallClock(), slowed: 0 };
    // Taken out and put back: the map's order is that of the last failure.
    buckets.delete(address);
    buckets.set(address, bucket);
    const [oldest] = buckets.keys();
    if (buckets.size > addressesMax && oldest !== undefined) buckets.delete(oldest);
    return bucket;
  };
  return {
    refuseGuessing: (address) => {
      if ((buckets.get(address)?.slowed ?? 0) < slowedMax) return;
      throw new Problem(429, "Too many wrong admin tokens from this address; wait a second and send the right one.", {
        headers: { "Retry-After": "1" },
      });
    },
    count: async (address) => {
      const bucket = bucketOf(address);
      const now = wallClock();
      const earned = (Math.max(0, now - bucket.at) * failuresPerSecond) / 1_000;
      bucket.left = Math.min(failuresBurst, bucket.left + earned) - 1;
      bucket.at = now;
      if (bucket.left >= 0) return;
      bucket.left = 0;
      bucket.slowed += 1;
      await delay(slowedMs, undefined, { ref: false });
      bucket.slowed -= 1;
    },
  };
}
