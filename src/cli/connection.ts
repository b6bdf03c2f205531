/** Which server a command talks to, and with which admin token. */
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import type { CliContext } from "./context.ts";
import { CliError, codeOf, usageError } from "./errors.ts";

export const defaultUrl = "http://127.0.0.1:4016";
export const defaultData = "./meterhouse-data";

export interface ConnectionFlags {
  readonly url?: string;
  readonly token?: string;
  readonly data?: string;
}

export interface Connection {
  /** Without a slash at its end. */
  readonly url: string;
  readonly token: string;
  /** For errors: where the token came from. */
  readonly tokenOrigin: string;
}

export function connectionOf(flags: ConnectionFlags, context: CliContext): Connection {
  const url = serverUrl(given(flags.url) ?? given(context.env.METERHOUSE_URL) ?? defaultUrl);
  const { token, origin } = tokenOf(flags, context, url);
  return { url: url.href.replace(/\/+$/, ""), token, tokenOrigin: origin };
}

function given(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}

function serverUrl(text: string): URL {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text)) {
    throw usageError(`'${text}' is not the URL of a server; write it like ${defaultUrl}.`);
  }
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") {
    throw usageError("The URL of the server must hold no user name and no password; the admin token goes in --token.");
  }
  if (url.search !== "" || url.hash !== "") throw usageError(`'${text}' must end with the path: no ? and no #.`);
  // People copy the address of the API, too.
  url.pathname = url.pathname.replace(/\/api\/v1\/?$/, "/");
  return url;
}

function tokenOf(
  flags: ConnectionFlags,
  { env }: CliContext,
  url: URL,
): { readonly token: string; readonly origin: string } {
  const fromFlag = given(flags.token);
  if (fromFlag !== undefined) return { token: word(fromFlag, "--token"), origin: "--token" };
  const variable = "METERHOUSE_ADMIN_TOKEN";
  const fromEnv = given(env[variable]);
  if (fromEnv !== undefined) return { token: word(fromEnv, variable), origin: variable };
  const named = given(flags.data) ?? given(env.METERHOUSE_DATA);
  const file = join(named ?? defaultData, "admin.token");
  // A folder that merely lies here says nothing about a server elsewhere, which should not learn this one's root token.
  if (named === undefined && !isLoopback(url.hostname)) {
    throw new CliError(`no admin token for ${url.origin}.`, {
      hints: [`Give it with --token or ${variable}; a token file is only sent elsewhere when --data names its folder.`],
    });
  }
  return { token: word(readToken(file), file), origin: file };
}

function isLoopback(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, "");
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

function word(text: string, origin: string): string {
  const token = text.trim();
  if (/^[\x21-\x7e]{1,512}$/.test(token)) return token;
  throw new CliError(`${origin} does not hold an admin token: it is one word of printable ASCII characters.`);
}

function readToken(file: string): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") throw noToken(file);
    throw new CliError(`the admin token file ${file} cannot be read (${codeOf(error) ?? String(error)}).`, {
      hints: ["Run the command as the user that runs the server, or give a token with --token."],
    });
  }
  try {
    const mode = fstatSync(descriptor).mode & 0o777;
    // Whoever could read it is root of the control plane; the server refuses to start with such a file, too.
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      throw new CliError(`the admin token file ${file} is open to other users (mode ${mode.toString(8)}).`, {
        hints: [`Run: chmod 600 ${file}`],
      });
    }
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}

function noToken(file: string): CliError {
  return new CliError(`no admin token: there is no file ${file}.`, {
    hints: [
      "The server makes it in its data folder on the first start: name that folder with --data or METERHOUSE_DATA,",
      "or give a token with --token or METERHOUSE_ADMIN_TOKEN.",
    ],
  });
}
