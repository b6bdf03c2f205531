/** A copy in vain, with the rows that it leaves dead, is once in so many groups at worst. */
const lookedUpGroups = 64;

/** Whether it makes sense to look for holders before records are copied in: for a while after one was there. */
export class TakenExpected {
  #groups = 0;

  isTaken(): boolean {
    return this.#groups > 0;
  }

  /** After each group: was a key of it taken? */
  learn(wasTaken: boolean): void {
    this.#groups = wasTaken ? lookedUpGroups : Math.max(0, this.#groups - 1);
  }
}
