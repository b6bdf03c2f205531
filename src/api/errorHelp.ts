/**
 * What every error means to whoever gets it, and what to do: the one place for it. The message of a call says the value
 * and the limit; this says the rule behind it.
 */
import type { ErrorName } from "./errors.ts";

export interface ErrorHelp {
  /** What the service decided, one sentence. */
  readonly meaning: string;
  /** What to change. */
  readonly fix: string;
  /** SPEC rules that it rests on. */
  readonly rules: readonly string[];
  /** Whether the same request may succeed when it is sent again unchanged. */
  readonly canRetry?: true;
}

export const errorHelp: Readonly<Record<ErrorName, ErrorHelp>> = {
  InternalServiceErrorException: {
    meaning: "The service failed; whether the records were stored is not known.",
    fix: "Send the same request again, unchanged and with a growing delay. What was stored is answered as before, so nothing is counted twice.",
    rules: ["B-61", "B-90"],
    canRetry: true,
  },
  ThrottlingException: {
    meaning: "More calls a second than the account may make in this Region; nothing of this call was stored.",
    fix: "Wait and send the same request again, with a growing delay. Put up to 25 records into one BatchMeterUsage: calls are counted, not records.",
    rules: ["C-30", "C-31", "C-32"],
    canRetry: true,
  },
  InvalidProductCodeException: {
    meaning: "The product code is unknown, of another seller, or of a type that does not use this operation.",
    fix: "Send the product code (not the prod-… id), sign with the publishing account's key, and use the operation of the product's type.",
    rules: ["C-19", "C-20", "B-18"],
  },
  InvalidUsageDimensionException: {
    meaning: "The product has no such metered dimension. One such record refuses the whole batch.",
    fix: "Send the dimension's API name exactly as it stands at the product; letter case counts.",
    rules: ["B-40"],
  },
  InvalidTagException: {
    meaning:
      "A tag of an allocation is empty, too long, repeated, of characters that are not allowed, or there are too many.",
    fix: "At most 5 tag keys over all allocations of a record; keys of 1 to 100 and values of 1 to 256 allowed characters; each key once in a list.",
    rules: ["B-72", "B-73", "B-75", "B-76"],
  },
  InvalidUsageAllocationsException: {
    meaning: "The allocations do not add up to the record's quantity, or two of them have the same tags.",
    fix: "Make AllocatedUsageQuantity sum to exactly the Quantity, and give each allocation a set of tags of its own.",
    rules: ["B-70", "B-71"],
  },
  InvalidCustomerIdentifierException: {
    meaning: "The CustomerIdentifier is unknown, or the product was created too late to take CustomerIdentifiers.",
    fix: "Send what ResolveCustomer answered. New products meter by CustomerAWSAccountId and LicenseArn.",
    rules: ["B-20", "B-21"],
  },
  InvalidLicenseException: {
    meaning:
      "The licence is unknown, of another seller's product, of another buyer, or was not active at the record's time; or the licences of one request are of several products.",
    fix: "Send the LicenseArn that ResolveCustomer or the agreement event gave for this buyer, one product in each request.",
    rules: ["B-19", "B-30", "B-31"],
  },
  TimestampOutOfBoundsException: {
    meaning:
      "A record's time is too old, in the future, before the subscription began, or of a month that is closed. One such record refuses the whole batch.",
    fix: "Send usage within the hour, in UTC as epoch seconds; look at the sender's clock and time zone. Records that became too old cannot be metered any more: send the others without them.",
    rules: ["B-50", "B-53", "B-55", "B-56"],
  },
  DisabledApiException: {
    meaning: "The operation is not served in this Region, or the product is not enabled for it.",
    fix: "Call a Region of the product's list; us-east-1 is always in it. Others are enabled at the product.",
    rules: ["L-1", "L-2", "T-8"],
  },
  InvalidEndpointRegionException: {
    meaning: "MeterUsage was called in another Region than the one that the workload runs in.",
    fix: "Take the Region from the task's or instance's metadata instead of a fixed one.",
    rules: ["M-4", "L-1"],
  },
  DuplicateRequestException: {
    meaning: "This workload, dimension and hour was metered before with another quantity, which stays.",
    fix: "Add up an hour's usage before it is sent, and send it once. Sending the same quantity again is safe.",
    rules: ["M-20", "M-21"],
  },
  IdempotencyConflictException: {
    meaning: "The ClientToken was used before for a request with other parameters.",
    fix: "Make a new ClientToken for every record, and keep it for retries of that record alone.",
    rules: ["M-24", "M-32"],
  },
  CustomerNotEntitledException: {
    meaning:
      "The buyer in whose account the workload runs has no subscription, or the key is not of the kind of workload that the product needs.",
    fix: "Subscribe the buyer's account to the product, and sign with the credentials of the task, pod or instance.",
    rules: ["R-4", "M-2", "M-6"],
  },
  InvalidRegionException: {
    meaning: "RegisterUsage was called in another Region than the task runs in.",
    fix: "Let the SDK take the Region from the platform; remove a fixed one from code, image and configuration.",
    rules: ["R-3"],
  },
  InvalidPublicKeyVersionException: {
    meaning: "The product has no public key of that version.",
    fix: "Send the PublicKeyVersion that the product lists.",
    rules: ["R-8"],
  },
  PlatformNotSupportedException: {
    meaning: "RegisterUsage works from ECS, EKS and Fargate alone; this key is of none of them.",
    fix: "Run the container as a task or pod and use its role's credentials.",
    rules: ["R-2"],
  },
  InvalidTokenException: {
    meaning: "The registration token is unknown, damaged, encoded once too often, or for another seller's product.",
    fix: "Take x-amzn-marketplace-token from the form POST, decode the form once, and call with the publishing account's key.",
    rules: ["T-5", "T-7"],
  },
  ExpiredTokenException: {
    meaning:
      "The registration token is past its life (or was resolved already, where it may be resolved once). Of other operations: the session token of the key has expired.",
    fix: "Resolve the token as soon as the buyer arrives; the buyer gets a new one by setting up the account again. For a session, fetch new credentials.",
    rules: ["T-2", "T-4", "S-6"],
  },
  InvalidParameterException: {
    meaning: "The product of GetEntitlements is unknown or of another seller, or its filters exclude each other.",
    fix: "Sign with the publishing account's key, and filter by one kind of customer only.",
    rules: ["G-4", "G-5", "G-10"],
  },
  AccessDeniedException: {
    meaning: "The key is good, but its policy does not allow this action.",
    fix: "Allow aws-marketplace:<Operation> for the user or role.",
    rules: ["S-33"],
  },
  IncompleteSignatureException: {
    meaning: "The Authorization header is not a complete Signature Version 4.",
    fix: "Sign with an AWS SDK; look for proxies that change headers.",
    rules: ["S-22", "S-23", "S-24", "S-27", "S-28"],
  },
  InvalidSignatureException: {
    meaning:
      "The signature does not match, its time is more than 15 minutes off, or its scope names another service or Region.",
    fix: "Check the secret access key, the sender's clock, and that nothing between changes the body or the Host header.",
    rules: ["S-25", "S-26", "S-29", "S-30", "S-32"],
  },
  MissingAuthenticationTokenException: {
    meaning: "The request is not signed.",
    fix: "Give the SDK credentials; by plain HTTP, sign with Signature Version 4.",
    rules: ["S-20"],
  },
  UnrecognizedClientException: {
    meaning: "The access key id is unknown here, or the session token does not belong to it.",
    fix: "Make a key for this server, or send the session token that came with the temporary key.",
    rules: ["S-5", "S-31"],
  },
  SerializationException: {
    meaning: "The body is not JSON of the operation's types, such as a text where a number belongs.",
    fix: "Send timestamps as numbers of epoch seconds and quantities as whole numbers; AWS's SDKs do it from date objects.",
    rules: ["W-14", "W-54", "W-55", "W-56", "W-57"],
  },
  ValidationException: {
    meaning: "Members are missing, too long, too many, or do not go together.",
    fix: "The message names every member at fault. A batch takes at most 25 records; a record names its buyer in one way only.",
    rules: ["W-58", "B-7", "B-12", "B-13", "B-16"],
  },
  UnknownOperationException: {
    meaning: "The method, content type or X-Amz-Target is not one of the service's.",
    fix: "POST with Content-Type application/x-amz-json-1.1 and X-Amz-Target AWSMPMeteringService.<Operation>.",
    rules: ["W-50", "W-51", "W-52", "W-53"],
  },
  RequestEntityTooLargeException: {
    meaning: "The body is larger than 1 MiB.",
    fix: "Send fewer records, or fewer allocations, in one request.",
    rules: ["W-18", "W-19"],
  },
  DryRunOperation: {
    meaning: "A dry run that would have been allowed; the switch dryRun answers it as an error.",
    fix: "Nothing is wrong. Set dryRun to ok for a 200.",
    rules: ["M-40", "M-41"],
  },
  UnauthorizedException: {
    meaning: "A dry run by a key whose policy does not allow MeterUsage.",
    fix: "Allow aws-marketplace:MeterUsage for the role.",
    rules: ["M-40", "M-42"],
  },
};

