/** Retries around the SDK's retries: one throttled or failed request becomes a dozen, which are throttled in turn. */
import { minuteMs } from "../../api/limits.ts";
import type { MeteringOperationName, OperationName } from "../../api/types.ts";
import type { Check, Finding, ObservedCall, UntracedCall } from "../observed.ts";
import { about, Evidence, entryOf } from "./evidence.ts";
import { plural } from "./tally.ts";

/** No SDK sends a request more often by itself: boto3's legacy mode makes five attempts, the others three or four. */
export const sdkAttemptsMax = 5;

/** So often within `burstMs` is more than an SDK and one retry after it. An SDK's own attempts take less than a minute. */
const stormMin = 8;
const burstMs = minuteMs;

/** Requests that are remembered at once: those of the last minute, in any trail of this size. */
const burstsMax = 20_000;

interface Burst {
  readonly firstAt: number;
  readonly evidence: Evidence;
}

interface Storms {
  readonly operation: OperationName | MeteringOperationName;
  readonly caller: string;
  readonly accessKeyId: string | undefined;
  readonly productCode: string | undefined;
  readonly outcome: string;
  readonly bursts: Set<Burst>;
}

/** M-50: AWS asks for back-off over half an hour; what is found here came within one minute. */
const metering: readonly string[] = ["BatchMeterUsage", "MeterUsage", "RegisterUsage"];
const retried: readonly string[] = ["ThrottlingException", "InternalServiceErrorException"];

interface Attempt {
  readonly requestId: string;
  readonly at: number;
  readonly same: string;
  readonly storm: Omit<Storms, "bursts">;
}

class RetryLook {
  readonly #bursts = new Map<string, Burst>();
  readonly #storms = new Map<string, Storms>();
  /** Throttled calls are known by their key alone. */
  readonly #callers = new Map<string, string>();

  see(call: ObservedCall): void {
    const { operation, outcome, caller, accessKeyId, productCode } = call;
    this.#callers.set(accessKeyId, caller);
    if (!metering.includes(operation) || !retried.includes(outcome)) return;
    const same = contentOf(call);
    if (same === undefined) return;
    const storm = { operation, outcome, caller, accessKeyId, productCode };
    this.#add({ requestId: call.requestId, at: call.at, same: `${caller} ${operation} ${same}`, storm });
  }

  seeUntraced({ requestId, at, operation, accessKeyId, outcome, bodyHash }: UntracedCall): void {
    if (operation === undefined || !metering.includes(operation) || !retried.includes(outcome)) return;
    const caller = accessKeyId ?? "unknown";
    const storm = { operation, outcome, caller, accessKeyId, productCode: undefined };
    this.#add({ requestId, at, same: `untraced ${caller} ${operation} ${bodyHash}`, storm });
  }

  #add({ requestId, at, same, storm }: Attempt): void {
    let burst = this.#bursts.get(same);
    if (burst === undefined || at - burst.firstAt >= burstMs) {
      if (this.#bursts.size >= burstsMax) this.#forget(at);
      burst = { firstAt: at, evidence: new Evidence() };
      this.#bursts.set(same, burst);
    }
    burst.evidence.add(requestId);
    if (burst.evidence.count < stormMin) return;
    const key = `${storm.caller} ${storm.operation}`;
    entryOf(this.#storms, key, () => ({ ...storm, bursts: new Set<Burst>() })).bursts.add(burst);
  }

  #forget(now: number): void {
    for (const [same, { firstAt }] of this.#bursts) {
      if (now - firstAt >= burstMs || this.#bursts.size >= burstsMax) this.#bursts.delete(same);
    }
  }

  findings(): readonly Finding[] {
    return [...this.#storms.values()].map((storm) => this.#finding(storm));
  }

  #finding({ operation, caller, accessKeyId, productCode, outcome, bursts }: Storms): Finding {
    const most = Math.max(...[...bursts].map(({ evidence }) => evidence.count));
    const shown = new Evidence();
    for (const { evidence } of bursts) for (const id of evidence.requestIds) shown.add(id);
    const others = bursts.size === 1 ? "" : ` It happened to ${plural(bursts.size, "request")}.`;
    return {
      check: retryStorm.name,
      severity: "risk",
      ...about(productCode, this.#callers.get(accessKeyId ?? "") ?? caller),
      title: `The same ${operation} request was refused with ${outcome} ${most} times within a minute; an SDK alone makes at most ${sdkAttemptsMax} attempts.${others}`,
      fix: "Retry in one place only: either let the SDK retry, or set its attempts to 1 and retry in your code with exponential back-off and jitter, for up to 30 minutes.",
      rules: ["M-50", "C-31", "W-40"],
      evidence: shown.requestIds,
      count: bursts.size,
    };
  }
}

/** What makes two calls the same request. CloudTrail may keep nothing of a refused one: then none is like another. */
function contentOf({ productCode, records, request }: ObservedCall): string | undefined {
  const { ClientToken: _, ...rest } = request; // Made anew for each retry outside the SDK (W-15).
  if (records.length === 0 && Object.keys(rest).length === 0) return undefined;
  const sent = records.map(({ status: _status, meteringRecordId: _id, ...record }) => record);
  return JSON.stringify([productCode, sent, rest]);
}

export const retryStorm: Check = {
  name: "retry-storm",
  about: "One request is sent far more often within a minute than an SDK retries: retries around retries.",
  look: () => new RetryLook(),
};
