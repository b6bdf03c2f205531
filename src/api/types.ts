/**
 * The nouns of the marketplace, as plain data. Everything else in the code base imports these and nothing from here
 * imports anything back. Times are epoch milliseconds of the business clock unless a comment says otherwise.
 */

export type { MeteringWorkload } from "./meteringWorkload.ts";

export type Revision = "2026" | "2024" | "2021";

/** The operations of the Metering Service. */
export type MeteringOperationName = "BatchMeterUsage" | "MeterUsage" | "RegisterUsage" | "ResolveCustomer";
/** The operations of the service plane: Metering and Entitlement. */
export type OperationName = MeteringOperationName | "GetEntitlements";

/** An AWS account: a seller, a simulated buyer, or both. */
export interface Account {
  /** 12 digits. */
  readonly id: string;
  readonly name?: string;
  /** One value per buyer over all products and sellers (SPEC T-11). */
  readonly customerIdentifier: string;
  /** A suspended buyer is not billed: CustomerNotSubscribed (SPEC B-85). */
  readonly suspended: boolean;
  /** Where given, the account's keys are known in this partition only (SPEC L-4). */
  readonly partition?: string;
}

/**
 * What kind of identity a key belongs to. AWS tells them apart by the session (SPEC M-3); here they are declared.
 * `ecs-task` covers Fargate; `eks-irsa` is a pod with an IAM role for its service account.
 */
export type CredentialKind =
  | "iam-user"
  | "assumed-role"
  | "ec2"
  | "ecs-task"
  | "eks-irsa"
  | "eks-pod-identity"
  | "agentcore";

export interface Credential {
  readonly accessKeyId: string;
  /** Plain in memory, sealed on disk. Never logged, never in an error. */
  readonly secretAccessKey: string;
  readonly accountId: string;
  readonly kind: CredentialKind;
  /** User name of an IAM user, role name otherwise. */
  readonly name: string;
  /** The session's name, where AssumeRole made it. */
  readonly sessionName?: string;
  /** Present on temporary keys: every request must carry it (SPEC S-5). Sealed on disk. */
  readonly sessionToken?: string;
  /** Wall-clock epoch milliseconds (SPEC A.5). */
  readonly expiresAt?: number;
  /** IAM action patterns such as `aws-marketplace:*` (SPEC S-34). */
  readonly allow: readonly string[];
  /** Workloads: instance id, task ARN, pod id or runtime ARN. */
  readonly resource?: string;
  /** Workloads: the Region they run in. */
  readonly region?: string;
  /** Workloads: product codes of the image; absent = any (SPEC R-7). */
  readonly productCodes?: readonly string[];
  readonly launchedAt?: number;
  readonly stoppedAt?: number;
  /** The simulated workload that was given this key; absent = a key of its own. */
  readonly workloadId?: string;
  readonly createdAt: number;
}

/** What simulated compute can be. Keys are of the kind that goes with it: `ecs` and `fargate` have ECS tasks' keys. */
export type WorkloadKind = "ecs" | "fargate" | "eks" | "ec2" | "agentcore";

/** Simulated compute of a buyer: it has an identity and gets temporary keys, as AWS would give them to it. */
export interface Workload {
  readonly id: string;
  readonly kind: WorkloadKind;
  readonly accountId: string;
  readonly region: string;
  readonly roleName: string;
  /** Task ARN, pod ARN, instance id or runtime ARN. */
  readonly resource: string;
  /** Product codes of the image; absent = any (SPEC R-7). */
  readonly productCodes?: readonly string[];
  /** IAM action patterns of the role. */
  readonly allow: readonly string[];
  /** EKS: whose tokens its pod carries. */
  readonly serviceAccount?: {
    readonly cluster: string;
    readonly namespace: string;
    readonly name: string;
  };
  /** What its credential endpoint asks for. Plain in memory, sealed on disk. */
  readonly authorizationToken: string;
  /** EC2: where its metadata service listens, so that a restart keeps the address. */
  readonly metadataPort?: number;
  readonly launchedAt: number;
  /** Absent = it runs. */
  readonly stoppedAt?: number;
  readonly createdAt: number;
}

