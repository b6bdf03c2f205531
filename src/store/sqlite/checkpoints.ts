/**
 * Checkpoints of the write-ahead log: a thread with a connection of its own carries the pages to the data file, so that
 * calls do not stand still meanwhile. A log starts again only when all of it is carried over, which a thread never sees
 * under load; so the last few pages are left to the one that writes.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import type { Writer } from "./writer.ts";

/** What the thread is given. */
export interface CheckpointJob {
  readonly file: string;
  /** So many pages it may leave. */
  readonly restPages: number;
}

/** What it sends: pages of the log that are not in the data file. It is sent one of these words. */
export type CheckpointOrder = "checkpoint" | "close";
export interface CheckpointReport {
  readonly rest: number;
}

export interface CheckpointBounds {
  /** Pages of the log that are not in the data file before they are carried over. */
  readonly checkpointPages: number;
  /** Pages of a log that starts again when it can: calls wait for that. */
  readonly restartPages: number;
  /** A log of so many pages is checkpointed by whoever writes, whatever the thread does. */
  readonly logPagesMax: number;
}

/** Commits between two looks at the log, each of some microseconds. */
const commitsPerLook = 64;
/** Some ten milliseconds, a sync of the data file included. */
const restPages = 256;

const workerFile = new URL(`./checkpointWorker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url);

export class Checkpoints {
  readonly #file: string;
  readonly #bounds: CheckpointBounds;
  readonly #writer: Writer;
  readonly #look: StatementSync;
  readonly #checkpoint: StatementSync;
  #commits = 0;
  #worker: Worker | undefined;
  #isBusy = false;
  #hasFailed = false;
  /** Pages of the log after the last checkpoint that was made because of its size. */
  #logPages = 0;

  constructor(database: DatabaseSync, file: string, bounds: CheckpointBounds, writer: Writer) {
    this.#file = file;
    this.#bounds = bounds;
    this.#writer = writer;
    // NOOP only tells how long the log is, and how much of it is carried over.
    this.#look = database.prepare("PRAGMA wal_checkpoint(NOOP)");
    this.#checkpoint = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /** After each commit. */
  committed(): void {
    this.#commits += 1;
    if (this.#commits < commitsPerLook) return;
    this.#commits = 0;
    try {
      this.#consider();
    } catch {
      // A disk that fails: the calls are told by their own commits.
    }
  }

  /** Resolves when the thread has let go of the file. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#hasFailed = true;
    if (worker === undefined) return;
    this.#worker = undefined;
    await new Promise<void>((resolve) => {
      worker.once("exit", () => resolve());
      worker.ref();
      worker.postMessage("close" satisfies CheckpointOrder);
    });
  }

  #consider(): void {
    const { log, rest } = pagesOf(this.#look.get());
    if (log < this.#logPages) this.#logPages = 0;
    if (log - this.#logPages >= this.#bounds.logPagesMax || (this.#hasFailed && rest >= this.#bounds.checkpointPages)) {
      // With a long read open it may stay so: it is tried again when the log has grown by as much.
      this.#logPages = log;
      this.#finish();
    } else if (rest >= this.#bounds.checkpointPages && !this.#hasFailed) {
      this.#order();
    }
  }

  #order(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#worker ??= this.#start();
    this.#worker.postMessage("checkpoint" satisfies CheckpointOrder);
  }

  #start(): Worker {
    const workerData: CheckpointJob = { file: this.#file, restPages };
    const worker = new Worker(workerFile, {
      workerData,
      name: "checkpoint",
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 },
    });
    // A server that ends does not wait for it: the log is there for the next start.
    worker.unref();
    worker.on("message", ({ rest }: CheckpointReport) => {
      this.#isBusy = false;
      if (this.#worker === worker && rest <= restPages) this.#startAgain();
    });
    const failed = (): void => {
      // From now on they are made here.
      if (this.#worker === worker) this.#hasFailed = true;
      this.#worker = undefined;
    };
    worker.on("error", failed);
    worker.on("exit", failed);
    return worker;
  }

  #startAgain(): void {
    if (pagesOf(this.#look.get()).log >= this.#bounds.restartPages) this.#finish();
  }

  #finish(): void {
    if (this.#writer.isUp) {
      this.#writer.order({ kind: "checkpoint" }, () => {});
      return;
    }
    try {
      this.#checkpoint.get();
    } catch {
      // A disk that fails: the calls are told by their own commits.
    }
  }
}

/** Of what the pragma answers: pages of the log, and those of them that are not in the data file. */
export function pagesOf(row: Readonly<Record<string, unknown>> | undefined): {
  readonly log: number;
  readonly rest: number;
} {
  const log = Math.max(0, Number(row?.log ?? 0));
  return { log, rest: log - Math.max(0, Number(row?.checkpointed ?? 0)) };
}
