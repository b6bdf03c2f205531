/** The runner's output and exit codes: as a process where those are seen from without, else in this one. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test, vi } from "vitest";
import { main } from "../../vectors/run.ts";
import type { Json, JsonObject } from "../../vectors/values.ts";
import { changed, PUBLIC_PATH, publicCase } from "./harness.ts";

const RUNNER = fileURLToPath(new URL("../../vectors/run.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "vectors-"));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number | null;
  readonly out: readonly string[];
  readonly err: string;
}

function runProcess(...args: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [RUNNER, ...args], { encoding: "utf8" });
  return { code: status, out: linesOf(stdout), err: stderr };
}

/** In this process: no second one to start and to load everything in. */
async function run(...args: readonly string[]): Promise<Ran> {
  let [stdout, stderr] = ["", ""];
  const log = vi.spyOn(console, "log").mockImplementation((line: string) => {
    stdout += `${line}\n`;
  });
  const error = vi.spyOn(console, "error").mockImplementation((line: string) => {
    stderr += `${line}\n`;
  });
  try {
    return { code: await main(args), out: linesOf(stdout), err: stderr };
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

let files = 0;

function file(content: JsonObject | string): string {
  files += 1;
  const path = join(folder, `${files}.json`);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function withCases(...cases: readonly Json[]): JsonObject {
  const { fixtures, conventions } = JSON.parse(readFileSync(PUBLIC_PATH, "utf8")) as JsonObject;
  return { version: "2.0.0", conventions: conventions ?? {}, fixtures: fixtures ?? {}, cases };
}

const passing = publicCase("bmu-062");
const failing = changed(publicCase("bmu-062"), ["steps", 0, "expect", "status"], 200);

test("all cases pass: the count, exit 0, nothing on stderr", () => {
  expect(runProcess(file(withCases(passing, publicCase("wire-001"))))).toEqual({
    code: 0,
    out: ["2 passed, 0 failed"],
    err: "",
  });
});

test("a case fails: one line with expected and got, the count over all files, exit 1", () => {
  const { code, out } = runProcess(file(withCases(failing, passing)), file(withCases(passing)));
  expect(code).toBe(1);
  expect(out).toHaveLength(2);
  expect(out[0]).toMatch(/^FAIL bmu-062 exactly 24 h: step 1: status: expected 200, got 400/);
  expect(out[1]).toBe("2 passed, 1 failed");
});

test("a case that is not well-formed fails", async () => {
  const { code, out } = await run(file(withCases({ ...passing, nope: 1 }, 12)));
  expect(code).toBe(1);
  expect(out[0]).toBe(
    'FAIL bmu-062 exactly 24 h: case: unknown key "nope" (known: id, title, operation, rule, source, certainty, note, revision, settings, steps)',
  );
  expect(out[1]).toBe("FAIL (no id) (no title): case: expected an object, got 12");
  expect(out[2]).toBe("0 passed, 2 failed");
});

test("--only runs these cases; an id that no file has is a failure", async () => {
  const path = file(withCases(failing, publicCase("wire-001"), publicCase("wire-002")));
  expect(await run("--only", "wire-001,wire-002", path)).toMatchObject({ code: 0, out: ["2 passed, 0 failed"] });
  const { code, out, err } = await run("--only=wire-001", "--only=nope-1", path);
  expect({ code, out }).toEqual({ code: 1, out: ["1 passed, 0 failed"] });
  expect(err).toBe("--only: no file has a case nope-1\n");
});

test.each<[string, () => string, string]>([
  ["is not there", () => join(folder, "nope.json"), "no such file"],
  ["is not JSON", () => file("{"), "JSON"],
  ["is no object", () => file("[]"), "the file is not a JSON object"],
  ["has no cases", () => file(withCases()), "the file has no cases"],
  ["lacks the list of cases", () => file({ fixtures: {} }), "the file has no cases"],
  ["has no fixtures", () => file({ cases: [passing] }), "fixtures: expected an object, got nothing"],
  [
    "has unknown fixtures",
    () => file({ ...withCases(passing), fixtures: { nope: 1 } }),
    'fixtures: unknown key "nope"',
  ],
  [
    "has fixtures that the server refuses",
    () => file({ ...withCases(passing), fixtures: brokenFixtures }),
    "the server refuses the fixtures: ",
  ],
])("a file that %s: a message, exit 1, and the other files still run", async (_name, path, problem) => {
  const broken = path();
  const { code, out, err } = await run(broken, file(withCases(passing)));
  expect({ code, out }).toEqual({ code: 1, out: ["1 passed, 0 failed"] });
  expect(err).toContain(`${broken}: `);
  expect(err).toContain(problem);
});

const brokenFixtures: JsonObject = {
  accounts: { seller: "111111111111" },
  products: { P: { code: "x", seller: "111111111111", type: "no-such-type" } },
};

test("a wrong count and an unknown section are noted, and change nothing", async () => {
  const { code, out, err } = await run(file({ ...withCases(passing), count: 7, extra: true }));
  expect({ code, out }).toEqual({ code: 0, out: ["1 passed, 0 failed"] });
  expect(err).toContain("note: says that it has 7 cases, and has 1");
  expect(err).toContain('note: nothing is known of "extra"');
});

test("options", async () => {
  expect(await run("--help")).toMatchObject({
    code: 0,
    out: expect.arrayContaining([expect.stringContaining("Usage:")]),
  });
  expect(runProcess()).toMatchObject({ code: 2, err: expect.stringContaining("Name at least one vectors file.") });
  expect(await run("--nope", PUBLIC_PATH)).toMatchObject({ code: 2, err: expect.stringContaining("--nope") });
  expect(await run("--engine", "papyrus", PUBLIC_PATH)).toMatchObject({
    code: 2,
    out: [],
    err: expect.stringContaining("--engine papyrus is not available; there is: sqlite, postgres"),
  });
});

test("on PostgreSQL, with a server that the run starts and stops; it takes nothing from the exit code", () => {
  const { code, out, err } = runProcess(
    "--engine",
    "postgres",
    file(withCases(passing, failing, publicCase("wire-001"))),
  );
  expect({ code, err }).toEqual({ code: 1, err: "" });
  expect(out).toEqual([expect.stringMatching(/^FAIL bmu-062 /), "2 passed, 1 failed"]);
});
