/**
 * Duplicates, replays and client tokens of MeterUsage, from the operation down to the file, against plain Maps
 * (SPEC M-20 to M-25, M-31 to M-33, M-41, M-43).
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Credential } from "../../src/api/types.ts";
import type { MeterUsageResult } from "../../src/operations/MeterUsage.ts";
import type { MeterRequest } from "../../src/rules/meterUsage.ts";
import { account, agreement, hourMs, now, product } from "./facts.ts";
import { type OperationBench, openOperationBench } from "./operationBench.ts";
import { workload } from "./workloadFacts.ts";

const code = (name: string) => name.padEnd(25, "0");
const types = { ec2: "ami-fcp", "ecs-task": "container-fcp", agentcore: "agentcore-fcp" } as const;
type Kind = keyof typeof types;
const catalog = {
  accounts: [account()],
  products: Object.entries(types).map(([kind, type]) => product({ code: code(kind.slice(0, 3)), type })),
  agreements: Object.keys(types).map((kind) => agreement({ id: `agmt-${kind}`, productCode: code(kind.slice(0, 3)) })),
};

let bench: OperationBench;
beforeAll(() => {
  bench = openOperationBench();
});
afterAll(() => bench.close());

interface Usage {
  readonly kind: Kind;
  readonly resource: string;
  readonly dimension: string;
  readonly hoursAgo: number;
  readonly secondOfHour: number;
  readonly quantity: number | undefined;
  readonly token: string | undefined;
  readonly isDryRun: boolean;
  readonly isSplit: boolean;
}

const usage: fc.Arbitrary<Usage> = fc
  .record({
    kind: fc.constantFrom<Kind>("ec2", "ecs-task", "agentcore"),
    resource: fc.constantFrom("r-1", "r-2"),
    dimension: fc.constantFrom("searches", "gb"),
    hoursAgo: fc.constantFrom(1, 2),
    secondOfHour: fc.constantFrom(300, 2_400),
    quantity: fc.constantFrom(undefined, 0, 1),
    token: fc.constantFrom(undefined, "t-1", "t-2", "t-3", "T-1"),
    isDryRun: fc.constantFrom(false, false, false, true),
    isSplit: fc.constantFrom(false, false, true),
  })
  .map((one) => (one.kind === "agentcore" && one.token === undefined ? { ...one, token: "t-4" } : one));

function request(one: Usage): MeterRequest {
  return {
    ProductCode: code(one.kind.slice(0, 3)),
    Timestamp: (Math.floor(now / hourMs) - one.hoursAgo) * 3_600 + one.secondOfHour,
    UsageDimension: one.dimension,
    ...(one.quantity === undefined ? {} : { UsageQuantity: one.quantity }),
    ...(one.token === undefined ? {} : { ClientToken: one.token }),
    ...(one.isDryRun ? { DryRun: true } : {}),
    ...(one.isSplit ? { UsageAllocations: [{ AllocatedUsageQuantity: one.quantity ?? 0 }] } : {}),
  };
}

function caller(one: Usage): Credential {
  return workload(one.kind, { resource: one.resource });
}

/** The id, or the error's name. */
async function send(one: Usage): Promise<string> {
  try {
    const answer = (await bench.call("MeterUsage", request(one), { credential: caller(one) })) as MeterUsageResult;
    return answer.MeteringRecordId;
  } catch (error) {
    if (error instanceof Error) return error.name;
    throw error;
  }
}

interface Stored {
  id: string;
  readonly quantity: number;
}

class Model {
  readonly all: Stored[] = [];
  readonly #byHour = new Map<string, Stored>();
  readonly #byToken = new Map<string, { readonly parameters: string; readonly stored: Stored }>();

