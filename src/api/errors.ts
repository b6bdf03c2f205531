/**
 * Every error of the service plane, once: status, the operations whose model lists it, and the base text.
 * Where AWS's own text is known it is the one sent first; help for the reader follows after it (SPEC K.3).
 * Source: SPEC C.2 (modelled), B (authentication), A.4 (malformed calls).
 */
import type { MeteringOperationName } from "./types.ts";

interface ModelledError {
  readonly status: number;
  readonly operations: readonly MeteringOperationName[];
}

const every: readonly MeteringOperationName[] = ["BatchMeterUsage", "MeterUsage", "RegisterUsage", "ResolveCustomer"];

/** The nineteen exceptions of the Metering model (SPEC C.2). */
export const modelledErrors = {
  InternalServiceErrorException: { status: 500, operations: every },
  ThrottlingException: { status: 400, operations: every },
  InvalidProductCodeException: { status: 400, operations: ["BatchMeterUsage", "MeterUsage", "RegisterUsage"] },
  InvalidUsageDimensionException: { status: 400, operations: ["BatchMeterUsage", "MeterUsage"] },
  InvalidTagException: { status: 400, operations: ["BatchMeterUsage", "MeterUsage"] },
  InvalidUsageAllocationsException: { status: 400, operations: ["BatchMeterUsage", "MeterUsage"] },
  InvalidCustomerIdentifierException: { status: 400, operations: ["BatchMeterUsage"] },
  InvalidLicenseException: { status: 400, operations: ["BatchMeterUsage"] },
  TimestampOutOfBoundsException: { status: 400, operations: ["BatchMeterUsage", "MeterUsage"] },
  DisabledApiException: { status: 400, operations: ["BatchMeterUsage", "RegisterUsage", "ResolveCustomer"] },
  InvalidEndpointRegionException: { status: 400, operations: ["MeterUsage"] },
  DuplicateRequestException: { status: 400, operations: ["MeterUsage"] },
  /** 409 by the SDK's trait; the switch idempotencyConflictStatus makes it 400 (SPEC J-6). */
  IdempotencyConflictException: { status: 409, operations: ["MeterUsage"] },
  CustomerNotEntitledException: { status: 400, operations: ["MeterUsage", "RegisterUsage"] },
  InvalidRegionException: { status: 400, operations: ["RegisterUsage"] },
  InvalidPublicKeyVersionException: { status: 400, operations: ["RegisterUsage"] },
  PlatformNotSupportedException: { status: 400, operations: ["RegisterUsage"] },
  InvalidTokenException: { status: 400, operations: ["ResolveCustomer"] },
  ExpiredTokenException: { status: 400, operations: ["ResolveCustomer"] },
} as const satisfies Record<string, ModelledError>;

/** What the Entitlement model adds (SPEC G-13); ThrottlingException and InternalServiceErrorException are in both. */
export const entitlementErrors = {
  InvalidParameterException: 400,
} as const satisfies Record<string, number>;

/** Errors of AWS's front end that no model lists (SPEC A.4, B, M-40, M-42). */
export const commonErrors = {
  AccessDeniedException: 400,
  IncompleteSignatureException: 400,
  InvalidSignatureException: 400,
  MissingAuthenticationTokenException: 400,
  UnrecognizedClientException: 400,
  SerializationException: 400,
  ValidationException: 400,
  UnknownOperationException: 400,
  RequestEntityTooLargeException: 413,
  DryRunOperation: 400,
  UnauthorizedException: 400,
} as const satisfies Record<string, number>;

export type ModelledErrorName = keyof typeof modelledErrors;
export type ErrorName = ModelledErrorName | keyof typeof entitlementErrors | keyof typeof commonErrors;

/** What a caller did that the service refuses, by AWS's name. Anything else that is thrown is a bug. */
export class ServiceError extends Error {
  override readonly name: ErrorName;
  readonly status: number;
  constructor(name: ErrorName, message: string, status?: number) {
    super(message);
    this.name = name;
    this.status = status ?? statusOf(name);
  }
}

function statusOf(name: ErrorName): number {
  if (name in modelledErrors) return modelledErrors[name as ModelledErrorName].status;
  return { ...commonErrors, ...entitlementErrors }[name as keyof typeof commonErrors | keyof typeof entitlementErrors];
}
