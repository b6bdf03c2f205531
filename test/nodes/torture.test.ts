/**
 * The short tier of `npm run torture`: each scenario for a few seconds, with the checks of the long one. That of the
 * scenario `embedded` is test/durability/kill.test.ts.
 */
import { expect, test, vi } from "vitest";
import { withSection } from "../../scripts/torture/record.ts";
import { scenarios } from "../../scripts/torture/scenarios.ts";
import { createDatabase } from "../support/postgres.ts";

// Whole processes, killed and started again, on a machine that is busy with others.
vi.setConfig({ testTimeout: 180_000 });

const tell = (): void => {};

test("nodes: the same records to three nodes at once", async () => {
  const server = await createDatabase();
  try {
    const rows = await scenarios.nodes({ seconds: 2, rounds: 0, tell, server });
    expect(rows).toContainEqual(["calls that failed, all retryable", "0"]);
  } finally {
    await server.drop();
  }
});

test("postgres: everything is killed once, and comes back", async () => {
  const rows = await scenarios.postgres({ seconds: 1, rounds: 1, tell });
  expect(rows.filter(([what]) => what.startsWith("resumed at the latest after: "))).toHaveLength(5);
});

test("overload: five times what one server can do", async () => {
  const rows = await scenarios.overload({ seconds: 1, rounds: 0, tell });
  expect(rows).toContainEqual(["records kept", "all that were acknowledged, and no others"]);
});

test("a result is written between the marks of its section, and nowhere else", () => {
  const text = "# Torture\n<!-- nodes: begin -->\nold\n<!-- nodes: end -->\n<!-- soak: begin -->\n<!-- soak: end -->\n";
  expect(withSection(text, "nodes", "new")).toBe(
    "# Torture\n<!-- nodes: begin -->\nnew\n<!-- nodes: end -->\n<!-- soak: begin -->\n<!-- soak: end -->\n",
  );
  expect(() => withSection(text, "overload", "new")).toThrow("There is no section between");
});
