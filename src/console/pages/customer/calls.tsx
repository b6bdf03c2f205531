/** Calls by whoever made them. */
import type { TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { To } from "../../parts/link.tsx";
import { ServerList } from "../../parts/list.tsx";
import { Time } from "../../parts/time.tsx";
import { Outcome } from "../requests/outcome.tsx";

interface CallView {
  readonly requestId: string;
  readonly at: string;
  readonly operation: string;
  readonly product?: string;
  readonly outcome: string;
  readonly region: string;
  readonly faults?: readonly unknown[];
}

const columns: readonly TableProps.ColumnDefinition<CallView>[] = [
  { id: "at", header: "Business time", cell: ({ at }) => <Time at={at} />, width: 210 },
  {
    id: "operation",
    header: "Operation",
    cell: ({ operation, requestId }) => <To to={`/requests/${encodeURIComponent(requestId)}`}>{operation}</To>,
    isRowHeader: true,
    width: 170,
  },
  {
    id: "outcome",
    header: "Outcome",
    cell: ({ outcome, faults }) => <Outcome outcome={outcome} isFaulted={faults !== undefined} />,
    width: 270,
  },
  { id: "product", header: "Product code", cell: ({ product }) => product ?? "–", width: 260 },
  { id: "region", header: "Region", cell: ({ region }) => region, width: 130 },
  {
    id: "request",
    header: "Request id",
    cell: ({ requestId }) => requestId,
    width: 320,
  },
];

interface CallListProps {
  /** Of `/calls`. */
  readonly query: Readonly<Record<string, string>>;
  readonly description: string;
}

export function CallList({ query, description }: CallListProps): ReactNode {
  return (
    <ServerList<CallView>
      kind="calls"
      path="/calls"
      query={query}
      title="Calls"
      description={description}
      headingLevel="h2"
      variant="container"
      columns={columns}
      keyOf={({ requestId }) => requestId}
      empty={{ title: "No calls", text: "Signed calls are listed here as they come in." }}
    />
  );
}
