/** Every check, and what it looks for. */
import Header from "@cloudscape-design/components/header";
import Table from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { Failed } from "../../parts/list.tsx";
import { useApi } from "../../parts/query.ts";

interface Check {
  readonly name: string;
  readonly about: string;
}

export function Checks(): ReactNode {
  const { data, error, isPending } = useApi<{ readonly items: readonly Check[] }>("checks", "/doctor/checks");
  const items = data?.items ?? [];
  return (
    <Table
      header={
        <Header variant="h2" counter={`(${items.length})`}>
          Checks
        </Header>
      }
      loading={isPending && error === null}
      loadingText="Loading"
      items={items}
      columnDefinitions={[
        { id: "name", header: "Check", width: 280, isRowHeader: true, cell: ({ name }) => name },
        { id: "about", header: "Looks for", cell: ({ about }) => about },
      ]}
      trackBy="name"
      wrapLines
      ariaLabels={{ tableLabel: "Checks" }}
      empty={error === null ? "There are no checks." : <Failed error={error} />}
    />
  );
}
