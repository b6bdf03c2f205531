/** One text for equal parameters, whatever the order of members, so that a ClientToken's reuse can be judged (M-24). */
import { hash } from "node:crypto";
import type { MeterRequest } from "../rules/meterUsage.ts";

/** Lower-case hex SHA-256. Absent members equal their defaults; the timestamp counts as sent (M-25). */
export function requestHash(request: MeterRequest): string {
  const parameters = [
    request.ProductCode,
    request.Timestamp,
    request.UsageDimension,
    request.UsageQuantity ?? 0,
    request.UsageAllocations?.map((allocation) => [
      allocation.AllocatedUsageQuantity,
      allocation.Tags?.map((tag) => [tag.Key, tag.Value]) ?? null,
    ]) ?? null,
  ];
  return hash("sha256", JSON.stringify(parameters), "hex");
}
