/** The master key by the command line. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { demoCatalog } from "../../src/catalog/demo.ts";
import { endProcesses, makePlace, startServer } from "../support/serverProcess.ts";
import { runCli } from "./support.ts";

afterEach(endProcesses);

test("rotate and reissue", async () => {
  const place = makePlace(demoCatalog());
  const { dataDir } = place;
  const server = await startServer(place);
  server.signal("SIGTERM");
  await server.exit;
  const keyFile = join(dataDir, "master.key");
  const before = readFileSync(keyFile, "utf8");
  const rotated = await runCli(["secrets", "rotate", "--data", dataDir]);
  expect(rotated.stderr).toMatch(
    /The new master key is in .*master\.key \(fingerprint [0-9a-f]{8}\).*backups of before need it/s,
  );
  expect(rotated).toMatchObject({ code: 0, stdout: expect.stringMatching(/secret access keys +[1-9]/) });
  const after = readFileSync(keyFile, "utf8");
  expect(after).not.toBe(before);
  for (const key of [before, after]) expect(rotated.stdout + rotated.stderr).not.toContain(key.trim());
  expect(await runCli(["secrets", "reissue", "--data", dataDir])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--yes"),
  });
  expect(await runCli(["secrets", "reissue", "--yes", "--data", dataDir])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("nothing is lost"),
  });
  rmSync(keyFile);
  expect(await runCli(["secrets", "rotate", "--data", dataDir])).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^meterhouse: There is no master key .*METERHOUSE_MASTER_KEY is not set, and there is no file .*master\.key.*secrets reissue/,
    ),
  });
  const reissued = await runCli(["secrets", "reissue", "--yes", "--data", dataDir, "--json"]);
  expect(reissued.code, reissued.stderr).toBe(0);
  const { credentials } = JSON.parse(reissued.stdout) as {
    readonly credentials: readonly { readonly secretAccessKey: string }[];
  };
  expect(credentials[0]?.secretAccessKey).toMatch(/^\S{40}$/);
  expect(await runCli(["secrets", "rotate", "--data", dataDir])).toMatchObject({ code: 0 });
});
