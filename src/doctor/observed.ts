/**
 * What the doctor looks at: calls as they were observed, whether by this server's audit trail or in the log files that
 * AWS CloudTrail delivered. Checks see no store, no file and no clock, so that both give the same report.
 */
import type { MeteringOperationName, OperationName } from "../api/types.ts";

/** One call, accepted or refused. */
export interface ObservedCall {
  readonly requestId: string;
  /** Business time, epoch milliseconds. Checks see calls in this order, oldest first. */
  readonly at: number;
  readonly operation: OperationName;
  readonly region: string;
  /** Account of the key: the seller's for BatchMeterUsage and ResolveCustomer, the buyer's for the others (H-6). */
  readonly accountId: string;
  readonly accessKeyId: string;
  /** Who called, as findings name them: the ARN, or the access key id where no ARN is known. */
  readonly caller: string;
  /** Empty where it is not known. */
  readonly userAgent: string;
  readonly sourceIp: string;
  /** `Success`, or the exception's name. */
  readonly outcome: string;
  readonly errorMessage?: string;
  /** As sent; for a licence record of no product code, the product where the catalogue tells it. */
  readonly productCode?: string;
  /** In request order; one of MeterUsage, none of the others. Of refused calls too, where the trail kept them. */
  readonly records: readonly ObservedRecord[];
  /** Of a ResolveCustomer that succeeded: who it was. */
  readonly resolved?: {
    readonly customerIdentifier?: string;
    readonly accountId?: string;
    readonly licenseArn?: string;
  };
  /** Request members that stand nowhere else here, by their wire names; `RegistrationToken` is never among them. */
  readonly request: Readonly<Record<string, unknown>>;
}

/**
 * `Success` and `Replayed` are one status on the wire; a replay is one whose MeteringRecordId was seen before. `Refused`:
 * the whole call was.
 */
export type ObservedStatus =
  | "Success"
  | "Replayed"
  | "DuplicateRecord"
  | "CustomerNotSubscribed"
  | "Unprocessed"
  | "Refused";

export interface ObservedRecord {
  /** As sent, epoch milliseconds. */
  readonly timestampAt: number;
  /** Start of the UTC hour, epoch milliseconds. */
  readonly hourAt: number;
  readonly customerIdentifier?: string;
  readonly customerAccountId?: string;
  readonly licenseArn?: string;
  readonly dimension: string;
  /** 0 where none was sent. */
  readonly quantity: number;
  readonly status: ObservedStatus;
  readonly meteringRecordId?: string;
}

/** What the trail cannot tell. Everything is absent when only CloudTrail files are read. */
export interface Knowledge {
  /** Business time of the diagnosis; the last call's time where nothing else is known. */
  readonly now: number;
  /** The buyer's account of a record, over whichever identifier it was sent by. */
  readonly accountOf: (record: ObservedRecord) => string | undefined;
  readonly productOfLicense: (licenseArn: string) => string | undefined;
  /** When a buyer's usage of a product could be metered: [from, to) in epoch milliseconds; `to` absent = still. */
  readonly metered: readonly {
    readonly productCode: string;
    readonly buyerAccountId: string;
    readonly licenseArn?: string;
    readonly from: number;
    readonly to?: number;
  }[];
  readonly tokens: readonly {
    readonly productCode: string;
    readonly buyerAccountId: string;
    readonly issuedAt: number;
    readonly resolvedAt?: number;
  }[];
  /** Products that must be metered by licence, because their agreements are concurrent. */
  readonly needsLicense: (productCode: string) => boolean;
  /** Dimensions of a product that are metered; undefined = unknown product. */
  readonly dimensionsOf: (productCode: string) => readonly string[] | undefined;
}

/** Calls that left no trail, such as those of strangers and throttled ones: what memory still holds of them. */
export interface UntracedCall {
  readonly requestId: string;
  /** Wall time, epoch milliseconds. */
  readonly at: number;
  readonly operation: MeteringOperationName | OperationName | undefined;
  readonly region: string | undefined;
  readonly accessKeyId: string | undefined;
  readonly userAgent: string;
  readonly outcome: string;
  readonly errorMessage: string;
  /** Hash of the body: the same bytes sent again have the same. */
  readonly bodyHash: string;
  /** `X-Amz-Date` minus the server's wall clock, milliseconds; absent where the header could not be read. */
  readonly skewMs?: number;
}

export type Severity = "lost-revenue" | "double-billing" | "risk" | "advice";

/** One thing that an integration does wrong. */
export interface Finding {
  /** Kebab-case name of the check, such as `unprocessed-never-resent`; the same for every finding of that check. */
  readonly check: string;
  readonly severity: Severity;
  readonly productCode?: string;
  readonly caller?: string;
  /** One sentence with the figures: what happens, how often, how much is lost. */
  readonly title: string;
  /** What to change, in one or two sentences. */
  readonly fix: string;
  /** SPEC rules or AWS pages that it rests on, such as `K-1`. */
  readonly rules: readonly string[];
  /** Request ids that show it, oldest first, at most `evidenceMax`. */
  readonly evidence: readonly string[];
  /** How often it was seen. */
  readonly count: number;
  /** Units of usage that are lost or billed twice, by dimension, where that can be told. */
  readonly quantities?: Readonly<Record<string, number>>;
}

export const evidenceMax = 10;

/** One look at a trail. It keeps what it needs of each call and tells at the end. */
export interface Look {
  see(call: ObservedCall): void;
  seeUntraced?(call: UntracedCall): void;
  findings(): readonly Finding[];
}

/** A check of `src/doctor/checks/`: one file, one thing that goes wrong. */
export interface Check {
  readonly name: string;
  /** What it looks for, one sentence; listed by `meterhouse doctor --checks` and in the docs. */
  readonly about: string;
  look(known: Knowledge): Look;
}
