/** The metering records of a buyer, hour by hour. */
import type { TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { To } from "../../parts/link.tsx";
import { ServerList } from "../../parts/list.tsx";
import { Time } from "../../parts/time.tsx";

interface RecordView {
  readonly id: string;
  readonly hour: string;
  readonly product: string;
  readonly dimension: string;
  readonly quantity: number;
  readonly license?: string;
  readonly resource?: string;
  readonly status: "billable" | "not-billable";
  readonly requestId: string;
  readonly receivedAt: string;
  readonly position: string;
}

const columns: readonly TableProps.ColumnDefinition<RecordView>[] = [
  { id: "hour", header: "Hour", cell: ({ hour }) => <Time at={hour} to="minute" />, width: 190 },
  { id: "dimension", header: "Dimension", cell: ({ dimension }) => dimension, isRowHeader: true, width: 180 },
  { id: "quantity", header: "Quantity", cell: ({ quantity }) => quantity.toLocaleString("en-GB"), width: 120 },
  {
    id: "status",
    header: "Billed",
    cell: ({ status }) => (status === "billable" ? "Yes" : "No: the offer does not price it"),
    width: 120,
  },
  {
    id: "by",
    header: "Metered by",
    cell: ({ license, resource }) => resource ?? (license === undefined ? "Product code" : "Licence"),
    width: 160,
  },
  { id: "received", header: "Received", cell: ({ receivedAt }) => <Time at={receivedAt} />, width: 210 },
  {
    id: "call",
    header: "Call",
    cell: ({ requestId }) => <To to={`/requests/${encodeURIComponent(requestId)}`}>{requestId}</To>,
    width: 320,
  },
];

interface RecordsProps {
  /** Of `/metering-records`. */
  readonly query: Readonly<Record<string, string>>;
  readonly description: string;
}

export function Records({ query, description }: RecordsProps): ReactNode {
  return (
    <ServerList<RecordView>
      kind="records"
      path="/metering-records"
      query={query}
      title="Metering records"
      description={description}
      headingLevel="h2"
      variant="container"
      columns={columns}
      keyOf={({ position }) => position}
      empty={{
        title: "No usage yet",
        text: "Accepted usage is listed here, hour by hour, each record with the call that brought it.",
      }}
    />
  );
}
