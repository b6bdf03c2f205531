/** Calls as they are answered, and the last ones before. */
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Page } from "../../api.ts";
import { type LiveCall, useLive } from "../../live.tsx";
import { To } from "../../parts/link.tsx";
import { Failed, Nothing } from "../../parts/list.tsx";
import { useApi } from "../../parts/query.ts";
import { Outcome } from "../requests/outcome.tsx";
import { type CallView, requestPath } from "../requests/types.ts";

const shownMax = 12;
/** Of a request id: enough to tell the few that are shown apart. */
const shownLetters = 8;
/** A busy server tells of hundreds of calls at once. */
const flushMs = 250;

type Shown = Pick<CallView, "requestId" | "operation" | "outcome">;

const columns: readonly TableProps.ColumnDefinition<Shown>[] = [
  { id: "operation", header: "Operation", width: 160, cell: ({ operation }) => operation || "–" },
  { id: "outcome", header: "Outcome", width: 280, cell: ({ outcome }) => <Outcome outcome={outcome} /> },
  {
    id: "request",
    header: "Request",
    isRowHeader: true,
    cell: ({ requestId }) => (
      <To to={requestPath(requestId)} ariaLabel={`Request ${requestId}`}>
        {requestId.slice(0, shownLetters)}
      </To>
    ),
  },
];

export function Feed(): ReactNode {
  const { isConnected } = useLive();
  const { data, error } = useApi<Page<CallView>>("feed", "/calls", { limit: shownMax });
  const [isPaused, setIsPaused] = useState(false);
  const { told, missed } = useTold(isPaused);
  const known = new Set(told.map(({ requestId }) => requestId));
  const before = (data?.items ?? []).filter(({ requestId }) => !known.has(requestId));
  const items = [...told, ...(isPaused ? [] : before)].slice(0, shownMax);
  const [frozen, setFrozen] = useState<readonly Shown[]>([]);
  const text = isPaused
    ? `Paused; ${missed.toLocaleString("en-GB")} came since`
    : isConnected
      ? "As they are answered"
      : "The connection is lost; it is tried again";
  return (
    <Table
      header={
        <Header
          variant="h2"
          description={text}
          actions={
            <Button
              iconName={isPaused ? "caret-right-filled" : "pause"}
              onClick={() => {
                setFrozen(items);
                setIsPaused(!isPaused);
              }}
            >
              {isPaused ? "Go on" : "Pause"}
            </Button>
          }
        >
          Calls
        </Header>
      }
      items={isPaused ? frozen : items}
      columnDefinitions={columns}
      trackBy={({ requestId }) => requestId}
      contentDensity="compact"
      ariaLabels={{ tableLabel: "Calls as they are answered" }}
      empty={
        error === null ? (
          <Nothing title="No calls yet" text="They show here as soon as they are answered." />
        ) : (
          <Failed error={error} />
        )
      }
    />
  );
}

/** The newest first, bounded; while paused they are only counted. */
function useTold(isPaused: boolean): { readonly told: readonly Shown[]; readonly missed: number } {
  const { onCall } = useLive();
  const [told, setTold] = useState<readonly Shown[]>([]);
  const [missed, setMissed] = useState(0);
  const paused = useRef(isPaused);
  useEffect(() => {
    paused.current = isPaused;
    setMissed(0);
  }, [isPaused]);
  useEffect(() => {
    let waiting: Shown[] = [];
    let passed = 0;
    let timer: number | undefined;
    const flush = (): void => {
      timer = undefined;
      const [news, count] = [waiting, passed];
      waiting = [];
      passed = 0;
      if (count > 0) setMissed((before) => before + count);
      if (news.length > 0) setTold((before) => [...news.toReversed(), ...before].slice(0, shownMax));
    };
    const unlisten = onCall((call) => {
      if (paused.current) passed += 1;
      waiting.push(shownOf(call));
      if (waiting.length > shownMax) waiting.shift();
      timer ??= window.setTimeout(flush, flushMs);
    });
    return () => {
      window.clearTimeout(timer);
      unlisten();
    };
  }, [onCall]);
  return { told, missed };
}

function shownOf({ requestId, operation, error }: LiveCall): Shown {
  return { requestId, operation, outcome: error ?? "Success" };
}
