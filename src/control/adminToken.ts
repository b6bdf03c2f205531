/** The root admin token: from the environment, or made on the first start and kept in a file that only its owner reads. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

const fileName = "admin.token";
const variable = "METERHOUSE_ADMIN_TOKEN";

export interface AdminTokenOptions {
  /** The data folder; made with mode 0700 when it is missing. */
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A bearer token of 256 random bits; the head says what it is to whoever finds it in a log or a repository. */
export function newAdminToken(): string {
  return `mht_${randomBytes(32).toString("base64url")}`;
}

/**
 * `METERHOUSE_ADMIN_TOKEN`, else `<dataDir>/admin.token`, which the first start makes with mode 0600.
 *
 * Throws an Error that a person can act on when the value cannot be sent as a bearer token, or when others can read the
 * file.
 */
export function loadAdminToken({ dataDir, env }: AdminTokenOptions): string {
  const given = env[variable];
  if (given !== undefined && given !== "") return parseToken(given, `The environment variable ${variable}`);
  const file = join(dataDir, fileName);
  return readTokenFile(file) ?? createTokenFile(file, dataDir);
}

function parseToken(text: string, origin: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token;
  throw new Error(`${origin} must hold one word of 1 to 512 printable ASCII characters; it is sent as a bearer token.`);
}

/** Undefined when there is no file yet. */
function readTokenFile(file: string): string | undefined {
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
      throw new Error(
        `The admin token file ${file} is open to other users (mode ${mode.toString(8).padStart(4, "0")}). ` +
          `Run: chmod 600 ${file} - or delete it, so that the next start makes a new token.`,
      );
    }
    return parseToken(readFileSync(descriptor, "utf8"), `The admin token file ${file}`);
  } finally {
    closeSync(descriptor);
  }
}

/** The token appears under its name only when it is whole and on the disk: a start killed half-way leaves no empty file. */
function createTokenFile(file: string, dataDir: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  const descriptor = openSync(draft, "wx", 0o600);
  try {
    writeSync(descriptor, `${newAdminToken()}\n`);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  try {
    linkSync(draft, file);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  } finally {
    unlinkSync(draft);
  }
  syncFolder(dataDir);
  // Read back: when two first starts race, both must end with the token that won.
  const kept = readTokenFile(file);
  if (kept === undefined) throw new Error(`The admin token file ${file} disappeared while it was being made`);
  return kept;
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
