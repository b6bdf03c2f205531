/** What time will bring about, as things stand. */
import Header from "@cloudscape-design/components/header";
import Select from "@cloudscape-design/components/select";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { To } from "../../parts/link.tsx";
import { Failed, Nothing } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { useApi } from "../../parts/query.ts";
import { Time } from "../../parts/time.tsx";
import type { DueItem } from "./ticking.ts";

const counts = ["20", "100", "500"].map((value) => ({ value, label: `The next ${value}` }));

const texts: Readonly<Record<DueItem["what"], string>> = {
  announcement: "Announcement of the end",
  renewal: "Renewal",
  "term-end": "End of the term",
  "final-hour-end": "End of the final hour",
  "usage-hour": "An hour of usage",
  "usage-end": "Last usage",
};

const columns: readonly TableProps.ColumnDefinition<DueItem>[] = [
  { id: "at", header: "When", width: 220, cell: ({ at }) => <Time at={at} />, isRowHeader: true },
  {
    id: "what",
    header: "What",
    width: 280,
    cell: ({ what, daysBeforeEnd: days }) =>
      days === undefined ? texts[what] : `${texts[what]}, ${days} ${days === 1 ? "day" : "days"} before`,
  },
  { id: "target", header: "Of", cell: (item) => <Target item={item} /> },
  {
    id: "product",
    header: "Product",
    cell: ({ product }) => <To to={`/products/${encodeURIComponent(product)}`}>{product}</To>,
  },
];

function Target({ item: { what, target, workload } }: { readonly item: DueItem }): ReactNode {
  const isUsage = what === "usage-hour" || what === "usage-end";
  if (!isUsage) return <To to={`/agreements/${encodeURIComponent(target)}`}>{target}</To>;
  // A resource of a key that the catalogue's file gave is no simulated workload, and has no page.
  return workload === undefined ? target : <To to={`/workloads/${encodeURIComponent(workload)}`}>{target}</To>;
}

export function DueList(): ReactNode {
  const [{ due }, set] = useParams(["due"]);
  const count = counts.find(({ value }) => value === due) ?? counts[0];
  const { data, error, isPending } = useApi<{ readonly items: readonly DueItem[] }>(
    "clock",
    "/clock/due",
    { limit: count?.value },
    { everyMs: 5_000 },
  );
  return (
    <Table
      header={
        <Header
          description="In the order in which the clock will come to it, as things stand now"
          actions={
            <Select
              selectedOption={count ?? null}
              options={counts}
              ariaLabel="How many"
              onChange={({ detail }) => set({ due: detail.selectedOption.value ?? "" })}
            />
          }
        >
          What is due next
        </Header>
      }
      loading={isPending && error === null}
      loadingText="Loading"
      items={data?.items ?? []}
      columnDefinitions={columns}
      trackBy={({ at, what, target }) => `${at} ${what} ${target}`}
      resizableColumns
      wrapLines
      enableKeyboardNavigation
      ariaLabels={{ tableLabel: "What is due next" }}
      empty={
        error === null ? (
          <Nothing
            title="Nothing is due"
            text="Agreements with a term, final hours and registered tasks bring something here."
            action={<To to="/agreements">Go to the agreements</To>}
          />
        ) : (
          <Failed error={error} />
        )
      }
    />
  );
}
