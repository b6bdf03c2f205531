/** Makes blocks ready some time after a start, and after newer hours came: bit by bit, between calls. */
import { setTimeout as sleep } from "node:timers/promises";

/** A start has more urgent things to do, and a burst of newer hours, such as by a move of the clock, is waited out. */
const delayMs = 3_000;
/** It rests this much longer than it worked: nobody waits for it, and calls should not, either. */
const restsPerWork = 4;
/** The same where no call came meanwhile. */
const restsPerWorkAlone = 0.5;
const restMaxMs = 1_000;

/** Between two bits of work. */
export type Rest = () => Promise<void>;

export class ReadyAhead {
  readonly #ensureGoing: () => void;
  readonly #newest: () => number;
  readonly #makers: readonly ((rest: Rest) => Promise<void>)[];
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  #isClosed = false;

  /**
   * A maker rejects when the store fails or is closed: what it left is made later, or when someone asks. `ensureGoing`
   * throws when nothing is to be made; `newest` is another number after each call.
   */
  constructor(ensureGoing: () => void, newest: () => number, makers: readonly ((rest: Rest) => Promise<void>)[]) {
    this.#ensureGoing = ensureGoing;
    this.#newest = newest;
    this.#makers = makers;
  }

  schedule(): void {
    if (this.#isClosed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#run();
    }, delayMs).unref();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) {
      this.schedule();
      return;
    }
    this.#isRunning = true;
    let startedAt = performance.now();
    let seen = this.#newest();
    const rest = async (): Promise<void> => {
      const newest = this.#newest();
      const share = newest === seen ? restsPerWorkAlone : restsPerWork;
      seen = newest;
      await sleep(Math.min((performance.now() - startedAt) * share, restMaxMs), undefined, { ref: false });
      startedAt = performance.now();
      this.#ensureGoing();
    };
    try {
      this.#ensureGoing();
      for (const make of this.#makers) await make(rest);
    } catch {
      // Charts do without: they read the rows.
    } finally {
      this.#isRunning = false;
    }
  }
}
