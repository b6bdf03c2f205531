/** Workloads: simulated compute of buyers, with an identity of its own. */
import Button from "@cloudscape-design/components/button";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";
import { AddressFilter, type FilterMember } from "../parts/addressFilter.tsx";
import { ChangeButton } from "../parts/changeButton.tsx";
import { To } from "../parts/link.tsx";
import { ServerList } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { useProductCodes } from "../parts/productField.tsx";
import { Time } from "../parts/time.tsx";
import { customerPath, productPath } from "./agreement/types.ts";
import { RunDialog } from "./workload/run.tsx";
import {
  kindOptions,
  kinds,
  registeredSecondsOf,
  secondsText,
  type WorkloadView,
  workloadPath,
} from "./workload/types.ts";

const filterNames = ["kind", "state", "product", "account"] as const;
type FilterName = (typeof filterNames)[number];
const noFilter = { kind: "", state: "", product: "", account: "" };

const columns: readonly TableProps.ColumnDefinition<WorkloadView>[] = [
  {
    id: "id",
    header: "Workload",
    cell: ({ id }) => <To to={workloadPath(id)}>{id}</To>,
    isRowHeader: true,
    width: 140,
  },
  { id: "kind", header: "Kind", cell: ({ kind }) => kinds[kind].name, width: 140 },
  { id: "state", header: "State", cell: (row) => <WorkloadState workload={row} />, width: 120 },
  { id: "products", header: "Product", cell: (row) => <Products workload={row} />, width: 235 },
  {
    id: "registered",
    header: "Registered seconds",
    cell: (row) => {
      const seconds = registeredSecondsOf(row);
      if (seconds !== undefined) return secondsText(seconds);
      return row.registrations.length > 0 ? "Meters its own usage" : "Has not called yet";
    },
    width: 190,
  },
  {
    id: "account",
    header: "Buyer",
    cell: ({ account }) => <To to={customerPath(account)}>{account}</To>,
    width: 150,
  },
  { id: "region", header: "Region", cell: ({ region }) => region, width: 110 },
  { id: "launched", header: "Launched", cell: ({ launchedAt }) => <Time at={launchedAt} to="minute" />, width: 190 },
];

function Products({ workload: { products } }: { readonly workload: WorkloadView }): ReactNode {
  const [first, ...others] = products ?? [];
  if (first === undefined) return "Any";
  return (
    <>
      <To to={productPath(first)}>{first}</To>
      {others.length > 0 ? ` and ${others.length} more` : ""}
    </>
  );
}

export function WorkloadState({ workload }: { readonly workload: Pick<WorkloadView, "state"> }): ReactNode {
  return workload.state === "running" ? (
    <StatusIndicator type="success">Running</StatusIndicator>
  ) : (
    <StatusIndicator type="stopped">Stopped</StatusIndicator>
  );
}

export function Workloads(): ReactNode {
  const [filters, set] = useParams<FilterName>(filterNames);
  const [isRunning, setIsRunning] = useState(false);
  const products = useProductCodes();
  const members: readonly FilterMember<FilterName>[] = [
    { name: "kind", label: "Kind", values: kindOptions.map(({ value, label }) => ({ value, label })) },
    {
      name: "state",
      label: "State",
      values: [
        { value: "running", label: "Running" },
        { value: "stopped", label: "Stopped" },
      ],
    },
    { name: "product", label: "Product", values: products },
    { name: "account", label: "Buyer" },
  ];
  const isFiltered = filterNames.some((name) => filters[name] !== "");
  const run = (): void => setIsRunning(true);
  return (
    <>
      <ServerList<WorkloadView>
        kind="workloads"
        path="/workloads"
        query={filters}
        title="Workloads"
        description="Tasks, pods, instances and runtimes of buyers: each gives a program the identity that AWS would give it."
        filter={
          <AddressFilter
            members={members}
            values={filters}
            set={set}
            placeholder="Find workloads by their properties"
          />
        }
        columns={columns}
        keyOf={({ id }) => id}
        actions={
          <ChangeButton variant="primary" onClick={run}>
            Run workload
          </ChangeButton>
        }
        empty={
          isFiltered
            ? {
                title: "No workload matches",
                text: "There may be workloads of other kinds, states or products.",
                action: <Button onClick={() => set(noFilter)}>Clear the filters</Button>,
              }
            : {
                title: "No workloads yet",
                text: (
                  <>
                    Software that runs with the buyer calls MeterUsage or RegisterUsage with the identity of what it
                    runs on. Run one in a buyer’s account; make the account under <To to="/customers">Customers</To>.
                  </>
                ),
                action: <ChangeButton onClick={run}>Run the first workload</ChangeButton>,
              }
        }
      />
      {isRunning && (
        <RunDialog product={filters.product} account={filters.account} onClose={() => setIsRunning(false)} />
      )}
    </>
  );
}
