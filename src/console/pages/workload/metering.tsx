/** What a workload registered for, and what came of it. */

import Header from "@cloudscape-design/components/header";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { To } from "../../parts/link.tsx";
import { Nothing } from "../../parts/list.tsx";
import { Time } from "../../parts/time.tsx";
import { productPath } from "../agreement/types.ts";
import { type RegistrationView, secondsText, type WorkloadView } from "./types.ts";

const columns: readonly TableProps.ColumnDefinition<RegistrationView>[] = [
  {
    id: "product",
    header: "Product",
    cell: ({ product }) => <To to={productPath(product)}>{product}</To>,
    isRowHeader: true,
    width: 235,
  },
  { id: "operation", header: "Operation", cell: ({ operation }) => operation, width: 130 },
  { id: "first", header: "First call", cell: ({ firstCallAt }) => <Time at={firstCallAt} />, width: 210 },
  {
    id: "registered",
    header: "Registered seconds so far",
    cell: ({ registeredSeconds: seconds }) => (seconds === undefined ? "–" : secondsText(seconds)),
    width: 205,
  },
  {
    id: "metered",
    header: "In the ledger",
    cell: ({ meteredSeconds: seconds }) => (seconds === undefined ? "–" : secondsText(seconds)),
    width: 175,
  },
  {
    id: "state",
    header: "Metering",
    cell: ({ operation, isMetered }) => {
      if (operation === "MeterUsage") return <StatusIndicator type="info">By its own calls</StatusIndicator>;
      return isMetered ? (
        <StatusIndicator type="in-progress">By the second</StatusIndicator>
      ) : (
        <StatusIndicator type="stopped">Ended</StatusIndicator>
      );
    },
    width: 140,
  },
];

export function Metering({ workload }: { readonly workload: WorkloadView }): ReactNode {
  return (
    <Table
      header={
        <Header
          variant="h2"
          description="RegisterUsage meters by the second, from launch to stop; an hour goes into the ledger when it is over, the rest at the stop."
        >
          Metering
        </Header>
      }
      items={workload.registrations}
      columnDefinitions={columns}
      trackBy={({ product, operation }) => `${product} ${operation}`}
      resizableColumns
      enableKeyboardNavigation
      ariaLabels={{ tableLabel: "Metering" }}
      empty={
        <Nothing
          title="It has not registered or metered yet"
          text="Start your program with the environment above and let it call RegisterUsage or MeterUsage."
        />
      }
    />
  );
}
