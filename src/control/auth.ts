/** Who calls: the bearer tokens of the control plane, compared by their hashes, and a bound on wrong ones. */
import { hash, timingSafeEqual } from "node:crypto";
import type { Catalog } from "../store/catalog.ts";
import type { Caller } from "./app.ts";
import { Problem } from "./problems.ts";

/** Wrong tokens that an address may send at once, and how many it gets back a second. */
const failuresBurst = 20;
const failuresPerSecond = 1;
/** Beyond this many addresses the oldest are forgotten. */
const addressesMax = 1_000;

export interface Authenticator {
  /** Throws Problem: 401, or 429 for an address that has sent too many wrong tokens. */
  authenticate(authorization: string | undefined, address: string): Caller;
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
    authenticate: (authorization, address) => {
      // A missing token is not counted: any page can make a browser send such requests, and must not lock people out.
      if (authorization === undefined) {
        throw unauthorized(
          "Send the admin token: 'Authorization: Bearer <token>'. It is in admin.token in the data folder.",
        );
      }
      failures.check(address);
      const token = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization.trim())?.[1];
      const caller = token === undefined ? undefined : callerOf(token);
      if (typeof caller === "object") return caller;
      failures.count(address);
      if (token === undefined) throw unauthorized("The Authorization header is not 'Bearer <token>'.");
      throw unauthorized(caller === "revoked" ? "This admin token was revoked." : "This admin token is not known.");
    },
  };
}

interface Failures {
  /** Throws 429 when the address has none left: its token is not even looked at. */
  check(address: string): void;
  count(address: string): void;
}

function createFailures(wallClock: () => number): Failures {
  const left = new Map<string, { tokens: number; at: number }>();
  const refill = (address: string): { tokens: number; at: number } => {
    const now = wallClock();
    const bucket = left.get(address) ?? { tokens: failuresBurst, at: now };
    const earned = (Math.max(0, now - bucket.at) * failuresPerSecond) / 1_000;
    return { tokens: Math.min(failuresBurst, bucket.tokens + earned), at: now };
  };
  return {
    check: (address) => {
      if (!left.has(address) || refill(address).tokens >= 1) return;
      throw new Problem(429, "Too many wrong admin tokens from this address; wait a second and send the right one.", {
        headers: { "Retry-After": "1" },
      });
    },
    count: (address) => {
      const bucket = refill(address);
      // Taken out and put back: the map's order is that of the last failure.
      left.delete(address);
      left.set(address, { tokens: bucket.tokens - 1, at: bucket.at });
      if (left.size <= addressesMax) return;
      const [oldest] = left.keys();
      if (oldest !== undefined) left.delete(oldest);
    },
  };
}
