/** What the doctor finds in the calls of the last day: looked for when the page opens, and again when someone asks. */
import Badge, { type BadgeProps } from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get } from "../../api.ts";
import { To } from "../../parts/link.tsx";
import { Failed } from "../../parts/list.tsx";
import { utcText } from "../../parts/time.tsx";
import type { Diagnosis, Finding, Severity } from "../doctor/diagnosis.ts";

const shownMax = 4;
const lookedBackMs = 86_400_000;
const keptMs = 10 * 60_000;

const severities: Readonly<Record<Severity, { readonly text: string; readonly color: BadgeProps["color"] }>> = {
  "lost-revenue": { text: "Lost revenue", color: "severity-critical" },
  "double-billing": { text: "Double billing", color: "severity-critical" },
  risk: { text: "Risk", color: "severity-medium" },
  advice: { text: "Advice", color: "severity-neutral" },
};

export function Findings(): ReactNode {
  const { data, error, isFetching, refetch } = useQuery<Diagnosis>({
    queryKey: ["overview-findings"],
    queryFn: async ({ signal }) => {
      const { now } = await get<{ readonly now: string }>("/clock", {}, signal);
      return get<Diagnosis>("/doctor", { from: new Date(Date.parse(now) - lookedBackMs).toISOString() }, signal);
    },
    // A day of a busy server is a long read: calls and changes do not ask for it again.
    staleTime: "static",
    gcTime: keptMs,
  });
  const description =
    data === undefined
      ? "In the calls of the last 24 hours"
      : `In ${data.calls.toLocaleString("en-GB")} calls of the 24 hours until ${utcText(data.at, "minute")} UTC`;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={description}
          counter={data === undefined ? "" : `(${data.findings.length})`}
          actions={
            <Button iconName="refresh" loading={isFetching} onClick={() => void refetch()}>
              Look again
            </Button>
          }
        >
          The doctor’s findings
        </Header>
      }
      footer={<To to="/doctor?last=1d">All findings and the checklist</To>}
    >
      {data !== undefined ? (
        <FindingList findings={data.findings} />
      ) : error !== null ? (
        <Failed error={error} />
      ) : (
        <Spinner />
      )}
    </Container>
  );
}

function FindingList({ findings }: { readonly findings: readonly Finding[] }): ReactNode {
  if (findings.length === 0) return <Box color="text-body-secondary">Nothing was found.</Box>;
  return (
    <SpaceBetween size="s">
      {findings.slice(0, shownMax).map(({ check, severity, title, caller = "", productCode = "" }) => (
        <div key={`${check} ${caller} ${productCode} ${title}`}>
          <Badge color={severities[severity].color ?? "grey"}>{severities[severity].text}</Badge> {title}
        </div>
      ))}
    </SpaceBetween>
  );
}
