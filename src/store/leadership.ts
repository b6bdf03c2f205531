/** Which of the nodes over one database does what is to be done by one of them: sending, and what the clock makes due. */
export interface Leadership {
  /** Is it this node? Asked before each piece of work; true for no longer than another node is kept from it. */
  isHeld(): boolean;
  /** Calls the listener when it came to this node. It must not throw. */
  onGained(listener: () => void): void;
}

/** Of a store that one process owns. */
export const alwaysHeld: Leadership = { isHeld: () => true, onGained: () => {} };
