/** The thread of `checkpoints.ts`. */
import { DatabaseSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import { type CheckpointJob, type CheckpointOrder, type CheckpointReport, pagesOf } from "./checkpoints.ts";

/** Each carries over what came during the one before, so a few of them leave little. */
const roundsMax = 6;
const busyTimeoutMs = 10_000;

const { file, restPages } = workerData as CheckpointJob;
const database = new DatabaseSync(file, { timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
// The log is synced before pages of it are carried over, and the data file before the log may start again.
database.exec("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON");
database.exec("PRAGMA wal_autocheckpoint = 0");
const checkpoint = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");

function run(): number {
  let rest = Number.POSITIVE_INFINITY;
  for (let round = 0; round < roundsMax && rest > restPages; round += 1) {
    const before = rest;
    rest = pagesOf(checkpoint.get()).rest;
    // A long read holds them.
    if (rest >= before) break;
  }
  return rest;
}

parentPort?.on("message", (order: CheckpointOrder) => {
  if (order === "close") {
    database.close();
    parentPort?.close();
    return;
  }
  let rest: number;
  try {
    rest = run();
  } catch {
    // Such as a full disk. The log keeps everything, and it is tried again when it has grown.
    rest = Number.POSITIVE_INFINITY;
  }
  parentPort?.postMessage({ rest } satisfies CheckpointReport);
});
