import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readSources } from "./sources.ts";

/** The ids that the specification gives out, by section. */
const given: Readonly<Record<string, string>> = {
  W: "1-7 10-19 30-42 50-60",
  S: "1-7 20-34",
  C: "1-3 10-22 30-33",
  B: "1-8 10-24 30-34 40-43 50-58 60-92",
  T: "1-13 20-23",
  N: "1-11 20-27",
  G: "1-16",
  R: "1-16 20-25",
  M: "1-11 20-25 30-33 40-43 50-51",
  L: "1-6",
  H: "1-11 20-24",
  K: "1-16",
  J: "1-31",
};

const known = new Set(
  Object.entries(given).flatMap(([letter, spans]) =>
    spans.split(" ").flatMap((span) => {
      const [first = 0, last = first] = span.split("-").map(Number);
      return Array.from({ length: last - first + 1 }, (_, n) => `${letter}-${first + n}`);
    }),
  ),
);

/** `B-51`; not the end of `SHA-256`, nor `P-256`, whose letter is no section's. */
const idForm = new RegExp(`(?<![\\w-])[${Object.keys(given).join("")}]-\\d+(?![\\w-])`, "g");

function unknownIds(text: string): readonly string[] {
  return [...text.matchAll(idForm)].map(([id]) => id).filter((id) => !known.has(id));
}

describe("rule ids in comments", () => {
  test("every one of them exists", () => {
    const unknown = [...readSources(fileURLToPath(new URL("../../src", import.meta.url)))].flatMap(([file, text]) =>
      unknownIds(text).map((id) => `${file}: ${id}`),
    );
    expect(unknown).toEqual([]);
  });

  test("the check sees one that does not", () => {
    expect(unknownIds("// B-51, B-59 and W-8; SHA-256, P-256, B-9")).toEqual(["B-59", "W-8", "B-9"]);
  });
});
