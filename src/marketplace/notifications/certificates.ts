/**
 * The certificates that sign SNS messages and serve HTTPS: an authority of this server's own, for tests to trust, and a
 * leaf under it. Node reads X.509 but does not write it, hence the encoder beside this file.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";
import { promisify } from "node:util";
import { dayMs } from "../../api/limits.ts";
import { bits, boolean, explicit, implicit, integer, objectId, octets, sequence, set, time, utf8 } from "./der.ts";

export interface CertificateAndKey {
  readonly certificatePem: string;
  /** PKCS#8 PEM. */
  readonly privateKeyPem: string;
}

/** The leaf's names, and the authority that vouches for it. */
export interface CertificateChain {
  readonly authority: CertificateAndKey;
  /** RSA: signs SNS messages, and is a TLS server's certificate for its hosts. */
  readonly leaf: CertificateAndKey;
}

/** Where private keys are kept. What it is given are secrets: an implementation seals them. */
export interface KeyStore {
  read(name: string): Promise<string | undefined>;
  /**
   * Keeps the value unless another than `seen` (undefined: any) is kept by now, as another node's may be. Answers what is
   * kept then.
   */
  keep(name: string, value: string, seen: string | undefined): Promise<string>;
}

const oid = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
} as const;

const authorityName = "Meterhouse test authority";
const authorityDays = 3_650;
/** What browsers and operating systems still accept of a server's certificate. */
const leafDays = 397;
/** A leaf is made anew when it has less than this left. */
const renewBeforeDays = 30;
/** Clocks of other machines may be behind. */
const backdatedMs = dayMs;

const makeKeys = promisify(generateKeyPair);

/** `wallNow`: epoch milliseconds. Validity is judged by wall clocks (SPEC A.5). */
export async function makeAuthority(wallNow: number): Promise<CertificateAndKey> {
  const { publicKey, privateKey } = await makeKeys("ec", { namedCurve: "P-256" });
  const extensions = [
    extension(oid.basicConstraints, sequence(boolean(true), integer(Buffer.of(0))), true), // Signs no other authority.
    extension(oid.keyUsage, bits(Buffer.of(0b0000_0110), 1), true), // keyCertSign, cRLSign
    extension(oid.subjectKeyIdentifier, octets(keyIdentifier(publicKey))),
  ];
  const subject = name(authorityName);
  const certificatePem = makeCertificate({
    ...{ subject, publicKey, extensions, issuer: subject, issuerKey: privateKey },
    ...{ from: wallNow - backdatedMs, to: wallNow + authorityDays * dayMs },
  });
  return { certificatePem, privateKeyPem: pkcs8(privateKey) };
}

/** `hosts`: DNS names and IP addresses, at least one; the first is the common name too. */
export async function makeLeaf(
  authority: CertificateAndKey,
  hosts: readonly string[],
  wallNow: number,
): Promise<CertificateAndKey> {
  const { publicKey, privateKey } = await makeKeys("rsa", { modulusLength: 2048 });
  const issuerKey = createPrivateKey(authority.privateKeyPem);
  const authorityKeyId = keyIdentifier(createPublicKey(issuerKey));
  const extensions = [
    extension(oid.basicConstraints, sequence(), true),
    extension(oid.keyUsage, bits(Buffer.of(0b1010_0000), 5), true), // digitalSignature, keyEncipherment
    extension(oid.extendedKeyUsage, sequence(objectId(oid.serverAuth))),
    extension(oid.subjectKeyIdentifier, octets(keyIdentifier(publicKey))),
    extension(oid.authorityKeyIdentifier, sequence(implicit(0, authorityKeyId))),
    extension(oid.subjectAltName, sequence(...hosts.map(generalName))),
  ];
  const certificatePem = makeCertificate({
    ...{ subject: name(hosts[0] ?? "localhost"), publicKey, extensions, issuer: name(authorityName), issuerKey },
    ...{ from: wallNow - backdatedMs, to: wallNow + leafDays * dayMs },
  });
  return { certificatePem, privateKeyPem: pkcs8(privateKey) };
}

const storedName = "notification-certificates";

