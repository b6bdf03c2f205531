/** Signed calls to a server at any address. A connection that breaks rejects: whether the call was kept is not known. */
import { Agent, request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { signRequest } from "./signer.ts";

export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SignedReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly requestId: string;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

export interface SignedRequest {
  readonly headers: Record<string, string>;
  readonly body: string;
}

export interface SignedClient {
  call(operation: string, input: unknown, key: SigningKey, extra?: Record<string, string>): Promise<SignedReply>;
  close(): void;
}

/** The headers and the body of a call, to be sent by whatever means. */
export function signCall(
  endpoint: string,
  operation: string,
  input: unknown,
  key: SigningKey,
  extra: Record<string, string> = {},
): SignedRequest {
  const body = JSON.stringify(input);
  const { headers } = signRequest({
    host: new URL(endpoint).host,
    headers: {
      "content-type": "application/x-amz-json-1.1",
      "content-length": String(Buffer.byteLength(body)),
      "x-amz-target": `AWSMPMeteringService.${operation}`,
      ...extra,
    },
    body,
    ...key,
  });
  return { headers, body };
}

export function createSignedClient(endpoint: string, maxSockets = 16): SignedClient {
  const agent = new Agent({ keepAlive: true, maxSockets });
  const { hostname, port } = new URL(endpoint);
  return {
    call: (operation, input, key, extra) =>
      new Promise((resolve, reject) => {
        const { headers, body } = signCall(endpoint, operation, input, key, extra);
        const outgoing = httpRequest({ hostname, port, method: "POST", path: "/", headers, agent }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          // An answer that is cut off is no answer.
          response.on("error", reject);
          response.on("end", () => {
            const text = Buffer.concat(chunks).toString("utf8");
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              requestId: String(response.headers["x-amzn-requestid"]),
              text,
              json: JSON.parse(text) as Record<string, unknown>,
            });
          });
        });
        outgoing.on("error", reject);
        outgoing.end(body);
      }),
    close: () => agent.destroy(),
  };
}
