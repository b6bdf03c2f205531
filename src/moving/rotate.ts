/**
 * Another master key, and everything that was sealed under the old one sealed under it. The store's own secrets change in
 * one transaction; files of the data folder are made beside the old ones before it and put in their place after it. A kill
 * at any point leaves what the next start finishes, forward or back: `masterKey.ts`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  fingerprintOf,
  keyFileIn,
  type MasterKey,
  nextSuffix,
  oldKeyFile,
  sealedNames,
  sealedSuffix,
  settleRotation,
} from "../masterKey.ts";
import { openSealedStore, type SealedPlace } from "../openSealed.ts";
import { isPostgres, openRaw, type RawPlace } from "../openStore.ts";
import { replacePrivateFile } from "../privateFile.ts";
import { createSealer, keyVariable, newMasterKey, parseKey } from "../secrets.ts";
import { resealedDocument } from "../store/catalogDocuments.ts";
import { MovingError } from "../store/raw.ts";
import { checkKey, keyCheckOf, type Sealer } from "../store/sealer.ts";

export const nextKeyVariable = "METERHOUSE_NEW_MASTER_KEY";

export interface Rotated {
  /** How many of each, by what they are. */
  readonly resealed: Readonly<Record<string, number>>;
  readonly oldKey: string;
  readonly newKey: string;
  /** Where the new key is; absent: the caller gave it, and has it. */
  readonly keyFile?: string;
  /** Where the old one is kept, for backups of before. */
  readonly oldKeyFile?: string;
}

/** For tests, which end the process in between. */
export type RotationStep = "prepared" | "sealing" | "resealed" | "moved" | "settled";

export async function rotateMasterKey(place: SealedPlace, onStep?: (step: RotationStep) => void): Promise<Rotated> {
  const { dataDir } = place;
  // Brings the store up to date, ends what a killed rotation began, and refuses a key that does not fit.
  const { store, masterKey } = await openSealedStore(place);
  await store.close();
  const next = nextKey(place, masterKey);
  const raw = await openRaw(rawPlaceOf(place));
  try {
    const from = createSealer(masterKey.key);
    const { sealer: to, counts } = counting(createSealer(next.key));
    // Once more, now that nobody else can change it.
    checkKey(from, (await raw.keyCheck()) ?? "", isPostgres(place) ? "the database" : "the data file");
    prepare(dataDir, { from, to, next });
    onStep?.("prepared");
    await raw.reseal(keyCheckOf(to), async (kind, document, key) => {
      onStep?.("sealing");
      if (kind === "keys") return to.seal(from.unseal(document, key), key);
      return resealedDocument(kind, document, { from, to });
    });
    onStep?.("resealed");
    settleRotation(dataDir, next, () => onStep?.("moved"));
    onStep?.("settled");
    return {
      resealed: counts(),
      oldKey: fingerprintOf(masterKey.key),
      newKey: fingerprintOf(next.key),
      ...(next.file === undefined
        ? {}
        : { keyFile: keyFileIn(dataDir), oldKeyFile: oldKeyFile(keyFileIn(dataDir), masterKey.key) }),
    };
  } finally {
    await raw.close();
  }
}

export function rawPlaceOf({ dataDir, database }: SealedPlace): RawPlace {
  return database === undefined || database === "" ? { folder: dataDir } : { url: database };
}

function nextKey({ dataDir, env }: SealedPlace, current: MasterKey): MasterKey {
  const given = env[nextKeyVariable];
  const key =
    given === undefined || given === "" ? undefined : parseKey(given, `The environment variable ${nextKeyVariable}`);
  if (key?.equals(current.key) === true) throw new MovingError("The new master key is the one in use.");
  if (current.file !== undefined) {
    const file = `${keyFileIn(dataDir)}${nextSuffix}`;
    return { key: key ?? newMasterKey(), origin: `the file ${file}`, file };
  }
  if (key !== undefined) return { key, origin: `the environment variable ${nextKeyVariable}` };
  throw new MovingError(
    `The master key is in ${keyVariable}, which this command cannot change. Make a new one (openssl rand -hex 32), keep it ` +
      `where the old one is kept, and run this again with it in ${nextKeyVariable}.`,
  );
}

interface Keys {
  readonly from: Sealer;
  readonly to: Sealer;
  readonly next: MasterKey;
}

function prepare(dataDir: string, { from, to, next }: Keys): void {
  for (const name of sealedNames(dataDir)) {
    const file = join(dataDir, `${name}${sealedSuffix}`);
    const plain = from.unseal(readFileSync(file, "utf8"), name);
    replacePrivateFile(`${file}${nextSuffix}`, to.seal(plain, name));
  }
  if (next.file !== undefined) replacePrivateFile(next.file, `${next.key.toString("hex")}\n`);
}

/** By the heads of the contexts that are sealed under. */
const names: Readonly<Record<string, string>> = {
  credential: "secret access keys",
  "session-token": "session tokens",
  "product-key": "private keys of products",
  workload: "authorization tokens of workloads",
  "notification-target": "keys of notification targets",
  "master-key-check": "",
};

function counting(sealer: Sealer): {
  readonly sealer: Sealer;
  readonly counts: () => Readonly<Record<string, number>>;
} {
  const counted = new Map(Object.values(names).map((name) => [name, 0]));
  return {
    sealer: {
      unseal: sealer.unseal,
      seal: (plain, context) => {
        const head = context.includes(":") ? context.slice(0, context.indexOf(":")) : context;
        const name = names[head] ?? "keys made on first use";
        counted.set(name, (counted.get(name) ?? 0) + 1);
        return sealer.seal(plain, context);
      },
    },
    counts: () => Object.fromEntries([...counted].filter(([name]) => name !== "")),
  };
}
