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

export interface Notifications extends DeliveryWorker {
  /** PEM of the authority that whoever checks SNS signatures is to trust. */
  authority(): Promise<string>;
}

interface Signing {
  readonly signer: SnsSigner;
  readonly certificates: CertificateServer;
  readonly authorityPem: string;
}

/** The worker, started; `stop()` also closes the certificate's address. */
export function startNotifications(options: NotificationsOptions): Notifications {
  const { store, log, host, wallClock } = options;
  let signing: Promise<Signing> | undefined;

  // Most runs send no SNS message over HTTP; the key and the certificate are made when the first one does.
  const startSigning = async (): Promise<Signing> => {
    const publicHost = new URL(options.publicUrl()).hostname.replace(/^\[|\]$/g, "");
    const chain = await loadCertificates(options.keyStore, ["localhost", "127.0.0.1", publicHost], wallClock());
    const certificates = await serveCertificates(chain, { host, port: 0, publicHost });
    const signer = createSnsSigner({ ...chain.leaf, certUrl: certificates.certUrl });
    return { signer, certificates, authorityPem: chain.authority.certificatePem };
  };
  const signingOf = (): Promise<Signing> => {
    signing ??= startSigning().catch((error: unknown) => {
      // The database was away, say: the next message tries again.
      signing = undefined;
      throw error;
    });
    return signing;
  };
  const worker = createDeliveryWorker({
    outbox: store.outbox,
    catalog: store.catalog,
    signer: async () => (await signingOf()).signer,
    wallClock,
    businessClock: options.clock.now,
    log,
    baseUrl: options.publicUrl,
    leads: () => store.leadership.isHeld(),
  });
  store.leadership.onGained(() => worker.kick());
  worker.start();
  return {
    ...worker,
    authority: async () => (await signingOf()).authorityPem,
    stop: async () => {
      await worker.stop();
      if (signing !== undefined) await (await signing).certificates.close();
    },
  };
}
