/** Connections over raw sockets, each with one call under way at most. */
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Told of each answer. */
export type Told = (ms: number, status: number, body: string) => void;

const headerEnd = Buffer.from("\r\n\r\n");

/** One connection, and its one call under way. */
export class Caller {
  readonly #socket: Socket;
  readonly #told: (ms: number, status: number, body: string) => void;
  #sentAt: number | undefined;
  #rest: Buffer = Buffer.alloc(0);

  constructor(
    endpoint: string,
    told: (ms: number, status: number, body: string) => void,
    broken: (why: string) => void,
  ) {
    this.#told = told;
    const { hostname, port } = new URL(endpoint);
    this.#socket = connect(Number(port), hostname);
    this.#socket.setNoDelay(true);
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => broken(String(error)));
    this.#socket.on("close", () => {
      if (this.#sentAt !== undefined) broken("a connection closed with its call unanswered");
    });
  }

  send(call: Buffer): void {
    this.#sentAt = performance.now();
    this.#socket.write(call);
  }

  end(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    let buffer: Buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const head = buffer.indexOf(headerEnd);
      if (head < 0) break;
      const text = buffer.toString("latin1", 0, head);
      const length = Number(/^content-length: (\d+)/im.exec(text)?.[1]);
      const end = head + headerEnd.length + length;
      if (buffer.length < end) break;
      const body = buffer.toString("utf8", head + headerEnd.length, end);
      buffer = buffer.subarray(end);
      const ms = performance.now() - (this.#sentAt ?? 0);
      this.#sentAt = undefined;
      this.#told(ms, Number(text.slice(9, 12)), body);
    }
    this.#rest = buffer;
  }
}

export interface Callers {
  /** undefined: all are busy. */
  free(): Caller | undefined;
  end(): void;
}

/** So many open at once: Node takes in one connection a turn of its event loop. */
const openingMax = 64;

/** Opens all of them, each by a call that is not told: one that says nothing is ended by the server. */
export async function openCallers(
  endpoint: string,
  count: number,
  told: Told,
  broken: (why: string) => void,
): Promise<Callers> {
  const all: Caller[] = [];
  const idle: Caller[] = [];
  let isOpen = false;
  const open = (): void => {
    const answered: Told = (ms, status, body) => {
      if (isOpen) told(ms, status, body);
      idle.push(caller);
    };
    const caller: Caller = new Caller(endpoint, answered, broken);
    all.push(caller);
    caller.send(Buffer.from("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  };
  while (idle.length < count) {
    if (all.length < count && all.length - idle.length < openingMax) open();
    else await sleep(1);
  }
  isOpen = true;
  return {
    free: () => idle.pop(),
    end: () => {
      for (const caller of all) caller.end();
    },
  };
}
