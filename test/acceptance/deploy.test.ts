/** What lies in deploy/ speaks of metrics that there are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startMeterhouse } from "../../src/index.ts";

const folder = join(import.meta.dirname, "..", "..", "deploy");

test("dashboard and alerts name metrics of this server", async () => {
  const meterhouse = await startMeterhouse({});
  try {
    const text = await (await fetch(`${meterhouse.endpoint}/metrics`)).text();
    const there = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name));
    for (const file of ["grafana-dashboard.json", "alerts.yaml"]) {
      const named = readFileSync(join(folder, file), "utf8").matchAll(/\b((?:meterhouse|process|nodejs)_\w+)/g);
      const names = new Set([...named].map(([, name = ""]) => name.replace(/_(?:bucket|sum|count)$/, "")));
      expect(names.size).toBeGreaterThan(0);
      expect([...names].filter((name) => !there.has(name))).toEqual([]);
    }
  } finally {
    await meterhouse.close();
  }
});
