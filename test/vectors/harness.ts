/** One server and the public fixtures for the tests of the runner. */
import { fileURLToPath } from "node:url";
import { type Meterhouse, startMeterhouse } from "../../src/index.ts";
import { readVectorsFile } from "../../vectors/file.ts";
import { type CaseResult, createRunClock, createRunner } from "../../vectors/runner.ts";
import { isObject, type Json, type JsonObject } from "../../vectors/values.ts";

export const PUBLIC_PATH = fileURLToPath(new URL("./public.json", import.meta.url));
export const publicFile = readVectorsFile(PUBLIC_PATH);

export interface Harness {
  readonly server: Meterhouse;
  run(testCase: Json): Promise<CaseResult>;
  /** The problem of a case made of these steps, undefined when it passes. */
  problemOf(steps: readonly Json[], members?: JsonObject): Promise<string | undefined>;
  close(): Promise<void>;
}

export async function startHarness(): Promise<Harness> {
  const clock = createRunClock();
  const server = await startMeterhouse({ wallClock: clock.now, rateClock: "business" });
  const runner = createRunner(server, clock);
  const run = (testCase: Json) => runner.run(testCase, publicFile.fixtures, publicFile.defaults);
  return {
    server,
    run,
    problemOf: async (steps, members = {}) => (await run({ id: "own", title: "own", ...members, steps })).problem,
    close: async () => {
      runner.close();
      await server.close();
    },
  };
}

export function publicCase(id: string): JsonObject {
  const found = publicFile.cases.find((one) => isObject(one) && one.id === id);
  if (!isObject(found)) throw new Error(`no public case ${id}`);
  return found;
}

/** A copy with the value at the path replaced or added; undefined removes it. */
export function changed(root: JsonObject, path: readonly (string | number)[], value: Json | undefined): JsonObject {
  const copy: unknown = structuredClone(root);
  let parent = copy as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) {
    parent[step] ??= {};
    parent = parent[step] as Record<string | number, unknown>;
  }
  const last = path.at(-1) ?? "";
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return copy as JsonObject;
}
