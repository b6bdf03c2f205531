import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CaseResult } from "../../vectors/runner.ts";
import type { Json } from "../../vectors/values.ts";
import { changed, type Harness, publicCase, publicFile, startHarness } from "./harness.ts";
import later from "./later.json" with { type: "json" };

let harness: Harness;

beforeAll(async () => {
  harness = await startHarness();
});

afterAll(async () => {
  await harness.close();
});

const laterIds = Object.values(later).flat();

describe("the public vectors", () => {
  test("pass, but for exactly those that belong to later work", async () => {
    const failed: CaseResult[] = [];
    for (const testCase of publicFile.cases) {
      const result = await harness.run(testCase);
      if (result.problem !== undefined) failed.push(result);
    }
    const unexpected = failed.filter(({ id }) => !laterIds.includes(id));
    expect(unexpected).toEqual([]);
    expect(failed.map(({ id }) => id).sort()).toEqual([...laterIds].sort());
  });

  test("the page lists the same later cases", () => {
    const page = readFileSync(new URL("../../docs/vectors.md", import.meta.url), "utf8");
    for (const [work, ids] of Object.entries(later)) {
      const line = page.split("\n").find((text) => text.startsWith(`| ${work} `));
      expect(line?.match(/[a-z]+-\d{3}/g), work).toEqual(ids);
    }
  });
});

