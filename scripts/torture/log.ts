/** The client's own log: what was sent, what was acknowledged under which id, and what contradicts either. */
import assert from "node:assert/strict";
import type { MeteringRecord } from "../../src/api/types.ts";

interface Entry {
  /** Every quantity that was sent under this key. */
  readonly sent: Set<number>;
  acknowledged: { readonly id: string; readonly quantity: number } | undefined;
  /** Quantities that another one was stored in place of. */
  readonly refused: Set<number>;
}

const violationsShown = 10;

export class UsageLog {
  readonly #entries = new Map<string, Entry>();
  readonly violations: string[] = [];
  replays = 0;
  duplicates = 0;

  sent(key: string, quantity: number): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#entries.set(key, { sent: new Set([quantity]), acknowledged: undefined, refused: new Set() });
    } else entry.sent.add(quantity);
  }

  answered(key: string, quantity: number, status: string | undefined, id: string | undefined): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) this.violate(`an answer for ${key}, which was never sent`);
    else if (status === "Success" && id !== undefined) this.#succeeded(key, entry, quantity, id);
    else if (status === "DuplicateRecord") {
      this.duplicates += 1;
      entry.refused.add(quantity);
      if (entry.sent.size === 1) this.violate(`DuplicateRecord for ${key}, of which one quantity alone was sent`);
    } else this.violate(`${key} was answered ${status} with the id ${id}`);
  }

  violate(text: string): void {
    this.violations.push(text);
  }

  #succeeded(key: string, entry: Entry, quantity: number, id: string): void {
    const before = entry.acknowledged;
    if (before === undefined) {
      entry.acknowledged = { id, quantity };
      return;
    }
    this.replays += 1;
    if (before.id !== id) this.violate(`${key} has two ids: ${before.id} and ${id}`);
    if (before.quantity !== quantity) this.violate(`${key} succeeded with ${before.quantity} and with ${quantity}`);
  }

  /** Throws when the ledger is not exactly what was acknowledged. Returns the number of records. */
  compare(kept: ReadonlyMap<string, MeteringRecord>): number {
    for (const [key, { acknowledged, refused }] of this.#entries) {
      const record = kept.get(key);
      if (acknowledged === undefined) this.violate(`${key} was never acknowledged`);
      else if (record === undefined) this.violate(`${key} was acknowledged and is missing`);
      else if (record.meteringRecordId !== acknowledged.id || record.quantity !== acknowledged.quantity) {
        const { id, quantity } = acknowledged;
        this.violate(`${key}: acknowledged ${id} (${quantity}), kept ${record.meteringRecordId} (${record.quantity})`);
      } else if (refused.has(record.quantity)) this.violate(`${key} was a duplicate of itself`);
    }
    for (const key of kept.keys()) if (!this.#entries.has(key)) this.violate(`${key} is kept and was never sent`);
    const ids = new Set([...kept.values()].map((record) => record.meteringRecordId));
    if (ids.size !== kept.size) this.violate(`${kept.size} records have ${ids.size} ids`);
    const shown = this.violations.slice(0, violationsShown).join("\n");
    assert.equal(this.violations.length, 0, `${this.violations.length} violations:\n${shown}`);
    return this.#entries.size;
  }

  /** Of what was acknowledged. */
  total(): { readonly count: number; readonly quantity: number } {
    const all = [...this.#entries.values()].flatMap(({ acknowledged }) => acknowledged ?? []);
    return { count: all.length, quantity: all.reduce((sum, { quantity }) => sum + quantity, 0) };
  }
}
