/** From the change that publishes, through the store's file and a restart, to the endpoint, with real signatures. */
import { mkdtempSync, rmSync } from "node:fs";
import { globalAgent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import MessageValidator from "sns-validator";
import { expect, test } from "vitest";
import { serveCertificates } from "../../../src/marketplace/notifications/certificateServer.ts";
import { loadCertificates } from "../../../src/marketplace/notifications/certificates.ts";
import { createDeliveryWorker, type DeliveryWorker } from "../../../src/marketplace/notifications/deliver.ts";
import { createFileKeyStore } from "../../../src/marketplace/notifications/keyStore.ts";
import { createSnsSigner } from "../../../src/marketplace/notifications/sns.ts";
import { createSealer } from "../../../src/secrets.ts";
import { openSqliteStore } from "../../../src/store/sqlite/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { at, busNotification, httpTarget, product, snsNotification, startReceiver, until } from "./facts.ts";

test("what was published before a restart arrives after it, in order, and validates", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "meterhouse-delivery-"));
  const sealer = createSealer(Buffer.alloc(32, 5));
  const open = () => openSqliteStore({ file: join(dataDir, "meterhouse.db"), sealer });
  const chain = await loadCertificates(createFileKeyStore(dataDir, sealer), ["127.0.0.1"], Date.now());
  const certificates = await serveCertificates(chain, { host: "127.0.0.1", port: 0 });
  const { privateKeyPem, certificatePem } = chain.leaf;
  const workerOf = (store: Store): DeliveryWorker => {
    const worker = createDeliveryWorker({
      outbox: store.outbox,
      catalog: store.catalog,
      signer: async () => createSnsSigner({ privateKeyPem, certificatePem, certUrl: certificates.certUrl }),
      wallClock: Date.now,
      businessClock: () => at,
      log: { debug: () => {}, warn: () => {}, error: () => {} },
      baseUrl: () => "http://meterhouse",
      times: { stopMaxMs: 20, retryFirstMs: 20 },
    });
    worker.start();
    return worker;
  };
  const receiver = await startReceiver();
  const trusted = globalAgent.options.ca;
  globalAgent.options.ca = chain.authority.certificatePem;
  let store = open();
  try {
    const { confirmedAt: _confirmed, confirmationToken: _token, ...target } = httpTarget("t", receiver.url);
    const seller = { id: product.sellerAccountId, customerIdentifier: "qUaY", suspended: false };
    await store.catalog.apply({ accounts: [seller], products: [product], targets: [target] });

    const first = workerOf(store);
    await first.sendConfirmation("t");
    const { Token: token } = await validated(receiver.received[0]?.body ?? "");
    expect((await first.confirm(String(token)))?.confirmedAt).toBeGreaterThan(0);
    receiver.answers.push("hang");
    await store.catalog.apply({ notifications: [snsNotification("n1"), snsNotification("n2"), busNotification("e1")] });
    await until(() => receiver.received.length === 2);
    await first.stop();
    await store.close();

    store = open();
    receiver.answers.push(200, 500);
    const second = workerOf(store);
    await until(() => receiver.received.length === 6);
    const seen = receiver.received.slice(2).map(({ headers, body }) => headers["x-amz-sns-message-id"] ?? body);
    // The first was under way when the process ended; the second fails once.
    expect(seen).toEqual(["n1", "n2", busNotification("e1").body, "n2"]);
    expect(await validated(receiver.received[2]?.body ?? "")).toMatchObject({ Message: snsNotification("n1").body });
    await second.stop();
    expect(await store.outbox.deliveries("n2")).toMatchObject([
      { state: "delivered", attempts: [{ status: 500 }, { status: 200 }] },
    ]);
  } finally {
    if (trusted === undefined) delete globalAgent.options.ca;
    else globalAgent.options.ca = trusted;
    await receiver.close();
    await certificates.close();
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

function validated(body: string): Promise<Record<string, unknown>> {
  const validator = new MessageValidator(/^127\.0\.0\.1:\d+$/);
  return new Promise((resolve, reject) => {
    validator.validate(body, (error, message) => (error === null ? resolve(message ?? {}) : reject(error)));
  });
}
