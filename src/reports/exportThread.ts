/**
 * An export, in a thread of its own where the engine has readers. Made in the serving thread it would grow that heap by
 * 60 MB, fill the page cache of the connection that claims, and every call would wait behind each page.
 */
import { Worker } from "node:worker_threads";
import type { UsageFilter } from "../store/ledger.ts";
import type { ReaderSource } from "../store/ledgerReader.ts";
import type { Store } from "../store/store.ts";
import { type ExportFormat, exportAsOf, type RecordExport } from "./exportRecords.ts";

/** What the thread is given. */
export interface ExportJob {
  readonly source: ReaderSource;
  readonly filter: UsageFilter;
  readonly format: ExportFormat;
}

/** What it sends: the count first, then chunks, and the end when they are whole. It is sent numbers: chunks wanted. */
export type ExportMessage =
  | { readonly kind: "count"; readonly count: number }
  | { readonly kind: "chunk"; readonly bytes: ArrayBuffer }
  | { readonly kind: "end" };

/** So many chunks wait to be taken, at most; the thread goes on as they are. */
const chunksAhead = 4;

/**
 * A young generation grows to 60 MB where nothing holds it back, and a smaller one is no slower here. The old one
 * holds a page of records with large allocations, and in Parquet a row group of them: some 60 MB.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 96 };

/** The compiled file next to the compiled one. */
const workerFile = new URL(`./exportWorker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

/** Of this moment. Whoever does not read the bytes to their end returns their iterator, which ends the thread. */
export async function exportRecords(
  store: Pick<Store, "ledger"> & Partial<Pick<Store, "reader">>,
  filter: UsageFilter,
  format: ExportFormat,
): Promise<RecordExport> {
  const { ledger } = store;
  const fixed = { ...filter, asOf: await ledger.mark() };
  // Asked after that: it may just have been found that a reader would not see all.
  const source = store.reader;
  // An engine without readers waits for its server, not the event loop; what is left to wait for is the encoding of a page.
  return source === undefined ? exportAsOf(ledger, fixed, format) : exportInThread({ source, filter: fixed, format });
}

async function exportInThread(job: ExportJob): Promise<RecordExport> {
  const thread = new ExportThread(job);
  try {
    const first = await thread.receive();
    if (first.kind !== "count") throw new Error(`the thread of an export began with its ${first.kind}`);
    return { count: first.count, bytes: { [Symbol.asyncIterator]: () => thread } };
  } catch (error) {
    await thread.return();
    throw error;
  }
}

class ExportThread implements AsyncIterator<Uint8Array, undefined> {
  readonly #worker: Worker;
  readonly #received: ExportMessage[] = [];
  #failure: Error | undefined;
  #wake: (() => void) | undefined;
  #hasEnded = false;

  constructor(job: ExportJob) {
    this.#worker = new Worker(workerFile, { workerData: job, resourceLimits, name: "export" });
    // A server that stops does not wait for it.
    this.#worker.unref();
    this.#worker.on("message", (message: ExportMessage) => {
      this.#received.push(message);
      this.#wake?.();
    });
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", (code) => this.#fail(new Error(`the thread of an export ended with code ${code}`)));
    this.#worker.postMessage(chunksAhead);
  }

  /** What the thread sent next. Rejects when there is nothing more to come. */
  async receive(): Promise<ExportMessage> {
    for (;;) {
      const next = this.#received.shift();
      if (next !== undefined) return next;
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#hasEnded) return { done: true, value: undefined };
    const message = await this.receive().catch((error: unknown) => {
      // Whoever has returned waits for nothing more.
      if (!this.#hasEnded) throw error;
    });
    if (message?.kind === "chunk") {
      this.#worker.postMessage(1);
      return { done: false, value: new Uint8Array(message.bytes) };
    }
    this.#hasEnded = true;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#hasEnded = true;
    await this.#worker.terminate();
    return { done: true, value: undefined };
  }

  /** The first failure is the cause; the exit that follows says less. */
  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#wake?.();
  }
}
