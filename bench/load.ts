/**
 * A load of HTTP requests over raw sockets: what is sent was built before, what comes back is read with as little work
 * as its check allows. Closed loop: each connection sends its next request when the answer to the last one is complete.
 */
import { connect, type Socket } from "node:net";
import type { Tally } from "./tally.ts";
import { recordsPerRequest } from "./workload.ts";

/** Whole HTTP requests, in the order in which they are to be sent. */
export interface Requests {
  readonly bytes: readonly Buffer[];
  /** Bytes of each body. */
  readonly bodyBytes: readonly number[];
}

export interface LoadOptions {
  readonly host: string;
  readonly ports: readonly number[];
  readonly connections: number;
  readonly seconds: number;
  /** Starts over at the end: only where a request may be sent twice. */
  readonly repeats: boolean;
  /** Some other server: only the status of an answer is looked at, and it may end the connection with each. */
  readonly anyAnswer: boolean;
  /** Asked for the server's CPU time, when the first request leaves and when the time is up. */
  readonly serverCpuMicros: () => number;
  readonly databaseCpuMicros: () => number;
}

const receiveBytes = 65_536;
const headerEnd = Buffer.from("\r\n\r\n");
const lengthName = Buffer.from("Content-Length: ");
const httpVersionBytes = "HTTP/1.1 ".length;
/** One answer in so many is parsed and checked record by record. */
const parsedOneIn = 64;
const [zero, nine] = [0x30, 0x39];

/** Sends until the time is up or the requests are used up, waits for the last answers, and adds all to the tally. */
export async function runLoad(requests: Requests, options: LoadOptions, tally: Tally): Promise<void> {
  const run = new Run(requests, options, tally);
  const connections = Array.from({ length: options.connections }, (_, index) => {
    const port = options.ports[index % options.ports.length] ?? 0;
    return new Connection(run, { host: options.host, port, closes: options.anyAnswer });
  });
  await Promise.all(connections.map((connection) => connection.opened));
  run.start();
  for (const connection of connections) connection.next();
  await Promise.all(connections.map((connection) => connection.done));
  run.stop(performance.now());
}

class Run {
  readonly #requests: Requests;
  readonly #options: LoadOptions;
  readonly #tally: Tally;
  #sent = 0;
  #answered = 0;
  #startedAt = 0;
  #deadline = 0;
  #isStopped = false;
  #serverCpuMicros = 0;
  #databaseCpuMicros = 0;
  #clientCpu = process.cpuUsage();
  /** Bytes by which an answer of 25 successes is longer than its request; learnt from answers that were parsed. */
  #successExtraBytes: number | undefined;

  constructor(requests: Requests, options: LoadOptions, tally: Tally) {
    this.#requests = requests;
    this.#options = options;
    this.#tally = tally;
  }

  start(): void {
    this.#serverCpuMicros = this.#options.serverCpuMicros();
    this.#databaseCpuMicros = this.#options.databaseCpuMicros();
    this.#clientCpu = process.cpuUsage();
    this.#startedAt = performance.now();
    this.#deadline = this.#startedAt + this.#options.seconds * 1_000;
  }

  stop(now: number): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const { user, system } = process.cpuUsage(this.#clientCpu);
    this.#tally.elapsedMs += now - this.#startedAt;
    this.#tally.serverCpuMicros += this.#options.serverCpuMicros() - this.#serverCpuMicros;
    this.#tally.databaseCpuMicros += this.#options.databaseCpuMicros() - this.#databaseCpuMicros;
    this.#tally.clientCpuMicros += user + system;
  }

