/** The audit trail, newest first. */
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { AddressFilter } from "../../parts/addressFilter.tsx";
import { To } from "../../parts/link.tsx";
import { ServerList } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { useProductCodes } from "../../parts/productField.tsx";
import { useApi } from "../../parts/query.ts";
import { Time } from "../../parts/time.tsx";
import { Outcome } from "./outcome.tsx";
import { TimeRange } from "./timeRange.tsx";
import { type CallView, type ErrorHelpList, operationNames, recordsText, requestPath } from "./types.ts";

const columns: readonly TableProps.ColumnDefinition<CallView>[] = [
  { id: "at", header: "Business time", width: 205, cell: ({ at }) => <Time at={at} /> },
  { id: "operation", header: "Operation", width: 165, cell: ({ operation }) => operation },
  {
    id: "outcome",
    header: "Outcome",
    width: 290,
    cell: ({ outcome, faults }) => <Outcome outcome={outcome} isFaulted={faults !== undefined} />,
  },
  { id: "records", header: "Records", width: 330, cell: ({ statuses }) => recordsText(statuses) },
  {
    id: "request",
    header: "Request",
    width: 320,
    isRowHeader: true,
    cell: ({ requestId }) => <To to={requestPath(requestId)}>{requestId}</To>,
  },
  {
    id: "product",
    header: "Product",
    width: 240,
    cell: ({ product }) =>
      product === undefined ? "–" : <To to={`/products/${encodeURIComponent(product)}`}>{product}</To>,
  },
  { id: "account", header: "Account", width: 140, cell: ({ account }) => account },
  { id: "key", header: "Access key", width: 210, cell: ({ accessKeyId }) => accessKeyId },
  { id: "region", header: "Region", width: 120, cell: ({ region }) => region },
];

const names = ["outcome", "operation", "product", "account", "accessKeyId", "fault"] as const;
const noFilter = { outcome: "", operation: "", product: "", account: "", accessKeyId: "", fault: "", from: "", to: "" };

export function TracedCalls(): ReactNode {
  const [values, set] = useParams([...names, "from", "to"]);
  const codes = useProductCodes();
  const { data: help } = useApi<ErrorHelpList>("errors", "/errors");
  const isFiltered = Object.values(values).some((value) => value !== "");
  return (
    <ServerList<CallView>
      kind="calls"
      path="/calls"
      query={values}
      title="Calls"
      headingLevel="h2"
      variant="container"
      description="Accepted and refused calls by a known key, newest first. Kept for 90 days of business time."
      columns={columns}
      keyOf={({ requestId }) => requestId}
      filter={
        <SpaceBetween size="xs">
          <AddressFilter
            members={[
              {
                name: "outcome",
                label: "Outcome",
                values: [
                  { value: "accepted", label: "accepted" },
                  { value: "refused", label: "refused" },
                  ...(help?.errors ?? []).map(({ name }) => ({ value: name })),
                ],
              },
              { name: "operation", label: "Operation", values: operationNames.map((value) => ({ value })) },
              { name: "product", label: "Product", values: codes },
              { name: "account", label: "Account of the key" },
              { name: "accessKeyId", label: "Access key" },
              { name: "fault", label: "Planned fault", values: [{ value: "true" }, { value: "false" }] },
            ]}
            values={values}
            set={set}
            placeholder="Find calls by outcome, operation, product, account or key"
          />
          <TimeRange from={values.from} to={values.to} onChange={set} />
        </SpaceBetween>
      }
      empty={
        isFiltered
          ? {
              title: "No call matches",
              text: "There may be calls of other times, outcomes or keys.",
              action: <Button onClick={() => set(noFilter)}>Clear the filters</Button>,
            }
          : {
              title: "No calls yet",
              text: (
                <>
                  The <To to="/">overview</To> has a command that meters usage. Calls that were throttled or had no good
                  signature are in the next tab.
                </>
              ),
            }
      }
    />
  );
}
