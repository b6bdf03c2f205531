/** What went wrong with the database: for callers as the ports have it, for people in words that they can act on. */
import pg from "pg";
import { StaleFactsError, StoreFailure } from "../ledger.ts";
import { WrongKeyError } from "../sealer.ts";
import { CommitUnknown } from "./errors.ts";

/** What a write rejects with. */
export function failureOf(error: unknown): Error {
  if (error instanceof StaleFactsError || error instanceof StoreFailure) return error;
  return new StoreFailure(error instanceof CommitUnknown ? "unknown" : "no", error);
}

/** A start that is refused: its message needs no more explanation. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** Where the database is: without user and password. */
export interface Place {
  readonly host: string;
  readonly port: string;
  readonly database: string;
  readonly user: string;
}

const urlForm = "postgres://user:password@host:5432/database";

/** Throws an Error that does not show the value, which may hold a password. */
export function placeOf(url: string): Place {
  const parsed = URL.parse(url);
  if (parsed === null || !/^postgres(?:ql)?:$/.test(parsed.protocol)) {
    throw new StartError(
      `The database's address must have the form ${urlForm} (characters such as @ and / as %40 and %2F).`,
    );
  }
  const { hostname, port, pathname, username } = parsed;
  const host = parsed.searchParams.get("host") ?? decodeURIComponent(hostname);
  const user = decodeURIComponent(username);
  return {
    host: host === "" ? "localhost" : host,
    port: port === "" ? "5432" : port,
    database: pathname.length > 1 ? decodeURIComponent(pathname.slice(1)) : user,
    user,
  };
}

/** The error in words that say what to do; `place` in it, the password never. */
export function explained(error: unknown, place: Place): Error {
  if (error instanceof StartError || error instanceof WrongKeyError) return error;
  return new StartError(reasonOf(error, place), { cause: error });
}

/** One line. */
export function reasonOf(error: unknown, { host, port, database, user }: Place): string {
  const where = `PostgreSQL at ${host}:${port}`;
  const message = messageOf(error);
  if (!(error instanceof pg.DatabaseError)) {
    return `Cannot reach ${where}, database '${database}' (${message}). Is it running, and reachable from here?`;
  }
  switch (error.code) {
    case "28P01":
      return `${where} refuses the password of user '${user}'. Put the right one into the address (METERHOUSE_DATABASE_URL).`;
    case "28000":
      return `${where} does not let user '${user}' in (${message}). Its pg_hba.conf says who may come from where.`;
    case "3D000":
      return `${where} has no database '${database}'. Make it first: CREATE DATABASE "${database}".`;
    case "42501":
      return `User '${user}' may not do this in database '${database}' of ${where} (${message}). It must own the database's tables.`;
    case "53100":
      return `${where} has no room on its disk (${message}). Make room there; nothing else is needed.`;
    case "53300":
      return `${where} takes no more connections (${message}). Each node holds up to eleven; raise max_connections, or stop something.`;
    case "57P03":
      return `${where} is starting or stopping (${message}). Try again in a moment.`;
    default:
      return `${where}, database '${database}', answered: ${message}`;
  }
}

/** Several addresses of one name fail together, with a text only in each part. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return messageOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  return error.message;
}
