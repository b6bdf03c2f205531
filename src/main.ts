/**
 * Where `meterhouse` starts. What Node compiled is kept for the next start, which then takes half the time: so this file
 * imports nothing of ours before the cache is on.
 */
import { lstatSync, mkdirSync } from "node:fs";
import { enableCompileCache, flushCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

/** Compiled code is code: it comes only from a folder that is this user's own. Without one, starts are slower. */
function ownCacheFolder(): string | undefined {
  const folder = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "meterhouse");
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const { uid, mode } = lstatSync(folder);
    const isOwn = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
    return isOwn ? folder : undefined;
  } catch {
    return undefined;
  }
}

const folder = ownCacheFolder();
if (folder !== undefined) enableCompileCache(folder);
await import("./commandLine.ts");
// Node writes the cache at an orderly exit; a server may have none.
setTimeout(flushCompileCache, 2_000).unref();