/** SPEC C-10 to C-18. */
export type ProductType =
  | "saas-subscription"
  | "saas-contract"
  | "saas-contract-with-consumption"
  | "ami-fcp"
  | "ami-hourly"
  | "container-fcp"
  | "container-hourly"
  | "container-byol"
  | "agentcore-fcp";

export interface Dimension {
  readonly name: string;
  /** `metered` dimensions take usage; `entitlement` dimensions are what a contract grants (SPEC B-43). */
  readonly kind: "metered" | "entitlement";
  readonly description?: string;
  readonly unit?: string;
  /** USD per unit, a decimal string of up to three places (SPEC H-24). */
  readonly price?: string;
  /** When the dimension was added to the product (SPEC B-42). */
  readonly addedAt: number;
}

export interface KeyVersion {
  readonly version: number;
  /** Present once the version was rotated out; it still signs (SPEC ). */
  readonly rotatedAt?: number;
  /** SPKI PEM. */
  readonly publicKeyPem: string;
  /** PKCS#8 PEM, plain in memory, sealed on disk. */
  readonly privateKeyPem: string;
}

export interface Product {
  /** What sellers call the product code: 25 lower-case letters and digits (SPEC N-2). */
  readonly code: string;
  /** The catalogue id, `prod-…`; never accepted as a product code (SPEC K-9). */
  readonly entityId: string;
  readonly title: string;
  readonly sellerAccountId: string;
  readonly type: ProductType;
  readonly createdAt: number;
  /** New integrations have no CustomerIdentifier and meter by licence only (SPEC B-15, B-21, T-10, J-18). */
  readonly concurrentAgreementsOnly: boolean;
  readonly dimensions: readonly Dimension[];
  /** Regions whose endpoint accepts usage of this product (SPEC L-2). */
  readonly enabledRegions: readonly string[];
  readonly keyVersions: readonly KeyVersion[];
  /** Where the buyer's browser posts the registration token (SPEC T-20). */
  readonly registrationUrl?: string;
  readonly description?: string;
  /** Whether SNS messages go out beside EventBridge events; default: not for concurrent agreements (SPEC N-26). */
  readonly sendsSns?: boolean;
}

/**
 * One purchase of one product by one buyer. Its state at an instant is derived from these times by
 * `rules/agreements.ts`, so that state changes follow the business clock without anything having to run.
 */
export interface Agreement {
  /** `agmt-…`. */
  readonly id: string;
  readonly productCode: string;
  readonly buyerAccountId: string;
  /** Counts changes; a decision rests on one version. */
  readonly version: number;
  readonly acceptedAt: number;
  /** subscribe-success / licence activation. Absent = pending (SPEC B-80). */
  readonly startedAt?: number;
  /** unsubscribe-pending / License Deprovisioned: the final hour starts (SPEC B-82, B-84). */
  readonly endingAt?: number;
  /** unsubscribe-success, if it came before the final hour elapsed (SPEC B-83). */
  readonly endedAt?: number;
  /** Purchase Agreement Ended: changes nothing for metering by itself (SPEC N-24). */
  readonly agreementEndedAt?: number;
  /** subscribe-fail: the payment failed (SPEC N-9). */
  readonly failedAt?: number;
  readonly licenseArn?: string;
  readonly offerId?: string;
  readonly privateOffer: boolean;
  readonly freeTrial: boolean;
  /** End of a fixed term, such as a contract's; absent = until cancelled. */
  readonly endsAt?: number;
  /** A fixed term that is followed by a new agreement (SPEC N-25). */
  readonly autoRenew?: boolean;
  /** What was announced last, in days before `endsAt`: a countdown (180, 120, 90, 60, 30), or the renewal (7). */
  readonly announcedDays?: number;
  /** `RENEW` and `AMEND` follow on `previousAgreementId`; absent = `NEW` (SPEC N-21). */
  readonly intent?: "NEW" | "RENEW" | "AMEND";
  readonly previousAgreementId?: string;
}

