import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { doors, importCircles, importOffences, layers } from "./importRules.ts";
import { importsOf, readSources, type Sources } from "./sources.ts";

const sources = readSources(fileURLToPath(new URL("../../src", import.meta.url)));

describe("imports in src", () => {
  test("they go downwards: api ← rules ← operations ← protocol ← everything that puts them together", () => {
    expect(importOffences(sources)).toEqual([]);
  });

  test("no file imports itself by way of others", () => {
    expect(importCircles(sources)).toEqual([]);
  });

  test("the layers and doors are there: a renamed folder must not leave its rule behind", () => {
    const files = [...sources.keys()];
    const later = ["the PostgreSQL store"];
    for (const layer of layers.filter((one) => !later.includes(one.name))) {
      expect(
        files.some((file) => layer.files.test(file)),
        layer.name,
      ).toBe(true);
    }
    for (const door of doors)
      expect(
        files.some((file) => door.files.test(file)),
        door.name,
      ).toBe(true);
  });

  test("imports are found: those of the file that has most", () => {
    const found = importsOf("service.ts", sources.get("service.ts") ?? "").map((one) => one.target ?? one.specifier);
    expect(found).toEqual(expect.arrayContaining(["node:fs", "pino", "openSealed.ts", "api/settings.ts"]));
  });
});

/** A tree in which everything is in order. */
const sound: Readonly<Record<string, string>> = {
  "api/types.ts": "export type Name = string;\n",
  "rules/one.ts":
    'import type { Name } from "../api/types.ts";\nexport const name: Name = new Date(0).toISOString();\n',
  "store/ledger.ts": 'import type { Name } from "../api/types.ts";\nexport interface Ledger {\n  name: Name;\n}\n',
  "store/sqlite/open.ts": 'import { DatabaseSync } from "node:sqlite";\nimport type { Ledger } from "../ledger.ts";\n',
  "operations/One.ts": 'import { name } from "../rules/one.ts";\nimport type { Ledger } from "../store/ledger.ts";\n',
  "doctor/observed.ts": 'import type { Name } from "../api/types.ts";\n',
  "doctor/checks/one.ts": 'import type { Name } from "../observed.ts";\n',
  "catalog/file.ts": 'import type { Name } from "../api/types.ts";\n',
  "clock.ts": "export const now = (): number => Date.now();\n",
  "protocol/endpoint.ts":
    'import { createServer } from "node:http";\nimport { now } from "../clock.ts";\nimport "../operations/One.ts";\n',
  "openStore.ts": 'import { open } from "./store/sqlite/open.ts";\n',
  "service.ts": 'import { open } from "./openStore.ts";\nimport { endpoint } from "./protocol/endpoint.ts";\n',
  "serve.ts": 'import { service } from "./service.ts";\n',
  "commandLine.ts": 'import { serve } from "./serve.ts";\n',
  "main.ts": 'import "./commandLine.ts";\n',
};

function treeWith(changes: Readonly<Record<string, string>>): Sources {
  return new Map(Object.entries({ ...sound, ...changes }));
}

describe("the check itself", () => {
  test("a sound tree passes", () => {
    expect(importOffences(treeWith({}))).toEqual([]);
    expect(importCircles(treeWith({}))).toEqual([]);
  });

  test.each([
    ["api looks up", "api/types.ts", 'import type { Rule } from "../rules/one.ts";'],
    ["api takes a package", "api/types.ts", 'import { Hono } from "hono";'],
    ["rules take a port", "rules/one.ts", 'import type { Ledger } from "../store/ledger.ts";'],
    ["rules take Node", "rules/one.ts", 'import { hash } from "node:crypto";'],
    ["rules take a package", "rules/one.ts", 'import { z } from "zod";'],
    ["rules read the clock", "rules/one.ts", "export const at = Date.now();"],
    ["rules read the clock by another name", "rules/one.ts", "export const at = new Date();"],
    ["rules throw dice", "rules/one.ts", "export const dice = Math.random();"],
    ["rules read the environment", "rules/one.ts", "export const home = process.env.HOME;"],
    ["rules wait", "rules/one.ts", "export async function rule() {}"],
    ["a port takes an engine", "store/ledger.ts", 'import { open } from "./sqlite/open.ts";'],
    ["a port takes a rule", "store/ledger.ts", 'export { name } from "../rules/one.ts";'],
    ["an engine takes a rule", "store/sqlite/open.ts", 'import { name } from "../../rules/one.ts";'],
    ["an operation takes an engine", "operations/One.ts", 'import { open } from "../store/sqlite/open.ts";'],
    [
      "an operation takes the protocol",
      "operations/One.ts",
      'import type { Endpoint } from "../protocol/endpoint.ts";',
    ],
    ["the protocol takes the service", "protocol/endpoint.ts", 'import { service } from "../service.ts";'],
    [
      "the protocol takes an engine in passing",
      "protocol/endpoint.ts",
      'const open = await import("../store/sqlite/open.ts");',
    ],
    ["someone else takes an engine", "clock.ts", 'import type { Store } from "./store/sqlite/open.ts";'],
    ["a part takes the whole", "catalog/file.ts", 'import type { Service } from "../service.ts";'],
    ["the catalogue takes an operation", "catalog/file.ts", 'import { one } from "../operations/One.ts";'],
    ["a check takes a port", "doctor/checks/one.ts", 'import type { Ledger } from "../../store/ledger.ts";'],
    ["a check reads files", "doctor/checks/one.ts", 'import { readFile } from "node:fs/promises";'],
    ["the doctor takes an operation", "doctor/observed.ts", 'import { one } from "../operations/One.ts";'],
    ["the doctor takes an engine", "doctor/observed.ts", 'import { open } from "../store/sqlite/open.ts";'],
    ["someone imports the command line", "service.ts", 'import "./commandLine.ts";'],
    ["someone else serves", "service.ts", 'import {\n  one,\n  two,\n} from "./serve.ts";'],
    ["a file that is not there", "clock.ts", 'import { gone } from "./gone.ts";'],
    ["a file out of src", "clock.ts", 'import { helper } from "../test/helper.ts";'],
  ])("%s", (_, file, line) => {
    const offences = importOffences(treeWith({ [file]: `${sound[file]}${line}\n` }));
    expect(offences).not.toEqual([]);
    for (const offence of offences) expect(offence).toContain(file);
  });

  test("what stands in a comment or a text imports nothing and reads no clock", () => {
    const harmless =
      '/**\n * import { open } from "../store/sqlite/open.ts"; Date.now()\n */\nexport const text = "a"; // Date.now()\n';
    expect(importOffences(treeWith({ "rules/one.ts": harmless }))).toEqual([]);
  });

  test("circles are found, of two files and of more, by type and by re-export", () => {
    const two = treeWith({
      "api/types.ts": 'import type { A } from "./a.ts";',
      "api/a.ts": 'import type { B } from "./types.ts";',
    });
    expect(importCircles(two)).toEqual(["api/a.ts → api/types.ts → api/a.ts"]);
    const three = treeWith({
      "api/a.ts": 'export * from "./b.ts";',
      "api/b.ts": 'import "./c.ts";',
      "api/c.ts": 'import type { A } from "./a.ts";',
    });
    expect(importCircles(three)).toEqual(["api/a.ts → api/b.ts → api/c.ts → api/a.ts"]);
  });
});
