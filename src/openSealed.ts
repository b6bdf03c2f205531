/** Opens a store with the master key that fits it. */
import { statSync, unlinkSync } from "node:fs";
import { knownMasterKeys, type MasterKey, missingKey, settleRotation, wrongKey } from "./masterKey.ts";
import { dataFileIn, isPostgres, openStore, type StorePlace } from "./openStore.ts";
import { createSealer, loadMasterKey } from "./secrets.ts";
import { type Sealer, WrongKeyError } from "./store/sealer.ts";
import type { Store } from "./store/store.ts";

export interface SealedPlace extends StorePlace {
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Opened {
  readonly store: Store;
  readonly sealer: Sealer;
  readonly masterKey: MasterKey;
}

/**
 * Makes the key with the store, on first use. Rejects with an Error that a person can act on, and leaves everything as it
 * was, when there is no key for what is there, or another one.
 */
export async function openSealedStore(place: SealedPlace): Promise<Opened> {
  const { dataDir } = place;
  const known = knownMasterKeys(place);
  if (known.length === 0 && !isPostgres(place) && hasData(dataFileIn(dataDir))) {
    throw missingKey(`the data file ${dataFileIn(dataDir)}`, dataDir);
  }
  const made = known.length === 0 ? makeKey(place) : undefined;
  let refusal: { readonly error: WrongKeyError; readonly masterKey: MasterKey } | undefined;
  for (const masterKey of made === undefined ? known : [made]) {
    try {
      const sealer = createSealer(masterKey.key);
      const store = await openStore(place, sealer);
      settleRotation(dataDir, masterKey);
      return { store, sealer, masterKey };
    } catch (error) {
      if (!(error instanceof WrongKeyError)) throw error;
      refusal ??= { error, masterKey };
    }
  }
  if (refusal === undefined) throw new Error("no master key was tried");
  const { error, masterKey } = refusal;
  if (made?.file === undefined) throw wrongKey(error.where, masterKey, dataDir, error);
  // It seals nothing, and would only stand in the way of the right one.
  unlinkSync(made.file);
  throw missingKey(error.where, dataDir);
}

function makeKey(place: SealedPlace): MasterKey | undefined {
  loadMasterKey(place);
  return knownMasterKeys(place)[0];
}

function hasData(file: string): boolean {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
}
