/** What a month comes to, line by line. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { monthName, monthText } from "../../parts/businessTime.ts";
import { Download } from "../../parts/download.tsx";
import { To } from "../../parts/link.tsx";
import { Failed, ServerList } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { useApi } from "../../parts/query.ts";
import { licenseName, numberText } from "../usage/types.ts";
import { MonthSelect, OwnerFilter } from "./filters.tsx";
import "./reports.css";

interface BillLine {
  readonly product: string;
  readonly customer: string;
  readonly license: string | null;
  readonly agreement: string | null;
  readonly dimension: string;
  readonly status: "charged" | "free-trial" | "not-billable" | "no-price";
  readonly quantity: string;
  readonly units: string;
  readonly unit: string | null;
  readonly unitPrice: string | null;
  readonly amount: string | null;
  readonly records: number;
}

interface BillView {
  readonly month: string;
  readonly invoiceDate: string;
  readonly isInvoiced: boolean;
  readonly total: string;
  readonly lines: number;
  readonly unpriced: number;
}

/** Asked again on request and after changes, not after each call: a bill reads a whole month. */
const kind = "bill";
const path = "/reports/bill";
const pageSize = 50;
/** A bill whose days are summed comes sooner: then nothing needs to be said. */
const patienceMs = 1_500;

const lineStatuses = {
  charged: { type: "success", text: "Charged", title: "Units times the price" },
  "free-trial": { type: "info", text: "Free trial", title: "In the trial of the agreement's offer" },
  "not-billable": { type: "info", text: "Not billable", title: "The buyer's offer does not price the dimension" },
  "no-price": { type: "warning", text: "No price", title: "The dimension has no price in the catalogue" },
} as const;

/** `1,234.50` */
export function moneyText(amount: string): string {
  const [whole = "", cents] = amount.split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, ","), cents].filter((part) => part !== undefined).join(".");
}

const columns: readonly TableProps.ColumnDefinition<BillLine>[] = [
  {
    id: "customer",
    header: "Customer",
    width: 150,
    isRowHeader: true,
    cell: ({ customer }) => <To to={`/customers/${encodeURIComponent(customer)}`}>{customer}</To>,
  },
  { id: "dimension", header: "Dimension", width: 150, cell: ({ dimension }) => dimension },
  {
    id: "units",
    header: "Units",
    width: 170,
    cell: ({ units, unit }) => `${moneyText(units)}${unit === null ? "" : ` ${unit}`}`,
  },
  { id: "price", header: "Price, USD", width: 130, cell: ({ unitPrice }) => unitPrice ?? "–" },
  {
    id: "amount",
    header: "Amount, USD",
    width: 150,
    cell: ({ amount }) => (amount === null ? "–" : <b>{moneyText(amount)}</b>),
  },
  {
    id: "status",
    header: "Status",
    width: 140,
    cell: ({ status }) => {
      const { type, text, title } = lineStatuses[status];
      return (
        <span title={title}>
          <StatusIndicator type={type}>{text}</StatusIndicator>
        </span>
      );
    },
  },
  {
    id: "agreement",
    header: "Agreement",
    width: 280,
    cell: ({ agreement }) =>
      agreement === null ? "None known" : <To to={`/agreements/${encodeURIComponent(agreement)}`}>{agreement}</To>,
  },
  {
    id: "product",
    header: "Product",
    width: 250,
    cell: ({ product }) => <To to={`/products/${encodeURIComponent(product)}`}>{product}</To>,
  },
  {
    id: "license",
    header: "Licence",
    width: 200,
    cell: ({ license }) => (license === null ? "–" : licenseName(license)),
  },
  { id: "records", header: "Records", width: 100, cell: ({ records }) => numberText(records) },
];

