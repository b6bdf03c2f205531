/**
 * New secrets for a store whose master key is lost. What was sealed cannot be read again; what it was about, and everything
 * that is not sealed, stays: accounts, agreements, usage, the trail.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { Credential, Product, Workload } from "../api/types.ts";
import { newSecretAccessKey } from "../catalog/derive.ts";
import { newKeyPair } from "../catalog/keys.ts";
import { knownMasterKeys, type MasterKey, sealedNames, sealedSuffix } from "../masterKey.ts";
import type { SealedPlace } from "../openSealed.ts";
import { openRaw } from "../openStore.ts";
import { createSealer, loadMasterKey } from "../secrets.ts";
import {
  credentialDocument,
  productDocument,
  type SealedTarget,
  targetDocument,
  workloadDocument,
} from "../store/catalogDocuments.ts";
import { MovingError, type Reseal } from "../store/raw.ts";
import { checkKey, keyCheckOf, type Sealer, WrongKeyError } from "../store/sealer.ts";
import { rawPlaceOf } from "./rotate.ts";

export interface Reissued {
  /** With their new secrets. */
  readonly credentials: readonly Pick<Credential, "accessKeyId" | "accountId" | "name" | "secretAccessKey">[];
  /** Access key ids of temporary credentials, which are gone. */
  readonly ended: readonly string[];
  /** `code/version` of products' keys; whoever verifies what they sign needs the new public keys. */
  readonly productKeys: readonly string[];
  readonly workloads: readonly string[];
  /** Ids of notification targets that lost the key, or the password, by which they reached their queue or endpoint. */
  readonly targets: readonly string[];
  /** Where the new master key is, for people. */
  readonly masterKey: string;
}

/** Rejects with a MovingError when the key at hand fits, and nothing is lost. */
export async function reissueSecrets(place: SealedPlace): Promise<Reissued> {
  const raw = await openRaw(rawPlaceOf(place));
  try {
    const keyCheck = await raw.keyCheck();
    if (keyCheck === undefined) throw new MovingError("The store is new: nothing in it is sealed.");
    const fits = ({ key }: MasterKey): boolean => isKeyOf(createSealer(key), keyCheck);
    if (knownMasterKeys(place).some(fits)) {
      throw new MovingError(
        "The master key at hand fits this store: nothing is lost. 'meterhouse secrets rotate' replaces the key and keeps " +
          "the secrets; a single one is replaced by deleting and creating it.",
      );
    }
    loadMasterKey(place); // Made where there is none; one that does not fit is the new one.
    const masterKey = knownMasterKeys(place)[0];
    if (masterKey === undefined) throw new MovingError("The master key disappeared while it was being made.");
    const sealer = createSealer(masterKey.key);
    removeUnreadable(place.dataDir, sealer);
    const done = collector();
    await raw.reseal(keyCheckOf(sealer), newSecrets(sealer, done));
    return { ...done, masterKey: masterKey.origin };
  } finally {
    await raw.close();
  }
}

function isKeyOf(sealer: Sealer, keyCheck: string): boolean {
  try {
    checkKey(sealer, keyCheck, "");
    return true;
  } catch (error) {
    if (error instanceof WrongKeyError) return false;
    throw error;
  }
}

type Collected = { -readonly [Name in keyof Omit<Reissued, "masterKey">]: [...Reissued[Name]] };

function collector(): Collected {
  return { credentials: [], ended: [], productKeys: [], workloads: [], targets: [] };
}

/** What memory has of a sealed document is its text; the secrets in it are replaced before anyone takes them for plain. */
function newSecrets(sealer: Sealer, done: Collected): Reseal {
  return async (kind, document) => {
    switch (kind) {
      case "credentials":
        return newCredential(sealer, JSON.parse(document) as Credential, done);
      case "products": {
        const product = JSON.parse(document) as Product;
        const keyVersions = await Promise.all(
          product.keyVersions.map(async (key) => ({ ...key, ...(await newKeyPair()) })),
        );
        done.productKeys.push(...keyVersions.map(({ version }) => `${product.code}/${version}`));
        return productDocument(sealer, { ...product, keyVersions });
      }
      case "targets": {
        return newTarget(sealer, JSON.parse(document) as SealedTarget, done);
      }
      case "workloads": {
        const workload = JSON.parse(document) as Workload;
        done.workloads.push(workload.id);
        return workloadDocument(sealer, { ...workload, authorizationToken: randomBytes(32).toString("base64url") });
      }
      case "keys":
        return undefined; // Made anew when it is needed.
    }
  };
}

function newCredential(sealer: Sealer, credential: Credential, done: Collected): string | undefined {
  const { accessKeyId, accountId, name, sessionToken } = credential;
  if (sessionToken !== undefined) {
    done.ended.push(accessKeyId);
    return undefined;
  }
  const secretAccessKey = newSecretAccessKey();
  done.credentials.push({ accessKeyId, accountId, name, secretAccessKey });
  return credentialDocument(sealer, { ...credential, secretAccessKey });
}

function newTarget(sealer: Sealer, sealed: SealedTarget, done: Collected): string {
  // Who confirmed stays confirmed; only the links that were sent by then lead nowhere.
  const { sealedUrl, confirmationToken: _token, ...target } = sealed;
  const isKeyLost = target.sqs?.secretAccessKey !== undefined;
  if (isKeyLost || sealedUrl !== undefined) done.targets.push(target.id);
  if (!isKeyLost) return targetDocument(sealer, target);
  const { accessKeyId: _id, secretAccessKey: _secret, ...sqs } = target.sqs ?? {};
  return targetDocument(sealer, { ...target, sqs });
}

/** Before the store changes: a start after a kill finds no file that it cannot read. */
function removeUnreadable(dataDir: string, sealer: Sealer): void {
  for (const name of sealedNames(dataDir)) {
    const file = join(dataDir, `${name}${sealedSuffix}`);
    try {
      sealer.unseal(readFileSync(file, "utf8"), name);
    } catch {
      unlinkSync(file);
    }
  }
}
