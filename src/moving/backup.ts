/**
 * Backups: a folder with the store as a data file, its sealed files, and a manifest that is written last. The master key is
 * not in it, and neither is the admin token. Servers go on meanwhile.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { keyFileIn, keyOf, knownMasterKeys, sealedNames, sealedSuffix } from "../masterKey.ts";
import { checkDataFile, copyDataFile, dataFileIn, openSnapshot, openTarget, publishFile } from "../openStore.ts";
import { replacePrivateFile } from "../privateFile.ts";
import { createSealer } from "../secrets.ts";
import { MovingError } from "../store/raw.ts";
import { version } from "../version.ts";
import { type CopySteps, copyStore } from "./copy.ts";
import { manifestFileIn, manifestName } from "./places.ts";

export interface Manifest {
  readonly meterhouse: string;
  readonly takenAt: string;
  readonly engine: "sqlite" | "postgres";
  /** Of the data file. */
  readonly bytes: number;
  readonly sha256: string;
  /** Names of sealed files beside it. */
  readonly sealed: readonly string[];
}

export interface BackupInput {
  readonly dataDir: string;
  readonly database: string | undefined;
  /** A folder that is empty or missing, or the rest of a backup that was broken off. */
  readonly to: string;
  /** Wall time, epoch milliseconds. */
  readonly now: number;
  readonly steps?: CopySteps;
  /** How many of how many pages of a data file. */
  readonly onPages?: (done: number, total: number) => void;
}

const draftSuffix = ".copying";

/** Everything that was acknowledged before the call is in it. Rejects with a MovingError when there is something already. */
export async function backUp(input: BackupInput): Promise<Manifest> {
  const { dataDir, database, to, now } = input;
  prepareFolder(to);
  if (database === undefined) await copyFile(dataFileIn(dataDir), to, input.onPages);
  else await copyDatabase(database, to, input.steps);
  for (const name of sealedNames(dataDir)) {
    const file = join(to, `${name}${sealedSuffix}`);
    // What a database holds of these is newer than the files of one node.
    if (!existsSync(file)) replacePrivateFile(file, readFileSync(join(dataDir, `${name}${sealedSuffix}`), "utf8"));
  }
  const file = dataFileIn(to);
  const manifest: Manifest = {
    meterhouse: version,
    takenAt: new Date(now).toISOString(),
    engine: database === undefined ? "sqlite" : "postgres",
    bytes: statSync(file).size,
    sha256: await sha256Of(file),
    sealed: sealedNames(to),
  };
  replacePrivateFile(manifestFileIn(to), `${JSON.stringify(manifest, null, 2)}\n`);
  return manifest;
}

/** What a backup that was broken off can have left. Never a data file: that may be anyone's store. */
const leftOver = /^(?:meterhouse\.db\.copying.*|meterhouse\.lock|[A-Za-z0-9._-]+\.sealed(?:\.tmp)?)$/;

function prepareFolder(to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  const names = readdirSync(to);
  if (names.includes(manifestName)) throw new MovingError(`There is a backup in ${to} already. Name an empty folder.`);
  const other = names.find((name) => !leftOver.test(name));
  const isBrokenOff = names.some((name) => name.includes(draftSuffix));
  if (other !== undefined || (names.length > 0 && !isBrokenOff)) {
    throw new MovingError(`${to} is not empty (${other ?? names[0]}). Name an empty folder for the backup.`);
  }
  for (const name of names) rmSync(join(to, name));
}

async function copyFile(file: string, to: string, onPages: BackupInput["onPages"]): Promise<void> {
  if (!existsSync(file)) throw new MovingError(`There is no store to back up: ${file} is missing.`);
  const draft = `${dataFileIn(to)}${draftSuffix}`;
  await copyDataFile(file, draft, onPages);
  publishFile(draft, dataFileIn(to));
}

async function copyDatabase(url: string, to: string, steps: CopySteps | undefined): Promise<void> {
  const source = await openSnapshot(url);
  try {
    const target = await openTarget({ folder: to });
    try {
      const { equal } = await copyStore(source, target, steps);
      if (!equal) throw new MovingError("The copy differs from the database. Run the command again.");
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function sha256Of(file: string): Promise<string> {
  const digest = createHash("sha256");
  for await (const chunk of createReadStream(file)) digest.update(chunk as Buffer);
  return digest.digest("hex");
}

export interface RestoreInput {
  readonly from: string;
  /** A data folder without a store. */
  readonly to: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The key is put into the data folder from here, where it has none. */
  readonly keyFile?: string | undefined;
}

/** Rejects with a MovingError when the backup is not whole, the key does not fit, or there is a store already. */
export async function restore({ from, to, env, keyFile }: RestoreInput): Promise<Manifest> {
  const manifest = await checkBackup(from);
  const file = dataFileIn(to);
  if (existsSync(file))
    throw new MovingError(`There is a store in ${to} already (${file}). Name a folder that has none.`);
  mkdirSync(to, { recursive: true, mode: 0o700 });
  const given = keyFile === undefined ? undefined : keyOf(keyFile);
  const key = given ?? knownMasterKeys({ dataDir: to, env })[0];
  if (key === undefined) {
    throw new MovingError(
      `The backup needs the master key of the store that it was taken of: put it into ${keyFileIn(to)} (mode 0600), or ` +
        "name its file with --key-file, or set METERHOUSE_MASTER_KEY.",
    );
  }
  const draft = `${file}${draftSuffix}`;
  copyFileSync(dataFileIn(from), draft);
  chmodSync(draft, 0o600);
  try {
    checkDataFile(draft, createSealer(key.key), `the backup in ${from}`);
  } catch (error) {
    rmSync(draft);
    throw error;
  }
  if (given !== undefined && !existsSync(keyFileIn(to))) {
    replacePrivateFile(keyFileIn(to), `${given.key.toString("hex")}\n`);
  }
  for (const name of manifest.sealed) {
    replacePrivateFile(join(to, `${name}${sealedSuffix}`), readFileSync(join(from, `${name}${sealedSuffix}`), "utf8"));
  }
  publishFile(draft, file);
  return manifest;
}

/** Is it whole, and as it was written? */
export async function checkBackup(from: string): Promise<Manifest> {
  const manifestFile = manifestFileIn(from);
  if (!existsSync(manifestFile)) {
    throw new MovingError(`There is no whole backup in ${from}: ${manifestName} is missing, which is written last.`);
  }
  const manifest = JSON.parse(readFileSync(manifestFile, "utf8")) as Manifest;
  if ((await sha256Of(dataFileIn(from))) !== manifest.sha256) {
    throw new MovingError(
      `${dataFileIn(from)} is not what the backup of ${manifest.takenAt} wrote: its SHA-256 differs.`,
    );
  }
  return manifest;
}
