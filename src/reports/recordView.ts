/** A metering record as everything outside of the store sees it, and the columns that files of them have. */
import type { MeteringRecord, UsageAllocation } from "../api/types.ts";
import { defined } from "../catalog/rows.ts";

/** Records in their order, some at a time. */
export type RecordPages = AsyncIterable<readonly MeteringRecord[]>;

export interface RecordView {
  /** MeteringRecordId */
  id: string;
  region: string;
  path: MeteringRecord["path"];
  product: string;
  /** The buyer's account. */
  customer: string;
  license?: string;
  resource?: string;
  dimension: string;
  /** Start of the UTC hour, ISO-8601. */
  hour: string;
  /** As sent. */
  timestamp: string;
  quantity: number;
  allocations?: AllocationView[];
  clientToken?: string;
  requestId: string;
  receivedAt: string;
  status: "billable" | "not-billable";
}

export interface AllocationView {
  AllocatedUsageQuantity: number;
  Tags?: { Key: string; Value: string }[];
}

/** Their order is part of the format: new ones are added at the end. */
export const recordColumns = [
  "id",
  "region",
  "path",
  "product",
  "customer",
  "license",
  "resource",
  "dimension",
  "hour",
  "timestamp",
  "quantity",
  "status",
  "clientToken",
  "requestId",
  "receivedAt",
  "allocations",
] as const satisfies readonly (keyof RecordView)[];

export type RecordColumn = (typeof recordColumns)[number];

/** By hand, member by member: exports make millions of them. */
export function recordView(row: MeteringRecord): RecordView {
  const view: RecordView = {
    id: row.meteringRecordId,
    region: row.region,
    path: row.path,
    product: row.productCode,
    customer: row.accountId,
    dimension: row.dimension,
    hour: new Date(row.hourAt).toISOString(),
    timestamp: new Date(row.timestampAt).toISOString(),
    quantity: row.quantity,
    status: statusOf(row),
    requestId: row.requestId,
    receivedAt: new Date(row.receivedAt).toISOString(),
  };
  if (row.licenseArn !== undefined) view.license = row.licenseArn;
  if (row.resource !== undefined) view.resource = row.resource;
  if (row.allocations !== undefined) view.allocations = row.allocations.map(allocationView);
  if (row.clientToken !== undefined) view.clientToken = row.clientToken;
  return view;
}

export function statusOf({ billable }: Pick<MeteringRecord, "billable">): RecordView["status"] {
  return billable ? "billable" : "not-billable";
}

export function allocationView({ AllocatedUsageQuantity, Tags }: UsageAllocation): AllocationView {
  return defined({ AllocatedUsageQuantity, Tags: Tags?.map((tag) => ({ ...tag })) });
}
