/** Limits of time on what the server is asked. */
import { ConnectionLost } from "./errors.ts";

export const noLimit = 0;

/** `expired` rejects once the time is up, after `onExpired`; 0: never. */
export function expiry(maxMs: number, onExpired: () => void): { readonly expired: Promise<never>; end(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  if (maxMs === noLimit) return { expired: promise, end: () => {} };
  const timer = setTimeout(() => {
    onExpired();
    reject(new ConnectionLost(`The database did not answer within ${maxMs} ms.`));
  }, maxMs);
  return { expired: promise, end: () => clearTimeout(timer) };
}
