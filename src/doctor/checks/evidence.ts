/** What shows a finding about a caller: how often it was seen, and the first request ids. */
import { evidenceMax } from "../observed.ts";

export class Evidence {
  readonly #kept: { readonly requestId: string; readonly at: number }[] = [];
  count = 0;

  /** `at` is needed only where calls are not added in order of time. */
  add(requestId: string, at = 0): void {
    this.count += 1;
    if (this.#kept.length >= evidenceMax || this.#kept.some((one) => one.requestId === requestId)) return;
    this.#kept.push({ requestId, at });
  }

  /** Oldest first, at most `evidenceMax`. */
  get requestIds(): readonly string[] {
    return this.#kept.toSorted((a, b) => a.at - b.at).map(({ requestId }) => requestId);
  }
}

/** The value of a key, made where there is none. */
export function entryOf<Key, Value>(entries: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = entries.get(key);
  if (found !== undefined) return found;
  const made = make();
  entries.set(key, made);
  return made;
}

/** Sessions of one role run the same program: `…:assumed-role/name` without the session's name. Others as they are. */
export function principalOf(caller: string): string {
  return /^(arn:[^/]*:assumed-role\/[^/]+)\//.exec(caller)?.[1] ?? caller;
}

/** Members of a finding where they are known. */
export function about(
  productCode: string | undefined,
  caller: string | undefined,
): { readonly productCode?: string; readonly caller?: string } {
  return {
    ...(productCode === undefined ? {} : { productCode }),
    ...(caller === undefined ? {} : { caller }),
  };
}
