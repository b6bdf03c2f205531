/** What each error means, and what to do about it. */
import { useCollection } from "@cloudscape-design/collection-hooks";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import type { ReactNode } from "react";
import { To } from "../../parts/link.tsx";
import { Failed, Nothing } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { useApi } from "../../parts/query.ts";
import type { ErrorHelpList, ErrorHelpView, StatusHelpView } from "./types.ts";

const errorColumns: readonly TableProps.ColumnDefinition<ErrorHelpView>[] = [
  { id: "name", header: "Error", width: 270, isRowHeader: true, cell: ({ name }) => name, sortingField: "name" },
  { id: "status", header: "HTTP", width: 80, cell: ({ status }) => status, sortingField: "status" },
  { id: "meaning", header: "Meaning", width: 360, cell: ({ meaning }) => meaning },
  { id: "fix", header: "What to do", width: 380, cell: ({ fix }) => fix },
  { id: "retry", header: "Send again?", width: 130, cell: ({ canRetry }) => (canRetry ? "Yes, unchanged" : "No") },
  { id: "rules", header: "Rules", width: 130, cell: ({ rules }) => rules.join(", ") },
  { id: "calls", header: "Calls", width: 90, cell: ({ name }) => <To to={`/requests?outcome=${name}`}>Find</To> },
];
const statusColumns: readonly TableProps.ColumnDefinition<StatusHelpView>[] = [
  { id: "status", header: "Status", width: 270, isRowHeader: true, cell: ({ status }) => status },
  { id: "letter", header: "Letter", width: 80, cell: ({ letter }) => letter },
  { id: "meaning", header: "Meaning", width: 360, cell: ({ meaning }) => meaning },
  { id: "fix", header: "What to do", width: 380, cell: ({ fix }) => fix },
  { id: "rules", header: "Rules", width: 130, cell: ({ rules }) => rules.join(", ") },
];

export function ErrorTable(): ReactNode {
  const { data, error, isPending } = useApi<ErrorHelpList>("errors", "/errors");
  if (error !== null) return <Failed error={error} />;
  return (
    <SpaceBetween size="l">
      <Errors errors={data?.errors ?? []} isPending={isPending} />
      <Table
        header={
          <Header
            variant="h2"
            description="A batch is accepted as a whole; each of its records has a status of its own."
          >
            Statuses of records
          </Header>
        }
        items={data?.statuses ?? []}
        columnDefinitions={statusColumns}
        wrapLines
        loading={isPending}
        loadingText="Loading"
        ariaLabels={{ tableLabel: "Statuses of records" }}
        empty={<Box>–</Box>}
      />
    </SpaceBetween>
  );
}

interface ErrorsProps {
  readonly errors: readonly ErrorHelpView[];
  readonly isPending: boolean;
}

function Errors({ errors, isPending }: ErrorsProps): ReactNode {
  const [{ error: wanted }, set] = useParams(["error"]);
  const matching = errors.filter(({ name, meaning, rules }) =>
    `${name} ${meaning} ${rules.join(" ")}`.toLowerCase().includes(wanted.toLowerCase()),
  );
  const { items, collectionProps } = useCollection(matching, { sorting: {} });
  return (
    <Table
      {...collectionProps}
      header={
        <Header variant="h2" counter={`(${matching.length})`}>
          Errors
        </Header>
      }
      filter={
        <TextFilter
          filteringText={wanted}
          filteringPlaceholder="Name, rule or word"
          filteringAriaLabel="Find errors"
          onChange={({ detail }) => set({ error: detail.filteringText })}
        />
      }
      items={items}
      columnDefinitions={errorColumns}
      wrapLines
      enableKeyboardNavigation
      loading={isPending}
      loadingText="Loading"
      ariaLabels={{ tableLabel: "Errors" }}
      empty={
        <Nothing
          title="No error matches"
          text="None has this in its name, meaning or rules."
          action={<Button onClick={() => set({ error: "" })}>Clear the filter</Button>}
        />
      }
    />
  );
}
