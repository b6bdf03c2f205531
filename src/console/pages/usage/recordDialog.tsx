/** One record: what was sent, what it was split into, where it came from. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { get, type Page } from "../../api.ts";
import { hourMs } from "../../parts/businessTime.ts";
import { CopyValue } from "../../parts/copy.tsx";
import { To } from "../../parts/link.tsx";
import { Failed, Nothing } from "../../parts/list.tsx";
import { TimeInFull } from "../../parts/time.tsx";
import { type Allocation, numberText, type RecordItem } from "./types.ts";

/** A workload can store many records of one key; beyond these pages one is not looked for. */
const pagesMax = 10;
const pageSize = 1_000;

/** Names a record in an address: its hour and key, by which it is found, and its id. */
export function recordWord({ hour, product, customer, dimension, region, id }: RecordItem): string {
  return [hour, product, customer, dimension, region, id].join("~");
}

async function found(word: string, signal: AbortSignal): Promise<RecordItem | null> {
  const [hour = "", product, customer, dimension, region, id] = word.split("~");
  const fromAt = Date.parse(hour);
  if (Number.isNaN(fromAt) || id === undefined) return null;
  const to = new Date(fromAt + hourMs).toISOString();
  const query = { product, customer, dimension, region, from: hour, to, limit: pageSize };
  let cursor: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const { items, nextCursor } = await get<Page<RecordItem>>("/metering-records", { ...query, cursor }, signal);
    const item = items.find((one) => one.id === id);
    if (item !== undefined) return item;
    if (nextCursor === undefined) return null;
    cursor = nextCursor;
  }
  return null;
}

export function StatusOf({ status }: { readonly status: RecordItem["status"] }): ReactNode {
  return status === "billable" ? (
    <StatusIndicator type="success">Billable</StatusIndicator>
  ) : (
    <StatusIndicator type="info">Not billable</StatusIndicator>
  );
}

interface RecordDialogProps {
  /** See `recordWord`. */
  readonly word: string;
  readonly onClose: () => void;
}

/** Mounted while it is open. */
export function RecordDialog({ word, onClose }: RecordDialogProps): ReactNode {
  const { data: item, error } = useQuery({
    queryKey: ["record", word],
    queryFn: ({ signal }) => found(word, signal),
  });
  return (
    <Modal
      visible
      size="large"
      header="Metering record"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <Button onClick={onClose}>Close</Button>
        </Box>
      }
    >
      {error !== null && <Failed error={error} />}
      {item === undefined && error === null && <Spinner />}
      {item === null && (
        <Nothing title="There is no such record" text="The ledger may have been reset since the link was made." />
      )}
      {item !== undefined && item !== null && <Details item={item} />}
    </Modal>
  );
}

const pathNames: Readonly<Record<RecordItem["path"], string>> = {
  productCode: "Product code: one record a customer, dimension and hour",
  license: "Licence: one record a licence, dimension and hour",
  resource: "Workload: one record a workload, dimension and hour",
  agentcore: "Agent: records add up, told apart by client token",
};

function Details({ item }: { readonly item: RecordItem }): ReactNode {
  return (
    <SpaceBetween size="l">
      <KeyValuePairs
        columns={2}
        items={[
          { label: "MeteringRecordId", value: <CopyValue value={item.id} what="MeteringRecordId" /> },
          { label: "Quantity", value: `${numberText(item.quantity)} of ${item.dimension}` },
          { label: "Hour", value: <TimeInFull at={item.hour} /> },
          { label: "Timestamp, as sent", value: <TimeInFull at={item.timestamp} /> },
          { label: "Status", value: <StatusOf status={item.status} /> },
          { label: "Received", value: <TimeInFull at={item.receivedAt} /> },
          {
            label: "Customer",
            value: <To to={`/customers/${encodeURIComponent(item.customer)}`}>{item.customer}</To>,
          },
          { label: "Product", value: <To to={`/products/${encodeURIComponent(item.product)}`}>{item.product}</To> },
          { label: "Region", value: item.region },
          { label: "Key", value: pathNames[item.path] },
          ...(item.license === undefined
            ? []
            : [{ label: "Licence", value: <CopyValue value={item.license} what="licence" /> }]),
          ...(item.resource === undefined
            ? []
            : [{ label: "Workload", value: <CopyValue value={item.resource} what="workload" /> }]),
          ...(item.clientToken === undefined
            ? []
            : [{ label: "Client token", value: <CopyValue value={item.clientToken} what="client token" /> }]),
          {
            label: "Request",
            value: <To to={`/requests/${encodeURIComponent(item.requestId)}`}>{item.requestId}</To>,
          },
        ]}
      />
      <Allocations allocations={item.allocations ?? []} quantity={item.quantity} />
    </SpaceBetween>
  );
}

function Allocations({
  allocations,
  quantity,
}: {
  readonly allocations: readonly Allocation[];
  readonly quantity: number;
}): ReactNode {
  return (
    <Table
      variant="embedded"
      header={<Box variant="h3">Allocations</Box>}
      ariaLabels={{ tableLabel: "Allocations" }}
      items={allocations}
      wrapLines
      empty="Sent without allocations."
      columnDefinitions={[
        {
          id: "tags",
          header: "Tags",
          isRowHeader: true,
          cell: ({ Tags = [] }) =>
            Tags.length === 0 ? "No tags" : Tags.map(({ Key, Value }) => `${Key} = ${Value}`).join(", "),
        },
        { id: "quantity", header: "Quantity", cell: (one) => numberText(one.AllocatedUsageQuantity) },
        {
          id: "share",
          header: "Share",
          cell: (one) => (quantity === 0 ? "–" : `${((one.AllocatedUsageQuantity / quantity) * 100).toFixed(1)} %`),
        },
      ]}
    />
  );
}
