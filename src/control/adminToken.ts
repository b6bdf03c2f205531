/**
 * The root admin token: from the environment, or made on the first start and kept in a file that only its owner reads. Many
 * nodes over one database have it from there, sealed, and the file tells it to the command line of their machine.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { KeyStore } from "../marketplace/notifications/certificates.ts";
import { keepPrivateFile, loadPrivateFile } from "../privateFile.ts";

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
  const given = givenToken(env);
  if (given !== undefined) return given;
  const file = join(dataDir, fileName);
  const text = loadPrivateFile(file, "admin token", () => `${newAdminToken()}\n`);
  return parseToken(text, `The admin token file ${file}`);
}

const storedName = "root-admin-token";

/**
 * `METERHOUSE_ADMIN_TOKEN`, else the one that the nodes share: the first of them to start puts its own there, and the files
 * of the others are changed to it. Rejects as `loadAdminToken` throws.
 */
export async function loadSharedAdminToken({ dataDir, env }: AdminTokenOptions, keys: KeyStore): Promise<string> {
  const given = givenToken(env);
  if (given !== undefined) return given;
  const shared =
    (await keys.read(storedName)) ?? (await keys.keep(storedName, loadAdminToken({ dataDir, env }), undefined));
  const file = join(dataDir, fileName);
  keepPrivateFile(file, "admin token", `${shared}\n`);
  return shared;
}

function givenToken(env: AdminTokenOptions["env"]): string | undefined {
  const given = env[variable];
  return given === undefined || given === "" ? undefined : parseToken(given, `The environment variable ${variable}`);
}

function parseToken(text: string, origin: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token;
  throw new Error(`${origin} must hold one word of 1 to 512 printable ASCII characters; it is sent as a bearer token.`);
}
