/** Instants as the library's callers write them. */
import { defined } from "./catalog/rows.ts";

/** An instant: a Date, epoch milliseconds, or ISO text. */
export type Instant = Date | number | string;

/** Epoch milliseconds. Throws a TypeError for what is no instant. */
export function instantMs(instant: Instant): number {
  const ms = typeof instant === "number" ? instant : new Date(instant).getTime();
  if (!Number.isFinite(ms))
    throw new TypeError(`'${String(instant)}' is not an instant; write ISO text, a Date or epoch milliseconds.`);
  return ms;
}

/** From and to as filters have them; absent where they are not given. */
export function spanOf(from: Instant | undefined, to: Instant | undefined) {
  return defined({
    fromAt: from === undefined ? undefined : instantMs(from),
    toAt: to === undefined ? undefined : instantMs(to),
  });
}
