/** A server, every operation of its OpenAPI document, and calls that carry whatever they are given. One a test file. */
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { expect } from "vitest";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import { keys, startAt, testCatalog } from "../support/catalog.ts";

// biome-ignore lint/suspicious/noExplicitAny: the wire has no types
type Json = any;

export interface Operation {
  readonly method: string;
  readonly path: string;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export let meterhouse: Meterhouse;
/** Of the OpenAPI document, with some identifier in place of each parameter of a path. */
export let operations: readonly Operation[];

export async function openSurface(): Promise<void> {
  meterhouse = await startMeterhouse({ catalog: testCatalog(), now: startAt });
  const document = JSON.parse((await send("GET", "/api/v1/openapi.json", {})).text);
  operations = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{\w+\}/g, keys.seller),
    })),
  );
}

/** By node:http, which sends whatever headers it is given. `host`: default the right one. */
export function send(
  method: string,
  path: string,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(`${meterhouse.endpoint}${path}`, { method, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      // Streams have no end of their own.
      if (/event-stream/.test(response.headers["content-type"] ?? "")) {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        outgoing.destroy();
      }
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

export const json = { "content-type": "application/json" };
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
export const call = ({ method, path }: Operation, headers: OutgoingHttpHeaders, query = ""): Promise<Reply> =>
  method === "GET"
    ? send(method, path + query, headers)
    : send(method, path + query, { ...json, ...headers }, method === "DELETE" ? undefined : "{}");

/** All of what these calls could have changed. */
export async function state(): Promise<string> {
  const paths = [
    "catalog",
    "events?limit=1000",
    "admin-tokens",
    "faults",
    "settings",
    "clock",
    "calls",
    "notifications",
  ];
  const replies = await Promise.all(paths.map((path) => send("GET", `/api/v1/${path}`, bearer(meterhouse.adminToken))));
  for (const { status } of replies) expect(status).toBe(200);
  return replies.map(({ text }) => text.replace(/"wall":"[^"]*"/, "")).join("\n");
}