  /** The error's name; or what is stored, new where its id is "". */
  take(one: Usage): string | Stored {
    if (one.isDryRun) return "DryRunOperation"; // M-41, M-43
    // All that the request says, the stamp as it was sent (M-25); an absent quantity is 0 (M-8).
    const { kind, dimension, hoursAgo, secondOfHour, isSplit, quantity = 0 } = one;
    const parameters = JSON.stringify([kind, dimension, hoursAgo, secondOfHour, quantity, isSplit]);
    const known = one.token === undefined ? undefined : this.#byToken.get(one.token);
    // M-24, M-32: first of all, and per account: whichever of its workloads comes with the token.
    if (known !== undefined) return known.parameters === parameters ? known.stored : "IdempotencyConflictException";
    const hour = [kind, one.resource, dimension, hoursAgo].join();
    const taken = kind === "agentcore" ? undefined : this.#byHour.get(hour); // M-20, M-31
    if (taken !== undefined && taken.quantity !== quantity) return "DuplicateRequestException"; // M-21
    const stored = taken ?? { id: "", quantity };
    if (taken === undefined) {
      this.#byHour.set(hour, stored);
      this.all.push(stored);
    }
    if (one.token !== undefined) this.#byToken.set(one.token, { parameters, stored });
    return stored;
  }
}

describe("MeterUsage over few keys and tokens", () => {
  test("M-20 to M-25, M-31 to M-33: ids, errors and ledger equal two Maps", async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(usage, { minLength: 1, maxLength: 25 }), async (all) => {
        await bench.reset(catalog);
        const model = new Model();
        for (const one of all) {
          const expected = model.take(one);
          const got = await send(one);
          if (typeof expected === "string") {
            expect(got, JSON.stringify(one)).toBe(expected);
            seen.add(got);
          } else {
            expect(got, JSON.stringify(one)).toMatch(/^[0-9a-f-]{36}$/);
            seen.add(expected.id === "" ? "fresh" : "replay");
            if (expected.id === "") expected.id = got;
            expect(got, JSON.stringify(one)).toBe(expected.id);
          }
        }
        expect(new Set(model.all.map((one) => one.id)).size).toBe(model.all.length);
        const quantity = model.all.reduce((sum, one) => sum + one.quantity, 0);
        expect(await bench.store.ledger.count({})).toEqual({ count: model.all.length, quantity });
      }),
      { numRuns: 120 },
    );
    const outcomes = [
      "DryRunOperation",
      "DuplicateRequestException",
      "IdempotencyConflictException",
      "fresh",
      "replay",
    ];
    expect([...seen].toSorted()).toEqual(outcomes);
  });

  test("M-6: what is refused is no first call; what is accepted is", async () => {
    await bench.reset({ ...catalog, agreements: [] });
    const one: Usage = {
      kind: "ecs-task",
      resource: "r-1",
      dimension: "searches",
      hoursAgo: 1,
      secondOfHour: 0,
      quantity: 1,
      token: undefined,
      isDryRun: false,
      isSplit: false,
    };
    expect(await send(one)).toBe("CustomerNotEntitledException");
    expect(await send(one)).toBe("CustomerNotEntitledException");
    await bench.store.catalog.apply({ agreements: catalog.agreements });
    // M-43: a dry run does not make the workload a running one.
    expect(await send({ ...one, isDryRun: true })).toBe("DryRunOperation");
    await bench.store.catalog.apply({ agreements: catalog.agreements.map((each) => ({ ...each, endedAt: now - 1 })) });
    expect(await send(one)).toBe("CustomerNotEntitledException");
    await bench.store.catalog.apply({ agreements: catalog.agreements });
    expect(await send(one)).toMatch(/^[0-9a-f-]{36}$/);
    await bench.store.catalog.apply({ agreements: catalog.agreements.map((each) => ({ ...each, endedAt: now - 1 })) });
    expect(await send({ ...one, hoursAgo: 2 })).toMatch(/^[0-9a-f-]{36}$/);
    expect(await send({ ...one, resource: "r-2" })).toBe("CustomerNotEntitledException");
  });
});