export type EntitlementValue =
  | { readonly IntegerValue: number }
  | { readonly DoubleValue: number }
  | { readonly BooleanValue: boolean }
  | { readonly StringValue: string };

export interface Entitlement {
  readonly productCode: string;
  readonly buyerAccountId: string;
  readonly dimension: string;
  readonly value: EntitlementValue;
  readonly expiresAt: number;
  readonly licenseArn?: string;
}

/** A registration token as it is kept: by its SHA-256, never by its value. */
export interface RegistrationToken {
  /** Lower-case hex SHA-256 of the token. */
  readonly hash: string;
  readonly productCode: string;
  readonly buyerAccountId: string;
  readonly agreementId?: string;
  readonly licenseArn?: string;
  readonly issuedAt: number;
  /** First successful ResolveCustomer (SPEC T-4). */
  readonly resolvedAt?: number;
}

/** Terms under which a buyer can take a product. Public offers are open to all; private ones name their buyers. */
export interface Offer {
  /** `offer-…`. */
  readonly id: string;
  readonly productCode: string;
  readonly title?: string;
  /** Buyer account ids; absent = a public offer. */
  readonly buyerAccountIds?: readonly string[];
  /** 7 to 90 days without charge (SPEC T-21). */
  readonly freeTrialDays?: number;
  /** A fixed term; absent = until cancelled. */
  readonly termDays?: number;
  readonly autoRenew?: boolean;
  /** What a contract grants, by entitlement dimension. */
  readonly entitlements?: Readonly<Record<string, EntitlementValue>>;
  readonly createdAt: number;
  /** Not to be taken any more from then on. */
  readonly expiresAt?: number;
}

/** An IAM role that AssumeRole hands out sessions of. */
export interface Role {
  readonly accountId: string;
  readonly name: string;
  readonly allow: readonly string[];
  /** Accounts whose callers may assume it. */
  readonly trustedAccountIds: readonly string[];
  /** Where given, AssumeRole must carry it. */
  readonly externalId?: string;
  /** Default 3,600. */
  readonly sessionMaxSec?: number;
  readonly createdAt: number;
}

/** `sns`: the message of a legacy topic (SPEC D.3). `eventbridge`: an event of the account's default bus (SPEC D.4). */
export type NotificationForm = "sns" | "eventbridge";

/** What the marketplace tells a seller or a buyer: kept with the change that caused it, delivered at least once. */
export interface Notification {
  /** UUID; the SNS MessageId or the event's id. */
  readonly id: string;
  /** Business time of publication. */
  readonly at: number;
  readonly form: NotificationForm;
  readonly sellerAccountId: string;
  /** Present: it is told to the buyer, as an `- Acceptor` event (SPEC D.4); absent: to the seller. */
  readonly buyerAccountId?: string;
  readonly productCode: string;
  readonly agreementId?: string;
  /** SNS: the topic (SPEC N-1). */
  readonly topicArn?: string;
  /** SNS: the action; EventBridge: the detail type. */
  readonly name: string;
  /** JSON text: SNS, the message inside the envelope; EventBridge, the whole event. */
  readonly body: string;
}

