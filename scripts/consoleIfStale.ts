/** Builds the web console unless its build is newer than all that it is made of. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const built = join(root, "dist", "console", "index.html");
const source = join(root, "src", "console");

function newest(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((latest, entry) => Math.max(latest, statSync(join(entry.parentPath, entry.name)).mtimeMs), 0);
}

const madeOf = Math.max(newest(source), statSync(join(root, "package-lock.json")).mtimeMs);
if (!existsSync(built) || statSync(built).mtimeMs < madeOf) {
  console.error("Building the console (once, and when it has changed) …");
  const { status } = spawnSync("npm", ["run", "--silent", "build:console"], { cwd: root, stdio: ["ignore", 2, 2] });
  process.exitCode = status ?? 1;
}
