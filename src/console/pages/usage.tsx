/** What was metered: record by record, in sums, hour by hour. */
import Button from "@cloudscape-design/components/button";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { type ReactNode, useState } from "react";
import { useParams } from "../parts/params.ts";
import { ExportDialog } from "./usage/exportDialog.tsx";
import { UsageFilter } from "./usage/filter.tsx";
import { HeatMap } from "./usage/heatMap.tsx";
import { Records } from "./usage/records.tsx";
import { Totals } from "./usage/totals.tsx";
import { filterNames, noFilters } from "./usage/types.ts";
import "./usage/usage.css";

const names = [...filterNames, "tab"] as const;

export function Usage(): ReactNode {
  const [{ tab, ...filters }, set] = useParams(names);
  const [isExporting, setIsExporting] = useState(false);
  const clear = (): void => set(noFilters);
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Usage that was accepted. The hour of a record is the UTC hour that it is for."
          actions={
            <Button iconName="download" onClick={() => setIsExporting(true)}>
              Export
            </Button>
          }
        >
          Usage
        </Header>
      }
    >
      <SpaceBetween size="m">
        <UsageFilter filters={filters} set={set} />
        <Tabs
          ariaLabel="Views of the usage"
          activeTabId={tab === "" ? "records" : tab}
          onChange={({ detail }) => set({ tab: detail.activeTabId === "records" ? "" : detail.activeTabId })}
          tabs={[
            { id: "records", label: "Records", content: <Records filters={filters} clear={clear} /> },
            { id: "totals", label: "Totals", content: <Totals filters={filters} clear={clear} /> },
            {
              id: "hours",
              label: "Hours",
              content: (
                <HeatMap filters={filters} clear={clear} openRecords={(chosen) => set({ ...chosen, tab: "" })} />
              ),
            },
          ]}
        />
      </SpaceBetween>
      {isExporting && <ExportDialog filters={filters} onClose={() => setIsExporting(false)} />}
    </ContentLayout>
  );
}
