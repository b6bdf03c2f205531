/** What a customer used in the last days, by product and dimension. */
import Select from "@cloudscape-design/components/select";
import type { TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { To } from "../../parts/link.tsx";
import { ServerList } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { useApi } from "../../parts/query.ts";
import { productPath } from "../agreement/types.ts";

interface TotalView {
  readonly period?: string;
  readonly product?: string;
  readonly dimension?: string;
  readonly status?: "billable" | "not-billable";
  readonly quantity: number;
  readonly records: number;
}

const columns: readonly TableProps.ColumnDefinition<TotalView>[] = [
  { id: "day", header: "Day (UTC)", cell: ({ period }) => period?.slice(0, 10), isRowHeader: true, width: 130 },
  {
    id: "product",
    header: "Product",
    cell: ({ product = "" }) => <To to={productPath(product)}>{product}</To>,
    width: 280,
  },
  { id: "dimension", header: "Dimension", cell: ({ dimension }) => dimension, width: 180 },
  { id: "quantity", header: "Quantity", cell: ({ quantity }) => quantity.toLocaleString("en-GB"), width: 130 },
  { id: "records", header: "Records", cell: ({ records }) => records.toLocaleString("en-GB"), width: 110 },
  { id: "status", header: "Billed", cell: ({ status }) => (status === "not-billable" ? "No" : "Yes"), width: 100 },
];

const dayMs = 86_400_000;
const spans = ["7", "31", "92"].map((value) => ({ value, label: `The last ${value} days` }));

export function CustomerUsage({ account }: { readonly account: string }): ReactNode {
  const [{ days }, set] = useParams(["days"]);
  const span = spans.find(({ value }) => value === days) ?? spans[0];
  const { data: clock } = useApi<{ readonly now: string }>("clock", "/clock");
  const today = clock === undefined ? undefined : Math.floor(Date.parse(clock.now) / dayMs) * dayMs;
  if (today === undefined || span === undefined) return null;
  const from = new Date(today - (Number(span.value) - 1) * dayMs).toISOString();
  return (
    <ServerList<TotalView>
      kind="usage"
      path="/usage"
      query={{ customer: account, from, groupBy: "day,product,dimension,status" }}
      title="Usage"
      description="Accepted usage by day, as the business clock has it, oldest day first"
      headingLevel="h2"
      variant="container"
      columns={columns}
      keyOf={({ period, product, dimension, status }) => `${period} ${product} ${dimension} ${status}`}
      filter={
        <Select
          selectedOption={span}
          options={spans}
          ariaLabel="How many days"
          onChange={({ detail }) =>
            set({ days: detail.selectedOption.value === "7" ? "" : (detail.selectedOption.value ?? "") })
          }
        />
      }
      actions={<To to={`/usage?customer=${account}`}>Usage in full</To>}
      empty={{ title: "No usage in these days", text: "Accepted usage of this customer is added up here." }}
    />
  );
}
