/** The usage part of AWS's daily business report. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import DatePicker from "@cloudscape-design/components/date-picker";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { dayMs, dayText } from "../../parts/businessTime.ts";
import { Download } from "../../parts/download.tsx";
import { useParams } from "../../parts/params.ts";
import { OwnerFilter } from "./filters.tsx";
import "./reports.css";

export function DailyReport({ now }: { readonly now: number }): ReactNode {
  const [{ date: given, ...owners }, set] = useParams(["date", "product", "customer", "seller"]);
  const date = given === "" ? dayText(now - dayMs) : given;
  const today = dayText(now);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="AWS's columns in AWS's order: a row is a day of a customer, product, agreement and dimension"
        >
          Daily business report
        </Header>
      }
    >
      <SpaceBetween size="l">
        <FormField
          label="Day (UTC)"
          constraintText={date === today ? "This day is not over: more usage may come." : "Such as 2026/08/15"}
        >
          <DatePicker
            value={date}
            placeholder="YYYY/MM/DD"
            openCalendarAriaLabel={(chosen) => (chosen === null ? "Choose a day" : `Choose a day, now ${chosen}`)}
            isDateEnabled={(day) => day.getFullYear() >= 1970}
            onChange={({ detail }) => set({ date: detail.value })}
          />
        </FormField>
        <FormField label="Whose usage" stretch>
          <OwnerFilter owners={owners} set={set} />
        </FormField>
        <Download
          path="/reports/daily-business"
          query={{ date, ...owners }}
          variant="primary"
          disabledReason={/^\d{4}-\d{2}-\d{2}$/.test(date) ? undefined : "Choose a day first."}
        >
          Download CSV
        </Download>
        <Box color="text-body-secondary">
          Estimated Revenue is empty without a price. Addresses, payers and solutions are empty, because nothing here
          knows them.
        </Box>
      </SpaceBetween>
    </Container>
  );
}
