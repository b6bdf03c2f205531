/** TLS from certificate and key files, read again when they change: renewed certificates need no restart. */
import { readFileSync, unwatchFile, watchFile } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Logger } from "pino";

export interface TlsFiles {
  /** PEM, the chain included. */
  readonly certFile: string;
  /** PEM. */
  readonly keyFile: string;
}

export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** How often the files are looked at. Their content is compared: renewals swap links and touch times as they like. */
const lookEveryMs = 1_000;

/** Throws an Error that names the file and what is wrong with it. */
export function readTls({ certFile, keyFile }: TlsFiles): TlsIdentity {
  const read = (file: string, what: string): string => {
    try {
      return readFileSync(file, "utf8");
    } catch (error) {
      throw new Error(`cannot read the TLS ${what} ${file}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const identity = { cert: read(certFile, "certificate"), key: read(keyFile, "key") };
  try {
    createSecureContext(identity);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`the TLS certificate ${certFile} and key ${keyFile} do not go together: ${why}`);
  }
  return identity;
}

/** Calls `use` with each new pair that goes together; a half-written or wrong one is logged and the old one stays. */
export function watchTls(files: TlsFiles, log: Logger, use: (identity: TlsIdentity) => void): () => void {
  let current = readTls(files);
  const look = (): void => {
    try {
      const next = readTls(files);
      if (next.cert === current.cert && next.key === current.key) return;
      current = next;
      use(next);
      log.info({ certFile: files.certFile }, "TLS certificate read again");
    } catch (error) {
      log.warn({ err: error }, "the changed TLS files are not used; the certificate from before stays");
    }
  };
  for (const file of [files.certFile, files.keyFile])
    watchFile(file, { interval: lookEveryMs, persistent: false }, look);
  return () => {
    for (const file of [files.certFile, files.keyFile]) unwatchFile(file, look);
  };
}
