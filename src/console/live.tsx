/** What the server tells as it happens: queries of what changed are asked again, and calls are handed to who follows. */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from "react";

export interface LiveCall {
  readonly requestId: string;
  readonly operation: string;
  readonly status: number;
  /** Absent: the call was accepted. */
  readonly error?: string;
}

interface LiveValue {
  readonly isConnected: boolean;
  /** Returns what ends it. */
  onCall(listener: (call: LiveCall) => void): () => void;
}

const Context = createContext<LiveValue>({ isConnected: false, onCall: () => () => {} });

/** Query keys begin with one of these; see `useApi`. */
const changedByCalls = ["calls", "usage", "records", "doctor", "workloads"];
/** A server under load tells of thousands of calls a second; lists are asked again at most so often. */
const againEveryMs = 2_000;

export function LiveUpdates({ children }: { readonly children: ReactNode }): ReactNode {
  const queries = useQueryClient();
  const [isConnected, setIsConnected] = useState(false);
  const listeners = useMemo(() => new Set<(call: LiveCall) => void>(), []);
  useEffect(() => {
    const source = new EventSource("/api/v1/stream");
    let timer: number | undefined;
    const callsChanged = (): void => {
      timer ??= window.setTimeout(() => {
        timer = undefined;
        for (const kind of changedByCalls) void queries.invalidateQueries({ queryKey: [kind] });
      }, againEveryMs);
    };
    source.onopen = () => {
      setIsConnected(true);
      // Whatever happened while nobody listened.
      void queries.invalidateQueries();
    };
    source.onerror = () => setIsConnected(false);
    source.addEventListener("call", ({ data }) => {
      const call = JSON.parse(String(data)) as LiveCall;
      for (const listener of listeners) listener(call);
      callsChanged();
    });
    source.addEventListener("missed", callsChanged);
    source.addEventListener("change", () => void queries.invalidateQueries());
    source.addEventListener("clock", () => void queries.invalidateQueries());
    return () => {
      window.clearTimeout(timer);
      source.close();
    };
  }, [queries, listeners]);
  const value = useMemo(
    () => ({
      isConnected,
      onCall: (listener: (call: LiveCall) => void) => {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    }),
    [isConnected, listeners],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useLive(): LiveValue {
  return useContext(Context);
}
