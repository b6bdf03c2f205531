/** Delivery of notifications, with what its SNS signatures need: a key, its certificate, an address that serves it. */
import type { Logger } from "pino";
import type { Clock } from "../../clock.ts";
import type { Store } from "../../store/store.ts";
import { type CertificateServer, serveCertificates } from "./certificateServer.ts";
import { type KeyStore, loadCertificates } from "./certificates.ts";
import { createDeliveryWorker, type DeliveryWorker } from "./deliver.ts";
import { createSnsSigner, type SnsSigner } from "./sns.ts";

export interface NotificationsOptions {
  readonly store: Store;
  readonly keyStore: KeyStore;
  readonly clock: Clock;
  readonly wallClock: () => number;
  readonly log: Logger;
  /** The address that the certificate is served on. */
  readonly host: string;
  readonly publicUrl: () => string;
}

/** The worker, started; `stop()` also closes the certificate's address. */
export function startNotifications(options: NotificationsOptions): DeliveryWorker {
  const { store, log, host, wallClock } = options;
  let signing: Promise<{ readonly signer: SnsSigner; readonly certificates: CertificateServer }> | undefined;

  // Most runs send no SNS message over HTTP; the key and the certificate are made when the first one does.
  const startSigning = async () => {
    const publicHost = new URL(options.publicUrl()).hostname.replace(/^\[|\]$/g, "");
    const chain = await loadCertificates(options.keyStore, ["localhost", "127.0.0.1", publicHost], wallClock());
    const certificates = await serveCertificates(chain, { host, port: 0, publicHost });
    return { signer: createSnsSigner({ ...chain.leaf, certUrl: certificates.certUrl }), certificates };
  };
  const worker = createDeliveryWorker({
    outbox: store.outbox,
    catalog: store.catalog,
    signer: async () => {
      signing ??= startSigning();
      return (await signing).signer;
    },
    wallClock,
    businessClock: options.clock.now,
    log,
    baseUrl: options.publicUrl,
  });
  worker.start();
  return {
    ...worker,
    stop: async () => {
      await worker.stop();
      if (signing !== undefined) await (await signing).certificates.close();
    },
  };
}
