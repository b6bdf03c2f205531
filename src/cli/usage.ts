import type { Command } from "commander";
import { addList, addNoun } from "./command.ts";
import type { CliContext } from "./context.ts";
import { addUsageExport } from "./usageExport.ts";
import { usageFilters, usageQuery, usageTimes } from "./usageFilters.ts";
import { addUsageReconcile } from "./usageReconcile.ts";

export function registerUsage(program: Command, context: CliContext): void {
  const usage = addNoun(program, "usage", "metering records that were accepted");
  addList(usage, context, {
    description: "list metering records in order of hour",
    examples: ["usage list --product myproduct --from now-24h", "usage list --customer 444455556666 --all --json"],
    options: usageFilters(),
    path: () => "/metering-records",
    query: usageQuery,
    times: usageTimes,
    columns: [
      "hour",
      { title: "PRODUCT", value: "product", isFlexible: true },
      "customer",
      "dimension",
      { title: "QUANTITY", value: "quantity", align: "right" },
      { title: "STATUS", value: "status", isExtra: true },
      { title: "RESOURCE", value: "resource", isFlexible: true, isExtra: true },
      { title: "ID", value: "id", isExtra: true },
    ],
    what: "metering records",
  });
  addUsageExport(usage, context);
  addUsageReconcile(usage, context);
}
