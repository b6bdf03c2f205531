/** The thread of `writer.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import { connect, makeDurable } from "./connection.ts";
import { JournalMove } from "./journalMove.ts";
import { MonthTables } from "./monthTables.ts";
import { BlockRemover, callKinds, usageKinds } from "./summaries/keptBlocks.ts";
import type { SliceDone, WriterAnswer, WriterJob, WriterOrder } from "./writer.ts";

/** At the default of 2 MiB the pages of the current hours fall out between two moves; more than this hardly helps. */
const cacheKiB = 16_384;

const { file, port, answered } = workerData as WriterJob;
const database = connect(file);
makeDurable(database, cacheKiB);
const begin = database.prepare("BEGIN IMMEDIATE");
const commit = database.prepare("COMMIT");
const insert = database.prepare("INSERT INTO journal (seq, packed) VALUES (?, ?)");
const checkpoint = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
const months = new MonthTables(database);
const remover = new BlockRemover(database);
const usageHours = new Set<number>();
const callHours = new Set<number>();
let move: JournalMove | undefined;
/** Commits are not synced now. */
let isUnsynced = false;

/** What cannot be said of a transaction whose COMMIT failed. */
class UnknownOutcome extends Error {}

function inTransaction(run: () => void): void {
  begin.run();
  try {
    run();
  } catch (error) {
    rollback();
    throw error;
  }
  try {
    commit.run();
  } catch (error) {
    rollback();
    throw new UnknownOutcome("", { cause: error });
  }
}

function rollback(): void {
  // SQLite undoes the transaction by itself on some errors.
  if (database.isTransaction) database.exec("ROLLBACK");
}

function setSynced(isSynced: boolean): void {
  if (isSynced !== isUnsynced) return;
  database.exec(`PRAGMA synchronous = ${isSynced ? "FULL" : "NORMAL"}`);
  isUnsynced = !isSynced;
}

/** Not synced: what is moved is safe in the journal, whose rows are gone only once that is synced with what came after. */
function slice({ upTo, entries, cost }: Extract<WriterOrder, { kind: "slice" }>): SliceDone {
  move ??= new JournalMove(
    {
      database,
      months,
      usageTouched: (hour) => usageHours.add(hour),
      callsTouched: (hour) => callHours.add(hour),
    },
    upTo,
    entries,
  );
  usageHours.clear();
  callHours.clear();
  const current = move;
  let isDone = false;
  try {
    setSynced(false);
    inTransaction(() => {
      isDone = current.step(cost);
      remover.remove(usageKinds, usageHours);
      remover.remove(callKinds, callHours);
    });
  } catch (error) {
    forget();
    throw error;
  }
  if (isDone) move = undefined;
  const { lastRow, entries: moved, bytes } = current;
  return { isDone, lastRow, entries: moved, bytes, usageHours: [...usageHours], callHours: [...callHours] };
}

function forget(): void {
  move = undefined;
  months.forget();
}

function answerOf(order: WriterOrder): WriterAnswer {
  try {
    rollback();
    switch (order.kind) {
      case "group": {
        const { row, bytes, length } = order;
        setSynced(true);
        inTransaction(() => insert.run(row, bytes.subarray(0, length)));
        return { kind: "group", bytes };
      }
      case "slice":
        return { kind: "slice", slice: slice(order) };
      case "checkpoint":
        setSynced(true);
        checkpoint.get();
        break;
      case "forget":
        forget();
        break;
      case "close":
        break;
    }
    return { kind: "done" };
  } catch (error) {
    const isUnknown = error instanceof UnknownOutcome;
    const cause = isUnknown ? error.cause : error;
    const message = cause instanceof Error ? cause.message : String(cause);
    const errcode = cause instanceof Error && "errcode" in cause ? Number(cause.errcode) : undefined;
    return { kind: "failed", stored: isUnknown ? "unknown" : "no", error: { message, errcode } };
  }
}

port.on("message", (order: WriterOrder) => {
  if (order.kind === "close") {
    database.close();
    port.close();
    return;
  }
  const answer = answerOf(order);
  port.postMessage(answer, answer.kind === "group" ? [answer.bytes.buffer] : []);
  // After it: whoever is woken finds the answer.
  Atomics.add(answered, 0, 1);
  Atomics.notify(answered, 0);
});
parentPort?.postMessage("ready");
