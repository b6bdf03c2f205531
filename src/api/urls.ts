/** Addresses that carry a user and a password, such as `https://user:password@seller.example/sns`. */

/** In place of user and password. */
const maskedUser = "***";
/**
 * Up to the last `@` before the path: what stands before it may hold an `@` of its own. Slashes may be missing, since URL
 * parsers do without, and what is no URL is shown in errors.
 */
const userOf = /^((?:[a-z][a-z0-9+.-]*:[\\/]+)?)[^\\/?#]*@/i;

/** The address without what it proves itself by; the same text where there is nothing of that kind. */
export function maskedUrl(url: string): string {
  return url.replace(userOf, `$1${maskedUser}@`);
}
