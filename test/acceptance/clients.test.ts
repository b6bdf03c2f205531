/** The clients of sdks/, their pages in docs/clients, and the scenario that drives them: one does not go without the other. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { clients, folder, folderOf } from "../../sdks/clients.ts";
import { tableOf, withTable } from "../../sdks/table.ts";
import { entitlementErrors, modelledErrors } from "../../src/api/errors.ts";

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

interface Scenario {
  readonly credentials: Readonly<Record<string, Keys>>;
  readonly cases: readonly {
    readonly id: string;
    readonly steps: readonly {
      readonly credentials?: string;
      readonly error?: string;
      readonly modelled?: boolean;
    }[];
  }[];
}

const root = join(folder, "..");
const pages = join(root, "docs", "clients");
const scenario = readJson("sdks/scenario.json") as Scenario;
const catalog = readJson("sdks/catalog.json") as { readonly credentials: readonly Keys[] };

describe.each(clients)("$id", (client) => {
  test("has a page with its first snippet, as it runs", () => {
    const snippet = readFileSync(firstOf(folderOf(client)), "utf8").trimEnd();
    expect(fencedBlocks(read(`docs/clients/${pageOf(client.id)}`))).toContain(snippet);
  });

  test("has its page in the index", () => {
    expect(read("docs/clients/README.md")).toContain(`](${pageOf(client.id)})`);
  });
});

test("every page is of a client, and in the index", () => {
  const index = read("docs/clients/README.md");
  const files = readdirSync(pages).filter((name) => name !== "README.md");
  expect(files.toSorted()).toEqual([...new Set(clients.map(({ id }) => pageOf(id)))].toSorted());
  for (const name of files) expect(index).toContain(`](${name})`);
});

test("clients are told apart by their folders", () => {
  expect(new Set(clients.map(({ id }) => id)).size).toBe(clients.length);
});

test("the keys of the scenario are those of the catalogue", () => {
  const secrets = new Map(catalog.credentials.map((one) => [one.accessKeyId, one]));
  for (const [name, { accessKeyId, secretAccessKey, sessionToken }] of Object.entries(scenario.credentials)) {
    const known = secrets.get(accessKeyId);
    expect(known, name).toBeDefined();
    expect(sessionToken, name).toBe(known?.sessionToken);
    // One caller has a wrong secret on purpose.
    expect(secretAccessKey === known?.secretAccessKey, name).toBe(name !== "wrong");
  }
});

test("cases have names of their own, and steps call with keys that there are", () => {
  const ids = scenario.cases.map(({ id }) => id);
  expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  const used = scenario.cases.flatMap(({ steps }) => steps.flatMap(({ credentials = [] }) => credentials));
  expect(used.filter((name) => !(name in scenario.credentials))).toEqual([]);
});

test("every modelled error is expected by a case, as the model's", () => {
  const expected = scenario.cases.flatMap(({ steps }) =>
    steps.flatMap(({ error, modelled }) => (error === undefined || modelled === false ? [] : [error])),
  );
  const modelled = [...Object.keys(modelledErrors), ...Object.keys(entitlementErrors)];
  expect([...new Set(expected)].toSorted()).toEqual(modelled.toSorted());
});

test("the README has the place that the table of clients is written to", () => {
  const one = { id: "x", title: "X", version: "X 1.0", passed: 2, failed: 0, notExpressible: [], failures: [] };
  const written = withTable(read("README.md"), [one], "2026-08-15");
  expect(written).toContain(tableOf([one]));
  expect(withTable(written, [one], "2026-08-15")).toBe(written);
});

/** Versions of one client share a page. */
function pageOf(id: string): string {
  const shared: Readonly<Record<string, string>> = {
    "boto3-2022": "boto3",
    "aws-cli-v1": "aws-cli",
    "aws-cli-v2": "aws-cli",
    "go-v1": "go",
    "go-v2": "go",
  };
  return `${shared[id] ?? id}.md`;
}

/** `first.mjs`, `First.java`, `first/main.go`. */
function firstOf(directory: string): string {
  const found = readdirSync(directory).filter((name) => /^first(\.\w+)?$/i.test(name));
  expect(found, directory).toHaveLength(1);
  const path = join(directory, found[0] ?? "");
  if (!statSync(path).isDirectory()) return path;
  const main = join(path, "main.go");
  expect(existsSync(main), main).toBe(true);
  return main;
}

function fencedBlocks(page: string): readonly string[] {
  return [...page.matchAll(/^```\w+\n(.*?)^```$/gms)].map((match) => (match[1] ?? "").trimEnd());
}

function readJson(path: string): unknown {
  return JSON.parse(read(path));
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}
