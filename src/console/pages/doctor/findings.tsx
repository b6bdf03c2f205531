/** Findings, by product and caller, the worst first. */
import "../../parts/lists.css";
import Badge, { type BadgeProps } from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Pagination from "@cloudscape-design/components/pagination";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useState } from "react";
import { To } from "../../parts/link.tsx";
import { Nothing } from "../../parts/list.tsx";
import { type Finding, type Severity, severities } from "./diagnosis.ts";

const severityTexts: Readonly<Record<Severity, string>> = {
  "lost-revenue": "Lost revenue",
  "double-billing": "Double billing",
  risk: "Risk",
  advice: "Advice",
};
const severityColors: Readonly<Record<Severity, NonNullable<BadgeProps["color"]>>> = {
  "lost-revenue": "severity-critical",
  "double-billing": "severity-critical",
  risk: "severity-medium",
  advice: "severity-neutral",
};
const groupsOnPage = 10;

interface FindingsProps {
  readonly findings: readonly Finding[];
  /** "" is all. */
  readonly severity: string;
  readonly choose: (severity: string) => void;
}

export function Findings({ findings, severity, choose }: FindingsProps): ReactNode {
  const [index, setIndex] = useState(1);
  if (findings.length === 0) {
    return (
      <Nothing
        title="Nothing was found"
        text="No check found anything wrong in these calls. The checklist tells what was not exercised yet."
      />
    );
  }
  const countOf = (one: Severity): number => findings.filter((finding) => finding.severity === one).length;
  const shown = findings.filter((finding) => severity === "" || finding.severity === severity);
  const groups = groupsOf(shown);
  const pagesCount = Math.max(1, Math.ceil(groups.length / groupsOnPage));
  const page = Math.min(index, pagesCount);
  return (
    <SpaceBetween size="l">
      <SegmentedControl
        label="Severity"
        selectedId={severity === "" ? "all" : severity}
        options={[
          { id: "all", text: `All (${findings.length})` },
          ...severities.map((one) => ({ id: one, text: `${severityTexts[one]} (${countOf(one)})` })),
        ]}
        onChange={({ detail }) => {
          setIndex(1);
          choose(detail.selectedId === "all" ? "" : detail.selectedId);
        }}
      />
      {shown.length === 0 && <Nothing title="Nothing of this severity" text="Choose another severity." />}
      {groups.slice((page - 1) * groupsOnPage, page * groupsOnPage).map((group) => (
        <Group key={keyOf(group[0])} findings={group} />
      ))}
      {pagesCount > 1 && (
        <Pagination
          currentPageIndex={page}
          pagesCount={pagesCount}
          onChange={({ detail }) => setIndex(detail.currentPageIndex)}
          ariaLabels={{ nextPageLabel: "Next page", previousPageLabel: "Previous page", paginationLabel: "Findings" }}
        />
      )}
    </SpaceBetween>
  );
}

function keyOf(finding: Finding | undefined): string {
  return JSON.stringify([finding?.productCode, finding?.caller]);
}

/** In the order of their first, which is their worst. */
function groupsOf(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  return [...Map.groupBy(findings, keyOf).values()];
}

function Group({ findings }: { readonly findings: readonly Finding[] }): ReactNode {
  const { productCode, caller } = findings[0] ?? {};
  return (
    <Container
      header={
        <Header variant="h2" counter={`(${findings.length})`} description={caller && `Called by ${caller}`}>
          {productCode === undefined ? (
            "No product in particular"
          ) : (
            <To fontSize="inherit" to={`/products/${encodeURIComponent(productCode)}`}>
              {productCode}
            </To>
          )}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {findings.map((finding) => (
          <One key={`${finding.check}${finding.title}`} finding={finding} />
        ))}
      </SpaceBetween>
    </Container>
  );
}

function One({ finding }: { readonly finding: Finding }): ReactNode {
  const { severity, title, fix, check, rules, count, quantities = {}, evidence } = finding;
  const units = Object.entries(quantities);
  return (
    <section aria-label={title}>
      <SpaceBetween size="xs">
        <SpaceBetween direction="horizontal" size="xs" alignItems="center">
          <Badge color={severityColors[severity]}>{severityTexts[severity]}</Badge>
          <Box variant="h3" padding="n">
            {title}
          </Box>
        </SpaceBetween>
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Fix", value: fix },
            {
              label: "Units lost or billed twice",
              value: units.length === 0 ? "–" : units.map(([name, quantity]) => `${quantity} ${name}`).join(", "),
            },
            { label: "Seen", value: `${count} ${count === 1 ? "time" : "times"}; ${check}, by ${rules.join(", ")}` },
            { label: "Requests", value: <Requests ids={evidence} count={count} /> },
          ]}
        />
      </SpaceBetween>
    </section>
  );
}

/** At most ten, oldest first. */
export function Requests({ ids, count }: { readonly ids: readonly string[]; readonly count: number }): ReactNode {
  if (ids.length === 0) return "–";
  return (
    <ul className="plain-list">
      {ids.map((id) => (
        <li key={id}>
          <To to={`/requests/${encodeURIComponent(id)}`}>{id}</To>
        </li>
      ))}
      {ids.length < count && <li>and more</li>}
    </ul>
  );
}
