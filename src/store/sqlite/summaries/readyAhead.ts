/** Makes blocks ready some time after a start, and after newer hours came: bit by bit, between calls. */

/** A start has more urgent things to do, and a burst of newer hours, such as by a move of the clock, is waited out. */
const delayMs = 3_000;

export class ReadyAhead {
  readonly #makers: readonly (() => Promise<void>)[];
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;
  #isClosed = false;

  /** A maker rejects when the store fails or is closed: what it left is made later, or when someone asks. */
  constructor(makers: readonly (() => Promise<void>)[]) {
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
    try {
      for (const make of this.#makers) await make();
    } catch {
      // Charts do without: they read the rows.
    } finally {
      this.#isRunning = false;
    }
  }
}
