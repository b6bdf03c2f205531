/** Bytes to a server and what it answers, with no client in between that would put them right. */
import { connect } from "node:net";

export interface Answer {
  /** 0 = the connection was closed without an answer. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A server that says nothing for so long hangs. */
const silenceMs = 20_000;
const bytesMax = 8 * 1_048_576;

export interface Manner {
  /** The head of the answer is enough: it has no body, or one without an end. */
  readonly headOnly?: boolean;
  /** Nothing more will come: without it the server may rightly wait for the rest of a request that was cut off. */
  readonly ends?: boolean;
}

/**
 * Sends one request on a connection of its own and reads until the answer is complete or the server closes. Rejects when
 * the server is silent.
 */
export function exchange(
  { hostname, port }: URL,
  bytes: Buffer,
  { headOnly = false, ends = false }: Manner = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (): void => {
      socket.destroy();
      resolve(read(Buffer.concat(chunks)));
    };
    socket.setTimeout(silenceMs, () => {
      socket.destroy();
      reject(new Error(`no answer within ${silenceMs / 1_000} s`));
    });
    socket.on("connect", () => (ends ? socket.end(bytes) : socket.write(bytes)));
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > bytesMax || isComplete(Buffer.concat(chunks), headOnly)) finish();
    });
    // A server may close while bytes are still on their way to it: what it had answered counts.
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED") reject(new Error("nobody listens any more"));
    });
    socket.on("close", finish);
  });
}

/** Without the `100 Continue` that goes before an answer. */
function withoutInterim(bytes: Buffer): Buffer {
  const end = bytes.indexOf("\r\n\r\n");
  return end >= 0 && /^HTTP\/1\.1 1\d\d/.test(bytes.toString("latin1", 0, 12)) ? bytes.subarray(end + 4) : bytes;
}

function isComplete(received: Buffer, headIsEnough: boolean): boolean {
  const bytes = withoutInterim(received);
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0 || headIsEnough) return end >= 0;
  if (/^HTTP\/1\.1 (?:204|304)/.test(bytes.toString("latin1", 0, 12))) return true;
  const [, length] = /^content-length: *(\d+)/im.exec(bytes.toString("latin1", 0, end)) ?? [];
  if (length !== undefined) return bytes.length >= end + 4 + Number(length);
  return bytes.subarray(-5).toString("latin1") === "0\r\n\r\n";
}

function read(received: Buffer): Answer {
  const bytes = withoutInterim(received);
  const end = bytes.indexOf("\r\n\r\n");
  const head = bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
  const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(head) ?? [];
  return { status: Number(status ?? 0), head, body: end < 0 ? "" : bytes.toString("utf8", end + 4) };
}