export function Bill({ now }: { readonly now: number }): ReactNode {
  const [{ month: given, ...owners }, set] = useParams(["month", "product", "customer", "seller"]);
  const queries = useQueryClient();
  const month = given === "" ? monthText(now) : given;
  const query = { month, ...owners };
  const isFiltered = Object.values(owners).some((value) => value !== "");
  return (
    <SpaceBetween size="l">
      <SpaceBetween direction="horizontal" size="xs">
        <MonthSelect value={month} now={now} onChange={(chosen) => set({ month: chosen })} />
        <OwnerFilter owners={owners} set={set} />
        <Button
          iconName="refresh"
          ariaLabel="Estimate again"
          onClick={() => void queries.invalidateQueries({ queryKey: [kind] })}
        />
      </SpaceBetween>
      <Summary query={query} />
      <ServerList<BillLine>
        kind={kind}
        path={path}
        query={query}
        pageSize={pageSize}
        title="Lines"
        description="A customer, product, agreement and dimension each. Contracts, taxes and AWS's fee are not part of it."
        variant="container"
        headingLevel="h2"
        columns={columns}
        keyOf={({ product, customer, license, agreement, dimension, status }) =>
          [product, customer, license, agreement, dimension, status].join("~")
        }
        empty={
          isFiltered
            ? {
                title: "No usage matches",
                text: `There is none in ${monthName(month)}.`,
                action: (
                  <Button onClick={() => set({ product: "", customer: "", seller: "" })}>Clear the filter</Button>
                ),
              }
            : {
                title: `No usage in ${monthName(month)}`,
                text: "A bill comes of accepted usage. Choose another month, or look at what came.",
                action: <To to="/usage">Go to the usage</To>,
              }
        }
      />
    </SpaceBetween>
  );
}

/** Of all lines. The question is that of the list's first page, so it is asked once. */
function Summary({
  query,
}: {
  readonly query: Readonly<Record<string, string>> & { readonly month: string };
}): ReactNode {
  const {
    data: found,
    error,
    isPlaceholderData,
  } = useApi<BillView>(kind, path, { ...query, limit: pageSize, cursor: undefined });
  // What another month came to is not shown under the name of this one.
  const data = isPlaceholderData ? undefined : found;
  if (error !== null) return <Failed error={error} />;
  const invoice = data === undefined ? "–" : data.isInvoiced ? "Invoiced" : "To be invoiced";
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="At the prices of the catalogue now; each line is rounded once, to cents, half up."
          actions={
            <Download path={path} query={{ ...query, format: "csv" }}>
              Download CSV
            </Download>
          }
        >
          {monthName(query.month)}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <KeyValuePairs
          columns={4}
          items={[
            {
              label: "Estimated total",
              value: <Box variant="h3">{data === undefined ? "…" : `${moneyText(data.total)} USD`}</Box>,
            },
            { label: invoice, value: data?.invoiceDate ?? "…" },
            { label: "Lines", value: data === undefined ? "…" : numberText(data.lines) },
            { label: "Lines without a price", value: data === undefined ? "…" : numberText(data.unpriced) },
          ]}
        />
        {data === undefined && <Adding key={query.month} month={query.month} />}
        {data !== undefined && data.unpriced > 0 && (
          <Alert type="warning" header="The total is not all of it">
            {data.unpriced === 1 ? "One line has" : `${numberText(data.unpriced)} lines have`} a dimension without a
            price in the catalogue, and no amount. Give the dimension a price on its product's page. What RegisterUsage
            meters takes the price of the product's one metered dimension with a price.
          </Alert>
        )}
      </SpaceBetween>
    </Container>
  );
}

function Adding({ month }: { readonly month: string }): ReactNode {
  const [isLong, setIsLong] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setIsLong(true), patienceMs);
    return () => window.clearTimeout(timer);
  }, []);
  return (
    <div role="status">
      {isLong && (
        <StatusIndicator type="loading">
          Adding up {monthName(month)}. Days that were not summed yet are read record by record; their sums are kept, so
          the next time is quicker.
        </StatusIndicator>
      )}
    </div>
  );
}
