/** A vectors file: its cases, its fixtures and what its conventions say of the defaults. */
import { readFileSync } from "node:fs";
import { type Fixtures, readFixtures } from "./fixtures.ts";
import type { Defaults } from "./runner.ts";
import { Fields, isObject, type Json, show } from "./values.ts";

/** Where `conventions.defaults` is silent. */
const DEFAULTS: Defaults = { at: "2026-08-15T10:20:00Z", region: "us-east-1", revision: "2026", creds: "AKSELLER" };

export interface VectorsFile {
  readonly path: string;
  readonly cases: readonly Json[];
  readonly fixtures: Fixtures;
  readonly defaults: Defaults;
  /** What is odd about the file but changes no case. */
  readonly notes: readonly string[];
}

const KNOWN_KEYS = ["version", "specification", "note", "conventions", "fixtures", "count", "cases"];

/** Throws with a message that says why the file cannot be run. */
export function readVectorsFile(path: string): VectorsFile {
  const document = JSON.parse(readFileSync(path, "utf8")) as Json;
  if (!isObject(document)) throw new Error("the file is not a JSON object");
  const fields = new Fields(document, "file", Object.keys(document));
  const cases = fields.has("cases") ? fields.list("cases") : [];
  if (cases.length === 0) throw new Error("the file has no cases");
  const count = fields.raw("count");
  const unknown = fields.keys().filter((key) => !KNOWN_KEYS.includes(key));
  return {
    path,
    cases,
    fixtures: readFixtures(fields.raw("fixtures")),
    defaults: readDefaults(fields.optionalMap("conventions")),
    notes: [
      ...(count === undefined || count === cases.length
        ? []
        : [`says that it has ${show(count)} cases, and has ${cases.length}`]),
      ...unknown.map((key) => `nothing is known of ${show(key)}; it is not looked at`),
    ],
  };
}

/** `conventions` is prose but for its defaults. */
function readDefaults(conventions: { readonly [key: string]: Json } | undefined): Defaults {
  const defaults = conventions?.defaults;
  if (!isObject(defaults)) return DEFAULTS;
  const fields = new Fields(defaults, "conventions.defaults", ["at", "region", "revision", "creds", "settings"]);
  const settings = fields.raw("settings");
  return {
    at: fields.optionalText("at") ?? DEFAULTS.at,
    region: fields.optionalText("region") ?? DEFAULTS.region,
    revision: fields.optionalText("revision") ?? DEFAULTS.revision,
    creds: fields.optionalText("creds") ?? DEFAULTS.creds,
    // A text says that they are the server's own.
    ...(isObject(settings) ? { settings } : {}),
  };
}
