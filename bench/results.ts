/** Results that are kept, one file a run: bench/results/<date>.json, with machine and versions. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Machine } from "./machine.ts";
import type { Parts } from "./profile.ts";
import { type Measurement, type Report, reportJson, type StoreMeasurement } from "./report.ts";

const folder = fileURLToPath(new URL("results/", import.meta.url));

/** As in `npm run bench -- --json`, and where the time of the request path goes. */
export interface KeptResults {
  readonly bare: Measurement;
  readonly machine: Machine;
  readonly run: Report["run"];
  readonly moto?: Report["moto"];
  readonly parts?: Parts;
  readonly version: string;
  readonly [store: string]: unknown;
}

/** Returns the file's name. */
export function keepResults(report: Report, parts: Parts | undefined): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
  };
  const kept = { version, ...reportJson(report), ...(parts === undefined ? {} : { parts }) };
  const name = `${report.machine.date.slice(0, 16).replace(":", "")}Z.json`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}${name}`, `${JSON.stringify(kept, undefined, 2)}\n`);
  return `bench/results/${name}`;
}

/** The newest; undefined: none is kept. */
export function newestResults(): { readonly name: string; readonly results: KeptResults } | undefined {
  let names: readonly string[] = [];
  try {
    names = readdirSync(folder).filter((name) => /^\d{4}-\d\d-\d\dT\d{4}Z\.json$/.test(name));
  } catch {
    return undefined; // No folder: nothing was kept.
  }
  const name = names.toSorted().at(-1);
  if (name === undefined) return undefined;
  return { name, results: JSON.parse(readFileSync(`${folder}${name}`, "utf8")) as KeptResults };
}

/** The store's measurements by key, in the order in which they were made. */
export function storesOf(results: KeptResults): readonly (readonly [key: string, store: StoreMeasurement])[] {
  return Object.entries(results).flatMap(([key, value]) => {
    const isStore = typeof value === "object" && value !== null && "recordsHeld" in value;
    return isStore ? [[key, value as StoreMeasurement] as const] : [];
  });
}
