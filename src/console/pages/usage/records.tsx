/** The accepted records, newest hour first. */
import Button from "@cloudscape-design/components/button";
import Link from "@cloudscape-design/components/link";
import type { TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import type { Page } from "../../api.ts";
import { base, To } from "../../parts/link.tsx";
import { ServerList } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { useApi } from "../../parts/query.ts";
import { Time, utcText } from "../../parts/time.tsx";
import { RecordDialog, recordWord, StatusOf } from "./recordDialog.tsx";
import { type Filters, filterNames, licenseName, numberText, type RecordItem } from "./types.ts";

function columnsOf(open: (item: RecordItem) => void): readonly TableProps.ColumnDefinition<RecordItem>[] {
  return [
    {
      id: "hour",
      header: "Hour (UTC)",
      width: 190,
      isRowHeader: true,
      cell: (item) => (
        <Link
          href={`${base}/usage?record=${encodeURIComponent(recordWord(item))}`}
          ariaLabel={`${utcText(item.hour, "minute")} UTC, ${item.customer}, ${item.dimension}: show the record`}
          onFollow={(event) => {
            event.preventDefault();
            open(item);
          }}
        >
          <Time at={item.hour} to="minute" />
        </Link>
      ),
    },
    {
      id: "customer",
      header: "Customer",
      width: 150,
      cell: ({ customer }) => <To to={`/customers/${encodeURIComponent(customer)}`}>{customer}</To>,
    },
    { id: "dimension", header: "Dimension", width: 150, cell: ({ dimension }) => dimension },
    { id: "quantity", header: "Quantity", width: 120, cell: ({ quantity }) => numberText(quantity) },
    { id: "status", header: "Status", width: 140, cell: ({ status }) => <StatusOf status={status} /> },
    {
      id: "allocations",
      header: "Allocations",
      width: 120,
      cell: ({ allocations }) => (allocations === undefined ? "–" : allocations.length),
    },
    {
      id: "product",
      header: "Product",
      width: 250,
      cell: ({ product }) => <To to={`/products/${encodeURIComponent(product)}`}>{product}</To>,
    },
    { id: "region", header: "Region", width: 120, cell: ({ region }) => region },
    {
      id: "for",
      header: "Licence or workload",
      width: 250,
      cell: ({ license, resource }) => (license === undefined ? (resource ?? "–") : licenseName(license)),
    },
    {
      id: "request",
      header: "Request",
      width: 320,
      cell: ({ requestId }) => <To to={`/requests/${encodeURIComponent(requestId)}`}>{requestId}</To>,
    },
  ];
}

interface RecordsProps {
  readonly filters: Filters;
  readonly clear: () => void;
}

export function Records({ filters, clear }: RecordsProps): ReactNode {
  const [{ record }, set] = useParams(["record"]);
  const isFiltered = filterNames.some((name) => filters[name] !== "");
  const hint = useFirstStep();
  return (
    <>
      <ServerList<RecordItem>
        kind="records"
        path="/metering-records"
        query={{ ...filters, order: "newest-first" }}
        title="Metering records"
        description="What was accepted, the newest hour first"
        variant="container"
        headingLevel="h2"
        columns={columnsOf((item) => set({ record: recordWord(item) }))}
        keyOf={({ id }) => id}
        empty={
          isFiltered
            ? {
                title: "No record matches",
                text: "Take a filter out, or look at another time.",
                action: <Button onClick={clear}>Clear the filter</Button>,
              }
            : { title: "No usage yet", ...hint }
        }
      />
      {record !== "" && <RecordDialog key={record} word={record} onClose={() => set({ record: "" })} />}
    </>
  );
}

/** What has to be there before usage can come. */
export function useFirstStep(): { readonly text: ReactNode; readonly action: ReactNode } {
  const { data: products } = useApi<Page<unknown>>("products", "/products", { limit: 1 });
  const { data: agreements } = useApi<Page<unknown>>("agreements", "/agreements", { limit: 1 });
  if (products?.items.length === 0) {
    return {
      text: "The catalogue is empty. First create the product that your software meters, then an agreement of a customer.",
      action: <To to="/products/new">Create a product</To>,
    };
  }
  if (agreements?.items.length === 0) {
    return {
      text: "No customer has subscribed. First create an agreement; then the customer's usage is accepted.",
      action: <To to="/agreements">Go to the agreements</To>,
    };
  }
  return {
    text: "Send it by BatchMeterUsage or MeterUsage. What is refused shows among the requests, with the reason.",
    action: <To to="/requests">Go to the requests</To>,
  };
}