/** A case that passes, one expectation of it made wrong, and what the failure line must say of both values. */
const BROKEN: readonly (readonly [id: string, path: readonly (string | number)[], value: Json, problem: string])[] = [
  ["wire-001", ["steps", 0, "expect", "status"], 201, "step 1: status: expected 201, got 200"],
  ["bmu-062", ["steps", 0, "expect", "status"], 200, "step 1: status: expected 200, got 400"],
  [
    "bmu-062",
    ["steps", 0, "expect", "errorType"],
    "NopeException",
    'errorType: expected "NopeException", got "TimestampOutOfBoundsException"',
  ],
  [
    "wire-001",
    ["steps", 0, "expect", "errorType"],
    "NopeException",
    'errorType: expected "NopeException", got nothing',
  ],
  ["bmu-146", ["steps", 0, "expect", "errorTypeAnyOf"], ["A", "B"], 'errorType: expected one of ["A","B"], got "'],
  [
    "wire-022",
    ["steps", 0, "expect", "body", "Results", 0, "UsageRecord", "Timestamp"],
    1786785300,
    "body.Results[0].UsageRecord.Timestamp: expected 1786785300, got 1786785300.499",
  ],
  [
    "bmu-114",
    ["steps", 1, "expect", "body", "Results", 1, "Status"],
    "Success",
    'step 2: body.Results[1].Status: expected "Success", got "CustomerNotSubscribed"',
  ],
  ["bmu-114", ["steps", 1, "expect", "body", "Results", 3], { Status: "Success" }, "step 2: body.Results: expected ["],
  ["bmu-160", ["steps", 0, "expect", "body", "UnprocessedRecords"], [], "body.UnprocessedRecords: expected [], got [{"],
  [
    "bmu-180",
    ["steps", 0, "expect", "body", "Results", 0, "MeteringRecordId"],
    { $any: true },
    "body.Results[0].MeteringRecordId: expected any value, got nothing",
  ],
  [
    "wire-001",
    ["steps", 0, "expect", "body", "Results", 0, "MeteringRecordId"],
    { $absent: true },
    'expected no such member, got "',
  ],
  [
    "wire-001",
    ["steps", 0, "expect", "body", "UnprocessedRecords"],
    { $uuid4: true },
    "expected a lower-case UUID v4, got []",
  ],
  [
    "mu-054",
    ["steps", 0, "expect", "body", "message"],
    { $regex: "^nope$" },
    'body.message: expected text that matches /^nope$/, got "User: ',
  ],
  [
    "bmu-094",
    ["steps", 1, "expect", "body", "Results", 0, "MeteringRecordId"],
    { $notSame: "previous[0].body.Results[0].MeteringRecordId" },
    "step 2: body.Results[0].MeteringRecordId: expected a value other than the one at previous[0]",
  ],
  [
    "bmu-096",
    ["steps", 1, "expect", "body", "Results", 0, "MeteringRecordId"],
    { $same: "previous[0].body.Results[0].MeteringRecordId" },
    'as at previous[0].body.Results[0].MeteringRecordId, got "',
  ],
  [
    "bmu-032",
    ["steps", 0, "expect", "body", "Results"],
    { $emptyOrAbsent: true },
    "body.Results: expected an empty list or nothing, got [{",
  ],
  [
    "wire-001",
    ["steps", 0, "expect", "headers", "Content-Type"],
    "text/html",
    'headers.Content-Type: expected "text/html", got "application/x-amz-json-1.1"',
  ],
  [
    "wire-001",
    ["steps", 0, "expect", "headers", "X-Nope"],
    { $any: true },
    "headers.X-Nope: expected any value, got nothing",
  ],
  ["bmu-166", ["steps", 0, "repeat"], 11, "step 1: call 11 of 11: status: expected 200, got 400"],
  [
    "wire-031",
    ["steps", 1, "check", "dateHeaderWithinSeconds"],
    -1,
    "step 2: dateHeaderWithinSeconds: expected a Date within -1 s of",
  ],
  ["bmu-099", ["steps", 1, "check", "equal", 1], "Results.1.Status", 'step 2: equal: expected equal values, got "'],
  [
    "bmu-099",
    ["steps", 1, "check", "equal"],
    ["Results.0.Nope", "Results.1.Nope"],
    "equal: expected a value at both paths, got nothing at Results.0.Nope",
  ],
  ["bmu-162", ["steps", 2, "check", "ledger", "count"], 2, "step 3: ledger: count: expected 2, got 1"],
  ["bmu-162", ["steps", 2, "check", "ledger", "quantity"], 6, "step 3: ledger: quantity: expected 6, got 5"],
  ["bmu-162", ["steps", 2, "check", "ledger", "hour"], "2026-08-15T08:00:00Z", "ledger: count: expected 1, got 0"],
  ["bmu-162", ["steps", 2, "check", "ledger", "customer"], "C2", "ledger: count: expected 1, got 0"],
  ["bmu-162", ["steps", 2, "check", "ledger", "license"], "L1", "ledger: count: expected 1, got 0"],
  ["ru-002", ["steps", 1, "check", "jwt", "header", "alg"], "RS256", 'jwt: header.alg: expected "RS256", got "PS256"'],
  [
    "ru-002",
    ["steps", 1, "check", "jwt", "claims", "publicKeyVersion"],
    2,
    "jwt: claims.publicKeyVersion: expected 2, got 1",
  ],
  [
    "ru-002",
    ["steps", 1, "check", "jwt", "claims", "iat"],
    { $absent: true },
    "jwt: claims.iat: expected no such member, got ",
  ],
  ["ru-002", ["steps", 1, "check", "jwt", "verifyWithKeyVersion"], 2, "jwt: signature: expected one by key version 2"],
  ["ru-002", ["steps", 1, "check", "jwt", "saltLength"], 20, 'with a salt of 20 bytes, got "'],
  ["ru-002", ["steps", 1, "check", "jwt", "member"], "Nope", "jwt: expected a compact JWS at Nope, got nothing"],
  ["ru-021", ["steps", 3, "check", "billedSeconds", "total"], 61, "step 4: billedSeconds: total: expected 61, got 60"],
  [
    "ru-022",
    ["steps", 3, "check", "billedSeconds", "byHour"],
    { "2026-08-15T10:00:00Z": 3000 },
    "billedSeconds: byHour: expected {",
  ],
  [
    "ru-024",
    ["steps", 3, "check", "billedSeconds", "until"],
    "2026-08-15T10:30:00Z",
    'until: expected "2026-08-15T10:30:00.000Z", got "2026-08-15T11:10:00.000Z"',
  ],
  ["ru-023", ["steps", 2, "check", "registrations", "count"], 2, "step 3: registrations: count: expected 2, got 1"],
];

describe("a wrong expectation fails the case, with both values", () => {
  test.each(BROKEN)("%s %j = %j", async (id, path, value, problem) => {
    const original = publicCase(id);
    expect((await harness.run(original)).problem).toBeUndefined();
    expect((await harness.run(changed(original, path, value))).problem).toContain(problem);
  });
});

