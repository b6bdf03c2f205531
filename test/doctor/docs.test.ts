/** docs/doctor.md says what each check looks for, in the words of the check. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checks } from "../../src/doctor/checks/index.ts";
import { severities } from "../../src/doctor/diagnose.ts";

const page = readFileSync(fileURLToPath(new URL("../../docs/doctor.md", import.meta.url)), "utf8");

test("every check has its row, in the order of the report", () => {
  const [, table = ""] = /\| Check \| Looks for \|\n\|---\|---\|\n((?:\|.*\n)*)/.exec(page) ?? [];
  expect(table.split("\n").filter((line) => line !== "")).toEqual(
    checks.map(({ name, about }) => `| \`${name}\` | ${about.replaceAll("|", "\\|")} |`),
  );
});

test("names are unique kebab-case, and each says in one sentence what it looks for", () => {
  expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
  for (const { name, about } of checks) {
    expect(name).toMatch(/^[a-z]+(-[a-z0-9]+)*$/);
    expect(about).toMatch(/^[A-Z`].*\.$/);
  }
});

test("every severity is explained", () => {
  for (const severity of severities) expect(page).toContain(`| \`${severity}\` | `);
});
