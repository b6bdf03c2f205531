/** The root admin token: from the environment, or made on the first start and kept in a file that only its owner reads. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { loadPrivateFile } from "../privateFile.ts";

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
  const text = loadPrivateFile(file, "admin token", () => `${newAdminToken()}\n`);
  return parseToken(text, `The admin token file ${file}`);
}

function parseToken(text: string, origin: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token;
  throw new Error(`${origin} must hold one word of 1 to 512 printable ASCII characters; it is sent as a bearer token.`);
}
