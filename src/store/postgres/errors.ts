/** What can go wrong between a node and the server. */
import pg from "pg";

/** The connection went between COMMIT and its answer. */
export class CommitUnknown extends Error {
  override readonly name = "CommitUnknown";
}

/** Not an answer of the server to the statement: the way to it broke. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

/** What the driver throws that is no answer of the server, under a name of its own. */
export async function lost<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof pg.DatabaseError) throw error;
    throw new ConnectionLost(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Nothing that any of the units brought about: each alone would meet the same. */
export function isOfServer(error: unknown): boolean {
  // Class 53: no disk space, no memory, too many connections.
  return isConnectionError(error) || (error instanceof pg.DatabaseError && error.code?.startsWith("53") === true);
}

/** A unique key is taken. */
export function isKeyTaken(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "23505";
}

/** A division by zero, which is how a statement of ours says that the version is another one. */
export function isFactsMoved(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "22012";
}

/** Of two transactions that waited for each other this one was ended, or a row came between: the same again can go through. */
export function isToBeTriedAgain(error: unknown): boolean {
  return error instanceof pg.DatabaseError && /^(?:40001|40P01|23505)$/.test(error.code ?? "");
}

/** The way to the server broke, or it is going down. */
export function isConnectionError(error: unknown): boolean {
  if (error instanceof ConnectionLost) return true;
  if (!(error instanceof pg.DatabaseError)) return false;
  // Class 08 is the connection, 57P the operator: shutdown, crash, start-up.
  return /^(?:08|57P)/.test(error.code ?? "");
}
