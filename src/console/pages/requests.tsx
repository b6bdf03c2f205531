/** Every call that came to the service plane, and what the errors mean. */
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Tabs from "@cloudscape-design/components/tabs";
import type { ReactNode } from "react";
import { useParams } from "../parts/params.ts";
import { ErrorTable } from "./requests/errorTable.tsx";
import { TracedCalls } from "./requests/tracedCalls.tsx";
import { UntracedCalls } from "./requests/untracedCalls.tsx";

export function Requests(): ReactNode {
  const [{ tab }, set] = useParams(["tab", "outcome", "accessKeyId"]);
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="The calls of sellers' software and of workloads, as the service answered them."
        >
          Requests
        </Header>
      }
    >
      <Tabs
        ariaLabel="Requests"
        activeTabId={tab === "" ? "calls" : tab}
        // Filters of one list mean nothing, or something else, in the other.
        onChange={({ detail }) =>
          set({ tab: detail.activeTabId === "calls" ? "" : detail.activeTabId, outcome: "", accessKeyId: "" })
        }
        tabs={[
          { id: "calls", label: "In the audit trail", content: <TracedCalls /> },
          { id: "untraced", label: "Without a trail", content: <UntracedCalls /> },
          { id: "errors", label: "Errors explained", content: <ErrorTable /> },
        ]}
      />
    </ContentLayout>
  );
}
