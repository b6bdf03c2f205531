/** What integrations do wrong, by their calls, and AWS's go-live checklist. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import type { ReactNode } from "react";
import { To } from "../parts/link.tsx";
import { Failed, Nothing } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { useApi } from "../parts/query.ts";
import { Time, utcText } from "../parts/time.tsx";
import type { ClockView } from "./clock/ticking.ts";
import { Checklist } from "./doctor/checklist.tsx";
import { Checks } from "./doctor/checks.tsx";
import { Commands } from "./doctor/commands.tsx";
import { type Diagnosis, rangeOf, useDiagnosis } from "./doctor/diagnosis.ts";
import { Filters } from "./doctor/filters.tsx";
import { Findings } from "./doctor/findings.tsx";

const tabIds = ["findings", "checklist", "checks", "commands"] as const;

const title = (
  <Header
    variant="h1"
    description="Reads what was called, and tells what an integration does wrong and what to change."
  >
    Doctor
  </Header>
);

export function Doctor(): ReactNode {
  const [{ tab, severity, ...filter }, set] = useParams(["product", "caller", "last", "from", "to", "tab", "severity"]);
  const { data: clock, error: clockError } = useApi<ClockView>("clock", "/clock");
  const businessAt = clock === undefined ? 0 : Date.parse(clock.now);
  const { diagnosis, error, isRunning, run, cancel } = useDiagnosis(filter, businessAt);
  const activeTab = tabIds.find((id) => id === tab) ?? "findings";
  const range = rangeOf(filter, businessAt);
  const shown = isRunning ? (
    <Running range={range} cancel={cancel} />
  ) : error !== null ? (
    <Failed error={error} again={run} />
  ) : undefined;
  const inRun = (of: (found: Diagnosis) => ReactNode): ReactNode =>
    shown ?? (diagnosis === undefined ? <NotRun run={run} /> : diagnosis.calls === 0 ? <NoCalls /> : of(diagnosis));
  return (
    <ContentLayout header={title}>
      <SpaceBetween size="l">
        {clockError !== null && clock === undefined && <Failed error={clockError} />}
        <Container
          header={
            <Header
              variant="h2"
              description={clock === undefined ? "…" : `Calls ${rangeText(range)}, in business time`}
              actions={
                <Button variant="primary" loading={isRunning} disabled={clock === undefined} onClick={run}>
                  {diagnosis === undefined ? "Run the doctor" : "Run it again"}
                </Button>
              }
            >
              Which calls
            </Header>
          }
        >
          <Filters filter={filter} set={set} error={error} />
        </Container>
        {diagnosis !== undefined && !isRunning && <Summary diagnosis={diagnosis} />}
        <Tabs
          ariaLabel="What the doctor says"
          activeTabId={activeTab}
          onChange={({ detail }) => set({ tab: detail.activeTabId === "findings" ? "" : detail.activeTabId })}
          tabs={[
            {
              id: "findings",
              label: diagnosis === undefined ? "Findings" : `Findings (${diagnosis.findings.length})`,
              content: inRun(({ findings }) => (
                <Findings findings={findings} severity={severity} choose={(value) => set({ severity: value })} />
              )),
            },
            {
              id: "checklist",
              label: "Go-live checklist",
              // No call at all: nothing is ticked, and what to do is what is asked for.
              content:
                shown ?? (diagnosis === undefined ? <NotRun run={run} /> : <Checklist items={diagnosis.checklist} />),
            },
            { id: "checks", label: "What it looks for", content: <Checks /> },
            { id: "commands", label: "On AWS’s logs and in CI", content: <Commands /> },
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

function rangeText({ from, to }: ReturnType<typeof rangeOf>): string {
  const parts = [from && `from ${utcText(from, "minute")}`, to && `to ${utcText(to, "minute")}`];
  return `${parts.filter((part) => part !== undefined && part !== "").join(" ")} UTC`;
}

function Summary({ diagnosis: { at, calls, from, to, checksRun } }: { readonly diagnosis: Diagnosis }): ReactNode {
  return (
    <Box>
      {calls === 1 ? "1 call" : `${calls.toLocaleString("en-GB")} calls`}
      {from !== undefined && (
        <>
          , the first at <Time at={from} />, the last at <Time at={to} />
        </>
      )}
      ; {checksRun.length} checks, made at <Time at={at} />.
    </Box>
  );
}

interface RunningProps {
  readonly range: ReturnType<typeof rangeOf>;
  readonly cancel: () => void;
}

function Running({ range, cancel }: RunningProps): ReactNode {
  return (
    <Box textAlign="center" padding="xl">
      <SpaceBetween size="s" alignItems="center">
        <Spinner size="large" />
        <div role="status">Looking at the calls {rangeText(range)}. A long trail takes its time.</div>
        <Button onClick={cancel}>Cancel</Button>
      </SpaceBetween>
    </Box>
  );
}

function NotRun({ run }: { readonly run: () => void }): ReactNode {
  return (
    <Nothing
      title="The doctor has not looked yet"
      text="It reads the calls of the time above. Nothing is changed by it."
      action={<Button onClick={run}>Look now</Button>}
    />
  );
}

function NoCalls(): ReactNode {
  return (
    <Nothing
      title="There are no calls to judge by"
      text="Make a call with an AWS SDK against this server, or look further back. A call needs a product and a key."
      action={<To to="/products">Go to the products</To>}
    />
  );
}
