/**
 * Whether what is accepted can be stored. The calls tell: when several commits in a row fail, the log says so once, the
 * server is not ready, and both end with the next commit. Without calls it is ready again after a while, for then they
 * alone can find out.
 */
import type { Logger } from "pino";
import type { CommitTold, Store } from "./store/store.ts";

/** One may fail for what is in it. */
const failuresMin = 3;
/** Long enough for a load balancer to notice, short enough to be tried again. */
const staleAfterMs = 5_000;

export interface CommitHealth {
  /** Why commits fail, for people; undefined: as far as is known they do not. */
  outage(): string | undefined;
  /** The store's, told on: a store has one listener. */
  onCommit: Store["onCommit"];
}

export function commitHealth(
  store: Pick<Store, "onCommit">,
  log: Logger,
  clock = () => performance.now(),
): CommitHealth {
  let listener: (commit: CommitTold) => void = () => {};
  let failures = 0;
  let lastAt = 0;
  let why = "";
  store.onCommit((commit) => {
    listener(commit);
    if (commit.isStored) {
      if (failures >= failuresMin) log.warn({ failedCommits: failures }, "the store takes writes again");
      failures = 0;
      return;
    }
    failures += 1;
    lastAt = clock();
    why = commit.why ?? "Commits fail.";
    if (failures === failuresMin) {
      log.error({ why }, "nothing can be stored: records come back unprocessed, and other calls fail, until it can");
    }
  });
  return {
    outage: () => (failures >= failuresMin && clock() - lastAt < staleAfterMs ? why : undefined),
    onCommit: (told) => {
      listener = told;
    },
  };
}
