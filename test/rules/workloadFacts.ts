/** Facts of MeterUsage and RegisterUsage: a buyer's workload, its product, and faults in the order they are looked for. */
import fc from "fast-check";
import { expect } from "vitest";
import type { Credential, Product } from "../../src/api/types.ts";
import type { MeterFacts } from "../../src/rules/meterUsage.ts";
import { account, agreement, buyerId, credential, product, region } from "./facts.ts";

export const task = "arn:aws:ecs:us-east-1:310000000001:task/c/aaaa1";

/** Of a buyer's workload in the endpoint's Region. */
export function workload(kind: Credential["kind"], overrides: Partial<Credential> = {}): Credential {
  return credential({
    accessKeyId: "ASIAWORKLOAD00000001",
    accountId: buyerId,
    kind,
    name: "role",
    resource: task,
    region,
    ...overrides,
  });
}

export type WorkloadFacts = Omit<MeterFacts, "isRunning">;

/** Everything in order, for a product that is metered on this kind of workload. */
export function workloadFacts(type: Product["type"], kind: Credential["kind"]): WorkloadFacts {
  return {
    credential: workload(kind),
    region,
    product: product({ type }),
    buyer: account(),
    agreements: [agreement()],
  };
}

export interface OrderedFault<Request, Facts> {
  readonly error: string;
  readonly rule: string;
  /** What it changes; `omit` is a member of the request that it leaves out. */
  spoil(
    request: Request,
    facts: Facts,
  ): { readonly request?: Partial<Request>; readonly facts?: Partial<Facts>; readonly omit?: keyof Request };
}

/** Any set of faults at once: the first of them in the list is the one that is answered. */
export function expectOrder<Request extends object, Facts extends object>(
  request: Request,
  facts: Facts,
  faults: readonly OrderedFault<Request, Facts>[],
  errorOf: (request: Request, facts: Facts) => string | undefined,
): void {
  expect(errorOf(request, facts), "without a fault").toBeUndefined();
  fc.assert(
    fc.property(fc.subarray([...faults], { minLength: 1 }), (chosen) => {
      let [spoiledRequest, spoiledFacts] = [request, facts];
      // Backwards, so that the first has the last word where two change one member.
      for (const fault of chosen.toReversed()) {
        const change = fault.spoil(spoiledRequest, spoiledFacts);
        spoiledRequest = { ...spoiledRequest, ...change.request };
        if (change.omit !== undefined) delete spoiledRequest[change.omit];
        spoiledFacts = { ...spoiledFacts, ...change.facts };
      }
      const what = chosen.map((fault) => fault.rule).join(", ");
      expect(errorOf(spoiledRequest, spoiledFacts), what).toBe(chosen[0]?.error);
    }),
    { numRuns: 1_000 },
  );
}
