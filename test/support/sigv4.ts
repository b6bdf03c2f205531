/** What the tests of Signature Version 4 share: two keys, a verifier that knows them, and requests to show it. */
import { expect } from "vitest";
import { ServiceError } from "../../src/api/errors.ts";
import type { Account, Credential } from "../../src/api/types.ts";
import { createVerifier, type SignedRequest, type Verifier } from "../../src/protocol/sigv4.ts";
import { type SignedParts, type SignOptions, signRequest } from "./signer.ts";

export const now = Date.parse("2026-08-15T10:20:00Z");

export const longTerm: Credential = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI",
  accountId: "111111111111",
  kind: "iam-user",
  name: "seller",
  allow: ["aws-marketplace:*"],
  createdAt: 0,
};
export const temporary: Credential = {
  ...longTerm,
  accessKeyId: "ASIAEXAMPLE",
  kind: "assumed-role",
  sessionToken: "FAKESESSIONTOKEN",
  expiresAt: now + 3_600_000,
};
export const seller: Account = { id: "111111111111", customerIdentifier: "aB3dE5fG7h1", suspended: false };

interface Setup {
  readonly credentials?: readonly Credential[];
  readonly account?: Account;
  readonly clock?: number;
  readonly enforceRegions?: boolean;
}

export function verifier({
  credentials = [longTerm, temporary],
  account = seller,
  clock = now,
  enforceRegions = true,
}: Setup = {}) {
  return createVerifier({
    credential: (accessKeyId) => credentials.find((credential) => credential.accessKeyId === accessKeyId),
    account: (id) => (id === account.id ? account : undefined),
    wallClock: () => clock,
    enforceRegions: () => enforceRegions,
  });
}

const body = '{"UsageRecords":[],"ProductCode":"saaslegacysub000000000000"}';
export const plain = {
  host: "127.0.0.1:8080",
  headers: {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": "AWSMPMeteringService.BatchMeterUsage",
  },
  body,
  accessKeyId: longTerm.accessKeyId,
  secretAccessKey: longTerm.secretAccessKey,
  now,
} satisfies SignOptions;

function asRequest({ path, headers }: SignedParts, payload: string | Buffer = body): SignedRequest {
  return { method: "POST", url: path, rawHeaders: Object.entries(headers).flat(), body: Buffer.from(payload) };
}

export const signed = (options: Partial<SignOptions> = {}): SignedRequest => {
  const all = { ...plain, ...options };
  return asRequest(signRequest(all), all.body);
};

export function fault(request: SignedRequest, by: Verifier = verifier()): ServiceError {
  try {
    by.verify(request);
  } catch (error) {
    if (error instanceof ServiceError) return error;
    throw error;
  }
  throw new Error("verified");
}

/** Expects this error, its text starting with AWS's own; help may follow. */
export function refused(request: SignedRequest, name: string, text: string, by?: Verifier): void {
  const error = fault(request, by);
  expect(error.name).toBe(name);
  expect(error.message.slice(0, text.length)).toBe(text);
  expect(error.status).toBe(400);
}

export function withHeader(request: SignedRequest, name: string, change: (value: string) => string | undefined) {
  const rawHeaders: string[] = [];
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    const header = request.rawHeaders[i]!;
    const old = request.rawHeaders[i + 1]!;
    const value = header.toLowerCase() === name ? change(old) : old;
    if (value !== undefined) rawHeaders.push(header, value);
  }
  return { ...request, rawHeaders };
}

export const adding = (request: SignedRequest, ...pairs: string[]): SignedRequest => ({
  ...request,
  rawHeaders: [...request.rawHeaders, ...pairs],
});

/** Value of the first header of that lower-case name. */
export function header(request: SignedRequest, name: string): string | undefined {
  const at = request.rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name);
  return at < 0 ? undefined : request.rawHeaders[at + 1];
}
