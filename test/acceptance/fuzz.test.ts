/** The fuzzer's short tier; `npm run fuzz` sends a hundred thousand. */
import { expect, test } from "vitest";
import { fuzz, fuzzCatalog, fuzzSecret, type Plane } from "../../fuzz/fuzz.ts";
import { demoRoles } from "../../src/catalog/demo.ts";
import { startMeterhouse } from "../../src/index.ts";

const key = { accessKeyId: demoRoles.seller, secretAccessKey: fuzzSecret };

test.each<{ plane: Plane; expected: readonly number[] }>([
  { plane: "service", expected: [200, 400, 404] },
  { plane: "control", expected: [200, 401, 404, 422] },
])(
  "$plane plane: whatever it is sent, it answers, and not with 5xx or a secret",
  async ({ plane, expected }) => {
    const meterhouse = await startMeterhouse({ catalog: { ...fuzzCatalog() } });
    const seen = new Set<number>();
    try {
      const target = { url: new URL(meterhouse.endpoint), key, adminToken: meterhouse.adminToken };
      const failure = await fuzz(target, {
        plane,
        inputs: 400,
        seed: 20261121,
        answered: (status) => seen.add(status),
      });
      expect(failure?.text).toBeUndefined();
      // The inputs reach what they are meant to: accepted calls and each kind of refusal.
      expect([...seen]).toEqual(expect.arrayContaining([...expected]));
      expect((await fetch(new URL("/readyz", meterhouse.endpoint))).status).toBe(200);
    } finally {
      await meterhouse.close();
    }
  },
  120_000,
);
