/**
 * The master key and what it seals: SigV4 secrets, session tokens and RSA private keys are kept on disk only as
 * AES-256-GCM under this key.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { join } from "node:path";
import { loadPrivateFile } from "./privateFile.ts";
import type { Sealer } from "./store/sealer.ts";

const keyLengthBytes = 32;
const nonceLengthBytes = 12;
const tagLengthBytes = 16;
const sealedPrefix = "v1.";
export const keyFileName = "master.key";
export const keyVariable = "METERHOUSE_MASTER_KEY";

export interface MasterKeyOptions {
  /** The data folder; made with mode 0700 when it is missing. */
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The 32-byte master key: from `METERHOUSE_MASTER_KEY` (64 hex digits, or base64 of 32 bytes), else from
 * `<dataDir>/master.key`, which the first start makes with mode 0600.
 *
 * Throws an Error that a person can act on when the value is malformed, or when others can read the file.
 */
export function loadMasterKey({ dataDir, env }: MasterKeyOptions): Buffer {
  const given = env[keyVariable];
  if (given !== undefined && given !== "") return parseKey(given, `The environment variable ${keyVariable}`);
  const file = join(dataDir, keyFileName);
  const text = loadPrivateFile(file, "master key", () => `${newMasterKey().toString("hex")}\n`);
  return parseKey(text, `The master key file ${file}`);
}

export function newMasterKey(): Buffer {
  return randomBytes(keyLengthBytes);
}

/** Seals under one key. `unseal` throws an Error that names the context, never the value. */
export function createSealer(key: Buffer): Sealer {
  if (key.length !== keyLengthBytes) throw new RangeError(`A master key has 32 bytes, not ${key.length}`);
  return {
    seal(plain, context) {
      const nonce = randomBytes(nonceLengthBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce);
      cipher.setAAD(Buffer.from(context, "utf8"));
      const body = Buffer.concat([nonce, cipher.update(plain, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return sealedPrefix + body.toString("base64url");
    },
    unseal(sealed, context) {
      if (!sealed.startsWith(sealedPrefix)) {
        throw new Error(`The sealed value of ${context} is not in the form that this version writes (v1.…)`);
      }
      const body = Buffer.from(sealed.slice(sealedPrefix.length), "base64url");
      if (body.length < nonceLengthBytes + tagLengthBytes) {
        throw new Error(`The sealed value of ${context} is cut short`);
      }
      const tagStart = body.length - tagLengthBytes;
      const decipher = createDecipheriv("aes-256-gcm", key, body.subarray(0, nonceLengthBytes), {
        authTagLength: tagLengthBytes,
      });
      decipher.setAAD(Buffer.from(context, "utf8"));
      decipher.setAuthTag(body.subarray(tagStart));
      try {
        return decipher.update(body.subarray(nonceLengthBytes, tagStart), undefined, "utf8") + decipher.final("utf8");
      } catch {
        // OpenSSL only says "unable to authenticate data", which sends people looking for a broken disk.
        throw new Error(
          `The master key does not fit ${context}: it was sealed under another key, or was changed since. ` +
            `Start with the key that this data was written with (${keyVariable}, or ${keyFileName} in the data folder).`,
        );
      }
    },
  };
}

/** `origin`: where the text is from, for people. */
export function parseKey(text: string, origin: string): Buffer {
  const trimmed = text.trim();
  if (/^[0-9a-f]{64}$/i.test(trimmed)) return Buffer.from(trimmed, "hex");
  // Buffer.from skips what is not base64, so the alphabet is checked first; both alphabets, padding optional.
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return Buffer.from(trimmed, "base64");
  throw new Error(
    `${origin} must hold 64 hex digits or the base64 of 32 bytes (one is made by "openssl rand -hex 32"); ` +
      `it holds ${trimmed.length} characters that are neither.`,
  );
}
