/** The master key is replaced: everything sealed goes with it, whole or not at all, wherever it is killed. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { reissueSecrets } from "../../src/moving/reissue.ts";
import { rotateMasterKey } from "../../src/moving/rotate.ts";
import { createSealer } from "../../src/secrets.ts";
import { ownEnvironment } from "../support/ownEnvironment.ts";
import {
  addSealedFile,
  engineNames,
  fill,
  firstKey,
  log,
  makePlace,
  removePlaces,
  secrets,
  type TestPlace,
  told,
} from "./stores.ts";

vi.setConfig({ testTimeout: 60_000 });
afterEach(removePlaces);

const script = fileURLToPath(new URL("rotateAndDie.mjs", import.meta.url));

/** How it ended: "SIGKILL", or what it said. */
function killedAt(step: string, times: number, { dataDir, database }: TestPlace): Promise<string> {
  const args = [script, step, String(times), dataDir, ...(database === undefined ? [] : [database])];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: ownEnvironment }, (error, _stdout, stderr) => {
      resolve(error?.signal ?? stderr);
    });
  });
}

function keyIn({ dataDir }: TestPlace): Buffer {
  return Buffer.from(readFileSync(join(dataDir, "master.key"), "utf8").trim(), "hex");
}

function bytesIn({ dataDir }: TestPlace): string {
  return readdirSync(dataDir)
    .map((name) => readFileSync(join(dataDir, name), "latin1"))
    .join("\n");
}

async function filled(engine: "sqlite" | "postgres"): Promise<{ readonly place: TestPlace; readonly before: unknown }> {
  const place = await makePlace(engine);
  const store = await place.open();
  await fill(store);
  const before = await told(store);
  await store.close();
  addSealedFile(place);
  return { place, before };
}

/** It opens with what is in its folder, nothing is lost, and the sealed file is under the key that holds. */
async function expectWhole(place: TestPlace, before: unknown): Promise<void> {
  const store = await place.open();
  expect(await told(store)).toEqual(before);
  await store.close();
  const sealed = readFileSync(join(place.dataDir, "web-identity.sealed"), "utf8");
  expect(createSealer(keyIn(place)).unseal(sealed, "web-identity")).toBe(secrets.file);
  expect(readdirSync(place.dataDir).filter((name) => name.endsWith(".new") || name.endsWith(".tmp"))).toEqual([]);
}

