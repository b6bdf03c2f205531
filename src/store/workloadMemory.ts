/** The workloads that registered or metered, in memory: every metering call of a workload asks for its own. */
import type { MeteringWorkload } from "../api/types.ts";

export class WorkloadMemory {
  /** By product, then by resource; in order of first acceptance. */
  readonly #workloads = new Map<string, Map<string, readonly MeteringWorkload[]>>();
  /** Those that are still to be metered, by product and resource: asked for each second, whatever number has stopped. */
  readonly #open = new Map<string, MeteringWorkload>();

  /** In the place of the one of the same (productCode, resource, operation), or after all others. */
  put(workload: MeteringWorkload): void {
    const ofProduct = this.#workloads.get(workload.productCode) ?? new Map<string, readonly MeteringWorkload[]>();
    this.#workloads.set(workload.productCode, ofProduct);
    const kept = { ...workload };
    const known = ofProduct.get(workload.resource) ?? [];
    const index = known.findIndex((one) => one.operation === workload.operation);
    ofProduct.set(workload.resource, index < 0 ? [...known, kept] : known.with(index, kept));
    if (workload.operation !== "RegisterUsage") return;
    const key = JSON.stringify([workload.productCode, workload.resource]);
    if (workload.meteringClosed === true) this.#open.delete(key);
    else this.#open.set(key, kept);
  }

  openRegistrations(): readonly MeteringWorkload[] {
    return [...this.#open.values()];
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
    this.#open.clear();
  }
}
