/** Stores that are to be copied: brought up to date, closed by whoever had them, and opened as rows. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import { openSealedStore } from "../openSealed.ts";
import { dataFileIn, openRaw, type RawPlace } from "../openStore.ts";
import { MovingError, type OwnedRawStore } from "../store/raw.ts";

export interface Surroundings {
  /** Where the master key is, and the log. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Logger;
}

/** Rejects with an Error that a person can act on, such as that a server has it. */
export async function openSource(place: RawPlace, { env, log }: Surroundings): Promise<OwnedRawStore> {
  if ("folder" in place) {
    const file = dataFileIn(place.folder);
    if (!existsSync(file)) throw new MovingError(`There is no store in ${place.folder}: ${file} is missing.`);
    const { store } = await openSealedStore({ dataDir: place.folder, env, log });
    await store.close();
  }
  return openRaw(place);
}

export const manifestName = "backup.json";

export function manifestFileIn(folder: string): string {
  return join(folder, manifestName);
}
