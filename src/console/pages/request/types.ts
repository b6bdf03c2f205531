/** One call opened: what is known of it, wherever it is kept. */
import { useQuery } from "@tanstack/react-query";
import { ApiProblem, get } from "../../api.ts";
import type { CallView, UntracedCallView } from "../requests/types.ts";

export interface HeaderView {
  readonly name: string;
  readonly value: string;
}

export interface ExchangeView {
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: readonly HeaderView[];
    readonly body: string;
  };
  readonly response: { readonly status: number; readonly headers: readonly HeaderView[]; readonly body: string };
}

export type Members = Readonly<Record<string, unknown>>;

/** Members of the CloudTrail record that are looked into; it is shown as it is. */
export interface TrailRecord extends Members {
  readonly requestParameters?: Members | null;
  readonly responseElements?: Members | null;
}

export interface OpenedCall {
  /** Of calls that left no trail only the first members are known. */
  readonly call: Partial<CallView> & Pick<CallView, "requestId" | "at" | "outcome">;
  readonly isTraced: boolean;
  readonly record?: TrailRecord;
  readonly exchange?: ExchangeView;
  readonly skewMs?: number;
}

interface Traced {
  readonly call: CallView;
  readonly record: TrailRecord;
  readonly exchange?: ExchangeView;
}

interface Untraced {
  readonly call: UntracedCallView;
  readonly exchange?: ExchangeView;
}

export function useCall(requestId: string) {
  return useQuery<OpenedCall>({
    queryKey: ["call", requestId],
    queryFn: async ({ signal }) => {
      const path = encodeURIComponent(requestId);
      try {
        return { ...(await get<Traced>(`/calls/${path}`, {}, signal)), isTraced: true };
      } catch (error) {
        if (!(error instanceof ApiProblem) || error.status !== 404) throw error;
      }
      const { call, ...more } = await get<Untraced>(`/calls/untraced/${path}`, {}, signal);
      const { skewMs } = call;
      return { ...more, call, isTraced: false, ...(skewMs === undefined ? {} : { skewMs }) };
    },
  });
}
