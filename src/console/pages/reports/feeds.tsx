/** AWS's data feeds for sellers, a file a month. */
import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { AccountField } from "../../parts/accountField.tsx";
import { dayMs, dayText, monthName, monthText } from "../../parts/businessTime.ts";
import { CopyBlock } from "../../parts/copy.tsx";
import { Download } from "../../parts/download.tsx";
import { useParams } from "../../parts/params.ts";
import { MonthSelect } from "./filters.tsx";

const feeds = [
  {
    value: "billing_event",
    label: "billing_event",
    description: "The invoices of the usage of the month before: a row for each charged line of its bill",
  },
  {
    value: "account",
    label: "account",
    description: "Buyers and sellers whose first agreement was accepted in the month",
  },
] as const;

export function Feeds({ now }: { readonly now: number }): ReactNode {
  const [{ feed: given, month: givenMonth, seller }, set] = useParams(["feed", "month", "seller"]);
  const feed = feeds.find(({ value }) => value === given)?.value ?? "billing_event";
  const month = givenMonth === "" ? monthText(now) : givenMonth;
  const invoicedAt = Date.parse(`${month}-01T00:00:00Z`) + dayMs;
  const before = monthName(monthText(Date.parse(`${month}-01T00:00:00Z`), -1));
  const command = [
    "meterhouse report feed",
    feed,
    `--month ${month}`,
    ...(seller === "" ? [] : [`--seller ${seller}`]),
  ];
  return (
    <Container
      header={
        <Header variant="h2" description="The rows that came in a month, as AWS appends them to the feed">
          Data feeds
        </Header>
      }
    >
      <SpaceBetween size="l">
        <FormField label="Feed">
          <RadioGroup value={feed} items={[...feeds]} onChange={({ detail }) => set({ feed: detail.value })} />
        </FormField>
        <FormField label="Month (UTC)">
          <MonthSelect value={month} now={now} onChange={(chosen) => set({ month: chosen })} />
        </FormField>
        <FormField label="Seller" description="Of this seller's products; empty for all">
          <AccountField value={seller} onChange={(id) => set({ seller: id })} placeholder="All sellers" />
        </FormField>
        {feed === "billing_event" && now < invoicedAt && (
          <Alert type="info">
            The usage of {before} is invoiced on {dayText(invoicedAt)}. Until the business clock has come to that day
            the file has its header alone.
          </Alert>
        )}
        <Download path={`/reports/feeds/${feed}`} query={{ month, seller }} variant="primary">
          Download CSV
        </Download>
        <FormField label="Into a folder that is laid out as AWS lays out its bucket" stretch>
          <CopyBlock text={[...command, "--bucket ./feeds"].join(" ")} what="Command that writes the feed" />
        </FormField>
      </SpaceBetween>
    </Container>
  );
}
