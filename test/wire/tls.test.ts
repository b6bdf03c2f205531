/** TLS: the official SDK over HTTPS, and a renewed certificate without a restart. */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { BatchMeterUsageCommand, MarketplaceMeteringClient } from "@aws-sdk/client-marketplace-metering";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { checkCatalog } from "../../src/catalog/file.ts";
import { createBusinessClock } from "../../src/clock.ts";
import { type CertificateChain, makeAuthority, makeLeaf } from "../../src/marketplace/notifications/certificates.ts";
import { type Service, startService } from "../../src/service.ts";

const seller = { accessKeyId: "AKSELLER", secretAccessKey: "seller-secret" };
const catalog = checkCatalog(
  {
    credentials: [{ ...seller, account: "111111111111", kind: "iam-user" }],
    products: [
      {
        code: "saas",
        seller: "111111111111",
        type: "saas-subscription",
        dimensions: ["requests"],
        createdAt: "2024-01-01T00:00:00Z",
      },
    ],
    agreements: [{ product: "saas", buyer: "333333333333", state: "active", since: "now-1d" }],
  },
  "test",
);

const folder = mkdtempSync(join(tmpdir(), "meterhouse-tls-"));
const tls = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
let authority: CertificateChain["authority"];
let service: Service;

async function writeLeaf(): Promise<void> {
  const leaf = await makeLeaf(authority, ["localhost", "127.0.0.1"], Date.now());
  writeFileSync(tls.keyFile, leaf.privateKeyPem);
  writeFileSync(tls.certFile, leaf.certificatePem);
}

beforeAll(async () => {
  authority = await makeAuthority(Date.now());
  await writeLeaf();
  service = await startService({
    dataDir: join(folder, "data"),
    host: "127.0.0.1",
    port: 0,
    clock: createBusinessClock(Date.now),
    wallClock: Date.now,
    rateClock: () => performance.now(),
    catalog,
    allowedHosts: [],
    tls,
    env: {},
    log: pino({ level: "silent" }),
  });
});
afterAll(async () => {
  await service.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The fingerprint of the certificate that a new connection is shown. */
function fingerprint(): Promise<string> {
  const { port } = new URL(service.url);
  return new Promise((resolve, reject) => {
    const socket = connect({ port: Number(port), host: "127.0.0.1", ca: authority.certificatePem }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.end();
    });
    socket.on("error", reject);
  });
}

test("the official SDK meters over HTTPS", async () => {
  expect(service.url).toMatch(/^https:/);
  const client = new MarketplaceMeteringClient({
    endpoint: service.url,
    region: "us-east-1",
    credentials: { ...seller },
    requestHandler: { httpsAgent: new Agent({ ca: authority.certificatePem }) },
  });
  const UsageRecords = [
    { Timestamp: new Date(), CustomerAWSAccountId: "333333333333", Dimension: "requests", Quantity: 1 },
  ];
  const answer = await client.send(new BatchMeterUsageCommand({ ProductCode: "saas", UsageRecords }));
  expect(answer.Results?.[0]?.Status).toBe("Success");
  client.destroy();
});

test("a certificate that changes is used from then on; one that does not fit its key is not", async () => {
  const before = await fingerprint();
  await writeLeaf();
  const after = await vi.waitFor(
    async () => {
      const shown = await fingerprint();
      expect(shown).not.toBe(before);
      return shown;
    },
    { timeout: 15_000, interval: 200 },
  );
  copyFileSync(tls.certFile, `${tls.certFile}.good`);
  const other = await makeLeaf(authority, ["localhost"], Date.now());
  writeFileSync(tls.certFile, other.certificatePem);
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(await fingerprint()).toBe(after);
});

test("files that cannot be read are named", async () => {
  const { readTls } = await import("../../src/tls.ts");
  expect(() => readTls({ ...tls, keyFile: join(folder, "none.pem") })).toThrow(/cannot read the TLS key .*none\.pem/);
});
