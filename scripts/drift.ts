/**
 * `npm run drift`: has AWS's model moved on? Compares our tables with the newest official SDK on the npm registry (or
 * with another version: `npm run drift -- 3.1138.0`), which is downloaded into a temporary folder and not installed.
 * Exit codes: 0 no drift, 1 drift, 2 it could not be told.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { differences, ourContract, sdkContract } from "./compareSchemas.ts";
import { readSdk } from "./readSdk.ts";

const sdkPackage = "@aws-sdk/client-marketplace-metering";

/** Returns the folder of the unpacked package. */
function download(version: string, folder: string): string {
  const options = { cwd: folder, stdio: ["ignore", "pipe", "pipe"] as ("ignore" | "pipe")[] };
  const npm = [
    "pack",
    `${sdkPackage}@${version}`,
    "--prefix",
    folder,
    "--pack-destination",
    folder,
    "--ignore-scripts",
    // Under `npm run --silent` npm would keep the reason of a failure to itself.
    "--loglevel",
    "error",
  ];
  // On Windows npm is a command file, which only a shell runs.
  execFileSync("npm", npm, { ...options, shell: process.platform === "win32" });
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error(`npm packed no file for ${sdkPackage}.`);
  execFileSync("tar", ["-xzf", tarball], options);
  return join(folder, "package");
}

async function compareWith(version: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "meterhouse-drift-"));
  try {
    const sdk = await readSdk(download(version, folder));
    const found = differences(ourContract(), sdkContract(sdk), sdk.version);
    for (const difference of found) console.log(difference);
    console.log(found.length === 0 ? `no drift: ${sdk.version}` : `drift from ${sdk.version}: ${found.length}`);
    return found.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  process.exitCode = await compareWith(process.argv[2] ?? "latest");
} catch (error) {
  console.error(`It cannot be told whether there is drift: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
}