/** Of a leaf: nodes come and go, and each that starts under a new name adds it. */
const hostsMax = 20;

/**
 * The chain that the store holds; made at the first start. The authority stays, so that whoever trusts it need not do
 * so again; the leaf is made anew when it is about to expire or lacks one of the hosts, and keeps those that it has: other
 * nodes are reached under them.
 */
export async function loadCertificates(
  store: KeyStore,
  hosts: readonly string[],
  wallNow: number,
): Promise<CertificateChain> {
  let text = await store.read(storedName);
  for (;;) {
    const kept = readChain(text);
    const hasAuthority = kept !== undefined && remainingMs(kept.authority, wallNow) > leafDays * dayMs;
    if (hasAuthority && isFit(kept.leaf, hosts, wallNow)) return kept;
    const authority = hasAuthority ? kept.authority : await makeAuthority(wallNow);
    const names = [...new Set([...hosts, ...(kept === undefined ? [] : hostsOf(kept.leaf))])].slice(0, hostsMax);
    const made = JSON.stringify({ authority, leaf: await makeLeaf(authority, names, wallNow) });
    const now = await store.keep(storedName, made, text);
    // Another node was quicker; its chain may lack this node's name.
    if (now === made) return JSON.parse(made) as CertificateChain;
    text = now;
  }
}

function hostsOf({ certificatePem }: CertificateAndKey): readonly string[] {
  const names = new X509Certificate(certificatePem).subjectAltName ?? "";
  return names.split(", ").map((name) => name.replace(/^(?:DNS|IP Address):/, ""));
}

/** Where the signing certificate is served. Named by its content: validators keep a certificate by its URL for good. */
export function certificatePath(certificatePem: string): string {
  const fingerprint = createHash("sha256").update(certificatePem).digest("hex").slice(0, 32);
  return `/sns/SimpleNotificationService-${fingerprint}.pem`;
}

function readChain(text: string | undefined): CertificateChain | undefined {
  if (text === undefined) return undefined;
  const { authority, leaf }: Partial<CertificateChain> = JSON.parse(text);
  return authority === undefined || leaf === undefined ? undefined : { authority, leaf };
}

function remainingMs({ certificatePem }: CertificateAndKey, wallNow: number): number {
  return new X509Certificate(certificatePem).validToDate.getTime() - wallNow;
}

function isFit(leaf: CertificateAndKey, hosts: readonly string[], wallNow: number): boolean {
  const certificate = new X509Certificate(leaf.certificatePem);
  const covers = (host: string) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host));
  return remainingMs(leaf, wallNow) > renewBeforeDays * dayMs && hosts.every((host) => covers(host) !== undefined);
}

interface CertificateParts {
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly issuer: Buffer;
  /** EC P-256. */
  readonly issuerKey: KeyObject;
  readonly from: number;
  readonly to: number;
}

/** RFC 5280, version 3. */
function makeCertificate({ subject, publicKey, extensions, issuer, issuerKey, from, to }: CertificateParts): string {
  const algorithm = sequence(objectId(oid.ecdsaWithSha256));
  const signed = sequence(
    explicit(0, integer(Buffer.of(2))),
    integer(randomBytes(16)),
    algorithm,
    issuer,
    sequence(time(from), time(to)),
    subject,
    spki(publicKey),
    explicit(3, sequence(...extensions)),
  );
  const der = sequence(signed, algorithm, bits(sign("sha256", signed, issuerKey)));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function name(commonName: string): Buffer {
  return sequence(set(sequence(objectId(oid.commonName), utf8(commonName))));
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return sequence(objectId(id), ...(isCritical ? [boolean(true)] : []), octets(value));
}

function generalName(host: string): Buffer {
  return isIP(host) === 0 ? implicit(2, Buffer.from(host, "ascii")) : implicit(7, addressBytes(host));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  // The URL parser writes every form, dotted tails too, as groups of hex digits.
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = new Array<number>(8 - before.length - after.length).fill(0);
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >>> 8, group & 0xff]));
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

function pkcs8(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Any stable name of the key will do; validators only compare them. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash("sha256").update(spki(publicKey)).digest().subarray(0, 20);
}
