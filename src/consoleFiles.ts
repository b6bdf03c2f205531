/** The web console's files, as `npm run build:console` made them, below `/console`. The data come by `/api/v1`. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, gzipSync, constants as zlib } from "node:zlib";
import { Hono } from "hono";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".json": "application/json",
};

/**
 * Nothing from anywhere else, no script in a page, no frame around it. Styles may stand in a page: the design system
 * sets sizes in that way.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headers = {
  "Content-Security-Policy": policy,
  "Referrer-Policy": "no-referrer",
  "X-Frame-Options": "DENY",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** The better first. Browsers take Brotli on this machine's own address and over TLS, and gzip everywhere. */
const codings = ["br", "gzip"] as const;
type Coding = (typeof codings)[number];
/** Some hundred milliseconds for everything, once; the highest takes ten times as long. */
const brotliQuality = 9;

interface File {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
  /** Compressed, by the name of the coding; made when it is first asked for. */
  readonly coded: Map<Coding, Uint8Array<ArrayBuffer>>;
}

/** Of the package they lie beside this file; from source, in the folder of its build. */
const folder = join(import.meta.dirname, ...(import.meta.filename.endsWith(".ts") ? ["..", "dist"] : []), "console");

/** Undefined: it has not been built. */
function readFiles(): ReadonlyMap<string, File> | undefined {
  if (!existsSync(join(folder, "index.html"))) return undefined;
  const files = new Map<string, File>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const body = new Uint8Array(readFileSync(path));
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    files.set(path.slice(folder.length + 1), {
      body,
      type: types[extname(path)] ?? "application/octet-stream",
      etag,
      coded: new Map(),
    });
  }
  return files;
}

export function createConsoleFiles(): Hono {
  const app = new Hono();
  let files: ReadonlyMap<string, File> | undefined;
  app.get("/console", (context) => context.redirect("/console/", 301));
  app.get("/console/*", (context) => {
    files ??= readFiles();
    const path = context.req.path.slice("/console/".length);
    // Every other path is a view of the console: its links can be opened and kept.
    const isAsset = path.startsWith("assets/");
    const found = files?.get(path) ?? (isAsset ? undefined : files?.get("index.html"));
    if (files === undefined) {
      return context.text("The console has not been built: run 'npm run build:console' once.\n", 503, headers);
    }
    if (found === undefined) return context.text("Not found\n", 404, headers);
    const caching = isAsset ? "public, max-age=31536000, immutable" : "no-cache";
    const all = { ...headers, "Content-Type": found.type, ETag: found.etag, "Cache-Control": caching };
    if (context.req.header("if-none-match") === found.etag) return context.body(null, 304, all);
    const accepted = context.req.header("accept-encoding") ?? "";
    const coding = codings.find((one) => new RegExp(`\\b${one}\\b`).test(accepted));
    if (coding === undefined) return context.body(found.body, 200, { ...all, Vary: "Accept-Encoding" });
    const coded = found.coded.get(coding) ?? compressed(found.body, coding);
    found.coded.set(coding, coded);
    return context.body(coded, 200, { ...all, "Content-Encoding": coding, Vary: "Accept-Encoding" });
  });
  return app;
}

function compressed(body: Uint8Array<ArrayBuffer>, coding: Coding): Uint8Array<ArrayBuffer> {
  if (coding === "gzip") return new Uint8Array(gzipSync(body, { level: 9 }));
  return new Uint8Array(brotliCompressSync(body, { params: { [zlib.BROTLI_PARAM_QUALITY]: brotliQuality } }));
}
