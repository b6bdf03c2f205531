/**
 * MeterUsage — https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-metering_MeterUsage.html
 *
 * One usage record of an AMI, container or agent product, by the buyer's workload. Errors in order of precedence (M-5):
 *   InvalidEndpointRegionException        the Region does not offer the operation on this platform (L-1)
 *   ThrottlingException                   more than 10 calls a second per account and Region
 *   ValidationException                   an AgentCore runtime sent no ClientToken (M-30)
 *   InvalidProductCodeException           unknown, or of a type that does not meter here
 *   InvalidEndpointRegionException        the endpoint's Region is not the workload's
 *   CustomerNotEntitledException          wrong kind of credentials, or no valid subscription
 *   InvalidUsageDimensionException, TimestampOutOfBoundsException, InvalidTagException, InvalidUsageAllocationsException
 *   (a dry run is answered here: M-41)
 *   IdempotencyConflictException          the ClientToken was used with other parameters
 *   DuplicateRequestException             same workload, dimension and hour, other quantity
 */
import { ServiceError } from "../api/errors.ts";
import { offersOperation, regionListOf } from "../api/regions.ts";
import { decideMeterUsage, type MeterDecision, type MeterRequest } from "../rules/meterUsage.ts";
import { floorHourMs, hourOf, showTime, timestampMs } from "../rules/times.ts";
import type { AuditDetail } from "../store/audit.ts";
import { type ClaimOutcome, StoreFailure, type UsageClaim, type UsageHolder } from "../store/ledger.ts";
import type { Store } from "../store/store.ts";
import { requestDetail } from "./auditDetail.ts";
import { decideAndClaim, storeFailed } from "./claiming.ts";
import { auditEvent, type Call, type Operation } from "./operation.ts";
import { requestHash } from "./requestHash.ts";

export interface MeterUsageResult {
  readonly MeteringRecordId: string;
}

export const MeterUsage: Operation = {
  requireRegion: (_input, call) => {
    const platform = { platform: call.credential.kind, revision: call.settings.revision };
    if (!call.settings.enforceRegions || offersOperation("MeterUsage", call.region, platform)) return;
    // L-1: the model has no DisabledApiException for MeterUsage.
    throw new ServiceError(
      "InvalidEndpointRegionException",
      `The endpoint's Region is not supported: MeterUsage is not offered in ${call.region} for ${call.credential.kind}. It is offered in ${regionListOf("MeterUsage", platform).join(", ")}.`,
    );
  },

  handle: async (input, call, store): Promise<MeterUsageResult> => {
    const request = input as MeterRequest;
    try {
      const { outcome } = await decideAndClaim(store, () => decide(request, call, store));
      const holder = outcome.holders[0];
      // M-40, M-41, M-43: nothing was claimed.
      if (holder === undefined) return { MeteringRecordId: "DryRunOperation" };
      requireHolder(holder, request, call);
      return { MeteringRecordId: holder.meteringRecordId };
    } catch (error) {
      throw error instanceof StoreFailure ? storeFailed(error) : error;
    }
  },
};

function decide(request: MeterRequest, call: Call, store: Store) {
  const { credential, region } = call;
  const product = store.catalog.product(request.ProductCode);
  const decision = decideMeterUsage(
    request,
    {
      credential,
      region,
      product,
      buyer: store.catalog.account(credential.accountId),
      agreements: product ? store.catalog.agreements(product.code, credential.accountId) : [],
      isRunning:
        product !== undefined &&
        credential.resource !== undefined &&
        store.ledger.workloads({ productCode: product.code, resource: credential.resource }).length > 0,
    },
    call.settings,
    call.now,
  );
  if (request.DryRun === true && call.settings.dryRun === "error") {
    throw new ServiceError(
      "DryRunOperation",
      "DryRunOperation: the request would have succeeded, but the DryRun member is set.",
    );
  }
  return { unit: claimUnit(request, decision, call) };
}

