/** How an answer goes out when a planned fault says how (SPEC B-92). */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Delivery, WireAnswer } from "./protocol/wire.ts";

/** Resolves when the answer is out, or its client is gone: until then the call counts as one in flight. */
export function deliver(response: ServerResponse, answer: WireAnswer, delivery: Delivery): Promise<void> {
  const { socket } = response.req;
  if (response.destroyed || socket.destroyed) return Promise.resolve();
  const closed = new Promise<void>((resolve) => {
    const done = (): void => {
      response.off("close", done);
      socket.off("close", done);
      resolve();
    };
    response.on("close", done);
    // An answer that waits for others of its connection hears nothing of its end.
    socket.on("close", done);
  });
  if (delivery.kind === "cut") reset(socket);
  else trickle(response, answer, delivery, closed);
  return closed;
}

/** With RST, as when what is in between gives a connection up; TLS has no socket of its own to do that with. */
function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

function trickle(
  response: ServerResponse,
  answer: WireAnswer,
  { overMs, pieceBytes, until }: Extract<Delivery, { kind: "trickle" }>,
  closed: Promise<void>,
): void {
  const body = answer.bytes ?? Buffer.from(answer.body);
  response.writeHead(answer.status, { ...answer.headers, "Content-Length": body.length });
  response.flushHeaders();
  // A timer has no parts of a millisecond: rather larger pieces than a longer time.
  const pieces = Math.max(1, Math.min(Math.ceil(body.length / pieceBytes), overMs));
  const size = Math.max(1, Math.ceil(body.length / pieces));
  let sent = 0;
  const sendPiece = (): void => {
    const piece = body.subarray(sent, sent + size);
    sent += piece.length;
    if (sent < body.length) response.write(piece);
    else response.end(piece);
  };
  const timer = setInterval(sendPiece, overMs / pieces);
  const sendRest = (): void => {
    clearInterval(timer);
    response.end(body.subarray(sent));
  };
  if (until.aborted) sendRest();
  else until.addEventListener("abort", sendRest);
  // Also when the client leaves in the middle.
  void closed.then(() => {
    clearInterval(timer);
    until.removeEventListener("abort", sendRest);
  });
}
