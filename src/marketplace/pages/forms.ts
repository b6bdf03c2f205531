/** Forms that a browser posts to these pages: of one type, and bounded. */
import type { Context } from "hono";
import { PageError } from "./options.ts";

/** Tokens are under 200 characters; no form of ours comes near. */
const formMaxBytes = 65_536;

/** Throws PageError 413, and 415 for what is no form of a browser's: registration pages are posted to as AWS does it. */
export async function readForm(context: Context): Promise<URLSearchParams> {
  const type = (context.req.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw new PageError(
      415,
      "Not a form that is read here",
      `Forms are posted as application/x-www-form-urlencoded; this one is ${type === undefined || type === "" ? "of no type" : type}.`,
    );
  }
  if (Number(context.req.header("content-length") ?? 0) > formMaxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Counted as it comes: one that is sent in chunks tells no length.
  for await (const chunk of context.req.raw.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > formMaxBytes) throw tooLarge();
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
}

function tooLarge(): PageError {
  return new PageError(413, "The form is too large", `Forms here are at most ${formMaxBytes} bytes.`);
}
