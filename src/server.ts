/**
 * The HTTP server: `POST /` is the service plane and goes to the endpoint as raw bytes; everything else goes to the
 * router. Bodies, headers, time and the number of calls in flight are bounded; every error is JSON.
 */
import { randomUUID } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Logger } from "pino";
import { type Admission, createAdmission } from "./admission.ts";
import { requestBodyMaxBytes } from "./api/limits.ts";
import { deliver } from "./delivery.ts";
import { isServicePath, type WireAnswer, type WireRequest } from "./protocol/wire.ts";
import { readTls, type TlsFiles, watchTls } from "./tls.ts";

export interface ServerOptions {
  readonly endpoint: (request: WireRequest) => Promise<WireAnswer>;
  /** Answers everything but the service plane. */
  readonly router: (request: IncomingMessage, response: ServerResponse) => void;
  readonly log: Logger;
  /** Soon nobody listens here any more: each answer ends its connection, so that clients go elsewhere. */
  readonly isEnding?: () => boolean;
  /** How many calls of the service plane are let in at once. Default: as many as in service. */
  readonly admission?: Admission;
  /** Absent: plain HTTP. */
  readonly tls?: TlsFiles;
  /** Other times than those of service, so that tests need not wait for them. */
  readonly times?: Partial<ServerTimes>;
}

/** Milliseconds. */
export interface ServerTimes {
  /** For the whole request, so that nobody holds a connection by sending a byte at a time. */
  readonly requestMaxMs: number;
  readonly headersMaxMs: number;
  /** How long a connection is kept after an answer that ends it, for a client that does not close its side. */
  readonly lingerMaxMs: number;
  /** How often the two times of a request are looked at. */
  readonly checkEveryMs: number;
}

const serviceTimes: ServerTimes = {
  requestMaxMs: 30_000,
  headersMaxMs: 10_000,
  lingerMaxMs: 5_000,
  checkEveryMs: 1_000,
};

export interface RunningServer {
  /** http://host:port */
  readonly url: string;
  /** Stops accepting, finishes what is in flight (at most `drainMaxMs`), then closes every connection. */
  close(): Promise<void>;
}

/** A header block may have this many fields; Node drops what is over its own limit without a word. */
const headersMax = 100;
const headerMaxBytes = 16 * 1024;
/** Longer than the idle time of the SDKs' agents: they close first and never write into a connection that just went. */
const keepAliveMs = 75_000;
/** Bytes of bodies being read, over all calls. */
const bufferedMaxBytes = 256 * 1024 * 1024;
/** After a refusal this much of a request is read and thrown away, so that the client gets to see the answer. */
const drainedMaxBytes = 64 * 1024 * 1024;
const drainMaxMs = 10_000;
/** Connections that come while the event loop is busy; beyond what waits, the kernel resets them. It has a bound, too. */
const backlogMax = 4_096;
/** How often a stopping server closes the connections that have become idle. */
const sweepEveryMs = 50;

export async function listen(options: ServerOptions, host: string, port: number): Promise<RunningServer> {
  const server = createServer(options);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host, backlog: backlogMax }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const address = server.address() as AddressInfo;
  const shownHost = address.family === "IPv6" ? `[${address.address}]` : address.address;
  const { tls } = options;
  const scheme = tls === undefined ? "http" : "https";
  const unwatch =
    tls === undefined || !("setSecureContext" in server)
      ? () => {}
      : watchTls(tls, options.log, (identity) => server.setSecureContext(identity));
  return {
    url: `${scheme}://${shownHost}:${address.port}`,
    close: async () => {
      unwatch();
      await close(server);
    },
  };
}

async function close(server: Server | HttpsServer): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  // Again and again: what is in flight now is idle once it is answered.
  const sweep = setInterval(() => server.closeIdleConnections(), sweepEveryMs);
  const timer = setTimeout(() => server.closeAllConnections(), drainMaxMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(timer);
}

/**
 * A stopping server says with each answer that the connection ends: `server.close()` leaves open what is in use, and a
 * client that goes on calling would hold it open until it is cut off in the middle of a call.
 */
function endConnectionIfStopping(
  server: Server | HttpsServer,
  response: ServerResponse,
  { isEnding = () => false }: ServerOptions,
): void {
  if (!server.listening || isEnding()) response.shouldKeepAlive = false;
}

