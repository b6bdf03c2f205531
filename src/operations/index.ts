/** The operations of the service plane, by name. */
import type { OperationName } from "../api/types.ts";
import { BatchMeterUsage } from "./BatchMeterUsage.ts";
import { GetEntitlements } from "./GetEntitlements.ts";
import { MeterUsage } from "./MeterUsage.ts";
import type { Operation } from "./operation.ts";
import { RegisterUsage } from "./RegisterUsage.ts";
import { ResolveCustomer } from "./ResolveCustomer.ts";

export const operations: Readonly<Record<OperationName, Operation>> = {
  BatchMeterUsage,
  MeterUsage,
  RegisterUsage,
  ResolveCustomer,
  GetEntitlements,
};
