/** Keys made on first use: sealed files beside the data file, as rows of their name and their text. */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import { MovingError, type RawRow } from "../raw.ts";

const suffix = ".sealed";
/** A row of a database must not come to name a file elsewhere. */
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function keyRows(folder: string): readonly RawRow[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .sort()
    .map((name) => [name.slice(0, -suffix.length), readFileSync(join(folder, name), "utf8")]);
}

/** In place of files of those names: a database that nodes share is newer than the files that they began with. */
export function putKeys(folder: string, rows: readonly RawRow[]): void {
  for (const [name, sealed] of rows) {
    if (typeof name !== "string" || !nameForm.test(name)) throw new MovingError(`'${name}' is no name of a key.`);
    const file = join(folder, `${name}${suffix}`);
    const descriptor = openSync(`${file}.tmp`, "w", 0o600);
    try {
      writeSync(descriptor, String(sealed));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(`${file}.tmp`, file);
  }
}
