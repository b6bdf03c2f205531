/** A server that is started again serves its workloads on: same addresses, tokens, keys; stopped ones stay stopped. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { buyer, endPrograms, products, startProgram, startSite, usageOf } from "./site.ts";

const folder = mkdtempSync(join(tmpdir(), "meterhouse-restart-"));
afterEach(async () => {
  await endPrograms();
  rmSync(folder, { recursive: true, force: true });
});

test("programs go on, and new ones start, with the environment of before", async () => {
  const platforms = [
    ["ecs", products.usage, "requests"],
    ["eks", products.usage, "requests"],
    ["ec2", products.ami, "hosts"],
  ] as const;
  const options = { dataDir: folder };
  const first = await startSite(options);
  const port = Number(new URL(first.meterhouse.endpoint).port);
  const runs = await Promise.all(
    platforms.map(async ([kind, product, dimension]) => {
      const workload = await first.meterhouse.runWorkload({ kind, account: buyer, product });
      return { workload, product, dimension, program: startProgram(workload.environment) };
    }),
  );
  const ask = (one: (typeof runs)[number], program = one.program, quantity = 1) =>
    program.ask("MeterUsage", usageOf(one.product, one.dimension, quantity));
  for (const one of runs) expect((await ask(one)).MeteringRecordId).toBeDefined();
  const stopped = await first.meterhouse.runWorkload({ kind: "ec2", account: buyer });
  await stopped.stop();
  await first.close();

  const second = await startSite({ ...options, port });
  try {
    for (const one of runs) {
      // The keys of before the restart; and, to a program that starts now, the environment of before.
      expect(await ask(one)).toMatchObject({ MeteringRecordId: expect.any(String) });
      const answer = await ask(one, startProgram(one.workload.environment));
      expect(answer.message).toBeUndefined();
      expect(answer.MeteringRecordId).toBeDefined();
    }
    const late = await startProgram(stopped.environment).ask("MeterUsage", usageOf(products.ami, "hosts"));
    expect(late.error).toBe("CredentialsProviderError");
  } finally {
    await second.close();
  }
});
