/** What became of each record. */
import Header from "@cloudscape-design/components/header";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useMemo } from "react";
import { Nothing } from "../../parts/list.tsx";
import { useApi } from "../../parts/query.ts";
import type { ErrorHelpList, StatusHelpView } from "../requests/types.ts";
import type { Members, OpenedCall } from "./types.ts";

interface Row {
  readonly index: number;
  readonly customer: string;
  readonly dimension: string;
  readonly quantity: string;
  readonly timestamp: string;
  readonly letter: string;
  readonly recordId: string;
}

const indicators: Readonly<Record<string, StatusIndicatorProps.Type>> = {
  S: "success",
  R: "success",
  D: "warning",
  N: "error",
  U: "error",
};

export function RecordsTab({ opened }: { readonly opened: OpenedCall }): ReactNode {
  const { data } = useApi<ErrorHelpList>("errors", "/errors");
  const rows = useMemo(() => rowsOf(opened), [opened]);
  const columns = useMemo(() => columnsOf(data?.statuses ?? []), [data]);
  return (
    <Table
      header={
        <Header variant="h2" counter={`(${rows.length})`}>
          Records
        </Header>
      }
      items={rows}
      columnDefinitions={columns}
      trackBy={({ index }) => String(index)}
      wrapLines
      resizableColumns
      enableKeyboardNavigation
      ariaLabels={{ tableLabel: "Records" }}
      empty={<Nothing title="No records" text="The call was refused as a whole, or it meters nothing." />}
    />
  );
}

function columnsOf(help: readonly StatusHelpView[]): readonly TableProps.ColumnDefinition<Row>[] {
  const helpOf = (letter: string): StatusHelpView | undefined => help.find((one) => one.letter === letter);
  return [
    { id: "index", header: "#", width: 60, cell: ({ index }) => index },
    {
      id: "status",
      header: "Status",
      width: 220,
      isRowHeader: true,
      cell: ({ letter }) => (
        <StatusIndicator type={indicators[letter] ?? "info"}>{helpOf(letter)?.status ?? letter}</StatusIndicator>
      ),
    },
    { id: "customer", header: "Customer", width: 160, cell: ({ customer }) => customer },
    { id: "dimension", header: "Dimension", width: 140, cell: ({ dimension }) => dimension },
    { id: "quantity", header: "Quantity", width: 120, cell: ({ quantity }) => quantity },
    {
      id: "meaning",
      header: "What it means",
      width: 380,
      cell: ({ letter }) => {
        const found = helpOf(letter);
        return found === undefined
          ? "–"
          : `${found.meaning} ${letter === "S" ? "" : found.fix} (${found.rules.join(", ")})`;
      },
    },
    { id: "timestamp", header: "Timestamp (UTC)", width: 230, cell: ({ timestamp }) => timestamp },
    { id: "record", header: "MeteringRecordId", width: 300, cell: ({ recordId }) => recordId },
  ];
}

function rowsOf({ call, record }: OpenedCall): readonly Row[] {
  const letters = [...(call.statuses ?? "")];
  const request = record?.requestParameters ?? {};
  const response = record?.responseElements ?? {};
  const sent = Array.isArray(request.usageRecords) ? (request.usageRecords as readonly Members[]) : [request];
  const results = Array.isArray(response.results) ? (response.results as readonly Members[]) : [response];
  let place = 0;
  return letters.map((letter, index) => {
    // Results are in the order of the request; unprocessed records are in a list of their own.
    const result = letter === "U" ? {} : (results[place++] ?? {});
    const one = sent[index] ?? {};
    return {
      index: index + 1,
      customer: text(one.customerIdentifier ?? one.customerAWSAccountId ?? one.licenseArn),
      dimension: text(one.dimension ?? one.usageDimension),
      quantity: text(one.quantity ?? one.usageQuantity),
      timestamp: text(one.timestamp),
      letter,
      recordId: text(result.meteringRecordId),
    };
  });
}

function text(value: unknown): string {
  return value === undefined || value === null ? "–" : String(value);
}
