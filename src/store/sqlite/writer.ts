/**
 * A thread that writes for the serving one, with a connection of its own: groups that are nothing but a row of the
 * journal, and the slices of its moves. One order after the other, in the order in which they were given, so of the two
 * connections one writes at a time: before the serving thread begins a transaction it waits for what it has ordered.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from "node:worker_threads";
import type { FailedOutcome } from "../ledger.ts";

export interface WriterJob {
  readonly file: string;
  readonly port: MessagePort;
  /** One number: how many orders were answered. */
  readonly answered: Int32Array;
}

export interface WriterBounds {
  /** Calls that wait for one commit from which the thread is started: one after another are done sooner without it. */
  readonly writerCalls: number;
}

export type WriterOrder =
  /** A row of the journal: the first `length` bytes. They come back with the answer. */
  | { readonly kind: "group"; readonly row: number; readonly bytes: Uint8Array<ArrayBuffer>; readonly length: number }
  /** Goes on with the move that is under way, or begins one of the rows up to `upTo`, which hold about `entries`. */
  | { readonly kind: "slice"; readonly upTo: number; readonly entries: number; readonly cost: number }
  | { readonly kind: "checkpoint" }
  /** What it knows of tables and of a move under way may be wrong from now on. */
  | { readonly kind: "forget" }
  | { readonly kind: "close" };

/** What a slice did. Hours are those of which something came to the tables, and kept sums of which were removed. */
export interface SliceDone {
  readonly isDone: boolean;
  /** Of the move as a whole: the journal's rows up to here, what they hold and take. */
  readonly lastRow: number;
  readonly entries: number;
  readonly bytes: number;
  readonly usageHours: readonly number[];
  readonly callHours: readonly number[];
}

/** An error as it crosses between threads. */
export interface ToldError {
  readonly message: string;
  /** SQLite's extended code. */
  readonly errcode: number | undefined;
}

export type WriterAnswer =
  | { readonly kind: "group"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "slice"; readonly slice: SliceDone }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly stored: FailedOutcome; readonly error: ToldError };

type Receiver = (answer: WriterAnswer) => void;

/** A disk that hangs for so long takes the thread for lost. */
const answerMaxMs = 60_000;
/** A young generation grows to 60 MB where nothing holds it back; this is as fast. */
const resourceLimits = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 512 };
const workerFile = new URL(`./writerWorker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export class Writer {
  readonly #file: string;
  readonly #bounds: WriterBounds;
  readonly #answered = new Int32Array(new SharedArrayBuffer(4));
  #worker: Worker | undefined;
  #port: MessagePort | undefined;
  #waiting: Receiver[] = [];
  #isUp = false;
  #hasFailed = false;

  constructor(file: string, bounds: WriterBounds) {
    this.#file = file;
    this.#bounds = bounds;
    this.wanted(0);
  }

  /** It takes orders. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Some of its orders are not answered yet. */
  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  /** So many calls wait for one commit. From a few on it starts, unless it was lost before; it is up some time later. */
  wanted(calls: number): void {
    if (calls < this.#bounds.writerCalls || this.#worker !== undefined || this.#hasFailed) return;
    this.#start();
  }

  /** Calls back once, from the event loop or from `drain`. Throws, and does nothing, when it takes no orders. */
  order(order: WriterOrder, receive: Receiver): void {
    const port = this.#port;
    if (port === undefined || !this.#isUp) throw new Error("the writing thread takes no orders");
    port.postMessage(order, order.kind === "group" ? [order.bytes.buffer] : []);
    this.#waiting.push(receive);
    if (this.#waiting.length === 1) port.ref();
  }

  /** Waits here until all orders are answered. */
  drain(): void {
    const port = this.#port;
    while (port !== undefined && this.#waiting.length > 0) {
      const seen = Atomics.load(this.#answered, 0);
      const received = receiveMessageOnPort(port);
      if (received !== undefined) this.#receive(received.message as WriterAnswer);
      else if (Atomics.wait(this.#answered, 0, seen, answerMaxMs) === "timed-out") {
        void this.#worker?.terminate();
        this.#lost(`it did not answer for ${answerMaxMs / 1_000} s`);
      }
    }
  }

  /** Resolves when the thread has let go of the file. */
  async close(): Promise<void> {
    this.drain();
    const worker = this.#worker;
    const wasUp = this.#isUp;
    this.#isUp = false;
    this.#hasFailed = true;
    if (worker === undefined) return;
    await new Promise<void>((resolve) => {
      worker.once("exit", () => resolve());
      worker.ref();
      if (wasUp) this.#port?.postMessage({ kind: "close" } satisfies WriterOrder);
      else void worker.terminate();
    });
    this.#port?.close();
  }

  #start(): void {
    const { port1, port2 } = new MessageChannel();
    const workerData: WriterJob = { file: this.#file, port: port2, answered: this.#answered };
    const worker = new Worker(workerFile, { workerData, transferList: [port2], resourceLimits, name: "writer" });
    worker.unref();
    worker.once("message", () => {
      this.#isUp = !this.#hasFailed;
    });
    const lost = (): void => this.#lost("it ended");
    worker.on("error", lost);
    worker.on("exit", lost);
    port1.on("message", (answer: WriterAnswer) => this.#receive(answer));
    port1.unref();
    this.#worker = worker;
    this.#port = port1;
  }

  #receive(answer: WriterAnswer): void {
    const receiver = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#port?.unref();
    receiver?.(answer);
  }

  /** From now on the serving thread writes. Nobody knows what became of its orders. */
  #lost(why: string): void {
    this.#isUp = false;
    this.#hasFailed = true;
    this.#worker = undefined;
    this.#port?.close();
    const error = { message: `The thread that writes was lost: ${why}`, errcode: undefined };
    for (const receiver of this.#waiting.splice(0)) receiver({ kind: "failed", stored: "unknown", error });
  }
}

export function errorOf({ message, errcode }: ToldError): Error {
  return Object.assign(new Error(message), errcode === undefined ? {} : { errcode });
}
