/** What the scenario of `secretsScenario.ts` is made with: clients that keep every answer, and secrets to be found. */
import { randomBytes } from "node:crypto";
import type { CatalogDocument } from "../../src/catalog/schema.ts";
import { keys } from "../support/catalog.ts";
import { type SignOptions, signRequest } from "../support/signer.ts";
import type { Place } from "./secretsSearch.ts";

// biome-ignore lint/suspicious/noExplicitAny: the wire has no types
export type Json = any;

export const word = (): string => randomBytes(18).toString("base64url");
/** As AWS's are: of base64's whole alphabet. */
export const awsSecret = (): string => `+/${randomBytes(28).toString("base64")}`;

export const roleArn = "arn:aws:iam::210000000001:role/metering";

export interface Sent {
  readonly status: number;
  readonly json: Json;
  readonly text: string;
  readonly cookie: string;
}

export const key = (catalog: CatalogDocument, id: string) => {
  const { secretAccessKey = "", sessionToken } =
    catalog.credentials?.find(({ accessKeyId }) => accessKeyId === id) ?? {};
  return { accessKeyId: id, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
};

export const exportPlace = /^export with secrets$/;

export interface Client {
  /** By HTTP; the answer is kept under the name. */
  readonly send: (name: string, path: string, init?: RequestInit) => Promise<Sent>;
  /** Of the control plane. */
  readonly admin: (name: string, method: string, path: string, body?: unknown, token?: string) => Promise<Sent>;
  /** Of the service plane, signed by the seller unless told otherwise. */
  readonly aws: (name: string, operation: string, request: unknown, more?: Partial<SignOptions>) => Promise<Sent>;
}

/** Every answer goes to `answers`. */
export function clientOf(endpoint: string, adminToken: string, catalog: CatalogDocument, answers: Place[]): Client {
  const send = async (name: string, path: string, init: RequestInit = {}): Promise<Sent> => {
    const response = await fetch(`${endpoint}${path}`, { redirect: "manual", ...init });
    const text = await response.text();
    const headers = [...response.headers].map(([header, value]) => `${header}: ${value}`).join("\n");
    answers.push({ name, text: `${response.status}\n${headers}\n\n${text}` });
    let json: Json;
    try {
      json = JSON.parse(text);
    } catch {}
    return { status: response.status, json, text, cookie: response.headers.getSetCookie()[0]?.split(";")[0] ?? "" };
  };
  const admin = (name: string, method: string, path: string, body?: unknown, token = adminToken) =>
    send(name, `/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  const seller = key(catalog, keys.seller);
  const aws = (name: string, operation: string, request: unknown, more: Partial<SignOptions> = {}) => {
    const body = typeof request === "string" ? request : JSON.stringify(request);
    const { path, headers } = signRequest({
      host: new URL(endpoint).host,
      headers: {
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": `AWSMPMeteringService.${operation}`,
      },
      body,
      ...seller,
      ...more,
    });
    const { host: _host, ...sent } = headers;
    return send(name, path, { method: "POST", headers: sent, body });
  };
  return { send, admin, aws };
}

/** Server-sent events, from now on. */
export async function followStream(endpoint: string, adminToken: string) {
  const stopping = new AbortController();
  const response = await fetch(`${endpoint}/api/v1/stream`, {
    headers: { authorization: `Bearer ${adminToken}` },
    signal: stopping.signal,
  });
  let text = "";
  const reading = (async () => {
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString("latin1");
  })().catch(() => {});
  return {
    end: async (): Promise<string> => {
      stopping.abort();
      await reading;
      if (!text.includes("event: call")) throw new Error("the stream told of no call");
      return text;
    },
  };
}

export interface Parts extends Client {
  readonly endpoint: string;
  readonly catalog: CatalogDocument;
  /** Something to look for; `shownIn` are the places that show it by design. */
  readonly secret: (name: string, value: string, ...shownIn: readonly RegExp[]) => void;
}
