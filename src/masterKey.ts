/**
 * The master key at rest. A rotation (`moving/rotate.ts`) puts the next key and what is sealed under it beside the files
 * in use, under names that end with `.new`, and then replaces the store's own secrets in one transaction. The store's
 * check of the key tells ever after which of the two holds, so a rotation that was killed is finished, or undone, by
 * whoever opens the store next.
 */
import { createHash } from "node:crypto";
import { existsSync, linkSync, readdirSync, readFileSync, renameSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { readPrivateFile } from "./privateFile.ts";
import { createSealer, keyFileName, keyVariable, type MasterKeyOptions, parseKey } from "./secrets.ts";

export interface MasterKey {
  readonly key: Buffer;
  /** For people: "the file …" or "the environment variable …". */
  readonly origin: string;
  /** Absent: it is from the environment. */
  readonly file?: string;
}

/** Of what a rotation made and did not yet put in place. */
export const nextSuffix = ".new";
export const sealedSuffix = ".sealed";

export function keyFileIn(dataDir: string): string {
  return join(dataDir, keyFileName);
}

/**
 * The keys that may hold, the likeliest first: that of `METERHOUSE_MASTER_KEY`, else those of the data folder. Makes none.
 * Throws an Error that a person can act on when one is malformed, or when others can read its file.
 */
export function knownMasterKeys({ dataDir, env }: MasterKeyOptions): readonly MasterKey[] {
  const given = env[keyVariable];
  if (given !== undefined && given !== "") {
    const origin = `the environment variable ${keyVariable}`;
    return [{ key: parseKey(given, `The environment variable ${keyVariable}`), origin }];
  }
  const file = keyFileIn(dataDir);
  return [file, `${file}${nextSuffix}`].flatMap((one) => keyOf(one) ?? []);
}

/** Undefined: there is no such file. */
export function keyOf(file: string): MasterKey | undefined {
  const text = readPrivateFile(file, "master key");
  if (text === undefined) return undefined;
  return { key: parseKey(text, `The master key file ${file}`), origin: `the file ${file}`, file };
}

/** Tells keys apart without telling them: 8 hex digits. */
export function fingerprintOf(key: Buffer): string {
  return createHash("sha256").update("meterhouse master key\n").update(key).digest("hex").slice(0, 8);
}

/** Names of the sealed files of a data folder, without their ending. */
export function sealedNames(dataDir: string, suffix = sealedSuffix): readonly string[] {
  if (!existsSync(dataDir)) return [];
  return readdirSync(dataDir)
    .filter((name) => name.endsWith(suffix))
    .map((name) => name.slice(0, -suffix.length))
    .sort();
}

/**
 * Ends what a killed rotation began, forward or back: `used` is the key that the store was opened with. Whoever calls it
 * owns the store. It may be killed at any point, too. `onMoved`: for tests, after each file.
 */
export function settleRotation(dataDir: string, used: MasterKey, onMoved: () => void = () => {}): void {
  const sealer = createSealer(used.key);
  // A node that starts over the same folder may do the same at this moment.
  const move = (from: string, to: string): void => ifThere(() => renameSync(from, to));
  for (const name of sealedNames(dataDir, `${sealedSuffix}${nextSuffix}`)) {
    const file = join(dataDir, `${name}${sealedSuffix}`);
    ifThere(() => {
      if (isSealedBy(sealer, readFileSync(`${file}${nextSuffix}`, "utf8"), name)) move(`${file}${nextSuffix}`, file);
      else unlinkSync(`${file}${nextSuffix}`);
    });
    onMoved();
  }
  const file = keyFileIn(dataDir);
  const next = `${file}${nextSuffix}`;
  // By the key and not by where it came from: it may have been given by the environment meanwhile.
  if (keyOf(next)?.key.equals(used.key) === true) {
    keepOldKey(file);
    onMoved();
    move(next, file);
  } else ifThere(() => unlinkSync(next));
}

function ifThere(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}

/** Backups of before need it. Named by its fingerprint, so that a second attempt finds it kept already. */
function keepOldKey(file: string): void {
  const old = keyOf(file);
  if (old === undefined) return;
  const kept = oldKeyFile(file, old.key);
  if (!existsSync(kept)) linkSync(file, kept);
}

export function oldKeyFile(file: string, key: Buffer): string {
  return `${file}.old-${fingerprintOf(key)}`;
}

function isSealedBy(sealer: ReturnType<typeof createSealer>, text: string, name: string): boolean {
  try {
    sealer.unseal(text, name);
    return true;
  } catch {
    return false;
  }
}

const lost =
  "If it is lost, so is what it seals: secret access keys, session tokens, private keys of products, authorization tokens " +
  "of workloads, keys of notification targets. Usage, agreements and the audit trail are not sealed. 'meterhouse secrets " +
  "reissue' makes new secrets in the place of those, and leaves everything else as it is.";

function remedy(dataDir: string): string {
  return (
    `Start with the key that this data was written with: set ${keyVariable}, or put it into ${keyFileIn(dataDir)} (mode ` +
    `0600). Nodes that share a database need the same one. ${lost}`
  );
}

/** `where`: what is sealed, such as "the data file …". */
export function missingKey(where: string, dataDir: string): Error {
  return new Error(
    `There is no master key for ${where}: ${keyVariable} is not set, and there is no file ${keyFileIn(dataDir)}. ` +
      remedy(dataDir),
  );
}

export function wrongKey(where: string, { origin }: MasterKey, dataDir: string, cause: unknown): Error {
  return new Error(
    `The master key of ${origin} does not fit ${where}, which is sealed under another master key. Nothing was changed. ` +
      remedy(dataDir),
    { cause },
  );
}
