/** Filters in the address, so that every view can be linked. */
import { useCallback } from "react";
import { useSearchParams } from "wouter";

/** The value of each name, "" where it is not in the address; and what sets some of them ("" takes one out). */
export function useParams<Name extends string>(
  names: readonly Name[],
): readonly [Readonly<Record<Name, string>>, (values: Partial<Record<Name, string>>) => void] {
  const [search, setSearch] = useSearchParams();
  const values = Object.fromEntries(names.map((name) => [name, search.get(name) ?? ""])) as Record<Name, string>;
  const set = useCallback(
    (changed: Partial<Record<Name, string>>) => {
      setSearch(
        (before) => {
          const after = new URLSearchParams(before);
          for (const [name, value] of Object.entries<string | undefined>(changed)) {
            if (value === undefined || value === "") after.delete(name);
            else after.set(name, value);
          }
          return after;
        },
        { replace: true },
      );
    },
    [setSearch],
  );
  return [values, set];
}
