/** Who changed something, and when by the wall clock. */
import type { TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { ServerList } from "../../parts/list.tsx";
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
  { id: "at", header: "When (wall clock)", cell: ({ at }) => <Time at={at} />, width: 210 },
  { id: "action", header: "Action", cell: ({ action }) => action, isRowHeader: true, width: 230 },
  { id: "actor", header: "By", cell: ({ actor }) => actor, width: 160 },
  { id: "summary", header: "Summary", cell: ({ summary }) => summary ?? "–" },
];

export function Changes({ target }: { readonly target: string }): ReactNode {
  return (
    <ServerList<EventView>
      kind="events"
      path="/events"
      query={{ target }}
      title="Changes"
      description="Who did what, newest first: admin tokens by their name, the business clock, buyers in the browser"
      headingLevel="h2"
      variant="container"
      columns={columns}
      keyOf={({ id }) => id}
      empty={{
        title: "No changes",
        text: "It came with a catalogue, and nobody has changed it since.",
      }}
    />
  );
}
