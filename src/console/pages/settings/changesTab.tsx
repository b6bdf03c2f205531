/** Who changed what through the control plane, and when. */
import Button from "@cloudscape-design/components/button";
import type { TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { AddressFilter } from "../../parts/addressFilter.tsx";
import { ServerList } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { Time } from "../../parts/time.tsx";

interface EventView {
  readonly id: string;
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly summary?: string;
}

const columns: readonly TableProps.ColumnDefinition<EventView>[] = [
  { id: "at", header: "When (wall clock)", cell: ({ at }) => <Time at={at} />, minWidth: 160, width: 205 },
  { id: "actor", header: "Who", cell: ({ actor }) => actor, minWidth: 100, width: 140 },
  { id: "action", header: "Did", cell: ({ action }) => action, isRowHeader: true, minWidth: 140, width: 210 },
  { id: "target", header: "To", cell: ({ target }) => target, minWidth: 160, width: 280 },
  {
    id: "summary",
    header: "With",
    cell: ({ summary }) => <span title={summary}>{summary ?? "–"}</span>,
    minWidth: 200,
  },
];

export function ChangesTab(): ReactNode {
  const [filter, setFilter] = useParams(["actor", "action", "target"]);
  const isFiltered = Object.values(filter).some((value) => value !== "");
  return (
    <ServerList<EventView>
      kind="events"
      path="/events"
      query={filter}
      title="Changes"
      description="The newest 10,000, newest first. “Who” is the name of an admin token, or what in the server acted."
      headingLevel="h2"
      variant="container"
      columns={columns}
      keyOf={({ id }) => id}
      filter={
        <AddressFilter
          members={[
            { name: "actor", label: "Who" },
            { name: "action", label: "Did" },
            { name: "target", label: "To" },
          ]}
          values={filter}
          set={setFilter}
          placeholder="Find changes by who, what or id"
        />
      }
      empty={
        isFiltered
          ? {
              title: "No change matches",
              text: "The values must be whole, such as product.create.",
              action: (
                <Button onClick={() => setFilter({ actor: "", action: "", target: "" })}>Clear the filters</Button>
              ),
            }
          : { title: "No changes yet", text: "Whatever is changed here, by the command line or by scripts shows up." }
      }
    />
  );
}
