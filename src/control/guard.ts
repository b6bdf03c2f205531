/** What a request must look like before anyone looks at what it asks: no other site's page, a known form, a bounded body. */
import type { Context } from "hono";
import { Problem } from "./problems.ts";

export const bodyMaxBytes = 1_048_576;
export const importMaxBytes = 64 * 1_048_576;

const safeMethods: readonly string[] = ["GET", "HEAD"];

export function isSafe(method: string): boolean {
  return safeMethods.includes(method);
}

/**
 * Throws 403 for a request that a page of another site made. There are no CORS headers either, so such a page could not
 * read an answer; this keeps it from causing anything, even where a token came into its hands.
 */
export function refuseOtherSites(context: Context): void {
  const site = context.req.header("sec-fetch-site");
  if (site === "cross-site") throw new Problem(403, "Pages of other sites may not call the control plane.");
  const origin = context.req.header("origin");
  if (origin === undefined || isSameHost(origin, context.req.header("host") ?? "")) return;
  throw new Problem(
    403,
    `The origin '${origin.slice(0, 200)}' is not this server; the control plane serves no other sites.`,
  );
}

function isSameHost(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false; // `null` of a sandboxed page, for one.
  const { protocol, host: originHost } = new URL(origin);
  const own = `${protocol}//${host}`;
  // By way of a URL, which drops the default port of the protocol.
  return URL.canParse(own) && new URL(own).host === originHost;
}

/**
 * Reads the body, so that no handler waits for bytes, and keeps it where Hono's own readers find it. `types`: the media
 * types that the route takes. Throws 413 and 415.
 */
export async function readBody(context: Context, maxBytes: number, types: readonly string[]): Promise<void> {
  const given = context.req.header("content-type");
  const type = given?.split(";")[0]?.trim().toLowerCase();
  if (type !== undefined && !types.includes(type)) throw unsupported(type, types);
  if (Number(context.req.header("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const text = await boundedText(context.req.raw.body, maxBytes);
  if (text !== "" && type === undefined) throw unsupported("", types);
  // Clients that set the type for every call send it with an action that has no members, too.
  const isJson = type === "application/json";
  // Hono types the cache by its contents and keeps promises of them in it.
  Object.assign(context.req.bodyCache, { text: Promise.resolve(isJson && text === "" ? "{}" : text) });
}

async function boundedText(stream: ReadableStream<Uint8Array> | null, maxBytes: number): Promise<string> {
  if (stream === null) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new Problem(400, "The body is not UTF-8 text.");
  }
}

function unsupported(type: string, types: readonly string[]): Problem {
  return new Problem(
    415,
    `The body's Content-Type must be ${types.join(" or ")}${type === "" ? "" : `, not '${type.slice(0, 100)}'`}.`,
  );
}

function tooLarge(maxBytes: number): Problem {
  return new Problem(413, `The body has more than ${maxBytes} bytes.`, { headers: { Connection: "close" } });
}