/** Where notifications of a seller go, or events of a buyer. */
export interface NotificationTarget {
  readonly id: string;
  /** One of the two. A buyer's takes EventBridge events only: SNS topics are the seller's (SPEC N-8). */
  readonly sellerAccountId?: string;
  readonly buyerAccountId?: string;
  /** Absent: all products of the seller, or all that the buyer buys. */
  readonly productCode?: string;
  readonly forms: readonly NotificationForm[];
  readonly kind: "http" | "sqs";
  /** The endpoint that is posted to, or the queue's URL. */
  readonly url: string;
  /** SNS without its envelope (SPEC N-7). */
  readonly rawDelivery: boolean;
  /** How to reach the queue; what is absent comes from the SDK's own chain. */
  readonly sqs?: {
    readonly endpoint?: string;
    readonly region?: string;
    readonly accessKeyId?: string;
    /** Plain in memory, sealed on disk. */
    readonly secretAccessKey?: string;
  };
  /** HTTP targets take SNS messages once their owner confirmed the subscription. */
  readonly confirmationToken?: string;
  readonly confirmedAt?: number;
  readonly createdAt: number;
}

/** The way of one notification to one target. Wall-clock epoch milliseconds (SPEC A.5). */
export interface Delivery {
  readonly notificationId: string;
  readonly targetId: string;
  readonly state: "pending" | "delivered" | "dead";
  readonly attempts: readonly { readonly at: number; readonly error?: string; readonly status?: number }[];
  readonly nextAttemptAt: number;
}

/** A named bearer token of the control plane, kept by its hash. */
export interface AdminToken {
  readonly id: string;
  readonly name: string;
  /** Lower-case hex SHA-256. */
  readonly hash: string;
  readonly role: "full" | "read";
  /** Wall clock. */
  readonly createdAt: number;
  readonly revokedAt?: number;
}

/** Who changed what through the control plane. */
export interface ControlEvent {
  readonly id: string;
  /** Wall clock. */
  readonly at: number;
  /** Name of the admin token, or of what in the server acted: `clock`, `buyer`, `catalog file`. */
  readonly actor: string;
  /** Such as `agreement.cancel`. */
  readonly action: string;
  /** Id of what was changed. */
  readonly target: string;
  /** Bounded text for people; never a secret. */
  readonly summary?: string;
}

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

/** As on the wire, members that were not sent are absent. */
export interface UsageAllocation {
  readonly AllocatedUsageQuantity: number;
  readonly Tags?: readonly Tag[];
}

/** As on the wire (SPEC C.1). */
export interface UsageRecord {
  /** Epoch seconds, fraction kept. */
  readonly Timestamp: number;
  readonly Dimension: string;
  readonly CustomerIdentifier?: string;
  readonly CustomerAWSAccountId?: string;
  readonly LicenseArn?: string;
  readonly Quantity?: number;
  readonly UsageAllocations?: readonly UsageAllocation[];
}

/** Which of the four key spaces of the ledger a record lives in (SPEC B-60, M-20, M-31). */
export type UsagePath = "productCode" | "license" | "resource" | "agentcore";

/** One accepted record as the ledger gives it back (SPEC K.6). */
export interface MeteringRecord {
  readonly meteringRecordId: string;
  readonly region: string;
  readonly path: UsagePath;
  readonly productCode: string;
  /** The buyer. */
  readonly accountId: string;
  readonly licenseArn?: string;
  readonly resource?: string;
  readonly dimension: string;
  /** Start of the UTC hour, epoch milliseconds. */
  readonly hourAt: number;
  /** As sent, epoch milliseconds (fraction of a second kept to the millisecond). */
  readonly timestampAt: number;
  readonly quantity: number;
  readonly allocations?: readonly UsageAllocation[];
  readonly clientToken?: string;
  readonly requestId: string;
  readonly receivedAt: number;
  /** false: accepted, but the buyer's offer does not price it (SPEC B-42). */
  readonly billable: boolean;
}

/** How the business clock goes (SPEC A.5). Instants are epoch milliseconds. */
export type ClockState =
  | { readonly mode: "following" }
  | { readonly mode: "standing"; readonly at: number }
  /** It was `at` when the wall clock was `wallAt`, and goes `rate` times as fast. */
  | { readonly mode: "running"; readonly rate: number; readonly at: number; readonly wallAt: number };
