/** Private keys in the data folder, sealed under the master key. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Sealer } from "../../store/sealer.ts";
import type { KeyStore } from "./certificates.ts";

export function createFileKeyStore(dataDir: string, sealer: Sealer): KeyStore {
  const fileOf = (name: string): string => join(dataDir, `${name}.sealed`);
  return {
    read: (name) => {
      let sealed: string;
      try {
        sealed = readFileSync(fileOf(name), "utf8");
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
        throw error;
      }
      return sealer.unseal(sealed, name);
    },
    write: (name, value) => {
      // Renamed when it is whole and on the disk: a start that is killed leaves the old file or the new one.
      const draft = `${fileOf(name)}.tmp`;
      const descriptor = openSync(draft, "w", 0o600);
      try {
        writeSync(descriptor, sealer.seal(value, name));
        fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
      renameSync(draft, fileOf(name));
    },
  };
}
