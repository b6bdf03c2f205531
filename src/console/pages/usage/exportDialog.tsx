/** The records that the filter finds, as a file. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Modal from "@cloudscape-design/components/modal";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { apiPath, problemOf } from "../../api.ts";
import { ProblemText } from "../../flash.tsx";
import { CopyBlock } from "../../parts/copy.tsx";
import { Download } from "../../parts/download.tsx";
import { type Filters, filterNames, numberText } from "./types.ts";

/** Beyond it the browser takes the file alone: what a page has taken is in memory or in the browser's scratch space. */
const takenByPageMax = 500_000;
const exportPath = "/metering-records/export";

const formats = [
  { value: "csv", label: "CSV", description: "For spreadsheets; with a header" },
  { value: "parquet", label: "Parquet", description: "For data tools; compressed" },
  { value: "jsonl", label: "JSON lines", description: "One record a line" },
] as const;

function useRecordCount(filters: Filters) {
  return useQuery({
    queryKey: ["export-count", filters],
    queryFn: async ({ signal }) => {
      const response = await fetch(apiPath(exportPath, filters), {
        method: "HEAD",
        credentials: "same-origin",
        signal,
      });
      // An answer to HEAD has no text that says why.
      if (!response.ok) throw problemOf(response.status, await (await fetch(apiPath(exportPath, filters))).text());
      return Number(response.headers.get("meterhouse-records"));
    },
    gcTime: 0,
  });
}

interface ExportDialogProps {
  readonly filters: Filters;
  readonly onClose: () => void;
}

/** Mounted while it is open. */
export function ExportDialog({ filters, onClose }: ExportDialogProps): ReactNode {
  const [format, setFormat] = useState<string>("csv");
  const { data: count, error } = useRecordCount(filters);
  const query = { ...filters, format };
  const reason =
    count === undefined ? "The records are being counted." : count === 0 ? "No record matches." : undefined;
  return (
    <Modal
      visible
      header="Export metering records"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <Button variant="link" onClick={onClose}>
            Close
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="l">
        <div role="status">
          <Count count={count} error={error} isFiltered={filterNames.some((name) => filters[name] !== "")} />
        </div>
        <FormField label="Form of the file">
          <RadioGroup value={format} items={[...formats]} onChange={({ detail }) => setFormat(detail.value)} />
        </FormField>
        {count !== undefined && count > takenByPageMax ? (
          <SpaceBetween size="s">
            <Alert type="info">
              With more than {numberText(takenByPageMax)} records the browser takes the file by itself, and shows how
              far it is among its downloads.
            </Alert>
            <Button variant="primary" iconName="download" href={apiPath(exportPath, query)} download>
              Download
            </Button>
          </SpaceBetween>
        ) : (
          <Download path={exportPath} query={query} variant="primary" disabledReason={reason}>
            Download
          </Download>
        )}
        <SpaceBetween size="xxs">
          <Box variant="awsui-key-label">The same in a shell</Box>
          <CopyBlock text={commandOf(filters, format)} what="Command that exports" />
        </SpaceBetween>
      </SpaceBetween>
    </Modal>
  );
}

interface CountProps {
  readonly count: number | undefined;
  readonly error: Error | null;
  readonly isFiltered: boolean;
}

function Count({ count, error, isFiltered }: CountProps): ReactNode {
  if (error !== null) {
    return (
      <Box color="text-status-error">
        <ProblemText error={error} />
      </Box>
    );
  }
  if (count === undefined) return <StatusIndicator type="loading">Counting the records</StatusIndicator>;
  const which = isFiltered ? "match the filter" : "are in the ledger";
  return (
    <Box>
      <b>{numberText(count)}</b> {count === 1 ? "record" : "records"} {which}. Records that come meanwhile are not in
      the file.
    </Box>
  );
}

function commandOf(filters: Filters, format: string): string {
  const given = filterNames
    .filter((name) => filters[name] !== "")
    .map((name) => `--${name} ${/^[\w.:/@-]+$/.test(filters[name]) ? filters[name] : `'${filters[name]}'`}`);
  return ["meterhouse usage export", ...given, `--output usage.${format}`].join(" ");
}
