/** Calls that are in no audit trail; memory holds the last thousand of each kind. */
import Button from "@cloudscape-design/components/button";
import type { TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { AddressFilter } from "../../parts/addressFilter.tsx";
import { To } from "../../parts/link.tsx";
import { ServerList } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { Time } from "../../parts/time.tsx";
import { Outcome } from "./outcome.tsx";
import { requestPath, type UntracedCallView } from "./types.ts";

const columns: readonly TableProps.ColumnDefinition<UntracedCallView>[] = [
  { id: "at", header: "Time on the wall", width: 205, cell: ({ at }) => <Time at={at} /> },
  {
    id: "request",
    header: "Request",
    width: 320,
    isRowHeader: true,
    cell: ({ requestId }) => <To to={requestPath(requestId)}>{requestId}</To>,
  },
  { id: "operation", header: "Operation", width: 165, cell: ({ operation = "–" }) => operation },
  { id: "outcome", header: "Outcome", width: 300, cell: ({ outcome }) => <Outcome outcome={outcome} /> },
  { id: "message", header: "Message", width: 360, cell: ({ errorMessage }) => errorMessage },
  { id: "key", header: "Access key", width: 210, cell: ({ accessKeyId = "–" }) => accessKeyId },
  { id: "agent", header: "User agent", width: 260, cell: ({ userAgent }) => userAgent || "–" },
];

/** Of throttling and of authentication: no other error leaves no trail. */
const outcomes = [
  "ThrottlingException",
  "InvalidSignatureException",
  "UnrecognizedClientException",
  "MissingAuthenticationTokenException",
  "IncompleteSignatureException",
  "ExpiredTokenException",
];

export function UntracedCalls(): ReactNode {
  const [values, set] = useParams(["outcome", "accessKeyId"]);
  const isFiltered = values.outcome !== "" || values.accessKeyId !== "";
  return (
    <ServerList<UntracedCallView>
      kind="calls"
      path="/calls/untraced"
      query={values}
      title="Calls without a trail"
      headingLevel="h2"
      variant="container"
      description="Throttled calls, and those without a good signature: the last ones, until the server restarts. They write nothing to disk."
      columns={columns}
      keyOf={({ requestId }) => requestId}
      filter={
        <AddressFilter
          members={[
            { name: "outcome", label: "Outcome", values: outcomes.map((value) => ({ value })) },
            { name: "accessKeyId", label: "Access key" },
          ]}
          values={values}
          set={set}
          placeholder="Find calls by outcome or access key"
        />
      }
      empty={
        isFiltered
          ? {
              title: "No call matches",
              text: "There may be calls with other outcomes or keys.",
              action: <Button onClick={() => set({ outcome: "", accessKeyId: "" })}>Clear the filters</Button>,
            }
          : { title: "None", text: "No call was throttled or had a bad signature since the server started." }
      }
    />
  );
}
