/**
 * Issue 7: secrets are compared in constant time. The sources are searched for comparisons and look-ups of what is named
 * as a secret; those that are there are listed with the reason why the time they take tells nothing.
 */
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import type { AdminToken } from "../../src/api/types.ts";
import { createAuthenticator, tokenHash } from "../../src/control/auth.ts";
import { createWorkloadEndpoints, type WorkloadEndpointsOptions } from "../../src/marketplace/workloads/endpoints.ts";
import type { Catalog } from "../../src/store/catalog.ts";
import { readSources, withoutComments } from "../architecture/sources.ts";

const { compared } = vi.hoisted(() => ({ compared: [] as [given: number, expected: number][] }));
vi.mock("node:crypto", async (importOriginal) => {
  const original = await importOriginal<typeof import("node:crypto")>();
  const timingSafeEqual: typeof original.timingSafeEqual = (a, b) => {
    compared.push([a.byteLength, b.byteLength]);
    return original.timingSafeEqual(a, b);
  };
  return { ...original, timingSafeEqual };
});
beforeEach(() => {
  compared.length = 0;
});

const secretName =
  /(?:secret|secretAccessKey|signature|csrf|password|passphrase|cookie|authorization|proof|hash|digest|mark|externalId|given|expected|word|link|(?<!client|next)token|tokens)$/i;
