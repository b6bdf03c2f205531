/** Private keys, sealed under the master key: in the data folder, or in the database that nodes share. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Sealer } from "../../store/sealer.ts";
import type { KeyRows } from "../../store/sharedState.ts";
import type { KeyStore } from "./certificates.ts";

export function createFileKeyStore(dataDir: string, sealer: Sealer): KeyStore {
  const fileOf = (name: string): string => join(dataDir, `${name}.sealed`);
  return {
    read: async (name) => {
      let sealed: string;
      try {
        sealed = readFileSync(fileOf(name), "utf8");
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
        throw error;
      }
      return sealer.unseal(sealed, name);
    },
    // One process owns the folder: nobody else keeps another meanwhile.
    keep: async (name, value) => {
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
      return value;
    },
  };
}

/** What a node's own folder has from before goes into the database, unless another node's is there already. */
export function createSharedKeyStore(rows: KeyRows, sealer: Sealer, folder: KeyStore): KeyStore {
  const keep = async (name: string, value: string, seen: string | undefined): Promise<string> => {
    const sealed = await rows.read(name);
    const found = sealed === undefined ? undefined : sealer.unseal(sealed, name);
    if (found !== undefined && found !== seen) return found;
    return sealer.unseal(await rows.keep(name, sealer.seal(value, name), sealed), name);
  };
  return {
    keep,
    read: async (name) => {
      const sealed = await rows.read(name);
      if (sealed !== undefined) return sealer.unseal(sealed, name);
      const own = await folder.read(name);
      return own === undefined ? undefined : keep(name, own, undefined);
    },
  };
}
