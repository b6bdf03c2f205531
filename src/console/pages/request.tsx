/** One call: what came, what went back, what became of its records, why, and how to make it again. */
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs, { type TabsProps } from "@cloudscape-design/components/tabs";
import type { ReactNode } from "react";
import { useLocation, useParams as usePathParams } from "wouter";
import { ApiProblem } from "../api.ts";
import { CopyBlock, CopyValue } from "../parts/copy.tsx";
import { base, To } from "../parts/link.tsx";
import { Failed, Nothing } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { TimeInFull } from "../parts/time.tsx";
import { ExchangeTab } from "./request/exchangeTab.tsx";
import { Explanation } from "./request/explanation.tsx";
import { RecordsTab } from "./request/recordsTab.tsx";
import { ReplayTab } from "./request/replayTab.tsx";
import { type OpenedCall, useCall } from "./request/types.ts";
import { Outcome } from "./requests/outcome.tsx";
import { recordsText } from "./requests/types.ts";

export function RequestDetail(): ReactNode {
  const { requestId = "" } = usePathParams<{ requestId: string }>();
  const { data, error, refetch } = useCall(requestId);
  const [, navigate] = useLocation();
  return (
    <ContentLayout
      breadcrumbs={
        <BreadcrumbGroup
          ariaLabel="Where this page is"
          items={[
            { text: "Requests", href: `${base}/requests` },
            { text: requestId, href: `${base}/requests/${encodeURIComponent(requestId)}` },
          ]}
          onFollow={(event) => {
            event.preventDefault();
            navigate(event.detail.href.slice(base.length));
          }}
        />
      }
      header={<Header variant="h1">{data?.call.operation ?? "Request"}</Header>}
    >
      {data !== undefined ? (
        <Opened opened={data} />
      ) : error instanceof ApiProblem && error.status === 404 ? (
        <Container>
          <Nothing
            title="This call is not known any more"
            text="The trail keeps 90 days of business time; calls that were throttled or had no good signature are kept in memory alone, the last of them until the server restarts."
            action={<Button onClick={() => navigate("/requests")}>All requests</Button>}
          />
        </Container>
      ) : error !== null ? (
        <Failed error={error} again={() => void refetch()} />
      ) : (
        <Spinner size="large" />
      )}
    </ContentLayout>
  );
}

function Opened({ opened }: { readonly opened: OpenedCall }): ReactNode {
  const [{ tab }, set] = useParams(["tab"]);
  const tabs: TabsProps.Tab[] = [
    // A call that was refused as a whole, or that meters nothing, has none.
    ...((opened.call.statuses ?? "") !== ""
      ? [{ id: "records", label: "Records", content: <RecordsTab opened={opened} /> }]
      : []),
    { id: "exchange", label: "Request and answer", content: <ExchangeTab exchange={opened.exchange} /> },
    ...(opened.record === undefined
      ? []
      : [{ id: "cloudtrail", label: "CloudTrail record", content: <TrailTab opened={opened} /> }]),
    { id: "replay", label: "Make it again", content: <ReplayTab opened={opened} /> },
  ];
  const first = tabs[0]?.id ?? "";
  return (
    <SpaceBetween size="l">
      <Explanation opened={opened} />
      <Summary opened={opened} />
      <Tabs
        ariaLabel="Of this call"
        tabs={tabs}
        activeTabId={tabs.some(({ id }) => id === tab) ? tab : first}
        onChange={({ detail }) => set({ tab: detail.activeTabId === first ? "" : detail.activeTabId })}
      />
    </SpaceBetween>
  );
}

function Summary({ opened: { call, isTraced } }: { readonly opened: OpenedCall }): ReactNode {
  const { requestId, at, outcome, faults, product, accessKeyId } = call;
  const search = accessKeyId === undefined ? "" : encodeURIComponent(accessKeyId);
  return (
    <Container header={<Header variant="h2">Call</Header>}>
      <KeyValuePairs
        columns={4}
        items={[
          { label: "Outcome", value: <Outcome outcome={outcome} isFaulted={faults !== undefined} /> },
          { label: "Request id", value: <CopyValue value={requestId} what="the request id" /> },
          { label: isTraced ? "Business time" : "Time on the wall", value: <TimeInFull at={at} /> },
          { label: "Records", value: recordsText(call.statuses) },
          {
            label: "Product",
            value: product === undefined ? "–" : <To to={`/products/${encodeURIComponent(product)}`}>{product}</To>,
          },
          { label: "Region", value: call.region ?? "–" },
          {
            label: "Access key",
            value:
              accessKeyId === undefined ? (
                "–"
              ) : (
                <To to={`/requests?${isTraced ? "" : "tab=untraced&"}accessKeyId=${search}`}>{accessKeyId}</To>
              ),
          },
          { label: "Account of the key", value: call.account ?? "–" },
          { label: "Client address", value: call.source || "–" },
          { label: "User agent", value: call.userAgent || "–" },
        ]}
      />
    </Container>
  );
}

function TrailTab({ opened }: { readonly opened: OpenedCall }): ReactNode {
  return (
    <Container
      header={
        <Header variant="h2" description="As AWS CloudTrail would have delivered it. AWS names the members so.">
          CloudTrail record
        </Header>
      }
    >
      <CopyBlock text={JSON.stringify(opened.record, undefined, 2)} what="CloudTrail record" />
    </Container>
  );
}
