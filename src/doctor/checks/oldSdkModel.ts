/** SDKs whose model is too old for what the product's metering needs; they drop the member without saying so. */
import type { Check, Finding, Knowledge, ObservedCall, Severity } from "../observed.ts";
import { about, Evidence, entryOf, principalOf } from "./evidence.ts";
import { isBefore, type SdkInUse, sdkOf } from "./sdkModels.ts";
import { plural } from "./tally.ts";

type Member = "LicenseArn" | "ClientToken";

interface Old {
  readonly productCode: string;
  readonly caller: string;
  readonly sdk: SdkInUse;
  readonly member: Member;
  readonly evidence: Evidence;
}

/** User agents that are remembered; there are as many as there are programs. */
const agentsMax = 10_000;

class OldSdkLook {
  readonly #known: Knowledge;
  readonly #old = new Map<string, Old>();
  readonly #sdks = new Map<string, SdkInUse | undefined>();
  #concurrent: ReadonlySet<string> | undefined;

  constructor(known: Knowledge) {
    this.#known = known;
  }

  see(call: ObservedCall): void {
    const { productCode, userAgent } = call;
    if (productCode === undefined || userAgent === "") return;
    const member = memberMissedBy(call);
    const sdk = member === undefined ? undefined : this.#sdkOf(userAgent);
    if (member === undefined || sdk === undefined) return;
    const from = member === "LicenseArn" ? sdk.model.licenseArnFrom : sdk.model.clientTokenFrom;
    if (from === undefined || !isBefore(sdk.version, from)) return;
    const caller = principalOf(call.caller);
    const make = () => ({ productCode, caller, sdk, member, evidence: new Evidence() });
    const key = JSON.stringify([productCode, caller, sdk.model.name, sdk.version, member]);
    entryOf(this.#old, key, make).evidence.add(call.requestId);
  }

  #sdkOf(userAgent: string): SdkInUse | undefined {
    if (this.#sdks.size >= agentsMax) this.#sdks.clear();
    if (!this.#sdks.has(userAgent)) this.#sdks.set(userAgent, sdkOf(userAgent));
    return this.#sdks.get(userAgent);
  }

  findings(): readonly Finding[] {
    return [...this.#old.values()].flatMap((old) => {
      const severity = this.#severityOf(old);
      return severity === undefined ? [] : [findingOf(old, severity)];
    });
  }

  /** A risk where the product can be metered by licence alone; advice where a buyer has several agreements at once. */
  #severityOf({ productCode, member }: Old): Severity | undefined {
    if (member === "ClientToken" || this.#known.needsLicense(productCode)) return "risk";
    this.#concurrent ??= concurrentProducts(this.#known.metered);
    return this.#concurrent.has(productCode) ? "advice" : undefined;
  }
}

/** B-21, M-30: what this call should have carried and did not. */
function memberMissedBy({ operation, records, outcome, errorMessage = "" }: ObservedCall): Member | undefined {
  if (operation === "BatchMeterUsage") {
    return records.some(({ licenseArn }) => licenseArn !== undefined) ? undefined : "LicenseArn";
  }
  const lacksToken = outcome === "ValidationException" && /Value null at 'clientToken'/.test(errorMessage);
  return operation === "MeterUsage" && lacksToken ? "ClientToken" : undefined;
}

/** Products of which a buyer had two agreements at the same time. */
function concurrentProducts(metered: Knowledge["metered"]): ReadonlySet<string> {
  const products = new Set<string>();
  const ends = new Map<string, number>();
  for (const { productCode, buyerAccountId, from, to = Number.POSITIVE_INFINITY } of metered.toSorted(
    (a, b) => a.from - b.from,
  )) {
    const buyer = `${productCode} ${buyerAccountId}`;
    const end = ends.get(buyer) ?? Number.NEGATIVE_INFINITY;
    if (from < end) products.add(productCode);
    ends.set(buyer, Math.max(end, to));
  }
  return products;
}

function findingOf({ productCode, caller, sdk, member, evidence }: Old, severity: Severity): Finding {
  const { model, version } = sdk;
  const from = member === "LicenseArn" ? model.licenseArnFrom : (model.clientTokenFrom ?? "");
  const why =
    member === "ClientToken"
      ? "MeterUsage of an AgentCore runtime must carry it"
      : severity === "risk"
        ? "the product is metered by licence only"
        : "the product has buyers with several agreements at once";
  return {
    check: oldSdkModel.name,
    severity,
    ...about(productCode, caller),
    title: `${plural(evidence.count, "call")} came from ${model.name} ${version}, which cannot send ${member}; ${why}.`,
    fix:
      from === "never"
        ? `No version of ${model.name} can send ${member}: move to a current SDK and send it.`
        : `Update to a current version of ${model.name} (those before ${from} drop ${member} without an error), and send it.`,
    rules: member === "LicenseArn" ? ["B-21", "T-12", "J-18"] : ["M-30", "W-15"],
    evidence: evidence.requestIds,
    count: evidence.count,
  };
}

export const oldSdkModel: Check = {
  name: "old-sdk-model",
  about: "The SDK in use is too old to send LicenseArn or ClientToken, which the product needs.",
  look: (known) => new OldSdkLook(known),
};
