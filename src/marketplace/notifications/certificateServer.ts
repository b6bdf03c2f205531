/**
 * Serves the certificate that SNS messages are signed with, over HTTPS, as validators insist on. It serves nothing
 * else: the authority's certificate, which tests are to trust, and the signer's are public.
 */
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type CertificateChain, certificatePath } from "./certificates.ts";

export interface CertificateServer {
  /** `SigningCertURL`. */
  readonly certUrl: string;
  /** https://host:port */
  readonly url: string;
  close(): Promise<void>;
}

/** `publicHost`: the name under which sellers reach the server; one that the leaf has. Port 0: a free one. */
export async function serveCertificates(
  { authority, leaf }: CertificateChain,
  { host, port, publicHost = host }: { readonly host: string; readonly port: number; readonly publicHost?: string },
): Promise<CertificateServer> {
  const path = certificatePath(leaf.certificatePem);
  const pages: Readonly<Record<string, string>> = {
    [path]: leaf.certificatePem,
    "/sns/authority.pem": authority.certificatePem,
  };
  const server = createServer(
    { key: leaf.privateKeyPem, cert: leaf.certificatePem + authority.certificatePem },
    (request, response) => {
      const page = request.method === "GET" || request.method === "HEAD" ? pages[request.url ?? ""] : undefined;
      response.setHeader("Content-Type", page === undefined ? "text/plain" : "application/x-pem-file");
      response.statusCode = page === undefined ? 404 : 200;
      response.end(page ?? "Not found\n");
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const name = publicHost.includes(":") ? `[${publicHost}]` : publicHost;
  const url = `https://${name}:${(server.address() as AddressInfo).port}`;
  return {
    url,
    certUrl: url + path,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
