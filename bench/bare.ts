/** The yardstick: `node:http` that reads a body and answers a text of a given size. The parent tells the size. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

process.once("message", (answer: string) => {
  const bytes = Buffer.byteLength(answer);
  const server = createServer({ keepAliveTimeout: 75_000, noDelay: true }, (request, response) => {
    request.on("data", () => {});
    request.on("end", () => {
      response.writeHead(200, {
        "x-amzn-RequestId": "00000000-0000-4000-8000-000000000000",
        "Content-Type": "application/x-amz-json-1.1",
        "Content-Length": bytes,
      });
      response.end(answer);
    });
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
});
process.on("disconnect", () => process.exit());
