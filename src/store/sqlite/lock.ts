/**
 * One process owns the data folder. The lock is an open EXCLUSIVE transaction on a small database of its own: the
 * kernel lets it go when the process ends, however it ends, so a kill -9 leaves no stale lock behind.
 *
 * Nothing else may open that file: POSIX drops a process's locks on a file when it closes *any* descriptor of it.
 */
import { DatabaseSync } from "node:sqlite";

const sqliteBusy = 5;

export interface FolderLock {
  release(): void;
}

/** Throws an Error that names `dataFile` when another process (or another store of this one) holds the lock. */
export function lockFolder(lockFile: string, dataFile: string): FolderLock {
  const database = new DatabaseSync(lockFile, { timeout: 0 });
  try {
    // Nothing is ever written: in memory, the journal that a transaction opens leaves no file behind a killed process.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (error instanceof Error && "errcode" in error && Number(error.errcode) % 256 === sqliteBusy) {
      throw new Error(
        `The data file ${dataFile} is in use by another Meterhouse process. Stop that one first, or choose another ` +
          "data folder.",
        { cause: error },
      );
    }
    throw error;
  }
  return { release: () => database.close() };
}