describe.each(engineNames)("on %s", (engine) => {
  test("everything is sealed under the new key, and none of it opens with the old", async () => {
    const { place, before } = await filled(engine);
    const rotated = await rotateMasterKey({ ...place, env: {}, log });
    expect(rotated.resealed).toEqual({
      "secret access keys": 2,
      "session tokens": 1,
      "private keys of products": 1,
      "authorization tokens of workloads": 1,
      "keys of notification targets": 1,
      "keys made on first use": 1,
    });
    expect(keyIn(place)).not.toEqual(firstKey);
    expect(statSync(join(place.dataDir, "master.key")).mode & 0o777).toBe(0o600);
    expect(readFileSync(rotated.oldKeyFile ?? "", "utf8").trim()).toBe(firstKey.toString("hex"));
    expect(statSync(rotated.oldKeyFile ?? "").mode & 0o777).toBe(0o600);
    await expectWhole(place, before);
    await expect(place.open({ METERHOUSE_MASTER_KEY: firstKey.toString("hex") })).rejects.toThrow(
      /master key of the environment variable METERHOUSE_MASTER_KEY does not fit/,
    );
    for (const secret of Object.values(secrets)) expect(bytesIn(place)).not.toContain(secret);
    const again = await rotateMasterKey({ ...place, env: {}, log });
    expect(again.oldKey).toBe(rotated.newKey);
    await expectWhole(place, before);
  });

  const kills = [
    ["sealing", 3, false],
    ["resealed", 1, true],
    // The same on both engines: they take a second each.
    ...(engine === "postgres"
      ? []
      : ([
          ["prepared", 1, false],
          ["moved", 1, true],
          ["moved", 2, true],
        ] as const)),
  ] as const;
  test.each(kills)("killed at %s (%i)", async (step, times, isNew) => {
    const { place, before } = await filled(engine);
    expect(await killedAt(step, times, place)).toBe("SIGKILL");
    await expectWhole(place, before);
    expect(keyIn(place).equals(firstKey)).toBe(!isNew);
    await rotateMasterKey({ ...place, env: {}, log });
    await expectWhole(place, before);
  });

  test("a key of the environment is replaced by one that is given", async () => {
    const { place, before } = await filled(engine);
    const [old, next] = [firstKey.toString("hex"), "ab".repeat(32)];
    const env = { METERHOUSE_MASTER_KEY: old };
    await expect(rotateMasterKey({ ...place, env, log })).rejects.toThrow(/METERHOUSE_NEW_MASTER_KEY/);
    await expect(rotateMasterKey({ ...place, env: { ...env, METERHOUSE_NEW_MASTER_KEY: old }, log })).rejects.toThrow(
      /in use/,
    );
    const rotated = await rotateMasterKey({ ...place, env: { ...env, METERHOUSE_NEW_MASTER_KEY: next }, log });
    expect(rotated).not.toHaveProperty("keyFile");
    const store = await place.open({ METERHOUSE_MASTER_KEY: next });
    expect(await told(store)).toEqual(before);
    await store.close();
    const sealed = readFileSync(join(place.dataDir, "web-identity.sealed"), "utf8");
    expect(createSealer(Buffer.from(next, "hex")).unseal(sealed, "web-identity")).toBe(secrets.file);
  });

  test("is refused while a server has the store", async () => {
    const { place, before } = await filled(engine);
    const store = await place.open();
    await expect(rotateMasterKey({ ...place, env: {}, log })).rejects.toThrow(
      engine === "sqlite"
        ? /in use by another Meterhouse process. Stop that one first/
        : /Nodes are connected.*Stop all of them/,
    );
    await store.close();
    await expectWhole(place, before);
    expect(keyIn(place)).toEqual(firstKey);
  });

  test("a lost key is told with what is lost and what to do; new secrets take the place of the old", async () => {
    const { place, before } = await filled(engine);
    const { rmSync } = await import("node:fs");
    const file = join(place.dataDir, "master.key");
    rmSync(file);
    await expect(place.open()).rejects.toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          new RegExp(
            `There is no master key.*METERHOUSE_MASTER_KEY is not set.*${file}.*private keys of products.*Usage, agreements and the audit trail are not sealed.*secrets reissue`,
            "s",
          ),
        ),
      }),
    );
    expect(existsSync(file)).toBe(false);
    writeFileSync(file, `${"cd".repeat(32)}\n`, { mode: 0o600 });
    await expect(place.open()).rejects.toThrow(
      new RegExp(`The master key of the file ${file} does not fit .*Nothing was changed.*secrets reissue`, "s"),
    );
    await expect(
      reissueSecrets({ ...place, env: { METERHOUSE_MASTER_KEY: firstKey.toString("hex") }, log }),
    ).rejects.toThrow(/nothing is lost/);

    const done = await reissueSecrets({ ...place, env: {}, log });
    expect(done).toMatchObject({
      credentials: [{ accessKeyId: "AKIAIOSFODNN7EXAMPLE" }],
      ended: ["ASIAIOSFODNN7EXAMPLE"],
      workloads: ["web-1"],
      targets: ["target-2"],
    });
    const store = await place.open();
    const after = (await told(store)) as { readonly all: { readonly credentials: readonly object[] } };
    expect(after.all.credentials).toEqual([expect.objectContaining(done.credentials[0] ?? {})]);
    const { all: _all, ...others } = after;
    const { all: _before, ...same } = before as typeof after;
    expect(others).toEqual(same);
    await store.close();
    expect(existsSync(join(place.dataDir, "web-identity.sealed"))).toBe(false);
  });
});