function createServer(options: ServerOptions): Server | HttpsServer {
  const { log, admission = createAdmission() } = options;
  const times = { ...serviceTimes, ...options.times };
  let bufferedBytes = 0;

  const service = (request: IncomingMessage, response: ServerResponse): void => {
    const fields = request.rawHeaders.length / 2;
    if (fields > headersMax) {
      const text = `The request has ${fields} headers; at most ${headersMax} are read.`;
      refuse(request, response, 431, "RequestHeaderFieldsTooLargeException", text);
      return;
    }
    if (!admission.enter(bufferedBytes < bufferedMaxBytes)) {
      endConnectionIfStopping(server, response, options);
      refuseBusy(request, response);
      return;
    }
    let ownBytes = 0;
    const chunks: Buffer[] = [];
    let answered = false;
    const done = (): void => {
      admission.leave();
      bufferedBytes -= ownBytes;
      ownBytes = 0;
    };
    // One function to wait in: a chain of `then`, `catch` and `finally` is three more turns of the queue for each call.
    const answer = async (isTooLarge: boolean): Promise<void> => {
      answered = true;
      const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      const { method = "", url = "/", rawHeaders } = request;
      const { remoteAddress } = request.socket;
      try {
        const result = await options.endpoint({ method, url, rawHeaders, body, isTooLarge, remoteAddress });
        if (isTooLarge) sendEarly(request, response, result);
        else {
          endConnectionIfStopping(server, response, options);
          const sending = send(response, result);
          if (sending !== undefined) await sending;
        }
      } catch (error) {
        log.error({ err: error }, "answer failed");
        response.destroy();
      } finally {
        done();
      }
    };
    // `data` events cost less than an async iterator over the body.
    request.on("data", (chunk: Buffer) => {
      if (answered) return;
      ownBytes += chunk.length;
      bufferedBytes += chunk.length;
      if (ownBytes >= requestBodyMaxBytes) {
        chunks.length = 0;
        answer(true);
      } else chunks.push(chunk);
    });
    request.on("end", () => {
      if (!answered) answer(false);
    });
    // A body that is cut off: nobody is there to be answered.
    request.on("close", () => {
      if (!answered) {
        answered = true;
        done();
      }
    });
    request.on("error", () => {});
  };

  const limits = {
    maxHeaderSize: headerMaxBytes,
    requestTimeout: times.requestMaxMs,
    headersTimeout: times.headersMaxMs,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: times.checkEveryMs,
    // Node would answer a missing Host with an empty body; the signature check says what is wrong.
    requireHostHeader: false,
    noDelay: true,
  };
  const dispatch = (request: IncomingMessage, response: ServerResponse): void => {
    if (isServiceCall(request)) service(request, response);
    else if (isPreflight(request)) preflight(request, response);
    else {
      endConnectionIfStopping(server, response, options);
      options.router(request, response);
    }
  };
  const server: Server | HttpsServer =
    options.tls === undefined
      ? createHttpServer(limits, dispatch)
      : createHttpsServer({ ...limits, ...readTls(options.tls), minVersion: "TLSv1.2" }, dispatch);
  server.maxHeadersCount = 0;
  const answerClientError = clientErrorAnswerer(times);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => answerClientError(error, socket as Socket));
  server.on("connect", (_request, socket) => {
    socket.on("error", () => {});
    endWithError(
      socket as Socket,
      404,
      "Not Found",
      "UnknownOperationException",
      "The method CONNECT is not used; send POST.",
    );
    lingerAtMost(socket as Socket, times.lingerMaxMs);
  });
  server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
    refuse(request, response, 417, "ExpectationFailedException", "The only expectation that is met is 100-continue.");
  });
  return server;
}

/** `POST /`, and whatever else names an operation: an SDK that is told of a wrong path or method must be able to read it. */
function isServiceCall(request: IncomingMessage): boolean {
  const { url = "/", method } = request;
  if (!isServicePath(url)) {
    return request.headers["x-amz-target"] !== undefined || request.headers["smithy-protocol"] !== undefined;
  }
  if (method === "OPTIONS") return request.headers.origin === undefined;
  return method !== "GET" && method !== "HEAD" ? true : request.headers["x-amz-target"] !== undefined;
}

function send(response: ServerResponse, answer: WireAnswer): Promise<void> | undefined {
  if (answer.delivery !== undefined) return deliver(response, answer, answer.delivery);
  const body = answer.bytes ?? answer.body;
  response.writeHead(answer.status, { ...answer.headers, "Content-Length": Buffer.byteLength(body) });
  response.end(body);
  return undefined;
}

/** Those whose last answer is out, though more of the request may come in. */
const answeredSockets = new WeakSet<Socket>();

/**
 * Answers before the request has come in whole. The rest is read and thrown away, up to a bound, and the answer ends
 * only then: the end closes the connection, and a client that is still sending into a closed one never reads the answer.
 */
function sendEarly(request: IncomingMessage, response: ServerResponse, answer: WireAnswer): void {
  const headers = { ...answer.headers, "Content-Length": Buffer.byteLength(answer.body), Connection: "close" };
  response.writeHead(answer.status, headers);
  response.write(answer.body);
  answeredSockets.add(request.socket);
  let drained = 0;
  request.on("data", (chunk: Buffer) => {
    drained += chunk.length;
    if (drained > drainedMaxBytes) request.destroy();
  });
  const end = (): void => {
    response.end();
  };
  if (request.complete) end();
  else request.once("end", end).once("close", end);
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  name: string,
  message: string,
): void {
  request.on("error", () => {});
  sendEarly(request, response, errorAnswer(status, name, message));
}