const harmless = /^(?:undefined|null|true|false|NaN|-?\d.*|["'`].*)$/;

/** What a comparison or a look-up is made with, by the last name of each side. */
function suspects(line: string): boolean {
  const comparisons = [...line.matchAll(/(typeof )?([\w.?]+(?:\(\))?)\s*(?:===|!==|==|!=)\s*(["'`]?[\w.?]+)/g)];
  if (
    comparisons.some(
      ([, isType, a = "", b = ""]) =>
        !isType && !harmless.test(a) && !harmless.test(b) && (secretName.test(a) || secretName.test(b)),
    )
  ) {
    return true;
  }
  const lookUps = [
    ...line.matchAll(/\.(?:get|has|includes|indexOf|startsWith|endsWith|localeCompare|equals|compare)\(([\w.?]+)\)/g),
  ];
  return lookUps.some(([, what = ""]) => secretName.test(what));
}

/** `file: part of the line` → why its time tells nothing. */
const known: Readonly<Record<string, string>> = {
  "protocol/sigv4Keys.ts: cached?.secretAccessKey === secretAccessKey":
    "both are the server's own; no caller sends either",
  "protocol/sts.ts: role.externalId === parameters.get":
    "no secret: AWS shows external ids to whoever may read the role",
  "control/sessions.ts: mark !== rootMark": "digests that the server made of its own token; the caller sends neither",
  "store/catalogReads.ts: this.memory.tokens.get(hash)": "by SHA-256 of what was sent",
  "store/sqlite/catalog.ts: this.memory.tokens.has(hash)": "by SHA-256 of what was sent",
  "marketplace/pages/resolve.ts: seen.has(hash)": "by SHA-256 of what was sent",
  "store/postgres/claims.ts: row.request_hash === found.clientToken.requestHash":
    "fingerprints of requests, no secrets",
  "store/postgres/claims.ts: claim.record.clientToken?.requestHash === leader": "fingerprints of requests, no secrets",
  "store/postgres/shardWrites.ts: requestHash === claim.record.clientToken?.requestHash":
    "fingerprints of requests, no secrets",
  "store/sqlite/interner.ts: holder.mark === this.#mark": "an empty object, by identity",
  "store/postgres/interner.ts: holderKey.mark === this.#mark": "an empty object, by identity",
  "protocol/byteRing.ts: block.hashes.includes(hash)": "short hashes of request ids",
  "store/postgres/months.ts: records !== expected": "numbers of records",
  "marketplace/workloads/identity.ts: roleArn !== expected": "names of roles, no secrets",
  "marketplace/pages/products.ts: text.includes(word)": "words that a buyer looks for",
  "protocol/exchanges.ts: secret === name.toLowerCase()": "names of headers",
  "store/sqlite/ledger.ts: taken.request_hash === given.requestHash": "fingerprints of requests, no secrets",
};

/** Where secrets are compared, and by what. */
const comparers: Readonly<Record<string, RegExp>> = {
  "protocol/sigv4Keys.ts": /expected\.length === given\.length && timingSafeEqual\(expected, given\)/,
  "protocol/sigv4.ts": /!sameBytes\(Buffer\.from\(credential\.sessionToken\)/,
  "control/auth.ts":
    /timingSafeEqual\(given, rootHash\)[\s\S]*timingSafeEqual\(given, Buffer\.from\(known\.hash, "hex"\)\)/,
  "control/control.ts": /told\.length === expected\.length && timingSafeEqual\(told, expected\)/,
  "marketplace/pages/session.ts": /sent\.length === expected\.length && timingSafeEqual\(sent, expected\)/,
  "marketplace/notifications/deliver.ts": /timingSafeEqual\(digestOf\(own\), given\)/,
  "marketplace/workloads/endpoints.ts": /sameBytes\(digest\(given\), digest\(secret\)\)/,
  "marketplace/workloads/metadata.ts":
    /sameBytes\(Buffer\.from\(tokenFor\(workload, endsAt\)\), Buffer\.from\(given\)\)/,
};

/** Where what was sent is looked up: by its digest alone. */
const lookUps: Readonly<Record<string, readonly RegExp[]>> = {
  "control/sessions.ts": [
    /takeLink\(keyOf\(word\)\)/,
    /const key = keyOf\(cookie\);\s*const row = await rows\.session\(key\)/,
    /endSession\(keyOf\(cookie\)\)/,
    /return hash\("sha256", word, "hex"\)/,
  ],
  "marketplace/pages/handover.ts": [/catalog\.token\(registrationTokenHash\(token\)\)/],
  "api/identifiers.ts": [/registrationTokenHash\(\w+: string\): string \{\s*return .*sha256/],
};

describe("the sources", () => {
  const sources = readSources(join(import.meta.dirname, "../../src"));
  const server = [...sources].filter(([file]) => !/^(?:console|cli|doctor|moving)\//.test(file));

  test("compare no secret, and look none up, in a way that takes longer the more of it is right", () => {
    const found = server.flatMap(([file, text]) =>
      withoutComments(text)
        .split("\n")
        .filter(suspects)
        .map((line) => `${file}: ${line.trim()}`),
    );
    const isKnown = (place: string): boolean =>
      Object.keys(known).some((entry) => {
        const [file = "", part = ""] = entry.split(/: (.*)/);
        return place.startsWith(`${file}: `) && place.includes(part);
      });
    expect(found.filter((place) => !isKnown(place))).toEqual([]);
    // None that is gone stays excused.
    for (const entry of Object.keys(known)) {
      const [file = "", part = ""] = entry.split(/: (.*)/);
      expect(
        found.filter((place) => place.startsWith(`${file}: `) && place.includes(part)),
        entry,
      ).not.toEqual([]);
    }
  });

  test("the search finds what it is to find", () => {
    for (const line of [
      "if (token === given) return;",
      "targets.find((one) => one.confirmationToken === token)",
      "return expected !== signature;",
      "const ok = session.csrf == header;",
      "if (tokens.includes(adminToken)) return;",
      "sessions.get(cookie)",
      "return role.externalId === parameters.get(name);",
    ]) {
      expect([line, suspects(line)]).toEqual([line, true]);
    }
    for (const line of [
      "if (token === undefined) return;",
      'typeof token === "string"',
      "request.ClientToken !== other",
    ]) {
      expect([line, suspects(line)]).toEqual([line, false]);
    }
  });

  test("look up by digests what is looked up", () => {
    for (const [file, forms] of Object.entries(lookUps)) {
      for (const form of forms) expect(sources.get(file) ?? "", file).toMatch(form);
    }
    // Registration tokens have no other way in.
    const callers = server.filter(([, text]) =>
      /catalog\.token\((?!registrationTokenHash\(|hash\))/.test(withoutComments(text)),
    );
    expect(callers.map(([file]) => file)).toEqual([]);
  });

  test("compare by timingSafeEqual where they compare, and nowhere else", () => {
    for (const [file, form] of Object.entries(comparers)) expect(sources.get(file) ?? "", file).toMatch(form);
    const users = server.filter(([, text]) => /\b(?:timingSafeEqual|sameBytes)\(/.test(withoutComments(text)));
    expect(users.map(([file]) => file).sort()).toEqual(Object.keys(comparers).sort());
  });
});

describe("what is compared has one length, whatever was sent", () => {
  const digestBytes = 32;
  const sent = ["", "x", "mht_wrong", "y".repeat(500)];

  test("admin tokens: digests, and each of them, also after one fits", async () => {
    const token = (name: string): AdminToken => ({ id: name, name, role: "full", hash: tokenHash(name), createdAt: 0 });
    const tokens = [token("one"), token("two"), token("three")];
    const authenticator = createAuthenticator({
      catalog: { adminTokens: () => tokens } as unknown as Catalog,
      adminToken: "root",
      wallClock: () => 0,
    });
    for (const text of ["one", "two", "root", ...sent.filter(Boolean)]) {
      compared.length = 0;
      await authenticator.authenticate(`Bearer ${text}`, "10.0.0.1").catch(() => {});
      expect(compared).toEqual(Array(4).fill([digestBytes, digestBytes]));
    }
  });

  test("authorization tokens of workloads: digests", async () => {
    const workload = { id: "w", kind: "ecs", authorizationToken: "the-token-of-the-task" };
    const app = createWorkloadEndpoints({ workload: () => workload } as unknown as WorkloadEndpointsOptions);
    for (const text of sent) {
      compared.length = 0;
      const reply = await app.request("/workloads/w/ecs/credentials", { headers: { authorization: text } });
      expect(reply.status).toBe(401);
      expect(compared).toEqual([[digestBytes, digestBytes]]);
    }
  });
});
