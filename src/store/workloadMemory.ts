/** The workloads that registered or metered, in memory: every metering call of a workload asks for its own. */
import type { MeteringWorkload } from "../api/types.ts";

export class WorkloadMemory {
  /** By product, then by resource; in order of first acceptance. */
  readonly #workloads = new Map<string, Map<string, readonly MeteringWorkload[]>>();

  /** The caller sees to it that (productCode, resource, operation) is new. */
  put(workload: MeteringWorkload): void {
    const ofProduct = this.#workloads.get(workload.productCode) ?? new Map<string, readonly MeteringWorkload[]>();
    this.#workloads.set(workload.productCode, ofProduct);
    ofProduct.set(workload.resource, [...(ofProduct.get(workload.resource) ?? []), { ...workload }]);
  }

  matching(filter: { readonly productCode?: string; readonly resource?: string }): readonly MeteringWorkload[] {
    const products =
      filter.productCode === undefined ? [...this.#workloads.values()] : [this.#workloads.get(filter.productCode)];
    return products.flatMap((ofProduct) => {
      if (ofProduct === undefined) return [];
      return filter.resource === undefined ? [...ofProduct.values()].flat() : (ofProduct.get(filter.resource) ?? []);
    });
  }

  clear(): void {
    this.#workloads.clear();
  }
}
