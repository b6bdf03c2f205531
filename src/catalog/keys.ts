/** RSA keys that sign the answers of RegisterUsage: generated where a document leaves them out. */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";
import type { KeyVersion, ProductType } from "../api/types.ts";
import type { ProductEntry } from "./schema.ts";
import { resolveTime } from "./times.ts";

/** the usual JWT libraries refuse shorter keys. */
const MODULUS_MIN_BITS = 2048;

const generate = promisify(generateKeyPair);

/** What is wrong with a key of a document; the text never repeats it. */
export function privateKeyFault(pem: string): string | undefined {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    return "not a private key in PEM form without a passphrase";
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== "rsa") return `expected an RSA key, got ${key.asymmetricKeyType}`;
  if (bits >= MODULUS_MIN_BITS) return undefined;
  return `expected an RSA key of at least ${MODULUS_MIN_BITS} bits, got ${bits}: JWT libraries refuse shorter ones for PS256`;
}

/** The key versions of a product after loading: those that are stored stay, even where the document does not list them. */
export async function keyVersions(
  entry: ProductEntry,
  stored: readonly KeyVersion[],
  now: number,
): Promise<readonly KeyVersion[]> {
  const listed = entry.publicKeys ?? (needsKey(entry.type) && stored.length === 0 ? [{ version: 1 }] : []);
  const versions = await Promise.all(
    listed.map(async (key: NonNullable<ProductEntry["publicKeys"]>[number]): Promise<KeyVersion> => {
      const known = stored.find(({ version }) => version === key.version);
      const rotatedAt =
        key.rotatedAt === undefined || key.rotatedAt === null
          ? known?.rotatedAt
          : resolveTime(key.rotatedAt, { now, stored: known?.rotatedAt });
      return {
        version: key.version,
        ...(rotatedAt === undefined ? {} : { rotatedAt }),
        ...(await keyPair(key.privateKeyPem, known)),
      };
    }),
  );
  const others = stored.filter(({ version }) => !listed.some((key) => key.version === version));
  return [...versions, ...others].toSorted((a, b) => a.version - b.version);
}

/** C-15, C-16: these types call RegisterUsage, which signs. */
function needsKey(type: ProductType): boolean {
  return type === "container-hourly" || type === "container-byol";
}

type Pair = Pick<KeyVersion, "publicKeyPem" | "privateKeyPem">;

async function keyPair(pem: string | undefined, known: KeyVersion | undefined): Promise<Pair> {
  if (pem !== undefined) return pemPair(createPrivateKey(pem));
  if (known) return { publicKeyPem: known.publicKeyPem, privateKeyPem: known.privateKeyPem };
  return newKeyPair();
}

export async function newKeyPair(): Promise<Pair> {
  const { privateKey } = await generate("rsa", { modulusLength: MODULUS_MIN_BITS });
  return pemPair(privateKey);
}

function pemPair(privateKey: KeyObject): Pair {
  return {
    publicKeyPem: createPublicKey(privateKey).export({ type: "spki", format: "pem" }).toString(),
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