/** What became of one record of a call that was accepted. The letters are those of the audit trail. */
export const statusHelp = {
  S: { status: "Success", meaning: "Stored by this call.", fix: "Nothing to do.", rules: ["B-5"] },
  R: {
    status: "Success, again",
    meaning: "The same record was stored before; the answer carries its MeteringRecordId, and nothing was added.",
    fix: "Nothing to do: this is what retries are answered.",
    rules: ["B-61"],
  },
  D: {
    status: "DuplicateRecord",
    meaning: "This customer, dimension and hour was metered before with another quantity, which stays.",
    fix: "Add up an hour's usage before it is sent. A record of quantity 0 takes the hour too.",
    rules: ["B-62", "B-63", "B-65"],
  },
  N: {
    status: "CustomerNotSubscribed",
    meaning: "The buyer had no active subscription of the product when the record came; nothing was stored.",
    fix: "Stop serving the buyer, or wait for subscribe-success; within the window the record can be sent again.",
    rules: ["B-20", "B-32", "B-68", "B-80"],
  },
  U: {
    status: "UnprocessedRecords",
    meaning: "The service could not handle this record now; it is known not to be stored.",
    fix: "Send the record again, unchanged, until it is in Results: otherwise its usage is lost.",
    rules: ["B-90", "B-91"],
  },
} as const satisfies Readonly<Record<string, ErrorHelp & { readonly status: string }>>;
