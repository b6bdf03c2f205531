/**
 * How many calls are let in at once. What a server can do is bounded by its store and one core, so whatever is beyond
 * waits; a bound on those that wait is what keeps the wait of each short. The rest is refused before its body is read or
 * its signature checked, which costs a fraction of an answer.
 */

/** Calls whose body is being read or whose answer is being made. */
const inFlightMaxDefault = 1_024;

export interface Admission {
  readonly inFlightMax: number;
  readonly inFlight: number;
  /** The most that there were at once since the start. */
  readonly inFlightHighest: number;
  /** Since the start. */
  readonly refused: number;
  /** false: the call is to be refused, and counts as such. `isRoomy`: whatever else must have room has. */
  enter(isRoomy: boolean): boolean;
  /** Once for each call that entered. */
  leave(): void;
}

export function createAdmission(inFlightMax = inFlightMaxDefault): Admission {
  const counts = { inFlight: 0, inFlightHighest: 0, refused: 0 };
  return {
    inFlightMax,
    get inFlight() {
      return counts.inFlight;
    },
    get inFlightHighest() {
      return counts.inFlightHighest;
    },
    get refused() {
      return counts.refused;
    },
    enter: (isRoomy) => {
      if (!isRoomy || counts.inFlight >= inFlightMax) {
        counts.refused += 1;
        return false;
      }
      counts.inFlight += 1;
      if (counts.inFlight > counts.inFlightHighest) counts.inFlightHighest = counts.inFlight;
      return true;
    },
    leave: () => {
      counts.inFlight -= 1;
    },
  };
}
