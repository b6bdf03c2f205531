/** Files of one secret: read by their owner alone, and there whole or not at all. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

/** A draft of this age belongs to a start that was killed; a younger one may be another start's, still at work. */
const draftMaxMs = 60_000;

/**
 * Why a folder of secrets is not safe: whoever can change it can put files of their own in the place of those in it, which
 * only their owner can read. Undefined where it is, and where modes tell nothing.
 */
export function openFolderFault(folder: string): string | undefined {
  const mode = statSync(folder).mode & 0o777;
  if (process.platform === "win32" || (mode & 0o022) === 0) return undefined;
  const shown = mode.toString(8).padStart(4, "0");
  return `other users can change the data folder ${folder} (mode ${shown}), and so put keys of their own in it. Run: chmod go-w ${folder}`;
}

/**
 * The file's text, made with `make()` and mode 0600 on first use. `what` names it in messages ("master key").
 *
 * Throws an Error that a person can act on when others can read the file.
 */
export function loadPrivateFile(file: string, what: string, make: () => string): string {
  removeDrafts(file);
  return readPrivateFile(file, what) ?? create(file, what, make());
}

/** The file holds this text from now on. Throws an Error that a person can act on when others can read it. */
export function keepPrivateFile(file: string, what: string, text: string): void {
  if (readPrivateFile(file, what) !== text) replacePrivateFile(file, text);
}

/** Made with mode 0600, whole and on the disk under its name, in place of what was there. */
export function replacePrivateFile(file: string, text: string): void {
  const draft = draftOf(file, text);
  renameSync(draft, file);
  syncFolder(dirname(file));
}

/**
 * Undefined when there is no file yet. Throws an Error that a person can act on when others can read it.
 */
export function readPrivateFile(file: string, what: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    // The mode of the open file, not of the path: nobody can swap the file between the check and the read.
    const mode = fstatSync(descriptor).mode & 0o777;
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      const shown = mode.toString(8).padStart(4, "0");
      throw new Error(`The ${what} file ${file} is open to other users (mode ${shown}). Run: chmod 600 ${file}`);
    }
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The text appears under its name only when it is whole and on the disk: a start killed half-way must leave neither an
 * empty file nor data sealed under a key that nobody can read again.
 */
function create(file: string, what: string, text: string): string {
  const draft = draftOf(file, text);
  try {
    publish(draft, file);
  } finally {
    unlinkSync(draft);
  }
  syncFolder(dirname(file));
  // Read back: when two first starts race, both must end with the one that won.
  const kept = readPrivateFile(file, what);
  if (kept === undefined) throw new Error(`The ${what} file ${file} disappeared while it was being made`);
  return kept;
}

/** A file of its own beside the one that it is to become, on the disk. */
function draftOf(file: string, text: string): string {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  const descriptor = openSync(draft, "wx", 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return draft;
}

/** Gives the draft its name unless the name is taken. */
function publish(draft: string, file: string): void {
  try {
    linkSync(draft, file);
  } catch (error) {
    if (hasCode(error, "EEXIST")) return;
    // Some network and container file systems know no hard links.
    try {
      copyFileSync(draft, file, constants.COPYFILE_EXCL);
    } catch (copyError) {
      if (!hasCode(copyError, "EEXIST")) throw copyError;
    }
  }
}

/** A start that was killed between the file and the end of its draft leaves a second copy of the secret. */
function removeDrafts(file: string): void {
  const folder = dirname(file);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return;
    throw error;
  }
  for (const name of names) {
    if (!name.startsWith(`${basename(file)}.`) || !name.endsWith(".tmp")) continue;
    const draft = join(folder, name);
    try {
      if (Date.now() - statSync(draft).mtimeMs > draftMaxMs) unlinkSync(draft);
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
    }
  }
}

function syncFolder(folder: string): void {
  if (process.platform === "win32") return; // Windows cannot open a folder for fsync.
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
