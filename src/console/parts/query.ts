/** Questions to the control plane, kept and asked again when something changed. */
import { keepPreviousData, type UseQueryResult, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get, type Query, send } from "../api.ts";
import { useFlash } from "../flash.tsx";

/**
 * `kind` is the family that `live.tsx` asks again after calls: calls, usage, records, doctor, workloads; anything else
 * is asked again after changes.
 */
export function useApi<Answer>(
  kind: string,
  path: string,
  query: Query = {},
  options: { readonly enabled?: boolean; readonly everyMs?: number } = {},
): UseQueryResult<Answer> {
  return useQuery<Answer>({
    queryKey: [kind, path, query],
    queryFn: ({ signal }) => get<Answer>(path, query, signal),
    placeholderData: keepPreviousData,
    enabled: options.enabled ?? true,
    ...(options.everyMs === undefined ? {} : { refetchInterval: options.everyMs }),
  });
}

interface Change<Input, Answer> {
  readonly run: (input: Input) => Promise<Answer>;
  /** Shown above the page when it is done. */
  readonly done?: (answer: Answer, input: Input) => ReactNode;
  readonly then?: (answer: Answer, input: Input) => void;
  /** true: the form shows the error itself. */
  readonly isQuiet?: boolean;
}

/** A change: everything that is shown is asked again after it, and errors are told above the page. */
export function useChange<Input, Answer = unknown>({ run, done, then, isQuiet = false }: Change<Input, Answer>) {
  const queries = useQueryClient();
  const flash = useFlash();
  return useMutation<Answer, Error, Input>({
    mutationFn: run,
    onSuccess: async (answer, input) => {
      if (done !== undefined) flash.done(done(answer, input));
      then?.(answer, input);
      await queries.invalidateQueries();
    },
    onError: (error) => {
      if (!isQuiet) flash.failed(error);
    },
  });
}

export { send };