function claimUnit(request: MeterRequest, decision: MeterDecision, call: Call) {
  const { credential } = call;
  const { product, resource } = decision;
  const audit = ({ holders: [holder] }: ClaimOutcome) => {
    if (holder === undefined) return auditEvent(call, "Success", dryRunDetail(request, product.code));
    if (outcomeOf(holder, request) !== "Success") return undefined;
    return auditEvent(call, "Success", detailOf(request, holder, product.code));
  };
  if (request.DryRun === true) return { records: [], audit };
  const record: UsageClaim = {
    region: call.region,
    path: decision.path,
    productCode: product.code,
    holder: resource,
    accountId: credential.accountId,
    dimension: request.UsageDimension,
    hour: hourOf(request.Timestamp),
    timestampMs: timestampMs(request.Timestamp),
    quantity: request.UsageQuantity ?? 0, // M-8
    ...(request.UsageAllocations === undefined ? {} : { allocations: request.UsageAllocations }),
    billable: decision.billable,
    ...(request.ClientToken === undefined
      ? {}
      : {
          clientToken: {
            accountId: credential.accountId,
            token: request.ClientToken,
            requestHash: requestHash(request),
          },
        }),
  };
  const workload = {
    productCode: product.code,
    resource,
    accountId: credential.accountId,
    region: call.region,
    operation: "MeterUsage" as const,
    accessKeyId: credential.accessKeyId,
    ...(credential.launchedAt === undefined ? {} : { launchedAt: credential.launchedAt }),
    startedAt: call.now,
  };
  return { records: [record], workload, audit };
}

function dryRunDetail(request: MeterRequest, productCode: string): AuditDetail {
  return { productCode, ...requestDetail("MeterUsage", request), response: { MeteringRecordId: "DryRunOperation" } };
}

/** What was stored stands in the ledger; of what was there before, the request is kept. */
function detailOf(request: MeterRequest, { fresh, meteringRecordId }: UsageHolder, productCode: string): AuditDetail {
  if (!fresh) {
    const response = { MeteringRecordId: meteringRecordId };
    return { productCode, statuses: "R", ...requestDetail("MeterUsage", request), response };
  }
  const { Timestamp, UsageQuantity, DryRun } = request;
  const rest = {
    ...(DryRun === undefined ? {} : { DryRun }),
    // The row has 0, and a time rounded to the millisecond.
    ...(UsageQuantity === undefined ? { UsageQuantity: null } : {}),
    ...(Math.floor(timestampMs(Timestamp) / 1_000) === Math.floor(Timestamp) ? {} : { Timestamp }),
  };
  return { productCode, statuses: "S", ...(Object.keys(rest).length === 0 ? {} : { request: rest }) };
}

/** M-24: the token is tested before the key. */
function outcomeOf(holder: UsageHolder, request: MeterRequest) {
  if (holder.clientToken === "conflict") return "IdempotencyConflictException";
  if (holder.clientToken === "same" || holder.fresh || holder.quantity === (request.UsageQuantity ?? 0))
    return "Success";
  return "DuplicateRequestException";
}

function requireHolder(holder: UsageHolder, request: MeterRequest, call: Call): void {
  const outcome = outcomeOf(holder, request);
  if (outcome === "IdempotencyConflictException") {
    throw new ServiceError(
      outcome, // M-24, M-32, J-6
      `The ClientToken '${request.ClientToken}' is already used by a request with other parameters. Send a retry unchanged, or a new request with a new token.`,
      call.settings.idempotencyConflictStatus,
    );
  }
  if (outcome === "DuplicateRequestException") {
    throw new ServiceError(
      outcome, // M-21
      `A metering record has already been emitted by ${call.credential.resource} for usageDimension: ${request.UsageDimension} and the hour of ${showTime(floorHourMs(timestampMs(request.Timestamp)))}, with quantity ${holder.quantity} (${holder.meteringRecordId}); it stays, and ${request.UsageQuantity ?? 0} is not added. Meter each hour once, after it is over.`,
    );
  }
}
