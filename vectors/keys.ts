import { generateKeyPairSync } from "node:crypto";

const privateKeys = new Map<string, string>();

/** Made once in a run, not at every case: a key pair takes the server longer than all the rest of a reset. */
export function privateKeyPem(name: string): string {
  const known = privateKeys.get(name);
  if (known !== undefined) return known;
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  privateKeys.set(name, privateKey);
  return privateKey;
}
