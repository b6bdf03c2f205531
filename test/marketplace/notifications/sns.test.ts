import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { get, globalAgent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import MessageValidator from "sns-validator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CertificateServer, serveCertificates } from "../../../src/marketplace/notifications/certificateServer.ts";
import {
  type CertificateChain,
  type KeyStore,
  loadCertificates,
  makeAuthority,
  makeLeaf,
} from "../../../src/marketplace/notifications/certificates.ts";
import { createFileKeyStore } from "../../../src/marketplace/notifications/keyStore.ts";
import { createSnsSigner } from "../../../src/marketplace/notifications/sns.ts";
import { createSealer } from "../../../src/secrets.ts";
import { at, snsNotification } from "./facts.ts";

let chain: CertificateChain;
let server: CertificateServer;
const trusted = globalAgent.options.ca;

beforeAll(async () => {
  const authority = await makeAuthority(Date.now());
  chain = { authority, leaf: await makeLeaf(authority, ["localhost", "127.0.0.1", "::1"], Date.now()) };
  server = await serveCertificates(chain, { host: "127.0.0.1", port: 0 });
  // What NODE_EXTRA_CA_CERTS does for a process; sns-validator uses this agent.
  globalAgent.options.ca = chain.authority.certificatePem;
});

afterAll(async () => {
  if (trusted === undefined) delete globalAgent.options.ca;
  else globalAgent.options.ca = trusted;
  await server.close();
});

function validated(body: string): Promise<Record<string, unknown> | undefined> {
  const validator = new MessageValidator(/^127\.0\.0\.1:\d+$/);
  return new Promise((resolve, reject) => {
    validator.validate(body, (error, message) => (error === null ? resolve(message) : reject(error)));
  });
}

function signer(signatureVersion?: "1" | "2") {
  const keys = { privateKeyPem: chain.leaf.privateKeyPem, certificatePem: chain.leaf.certificatePem };
  return createSnsSigner({
    ...{ ...keys, certUrl: server.certUrl },
    ...(signatureVersion === undefined ? {} : { signatureVersion }),
  });
}

const id = "11111111-1111-4111-8111-111111111111";
const message = snsNotification(id, '{"action":"subscribe-success","customer-identifier":"Ünïcode 💶"}');

describe("SNS envelope (N-7)", () => {
  test.each(["1", "2"] as const)("sns-validator accepts a notification of signature version %s", async (version) => {
    const { body, headers } = signer(version).notification(message, "http://host/unsubscribe");
    expect(JSON.parse(body)).toEqual({
      Type: "Notification",
      MessageId: id,
      TopicArn: message.topicArn,
      Message: message.body,
      Timestamp: "2026-08-15T10:20:30.400Z",
      SignatureVersion: version,
      Signature: expect.stringMatching(/^[A-Za-z0-9+/]{342}==$/),
      SigningCertURL: server.certUrl,
      UnsubscribeURL: "http://host/unsubscribe",
    });
    expect(headers).toEqual({
      "x-amz-sns-message-type": "Notification",
      "x-amz-sns-message-id": id,
      "x-amz-sns-topic-arn": message.topicArn,
    });
    await expect(validated(body)).resolves.toMatchObject({ Message: message.body });
  });

  test.each(["1", "2"] as const)("sns-validator accepts a confirmation of signature version %s", async (version) => {
    const subscribeUrl = "http://host/sns/confirm?token=t";
    const { body, headers } = signer(version).confirmation({ topicArn: "arn:aws:sns:x", token: "t", subscribeUrl, at });
    expect(JSON.parse(body)).toMatchObject({
      Type: "SubscriptionConfirmation",
      Token: "t",
      SubscribeURL: subscribeUrl,
    });
    expect(headers["x-amz-sns-message-type"]).toBe("SubscriptionConfirmation");
    await expect(validated(body)).resolves.toMatchObject({ SubscribeURL: subscribeUrl });
  });

  test("the default is version 1", () => {
    expect(JSON.parse(signer().notification(message, "u").body).SignatureVersion).toBe("1");
  });

  test.each(["Message", "MessageId", "Timestamp", "TopicArn", "Type"])("a changed %s is refused", async (member) => {
    const envelope = JSON.parse(signer("2").notification(message, "u").body);
    await expect(validated(JSON.stringify({ ...envelope, [member]: `${envelope[member]} ` }))).rejects.toThrow(
      "signature is invalid",
    );
  });

  test("another version's signature is refused, and an endpoint elsewhere", async () => {
    const envelope = JSON.parse(signer("1").notification(message, "u").body);
    await expect(validated(JSON.stringify({ ...envelope, SignatureVersion: "2" }))).rejects.toThrow("invalid");
    await expect(
      validated(JSON.stringify({ ...envelope, SigningCertURL: "https://evil.example/a.pem" })),
    ).rejects.toThrow("invalid domain");
  });
});

describe("certificates", () => {
  test("the leaf names its hosts and is signed by the authority, for servers only", () => {
    const leaf = new X509Certificate(chain.leaf.certificatePem);
    const authority = new X509Certificate(chain.authority.certificatePem);
    expect(leaf.checkIssued(authority) && leaf.verify(authority.publicKey)).toBe(true);
    expect([leaf.ca, authority.ca, authority.verify(authority.publicKey)]).toEqual([false, true, true]);
    expect(leaf.checkHost("localhost")).toBe("localhost");
    expect(leaf.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(leaf.subjectAltName).toBe("DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
    expect(leaf.checkHost("other")).toBeUndefined();
    expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(leaf.validToDate.getTime() - Date.now()).toBeLessThan(398 * 86_400_000);
    expect(authority.subject).toBe("CN=Meterhouse test authority");
  });

  test("serves the certificate and its authority, and nothing else", async () => {
    const page = (path: string) =>
      new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
        get(`${server.url}${path}`, (response) => {
          let text = "";
          response.on("data", (chunk: Buffer) => {
            text += chunk.toString();
          });
          response.on("end", () => resolve({ status: response.statusCode, text }));
        }).on("error", reject);
      });
    expect(await page(new URL(server.certUrl).pathname)).toEqual({ status: 200, text: chain.leaf.certificatePem });
    expect(await page("/sns/authority.pem")).toEqual({ status: 200, text: chain.authority.certificatePem });
    expect((await page("/master.key")).status).toBe(404);
  });

  test("are kept sealed, and made anew when they must be", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "meterhouse-keys-"));
    try {
      const store: KeyStore = createFileKeyStore(dataDir, createSealer(Buffer.alloc(32, 7)));
      const now = Date.now();
      const first = await loadCertificates(store, ["localhost"], now);
      expect(await loadCertificates(store, ["localhost"], now)).toEqual(first);
      const file = join(dataDir, "notification-certificates.sealed");
      expect(readFileSync(file, "utf8")).toMatch(/^v1\.[\w-]+$/);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      const moved = await loadCertificates(store, ["localhost", "10.1.2.3"], now);
      expect(moved.authority).toEqual(first.authority);
      expect(moved.leaf.certificatePem).not.toBe(first.leaf.certificatePem);
      const later = await loadCertificates(store, ["localhost", "10.1.2.3"], now + 380 * 86_400_000);
      expect(later.authority).toEqual(first.authority);
      expect(later.leaf.certificatePem).not.toBe(moved.leaf.certificatePem);
      const muchLater = await loadCertificates(store, ["localhost"], now + 3_600 * 86_400_000);
      expect(muchLater.authority.certificatePem).not.toBe(first.authority.certificatePem);
      const other = createFileKeyStore(dataDir, createSealer(Buffer.alloc(32, 8)));
      await expect(loadCertificates(other, ["localhost"], now)).rejects.toThrow("master key");
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  test("dates from 2050 on are written with four digits", async () => {
    const authority = await makeAuthority(Date.UTC(2049, 5, 1));
    expect(new X509Certificate(authority.certificatePem).validToDate.getUTCFullYear()).toBe(2059);
  });
});