/** Everywhere a file could say what the runner does not know. */
const UNKNOWN: readonly (readonly [id: string, path: readonly (string | number)[], value: Json, problem: string])[] = [
  ["wire-001", ["nope"], 1, 'case: unknown key "nope"'],
  ["wire-001", ["settings"], { nope: 1 }, "nope"],
  ["wire-001", ["settings"], { dryRun: "nope" }, "dryRun"],
  ["wire-001", ["revision"], "1999", "revision"],
  ["wire-001", ["steps"], [], "the case has no steps"],
  ["wire-001", ["steps", 0], {}, "step 1: the step is empty"],
  ["wire-001", ["steps", 0, "nope"], 1, 'step 1: unknown key "nope"'],
  ["wire-001", ["steps", 0, "check"], { equal: ["a", "b"] }, "one step does one thing, not call and check"],
  ["wire-001", ["steps", 0, "at"], "soon", "expected an ISO time"],
  [
    "wire-001",
    ["steps", 1],
    { at: "2026-08-15T10:19:59Z" },
    "step 2: at: 2026-08-15T10:19:59.000Z is before the business clock",
  ],
  ["wire-001", ["steps", 1], { wait: "a while" }, "step 2: wait: expected a time"],
  ["wire-001", ["steps", 1], { expect: {} }, "step 2: expect stands beside a call only"],
  ["wire-001", ["steps", 0, "repeat"], 0, "repeat: expected a whole number of at least 1"],
  ["wire-001", ["steps", 0, "call", "nope"], 1, 'step 1: call: unknown key "nope"'],
  ["wire-001", ["steps", 0, "call", "creds"], "AKNOPE", 'no credential "AKNOPE"'],
  ["wire-001", ["steps", 0, "call", "raw"], { nope: 1 }, 'step 1: call.raw: unknown key "nope"'],
  ["wire-001", ["steps", 0, "call", "raw"], { sign: { nope: 1 } }, 'step 1: call.raw.sign: unknown key "nope"'],
  ["wire-001", ["steps", 0, "call", "raw"], { sign: { omit: "nope" } }, 'omit: "nope" is not a part'],
  ["wire-001", ["steps", 0, "call", "request", "nope"], { $nope: 1 }, 'request.nope: unknown macro "$nope"'],
  ["wire-001", ["steps", 0, "call", "faults"], [{ kind: "nope" }], 'faults[0]: unknown kind "nope"'],
  ["wire-001", ["steps", 0, "call", "faults"], [{ kind: "error", nope: 1 }], 'unknown key "nope"'],
  ["wire-001", ["steps", 0, "expect", "nope"], 1, 'step 1: expect: unknown key "nope"'],
  ["wire-001", ["steps", 0, "expect", "body", "Results"], [{ a: { $nope: true } }], 'unknown matcher "$nope"'],
  ["wire-001", ["steps", 0, "expect", "headers", "date"], { $nope: true }, 'unknown matcher "$nope"'],
  [
    "wire-001",
    ["steps", 0, "expect", "body", "Results"],
    { $same: "previous[0].body.Results" },
    "only 0 calls were made before",
  ],
  ["ru-021", ["steps", 0, "event", "action"], "nope", 'step 1: event: unknown action "nope"'],
  ["ru-021", ["steps", 0, "event", "nope"], 1, 'step 1: event: unknown key "nope"'],
  ["ru-021", ["steps", 0, "event", "creds"], "AKNOPE", 'no credential "AKNOPE"'],
  ["bmu-157", ["steps", 0, "event", "customer"], "C99", 'no customer or account "C99"'],
  ["bmu-157", ["steps", 0, "event", "product"], "P_NOPE", 'no product "P_NOPE"'],
  ["bmu-157", ["steps", 0, "event", "privateOffer"], 12, "privateOffer: expected an offer id or a flag"],
  ["bmu-162", ["steps", 2, "check"], {}, "an empty check looks at nothing"],
  ["bmu-162", ["steps", 2, "check", "nope"], 1, 'step 3: check: unknown key "nope"'],
  ["bmu-162", ["steps", 2, "check", "ledger", "nope"], 1, 'ledger: unknown key "nope"'],
  [
    "bmu-162",
    ["steps", 2, "check", "ledger", "hour"],
    "2026-08-15T09:30:00Z",
    "hour: expected the start of a UTC hour",
  ],
  ["ru-002", ["steps", 1, "check", "jwt", "nope"], 1, 'jwt: unknown key "nope"'],
  ["ru-002", ["steps", 1, "check", "jwt", "claims", "iat"], { $nope: true }, 'unknown matcher "$nope"'],
  ["ru-021", ["steps", 3, "check", "billedSeconds", "nope"], 1, 'billedSeconds: unknown key "nope"'],
  ["ru-023", ["steps", 2, "check", "registrations", "nope"], 1, 'registrations: unknown key "nope"'],
  ["bmu-099", ["steps", 1, "check", "equal"], ["Results"], "equal: expected two paths"],
];

describe("what the format does not know fails the case", () => {
  test.each(UNKNOWN)("%s %j = %j", async (id, path, value, problem) => {
    expect((await harness.run(changed(publicCase(id), path, value))).problem).toContain(problem);
  });

  test.each<Json>([null, [], "case", { id: "x" }, { title: "no id", steps: [{ wait: "1s" }] }])(
    "%j is no case",
    async (testCase) => {
      expect((await harness.run(testCase)).problem).toBeDefined();
    },
  );
});
