/** The time that is looked at, in a few numbers. */

import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import type { ReactNode } from "react";
import { To } from "../../parts/link.tsx";
import { ErrorName } from "../requests/outcome.tsx";
import type { Span } from "./range.ts";
import { type CallSummary, recordWords, sumOf } from "./summary.ts";

interface FiguresProps {
  readonly summary: CallSummary | undefined;
  readonly span: Span | undefined;
  readonly title: string;
}

export function Figures({ summary, span, title }: FiguresProps): ReactNode {
  const number = (value: number | undefined): ReactNode => (
    <Box variant="awsui-value-large">{value === undefined ? "–" : value.toLocaleString("en-GB")}</Box>
  );
  const linked = (value: number | undefined, outcome: string): ReactNode =>
    value === undefined || span === undefined ? (
      number(undefined)
    ) : (
      <To to={`/requests?outcome=${outcome}&from=${span.from}`} variant="awsui-value-large">
        {value.toLocaleString("en-GB")}
      </To>
    );
  const sum = (of: Parameters<typeof sumOf>[1]): number | undefined => summary && sumOf(summary, of);
  return (
    <Container header={<Header variant="h2">{title}</Header>}>
      <KeyValuePairs
        columns={4}
        minColumnWidth={110}
        items={[
          {
            label: "Calls accepted",
            value: linked(
              sum(({ accepted }) => accepted),
              "accepted",
            ),
          },
          {
            label: "Calls refused",
            value: linked(
              sum(({ refused }) => refused),
              "refused",
            ),
          },
          ...recordWords.map(({ name, text }) => ({
            label: `Records ${text.toLowerCase()}`,
            value: number(sum(({ records }) => records[name])),
          })),
          { label: "Most frequent error", value: <WorstError summary={summary} span={span} /> },
        ]}
      />
    </Container>
  );
}

function WorstError({ summary, span }: Omit<FiguresProps, "title">): ReactNode {
  const worst = summary?.outcomes.find(({ outcome }) => outcome !== "Success");
  if (worst === undefined || span === undefined) return "None";
  return (
    <To to={`/requests?outcome=${worst.outcome}&from=${span.from}`}>
      <ErrorName name={worst.outcome} /> ({worst.calls.toLocaleString("en-GB")})
    </To>
  );
}
