/** Registered tasks as rows, and what the ledger holds of them. */
import { registeredDimension } from "../../../src/api/identifiers.ts";
import type { MeteringRecord, MeteringWorkload } from "../../../src/api/types.ts";
import type { Ledger } from "../../../src/store/ledger.ts";
import type { Store } from "../../../src/store/store.ts";
import { event, productCode, workload } from "../../store/fixtures.ts";

/** A Saturday morning in mid-month: no rule of month ends is near. */
export const startAt = Date.UTC(2026, 7, 15, 10);

export function task(number: number, life: Partial<MeteringWorkload> = {}): MeteringWorkload {
  return workload({
    resource: `arn:aws:ecs:us-east-1:210987654321:task/demo/${number}`,
    launchedAt: startAt,
    startedAt: startAt,
    ...life,
  });
}

export async function register(store: Pick<Store, "ledger">, registration: MeteringWorkload): Promise<void> {
  const audit = () => event({ operation: "RegisterUsage" });
  await store.ledger.claim({ records: [], workload: registration, audit });
}

export async function recordsOf(ledger: Ledger, resource?: string): Promise<readonly MeteringRecord[]> {
  const filter = { productCode, dimension: registeredDimension, ...(resource === undefined ? {} : { resource }) };
  return ledger.records(filter, 1_000_000);
}

/** Seconds by start of the hour; fails on an hour that is there twice. */
export function byHour(records: readonly MeteringRecord[]): Record<string, number> {
  const hours: Record<string, number> = {};
  for (const { hourAt, quantity } of records) {
    const name = new Date(hourAt).toISOString();
    if (hours[name] !== undefined) throw new Error(`${name} is in the ledger twice`);
    hours[name] = quantity;
  }
  return hours;
}

/**
 * The rule by counting: each whole second of the life, of which there are 60 at least, belongs to the hour in which it
 * ends. With `before`: only of hours that are over by then.
 */
export function counted(fromAt: number, stopAt: number, before = Number.POSITIVE_INFINITY): Record<string, number> {
  const hours: Record<string, number> = {};
  for (let second = 1; second <= 60 || fromAt + second * 1_000 <= stopAt; second += 1) {
    const hourAt = Math.floor((fromAt + second * 1_000 - 1) / 3_600_000) * 3_600_000;
    if (hourAt + 3_600_000 > before) continue;
    const name = new Date(hourAt).toISOString();
    hours[name] = (hours[name] ?? 0) + 1;
  }
  return hours;
}
