/** What goes on: usage, calls, findings, what is due. */
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Grid from "@cloudscape-design/components/grid";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { lazy, type ReactNode, Suspense, useMemo } from "react";
import type { Page } from "../api.ts";
import { To } from "../parts/link.tsx";
import { Failed } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { useApi } from "../parts/query.ts";
import { Due } from "./overview/due.tsx";
import { Feed } from "./overview/feed.tsx";
import { Figures } from "./overview/figures.tsx";
import { Findings } from "./overview/findings.tsx";
import { FirstSteps, isMeterable } from "./overview/firstSteps.tsx";
import { type Range, ranges, type Span, spanOf } from "./overview/range.ts";
import type { CallSummary } from "./overview/summary.ts";
import type { Measure, Member } from "./overview/usageChart.tsx";
import type { ProductView } from "./product/types.ts";
import type { CallView } from "./requests/types.ts";

// Charts are large: the rest of the page does not wait for them.
const UsageChart = lazy(async () => ({ default: (await import("./overview/usageChart.tsx")).UsageChart }));
const CallChart = lazy(async () => ({ default: (await import("./overview/callCharts.tsx")).CallChart }));

export function Overview(): ReactNode {
  const [{ range: wanted }, set] = useParams(["range"]);
  const range = ranges.find(({ id }) => id === wanted) ?? ranges[0];
  const { data: clock, error } = useApi<{ readonly now: string }>("clock", "/clock");
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Of business time: the hours that usage is of, and when calls came by the business clock."
          actions={
            <SegmentedControl
              label="Time range"
              selectedId={range.id}
              options={ranges.map(({ id, text }) => ({ id, text: `Last ${text}` }))}
              onChange={({ detail }) => set({ range: detail.selectedId === ranges[0].id ? "" : detail.selectedId })}
            />
          }
        >
          Overview
        </Header>
      }
    >
      {error !== null && clock === undefined ? (
        <Failed error={error} />
      ) : (
        <SpaceBetween size="l">
          <Start />
          <Charts range={range} now={clock?.now} />
          <Grid gridDefinition={[{ colspan: { default: 12, m: 6 } }, { colspan: { default: 12, m: 6 } }]}>
            <Feed />
            <SpaceBetween size="l">
              <Findings />
              <Due />
            </SpaceBetween>
          </Grid>
        </SpaceBetween>
      )}
    </ContentLayout>
  );
}

/** So many products are looked through for one that can be metered. */
const productsLooked = 50;

/** Until the first call. */
function Start(): ReactNode {
  const { data: calls } = useApi<Page<CallView>>("calls", "/calls", { limit: 1 });
  const isNew = calls !== undefined && calls.items.length === 0;
  const { data: products } = useApi<Page<ProductView>>(
    "products",
    "/products",
    { limit: productsLooked },
    { enabled: isNew },
  );
  if (!isNew || products === undefined) return null;
  return <FirstSteps product={products.items.find(isMeterable)} />;
}

function Charts({ range, now }: { readonly range: Range; readonly now: string | undefined }): ReactNode {
  const { by, from, to } = now === undefined ? { by: range.by, from: "", to: "" } : spanOf(range, now);
  // The clock ticks on; what is asked for stays the same until it comes to another bucket.
  const span = useMemo<Span>(() => ({ by, from, to }), [by, from, to]);
  const isKnown = from !== "";
  const { data, error } = useApi<CallSummary>("calls", "/calls/summary", { ...span }, { enabled: isKnown });
  return (
    <SpaceBetween size="l">
      <Figures summary={data} span={isKnown ? span : undefined} title={`Last ${range.text}`} />
      <Usage span={isKnown ? span : undefined} />
      <Grid gridDefinition={[{ colspan: { default: 12, m: 6 } }, { colspan: { default: 12, m: 6 } }]}>
        <Container
          fitHeight
          header={
            <Header variant="h2" description="What became of the records of accepted calls">
              Records
            </Header>
          }
        >
          <Chart>
            <CallChart summary={data} error={error} of="records" />
          </Chart>
        </Container>
        <Container
          fitHeight
          header={
            <Header
              variant="h2"
              description="Accepted or refused as a whole"
              actions={<To to="/requests">All requests</To>}
            >
              Calls
            </Header>
          }
        >
          <Chart>
            <CallChart summary={data} error={error} of="calls" />
          </Chart>
        </Container>
      </Grid>
    </SpaceBetween>
  );
}

function Usage({ span }: { readonly span: Span | undefined }): ReactNode {
  const [{ usage, measure: wanted }, set] = useParams(["usage", "measure"]);
  const member: Member = usage === "customer" ? "customer" : "dimension";
  const measure: Measure = wanted === "records" ? "records" : "quantity";
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Accepted records, the largest first"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <SegmentedControl
                label="Usage by"
                selectedId={member}
                options={[
                  { id: "dimension", text: "By dimension" },
                  { id: "customer", text: "By customer" },
                ]}
                onChange={({ detail }) => set({ usage: detail.selectedId === "customer" ? "customer" : "" })}
              />
              <SegmentedControl
                label="Measure"
                selectedId={measure}
                options={[
                  { id: "quantity", text: "Units" },
                  { id: "records", text: "Records" },
                ]}
                onChange={({ detail }) => set({ measure: detail.selectedId === "records" ? "records" : "" })}
              />
            </SpaceBetween>
          }
        >
          Usage
        </Header>
      }
    >
      <Chart>{span === undefined ? <Spinner /> : <UsageChart span={span} member={member} measure={measure} />}</Chart>
    </Container>
  );
}

function Chart({ children }: { readonly children: ReactNode }): ReactNode {
  return <Suspense fallback={<Spinner />}>{children}</Suspense>;
}
