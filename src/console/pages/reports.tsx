/** What is made of the usage: estimated bills, AWS's daily report and its data feeds. */
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import type { ReactNode } from "react";
import { useBusinessNow } from "../parts/businessTime.ts";
import { useParams } from "../parts/params.ts";
import { Bill } from "./reports/bill.tsx";
import { DailyReport } from "./reports/daily.tsx";
import { Feeds } from "./reports/feeds.tsx";
import { Reconcile } from "./reports/reconcile.tsx";

export function Reports(): ReactNode {
  const [{ tab }, set] = useParams(["tab"]);
  const now = useBusinessNow();
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Made from the accepted usage. Days and months are UTC, by the business clock."
        >
          Reports
        </Header>
      }
    >
      {now === undefined ? (
        <Spinner />
      ) : (
        <Tabs
          ariaLabel="Reports"
          activeTabId={tab === "" ? "bill" : tab}
          onChange={({ detail }) => set({ tab: detail.activeTabId === "bill" ? "" : detail.activeTabId })}
          tabs={[
            { id: "bill", label: "Estimated bill", content: <Bill now={now} /> },
            { id: "daily", label: "Daily business report", content: <DailyReport now={now} /> },
            { id: "feeds", label: "Data feeds", content: <Feeds now={now} /> },
            { id: "reconcile", label: "Reconcile", content: <Reconcile now={now} /> },
          ]}
        />
      )}
    </ContentLayout>
  );
}
