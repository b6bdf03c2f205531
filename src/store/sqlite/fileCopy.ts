/** A data file as a whole: copied as it is at one moment, beside a server that goes on; and looked over. */
import { chmodSync, closeSync, fsyncSync, openSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { MovingError } from "../raw.ts";
import { checkKey, keyCheckName, type Sealer } from "../sealer.ts";

/** Some 40 MB at a time: progress moves, and the thread is free in between. */
const pagesAtOnce = 10_000;
const busyTimeoutMs = 10_000;

/** `onPages`: how many of how many pages. The copy has mode 0600, and is no WAL file. */
export async function copyDataFile(
  file: string,
  copy: string,
  onPages: (done: number, total: number) => void = () => {},
): Promise<void> {
  closeSync(openSync(copy, "w", 0o600));
  chmodSync(copy, 0o600);
  const source = new DatabaseSync(file, { readOnly: true, timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
  try {
    // A read that stays open holds the moment: without it, each commit of the server would let the copy begin anew.
    source.exec("BEGIN");
    source.prepare("SELECT count(*) FROM sqlite_master").get();
    await backup(source, copy, {
      rate: pagesAtOnce,
      progress: ({ totalPages, remainingPages }) => onPages(totalPages - remainingPages, totalPages),
    });
    source.exec("COMMIT");
  } finally {
    source.close();
  }
  const written = new DatabaseSync(copy);
  try {
    written.exec("PRAGMA journal_mode = DELETE");
  } finally {
    written.close();
  }
}

/** Throws a MovingError for a damaged file, a WrongKeyError for one that is sealed under another key. `where`: for people. */
export function checkDataFile(file: string, sealer: Sealer, where: string): void {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const found = database.prepare("PRAGMA quick_check(1)").get()?.quick_check;
    if (found !== "ok") throw new MovingError(`${where} is damaged: ${String(found)}`);
    const keyCheck = database.prepare("SELECT value FROM meta WHERE name = ?").get(keyCheckName)?.value;
    if (typeof keyCheck === "string") checkKey(sealer, keyCheck, where);
  } finally {
    database.close();
  }
}

/** The draft, whole and on the disk, gets its name. */
export function publishFile(draft: string, file: string): void {
  sync(draft);
  renameSync(draft, file);
  if (process.platform !== "win32") sync(dirname(file)); // Windows cannot open a folder.
}

function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
