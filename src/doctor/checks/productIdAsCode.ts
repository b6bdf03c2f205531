/** K-9: the catalogue id `prod-…` in the place of the product code. */
import type { Check, Finding, ObservedCall } from "../observed.ts";
import { about, Evidence, entryOf, principalOf } from "./evidence.ts";
import { plural } from "./tally.ts";

interface Mixed {
  readonly productCode: string;
  readonly caller: string;
  readonly evidence: Evidence;
  records: number;
}

/** GetEntitlements has a name of its own for it (G-10). */
const refusals: readonly string[] = ["InvalidProductCodeException", "InvalidParameterException"];

class ProductIdLook {
  readonly #mixed = new Map<string, Mixed>();

  see(call: ObservedCall): void {
    const { productCode, outcome } = call;
    if (productCode === undefined || !productCode.startsWith("prod-") || !refusals.includes(outcome)) return;
    const caller = principalOf(call.caller);
    const make = () => ({ productCode, caller, evidence: new Evidence(), records: 0 });
    const mixed = entryOf(this.#mixed, `${productCode} ${caller}`, make);
    mixed.evidence.add(call.requestId);
    mixed.records += call.records.length;
  }

  findings(): readonly Finding[] {
    return [...this.#mixed.values()].map(({ productCode, caller, evidence, records }) => ({
      check: productIdAsCode.name,
      severity: "risk",
      ...about(productCode, caller),
      title: `${plural(evidence.count, "call")}${records === 0 ? "" : ` with ${plural(records, "usage record")}`} sent the product id '${productCode}' as ProductCode and ${evidence.count === 1 ? "was" : "were"} refused.`,
      fix: "Send the product code: ResolveCustomer returns it, and the product's page in the AWS Marketplace Management Portal shows it beside the id.",
      rules: ["K-9"],
      evidence: evidence.requestIds,
      count: evidence.count,
    }));
  }
}

export const productIdAsCode: Check = {
  name: "product-id-as-code",
  about: "The product id prod-… is sent in the place of the product code.",
  look: () => new ProductIdLook(),
};