  /** The place of the next request to send; undefined = no more. */
  take(): number | undefined {
    if (this.#isStopped) return undefined;
    const count = this.#requests.bytes.length;
    if (this.#sent >= count && !this.#options.repeats) {
      // From here on connections fall idle one by one: no measure of the server any more.
      this.stop(performance.now());
      return undefined;
    }
    const place = this.#sent % count;
    this.#sent += 1;
    this.#tally.sent += 1;
    return place;
  }

  request(place: number): Buffer {
    return this.#requests.bytes[place] as Buffer;
  }

  /** `buffer` from `start` to `end` is the body of the answer to the request at `place`. */
  answered(place: number, ms: number, now: number, status: number, buffer: Buffer, start: number, end: number): void {
    if (now >= this.#deadline) this.stop(now);
    if (!this.#isStopped) {
      this.#tally.requests += 1;
      this.#tally.times.add(ms);
    }
    this.#answered += 1;
    if (status === 200 && this.#options.anyAnswer) return;
    // Any other outcome of any record makes the answer shorter: no id, no result. So the length tells, exactly.
    const extraBytes = end - start - (this.#requests.bodyBytes[place] ?? 0);
    const isParsed = this.#answered % parsedOneIn === 0 || extraBytes !== this.#successExtraBytes;
    if (status === 200 && !isParsed) return;
    const why = status === 200 ? faultOf(buffer.toString("utf8", start, end)) : `status ${status}`;
    if (why === undefined) this.#successExtraBytes = extraBytes;
    else this.fail(`${why}: ${buffer.toString("utf8", start, Math.min(end, start + 400))}`);
  }

  fail(text: string): void {
    this.#tally.fail(text);
  }
}

interface Place {
  readonly host: string;
  readonly port: number;
  /** The server ends the connection with each answer. */
  readonly closes: boolean;
}

class Connection {
  readonly opened: Promise<void>;
  readonly done: Promise<void>;
  readonly #run: Run;
  readonly #place: Place;
  readonly #finish: () => void;
  #socket: Socket;
  #isClosing = false;
  #request = 0;
  #sentAt = 0;
  /** The beginning of an answer whose end is still to come; rare, since a socket's buffer holds a whole one. */
  #partial: Buffer | undefined;

  constructor(run: Run, place: Place) {
    this.#run = run;
    this.#place = place;
    const { promise: opened, resolve: open, reject: refuse } = Promise.withResolvers<void>();
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    this.opened = opened;
    this.done = done;
    this.#finish = finish;
    this.#socket = this.#connect(open, refuse);
  }

  #connect(open: () => void, refuse: (error: unknown) => void): Socket {
    const socket = connect({
      host: this.#place.host,
      port: this.#place.port,
      noDelay: true,
      // One buffer for the life of the connection, instead of a new one for each read.
      onread: {
        buffer: Buffer.allocUnsafeSlow(receiveBytes),
        callback: (bytes, buffer) => {
          this.#received(buffer as Buffer, bytes);
          return true;
        },
      },
    });
    socket.once("connect", open);
    socket.on("error", (error) => {
      refuse(error);
      this.#run.fail(String(error));
    });
    socket.on("close", () => {
      if (socket !== this.#socket) return;
      if (!this.#isClosing) this.#run.fail("the server closed a connection");
      this.#finish();
    });
    return socket;
  }

  next(): void {
    const place = this.#run.take();
    if (place === undefined) {
      this.#isClosing = true;
      this.#socket.destroy();
      return;
    }
    this.#request = place;
    this.#sentAt = performance.now();
    this.#socket.write(this.#run.request(place));
  }

  /** For a server that ends the connection with each answer. */
  #reconnect(): void {
    const before = this.#socket;
    this.#socket = this.#connect(
      () => this.next(),
      () => {},
    );
    before.destroy();
  }

  #received(buffer: Buffer, bytes: number): void {
    if (this.#partial === undefined) {
      if (!this.#read(buffer, bytes)) this.#partial = Buffer.from(buffer.subarray(0, bytes));
      return;
    }
    const whole = Buffer.concat([this.#partial, buffer.subarray(0, bytes)]);
    this.#partial = this.#read(whole, whole.length) ? undefined : whole;
  }

  /** Reads one answer; false = it is not complete. */
  #read(buffer: Buffer, bytes: number): boolean {
    const headBytes = buffer.indexOf(headerEnd);
    // Behind `bytes` lies what an earlier read left in the buffer.
    if (headBytes < 0 || headBytes + headerEnd.length > bytes) return false;
    const bodyStart = headBytes + headerEnd.length;
    const bodyEnd = bodyStart + contentLength(buffer, headBytes);
    if (bodyEnd > bytes) return false;
    const now = performance.now();
    const status = readNumber(buffer, httpVersionBytes);
    this.#run.answered(this.#request, now - this.#sentAt, now, status, buffer, bodyStart, bodyEnd);
    if (this.#place.closes) this.#reconnect();
    else this.next();
    return true;
  }
}

function contentLength(buffer: Buffer, headBytes: number): number {
  const at = buffer.indexOf(lengthName);
  if (at < 0 || at > headBytes) throw new Error("an answer without Content-Length");
  return readNumber(buffer, at + lengthName.length);
}

function readNumber(buffer: Buffer, start: number): number {
  let value = 0;
  for (let at = start; ; at += 1) {
    const byte = buffer[at] ?? 0;
    if (byte < zero || byte > nine) return value;
    value = value * 10 + (byte - zero);
  }
}

/** Why an answer is not 25 successes; undefined = it is. */
function faultOf(text: string): string | undefined {
  const { Results: results, UnprocessedRecords: unprocessed } = JSON.parse(text) as {
    readonly Results?: readonly { readonly Status?: string; readonly MeteringRecordId?: string }[];
    readonly UnprocessedRecords?: readonly unknown[];
  };
  if (unprocessed?.length !== 0) return "unprocessed records";
  if (results?.length !== recordsPerRequest) return `${results?.length} results`;
  const other = results.find(({ Status: status, MeteringRecordId: id }) => status !== "Success" || id === undefined);
  return other === undefined ? undefined : `a record is ${other.Status}`;
}
