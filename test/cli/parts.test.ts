/** The parts that need no server: times, tables, CSV, suggestions, progress. */
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { credentialKinds, productTypes } from "../../src/catalog/schema.ts";
import type { CliContext } from "../../src/cli/context.ts";
import { printJson, printRow, printTable } from "../../src/cli/output.ts";
import { startProgress } from "../../src/cli/progress.ts";
import { createProgram, registerNouns } from "../../src/cli/run.ts";
import { didYouMean, suggestions } from "../../src/cli/suggest.ts";
import { parseDuration, parseInstant } from "../../src/cli/times.ts";

function contextOf(columns?: number, env: Record<string, string> = {}): { context: CliContext; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = Object.assign(new PassThrough(), columns === undefined ? {} : { isTTY: true, columns });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const context = { env, stdin: process.stdin, stdout: stream, stderr: stream };
  return { context, text: () => Buffer.concat(chunks).toString("utf8") };
}

describe("times", () => {
  test.each<[string, "past" | "future", object]>([
    ["2026-08-15T10:20:00Z", "past", { kind: "absolute", at: Date.UTC(2026, 7, 15, 10, 20) }],
    ["2026-08-15T12:20:00+02:00", "past", { kind: "absolute", at: Date.UTC(2026, 7, 15, 10, 20) }],
    ["2026-08-15", "past", { kind: "absolute", at: Date.UTC(2026, 7, 15) }],
    ["now", "past", { kind: "relative", offsetMs: 0 }],
    ["now-3h", "future", { kind: "relative", offsetMs: -10_800_000 }],
    ["now+1h30m", "past", { kind: "relative", offsetMs: 5_400_000 }],
    ["2h", "past", { kind: "relative", offsetMs: -7_200_000 }],
    ["2h", "future", { kind: "relative", offsetMs: 7_200_000 }],
    ["PT90S", "future", { kind: "relative", offsetMs: 90_000 }],
  ])("%s (%s)", (text, bare, given) => expect(parseInstant(text, bare)).toEqual(given));

  test.each(["", "yesterday", "now*3h", "2026-02-30", "2026-08-15T10:20:00", "12", "3 h"])("'%s' is none", (text) => {
    expect(() => parseInstant(text, "past")).toThrow(/It is not a time/);
  });

  test.each([
    ["250ms", 250],
    ["90s", 90_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["P1W", 604_800_000],
    ["P1DT12H", 129_600_000],
  ])("%s lasts %d ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

  test.each(["", "P", "PT", "2x", "-2h", "2h later", "h2"])("'%s' is no duration", (text) => {
    expect(() => parseDuration(text)).toThrow(/It is not a duration/);
  });
});

describe("tables", () => {
  const rows = [
    {
      id: "a-long-identifier-of-a-row",
      title: "A title that is longer than the others are",
      count: 3,
      at: "2026-01-01T00:00:00.000Z",
    },
    { id: "b", title: "Short", count: 12 },
  ];
  const columns = [
    "id",
    { title: "TITLE", value: "title", isFlexible: true },
    { title: "COUNT", value: "count", align: "right" as const },
    { title: "AT", value: "at", isExtra: true },
  ];
  const widest = (text: string) =>
    Math.max(
      ...text
        .replaceAll("\u001b[1m", "")
        .replaceAll("\u001b[22m", "")
        .split("\n")
        .map((line) => line.length),
    );

  test("into a pipe: plain, whole, each row one line", async () => {
    const { context, text } = contextOf();
    await printTable(context, rows, columns);
    expect(text()).toBe(
      "ID                          TITLE                                       COUNT  AT\n" +
        "a-long-identifier-of-a-row  A title that is longer than the others are      3  2026-01-01T00:00:00Z\n" +
        "b                           Short                                          12  -\n",
    );
  });

  test.each([200, 100, 80, 60, 40, 20])(
    "on a terminal of %d columns nothing is wider, and ids stay whole",
    async (width) => {
      const { context, text } = contextOf(width);
      await printTable(context, rows, columns);
      expect(widest(text())).toBeLessThanOrEqual(Math.max(width, 20));
      if (width >= 40) expect(text()).toContain("a-long-identifier-of-a-row");
      expect(text().includes("2026-01-01T00:00:00Z")).toBe(width >= 80 || width === 40);
    },
  );

  test("colours on a terminal, unless NO_COLOR or a dumb one", async () => {
    for (const [env, isBold] of [
      [{}, true],
      [{ NO_COLOR: "1" }, false],
      [{ TERM: "dumb" }, false],
    ] as const) {
      const { context, text } = contextOf(120, { ...env });
      await printTable(context, rows, columns);
      expect(text().includes("\u001b[1m")).toBe(isBold);
    }
  });

  test("control characters and turned text are shown, not obeyed", async () => {
    const { context, text } = contextOf(120);
    await printRow(context, { name: "\u001b]0;owned\u0007 \u202egnp.exe \u009b31m" });
    expect(text()).toBe("name  \\u001b]0;owned\\u0007 \\u202egnp.exe \\u009b31m\n");
    const json = contextOf(120);
    await printJson(json.context, { name: "\u001b\u009b" });
    expect(JSON.parse(json.text())).toEqual({ name: "\u001b\u009b" });
    expect(json.text()).not.toContain("\u009b");
  });

  test("a long list, in columns from its first line to its last", async () => {
    const { context, text } = contextOf();
    const rows = Array.from({ length: 150_000 }, (_, place) => ({ name: "x".repeat(1 + (place % 20)), place }));
    await printTable(context, rows, ["name", { title: "PLACE", value: "place", align: "right" }]);
    const lines = text().trimEnd().split("\n");
    expect(lines).toHaveLength(150_001);
    expect(new Set(lines.map((line) => line.length))).toEqual(new Set([28]));
  });
});

test("suggestions are near, few, and none where nothing is near", () => {
  expect(suggestions("prodct", ["product", "price", "event"])).toEqual(["product"]);
  expect(suggestions("harbor", ["harborlogs1", "harborvault2", "other"])).toEqual(["harborlogs1", "harborvault2"]);
  expect(didYouMean("zebra", ["product"])).toBe("");
  expect(suggestions("aaaa", ["aaab", "aaac", "aaad", "aaae"])).toHaveLength(3);
});

test("progress is shown on a terminal, and nowhere else", () => {
  const quiet = contextOf();
  const silent = startProgress(quiet.context, "Exporting usage", "records");
  silent.at(5);
  silent.stop();
  expect(quiet.text()).toBe("");
  const loud = contextOf(80);
  const shown = startProgress(loud.context, "Exporting usage", "records");
  shown.at(1_000);
  shown.stop();
  expect(loud.text()).toContain("Exporting usage  1000 records");
});

test("lists of kinds and types are those of the catalogue", () => {
  const program = createProgram();
  registerNouns(program, contextOf().context);
  const choices = (noun: string, verb: string, option: string) =>
    program.commands
      .find((one) => one.name() === noun)
      ?.commands.find((one) => one.name() === verb)
      ?.options.find((one) => one.long === option)?.argChoices;
  expect(choices("product", "create", "--type")).toEqual(productTypes);
  expect(choices("credential", "create", "--kind")).toEqual(credentialKinds);
});
