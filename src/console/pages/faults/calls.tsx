/** The calls that planned faults hit. */
import Select from "@cloudscape-design/components/select";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useMemo } from "react";
import { To } from "../../parts/link.tsx";
import { ServerList } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { useApi } from "../../parts/query.ts";
import { Time } from "../../parts/time.tsx";
import type { ClockView } from "../clock/ticking.ts";
import { kindText } from "./planned.ts";

interface FaultCall {
  readonly requestId: string;
  readonly at: string;
  readonly operation: string;
  readonly product?: string;
  readonly outcome: string;
  readonly faults?: readonly { readonly id: string; readonly kind: string; readonly phase?: string }[];
}

/** Few calls of a long trail are hit, so what is looked through has a beginning. */
const spans = [
  { value: "1h", label: "The last hour", ms: 3_600_000 },
  { value: "1d", label: "The last day", ms: 86_400_000 },
  { value: "7d", label: "The last 7 days", ms: 604_800_000 },
  { value: "all", label: "The last 90 days", ms: undefined },
] as const;
const defaultSpan = spans[1];

const columns: readonly TableProps.ColumnDefinition<FaultCall>[] = [
  {
    id: "request",
    header: "Request",
    width: 300,
    isRowHeader: true,
    cell: ({ requestId }) => <To to={`/requests/${encodeURIComponent(requestId)}`}>{requestId}</To>,
  },
  { id: "at", header: "Time", width: 210, cell: ({ at }) => <Time at={at} /> },
  { id: "operation", header: "Operation", width: 160, cell: ({ operation }) => operation },
  {
    id: "faults",
    header: "Hit by",
    width: 200,
    cell: ({ faults = [] }) =>
      faults
        .map(({ kind, phase }) => `${kindText(kind)}${phase === undefined ? "" : `, ${phase.replace("-", " the ")}`}`)
        .join("; "),
  },
  {
    id: "outcome",
    header: "Outcome in the trail",
    width: 210,
    cell: ({ outcome }) => (
      <StatusIndicator type={outcome === "Success" ? "success" : "error"}>{outcome}</StatusIndicator>
    ),
  },
  {
    id: "product",
    header: "Product",
    width: 260,
    cell: ({ product }) =>
      product === undefined ? "–" : <To to={`/products/${encodeURIComponent(product)}`}>{product}</To>,
  },
];

export function FaultCalls(): ReactNode {
  const [{ span }, set] = useParams(["span"]);
  const chosen = spans.find(({ value }) => value === span) ?? defaultSpan;
  const { data: clock } = useApi<ClockView>("clock", "/clock");
  const from = useFrom(clock?.now, chosen.ms);
  if (clock === undefined) return null;
  return (
    <ServerList<FaultCall>
      variant="container"
      headingLevel="h2"
      kind="calls"
      path="/calls"
      query={{ fault: true, from }}
      pageSize={20}
      title="Calls that were hit"
      description="Every answer that a fault made or changed, newest first"
      actions={
        <Select
          selectedOption={{ value: chosen.value, label: chosen.label }}
          options={spans.map(({ value, label }) => ({ value, label }))}
          ariaLabel="How far back"
          onChange={({ detail }) => {
            const { value = "" } = detail.selectedOption;
            set({ span: value === defaultSpan.value ? "" : value });
          }}
        />
      }
      columns={columns}
      keyOf={({ requestId }) => requestId}
      empty={{
        title: "No call was hit",
        text: "Plan a fault, then make calls that match it; or look further back.",
      }}
    />
  );
}

/** To the minute, so that the question stays the same while the clock ticks. */
function useFrom(now: string | undefined, ms: number | undefined): string | undefined {
  const minute = now?.slice(0, 16);
  return useMemo(() => {
    if (minute === undefined || ms === undefined) return undefined;
    return new Date(Math.max(0, Date.parse(`${minute}:00Z`) - ms)).toISOString();
  }, [minute, ms]);
}
