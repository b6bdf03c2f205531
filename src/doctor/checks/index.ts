/** Every check that the doctor makes, in the order of the report. */
import type { Check } from "../observed.ts";
import { batchLostToOneRecord } from "./batchLostToOneRecord.ts";
import { billedTwiceBothIdentifiers } from "./billedTwiceBothIdentifiers.ts";
import { billedTwiceTwoRegions } from "./billedTwiceTwoRegions.ts";
import { clockDrift } from "./clockDrift.ts";
import { closeToWindow } from "./closeToWindow.ts";
import { duplicateIgnored } from "./duplicateIgnored.ts";
import { entitlementLoop } from "./entitlementLoop.ts";
import { hardCodedRegion } from "./hardCodedRegion.ts";
import { heartbeatLocksHour } from "./heartbeatLocksHour.ts";
import { hoursWithoutRecords } from "./hoursWithoutRecords.ts";
import { isoTimestamps } from "./isoTimestamps.ts";
import { lateByTimeZone } from "./lateByTimeZone.ts";
import { notSubscribedIgnored } from "./notSubscribedIgnored.ts";
import { oldSdkModel } from "./oldSdkModel.ts";
import { productIdAsCode } from "./productIdAsCode.ts";
import { retryStorm } from "./retryStorm.ts";
import { rootKeys } from "./rootKeys.ts";
import { runningTotals } from "./runningTotals.ts";
import { smallBatches } from "./smallBatches.ts";
import { tokenDoublyEncoded } from "./tokenDoublyEncoded.ts";
import { tokenResolvedLate } from "./tokenResolvedLate.ts";
import { tokenResolvedTwice } from "./tokenResolvedTwice.ts";
import { unprocessedNeverResent } from "./unprocessedNeverResent.ts";

export const checks: readonly Check[] = [
  unprocessedNeverResent,
  notSubscribedIgnored,
  duplicateIgnored,
  heartbeatLocksHour,
  batchLostToOneRecord,
  lateByTimeZone,
  closeToWindow,
  billedTwiceBothIdentifiers,
  billedTwiceTwoRegions,
  hoursWithoutRecords,
  runningTotals,
  smallBatches,
  productIdAsCode,
  isoTimestamps,
  hardCodedRegion,
  tokenDoublyEncoded,
  tokenResolvedLate,
  tokenResolvedTwice,
  oldSdkModel,
  clockDrift,
  retryStorm,
  entitlementLoop,
  rootKeys,
];
