/**
 * Signed requests as bytes, ready to be written to a socket: the headers, and the part of them that is signed, are those
 * of the AWS SDK for JavaScript v3.
 */
import { createHmac, hash, randomUUID } from "node:crypto";
import { region, seller } from "./workload.ts";

const service = "aws-marketplace";
const contentType = "application/x-amz-json-1.1";
const target = "AWSMPMeteringService.BatchMeterUsage";
const userAgent =
  "aws-sdk-js/3.1137.0 ua/2.1 os/linux#6.1.0 lang/js md/nodejs#20.20.2 api/marketplace-metering#3.1137.0 m/N,E,g";
const signedHeaders =
  "amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target;x-amz-user-agent";

/** Returns a function that makes whole HTTP requests, all dated `nowMs`: good for the next 15 minutes. */
export function createSigner(host: string, nowMs: number): (body: string) => Buffer {
  const date = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const day = date.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  let key: string | Buffer = `AWS4${seller.secretAccessKey}`;
  for (const part of [day, region, service, "aws4_request"]) key = createHmac("sha256", key).update(part).digest();
  const signingKey = key;
  return (body) => {
    const invocation = randomUUID();
    const payloadHash = hash("sha256", body, "hex");
    const canonical =
      `POST\n/\n\namz-sdk-invocation-id:${invocation}\namz-sdk-request:attempt=1; max=3\ncontent-length:${body.length}\n` +
      `content-type:${contentType}\nhost:${host}\nx-amz-content-sha256:${payloadHash}\nx-amz-date:${date}\n` +
      `x-amz-target:${target}\nx-amz-user-agent:aws-sdk-js/3.1137.0\n\n${signedHeaders}\n${payloadHash}`;
    const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${hash("sha256", canonical, "hex")}`;
    const signature = createHmac("sha256", signingKey).update(toSign).digest("hex");
    return Buffer.from(
      `POST / HTTP/1.1\r\ncontent-type: ${contentType}\r\nx-amz-target: ${target}\r\ncontent-length: ${body.length}\r\n` +
        `x-amz-user-agent: aws-sdk-js/3.1137.0\r\nuser-agent: ${userAgent}\r\nhost: ${host}\r\n` +
        `amz-sdk-invocation-id: ${invocation}\r\namz-sdk-request: attempt=1; max=3\r\nx-amz-date: ${date}\r\n` +
        `x-amz-content-sha256: ${payloadHash}\r\nauthorization: AWS4-HMAC-SHA256 Credential=${seller.accessKeyId}/${scope}, ` +
        `SignedHeaders=${signedHeaders}, Signature=${signature}\r\nConnection: keep-alive\r\n\r\n${body}`,
      "latin1",
    );
  };
}