function errorAnswer(status: number, name: string, message: string): WireAnswer {
  return {
    status,
    headers: {
      "Content-Type": "application/x-amz-json-1.1",
      "x-amzn-RequestId": randomUUID(),
      "x-amzn-ErrorType": name,
    },
    body: JSON.stringify({ __type: name, message }),
  };
}

/**
 * C-31's error, before the call is read: the same for everybody, so that it tells nothing but that there is no room. The
 * connection stays, for new ones would cost more than the calls; only a body too large to be thrown away ends it.
 */
function refuseBusy(request: IncomingMessage, response: ServerResponse): void {
  const text = "Rate exceeded. The server is busy; wait and send it again unchanged.";
  if (!(Number(request.headers["content-length"]) < requestBodyMaxBytes)) {
    refuse(request, response, 400, "ThrottlingException", text);
    return;
  }
  request.on("error", () => {});
  request.resume();
  send(response, errorAnswer(400, "ThrottlingException", text));
}

function isPreflight(request: IncomingMessage): boolean {
  return request.method === "OPTIONS" && request.url === "/" && request.headers.origin !== undefined;
}

/** W-59. Nothing here rides on cookies: a page needs a signing key to do anything with it. */
function preflight(request: IncomingMessage, response: ServerResponse): void {
  const headers: Record<string, string> = { "Access-Control-Allow-Origin": "*", "Access-Control-Max-Age": "172800" };
  const wantedHeaders = request.headers["access-control-request-headers"];
  const wantedMethod = request.headers["access-control-request-method"];
  if (wantedHeaders !== undefined) headers["Access-Control-Allow-Headers"] = wantedHeaders;
  if (wantedMethod !== undefined) headers["Access-Control-Allow-Methods"] = wantedMethod;
  response.writeHead(200, { ...headers, "Content-Length": 0 });
  response.end();
}

/** What Node's parser refuses. Node's own answer has no body, which SDKs cannot read (W-39). */
function clientErrorAnswerer(times: ServerTimes): (error: NodeJS.ErrnoException, socket: Socket) => void {
  const answers: Readonly<Record<string, readonly [number, string, string, string]>> = {
    HPE_HEADER_OVERFLOW: [
      431,
      "Request Header Fields Too Large",
      "RequestHeaderFieldsTooLargeException",
      `The headers have more than ${headerMaxBytes} bytes.`,
    ],
    ERR_HTTP_REQUEST_TIMEOUT: [
      408,
      "Request Timeout",
      "RequestTimeoutException",
      `The request did not arrive within ${times.requestMaxMs / 1_000} s (its headers within ${times.headersMaxMs / 1_000} s).`,
    ],
    HPE_INVALID_EOF_STATE: [
      400,
      "Bad Request",
      "BadRequestException",
      "The request ended before it was complete: the connection was closed, or Content-Length is larger than the body.",
    ],
  };
  const tell = (error: NodeJS.ErrnoException, socket: Socket): void => {
    const unreadable = `The request is not HTTP that can be read: ${error.message}.`;
    endWithError(socket, ...(answers[error.code ?? ""] ?? [400, "Bad Request", "BadRequestException", unreadable]));
    lingerAtMost(socket, times.lingerMaxMs);
  };
  return (error, socket) => {
    if (answeredSockets.has(socket)) {
      // The parser complains anew about whatever still comes in; it is thrown away, up to a bound.
      const isOver = error.code === "ERR_HTTP_REQUEST_TIMEOUT" || error.code === "HPE_INVALID_EOF_STATE";
      if (isOver || socket.bytesRead > drainedMaxBytes) socket.destroySoon();
      return;
    }
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    answeredSockets.add(socket);
    tellAfterDue(error, socket, tell);
  };
}

/** A call that came whole before what cannot be read gets its answer first: answers go out in order. */
function tellAfterDue(
  error: NodeJS.ErrnoException,
  socket: Socket,
  tell: (error: NodeJS.ErrnoException, socket: Socket) => void,
): void {
  // Node keeps the answer that is due next on the socket and has no public name for it.
  const due = (socket as Socket & { readonly _httpMessage?: ServerResponse | null })._httpMessage;
  if (due?.req.complete !== true) tell(error, socket);
  else due.once("close", () => setImmediate(tellAfterDue, error, socket, tell));
}

/** The last bytes of a connection that has no request to answer. */
function endWithError(socket: Socket, status: number, reason: string, name: string, message: string): void {
  const body = JSON.stringify({ __type: name, message });
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/x-amz-json-1.1\r\nx-amzn-RequestId: ${randomUUID()}\r\nx-amzn-ErrorType: ${name}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nDate: ${new Date().toUTCString()}\r\nConnection: close\r\n\r\n${body}`,
  );
}

/** A client that never closes its side would hold the connection for ever. */
function lingerAtMost(socket: Socket, ms: number): void {
  const timer = setTimeout(() => socket.destroy(), ms);
  socket.once("close", () => clearTimeout(timer));
}
