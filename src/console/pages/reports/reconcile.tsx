/** How to compare one's own log with the ledger: the files stay on the reader's machine, so a command does it. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { monthText } from "../../parts/businessTime.ts";
import { CopyBlock } from "../../parts/copy.tsx";
import { useParams } from "../../parts/params.ts";
import { ProductField } from "../../parts/productField.tsx";
import { MonthSelect } from "./filters.tsx";

export function Reconcile({ now }: { readonly now: number }): ReactNode {
  const [{ month: given, product }, set] = useParams(["month", "product"]);
  const month = given === "" ? monthText(now) : given;
  const command = [
    "meterhouse usage reconcile my-usage.csv",
    `--month ${month}`,
    ...(product === "" ? [] : [`--product ${product}`]),
    "--output differences.csv",
  ].join(" ");
  return (
    <Container
      header={
        <Header variant="h2" description="Compare your own log of usage with what the ledger holds">
          Reconcile
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Box>
          The command line does this: it reads your file on your machine, whatever its size, and nothing is uploaded.
          Run it where the file is:
        </Box>
        <SpaceBetween direction="horizontal" size="m">
          <FormField label="Month (UTC)">
            <MonthSelect value={month} now={now} onChange={(chosen) => set({ month: chosen })} />
          </FormField>
          <FormField label="Product">
            <ProductField value={product} onChange={(code) => set({ product: code })} />
          </FormField>
        </SpaceBetween>
        <CopyBlock text={command} what="Command that reconciles" />
        <Box>
          The CSV needs a column <Box variant="code">hour</Box> or <Box variant="code">timestamp</Box>,{" "}
          <Box variant="code">dimension</Box>, <Box variant="code">quantity</Box>, and one of{" "}
          <Box variant="code">customer</Box>, <Box variant="code">license</Box> and <Box variant="code">resource</Box>.
          The command prints what is missing, extra and different, and ends with 0 when nothing is. See{" "}
          <Box variant="code">meterhouse usage reconcile --help</Box>.
        </Box>
      </SpaceBetween>
    </Container>
  );
}
