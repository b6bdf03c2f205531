/** AWS's go-live checklist, as far as calls show it. */
import "../../parts/lists.css";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import Header from "@cloudscape-design/components/header";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import type { ReactNode } from "react";
import type { ChecklistItem } from "./diagnosis.ts";
import { Requests } from "./findings.tsx";

const states: Readonly<
  Record<ChecklistItem["state"], { readonly type: StatusIndicatorProps.Type; readonly text: string }>
> = {
  exercised: { type: "success", text: "Seen" },
  never: { type: "stopped", text: "Not yet" },
  "cannot-tell": { type: "info", text: "Look yourself" },
};

export function Checklist({ items }: { readonly items: readonly ChecklistItem[] }): ReactNode {
  const seen = countSeen(items);
  const areas = [...Map.groupBy(items, ({ area }) => area)];
  return (
    <SpaceBetween size="l">
      <ProgressBar
        label="Seen in the calls"
        description="What AWS asks a seller to have tested before a product goes public. Some of it no call can show: look yourself."
        additionalInfo={`${seen} of ${items.length}`}
        value={items.length === 0 ? 0 : Math.round((seen / items.length) * 100)}
      />
      {areas.map(([area, rows]) => (
        <Container
          key={area}
          header={
            <Header variant="h2" counter={`(${countSeen(rows)} of ${rows.length})`}>
              {area}
            </Header>
          }
        >
          <ul className="checklist">
            {rows.map((item) => (
              <Item key={item.id} item={item} />
            ))}
          </ul>
        </Container>
      ))}
    </SpaceBetween>
  );
}

function countSeen(items: readonly ChecklistItem[]): number {
  return items.filter(({ state }) => state === "exercised").length;
}

function Item({ item: { text, state, hint, evidence, count } }: { readonly item: ChecklistItem }): ReactNode {
  const { type, text: stateText } = states[state];
  return (
    <li>
      <div className="checklist-state">
        <StatusIndicator type={type}>{stateText}</StatusIndicator>
      </div>
      <div>
        {text}
        {state !== "exercised" && (
          <Box color="text-body-secondary" fontSize="body-s">
            {hint}
          </Box>
        )}
        {evidence.length > 0 && (
          <ExpandableSection headerText={`${count} ${count === 1 ? "time" : "times"}`} variant="footer">
            <Requests ids={evidence} count={count} />
          </ExpandableSection>
        )}
      </div>
    </li>
  );
}
