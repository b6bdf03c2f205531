/** A noun of `types.ts`, which gives it out to everyone. */

/** A workload that metered or registered once: later calls are not refused for entitlement (SPEC R-5, M-6). */
export interface MeteringWorkload {
  readonly productCode: string;
  readonly resource: string;
  readonly accountId: string;
  readonly region: string;
  readonly operation: "RegisterUsage" | "MeterUsage";
  readonly accessKeyId: string;
  readonly launchedAt?: number;
  /** First accepted call. */
  readonly startedAt: number;
  /** RegisterUsage: when it stopped; its metering ends there (SPEC R-10). */
  readonly stoppedAt?: number;
  /** RegisterUsage: the seconds of the hours before this one are in the ledger. A UTC hour's start. */
  readonly meteredUntil?: number;
  /** RegisterUsage: it stopped and the last of its seconds is in the ledger. */
  readonly meteringClosed?: boolean;
}
