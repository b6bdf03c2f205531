import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { functionsOf, readSources } from "./sources.ts";

const fileMax = 400;
const functionMax = 70;

/** What may be longer, and why. `file` alone: the file; with `start`: the function whose first line begins so. */
const exceptions: readonly { readonly file: string; readonly start?: string; readonly why: string }[] = [];

const sources = readSources(fileURLToPath(new URL("../../src", import.meta.url)));

describe("no file and no function is longer than one can keep in mind", () => {
  test(`files of at most ${fileMax} lines`, () => {
    const long = [...sources].filter(([, text]) => text.split("\n").length - 1 > fileMax).map(([file]) => file);
    expect(long.filter((file) => !exceptions.some((one) => one.file === file && one.start === undefined))).toEqual([]);
  });

  test(`functions of at most ${functionMax} lines`, () => {
    const long = [...sources].flatMap(([file, text]) =>
      functionsOf(text)
        .filter(({ lines }) => lines > functionMax)
        .filter(({ name }) => !exceptions.some((one) => one.file === file && one.start && name.startsWith(one.start)))
        .map(({ line, lines, name }) => `${file}:${line} ${lines} lines: ${name}`),
    );
    expect(long).toEqual([]);
  });

  test("every exception is still needed", () => {
    for (const { file, start } of exceptions) {
      const text = sources.get(file) ?? "";
      const isLong =
        start === undefined
          ? text.split("\n").length - 1 > fileMax
          : functionsOf(text).some((one) => one.lines > functionMax && one.name.startsWith(start));
      expect(isLong, `${file} ${start ?? ""}`).toBe(true);
    }
  });
});

describe("the measure itself", () => {
  const body = (count: number) => Array.from({ length: count }, (_, n) => `  call(${n});`).join("\n");
  test.each<[string, string, number]>([
    ["a function", `export function one(a: string): void {\n${body(3)}\n}\n`, 5],
    ["one with its parameters on lines of their own", `function one(\n  a: string,\n): void {\n${body(3)}\n}\n`, 7],
    [
      "one that takes an object apart",
      `export async function one({\n  a,\n  b,\n}: Both): Promise<void> {\n${body(2)}\n}\n`,
      7,
    ],
    ["an arrow", `const one = (a: string): void => {\n${body(3)}\n};\n`, 5],
    [
      "an arrow with parameters on lines of their own",
      `export const one = (\n  a: string,\n): void => {\n${body(1)}\n};\n`,
      5,
    ],
    [
      "one with a blank line and branches inside",
      "function one() {\n  if (a) {\n    b();\n  } else {\n    c();\n  }\n\n  d();\n}\n",
      9,
    ],
  ])("%s", (_, text, lines) => {
    expect(functionsOf(text).map((one) => one.lines)).toEqual([lines]);
  });

  test("methods, accessors, constructors and members that are functions", () => {
    const text = `export class One {
  #size = 0;

  constructor(private: Parts) {
    super();
  }

  async close(): Promise<void> {
    if (this.#size > 0) {
      done();
    }
  }

  get size(): number {
    return 1;
  }

  static #of<T>(one: T): T {
    return one;
  }
}

export const two = {
  handle: async (input) => {
    return input;
  },
};
`;
    expect(functionsOf(text).map((one) => [one.line, one.lines])).toEqual([
      [4, 3],
      [8, 5],
      [14, 3],
      [18, 3],
      [24, 3],
    ]);
  });

  test("what is no function: branches, loops, calls, types, objects", () => {
    const text = `if (a) {
  b();
}
for (const one of many) {
  b();
}
interface One {
  a(): void;
}
const two = {
  a: 1,
};
throw new Error(
  "a",
);
`;
    expect(functionsOf(text)).toEqual([]);
  });

  test("a function of one line too many is seen, also inside of another, which its lines are not counted for", () => {
    const long = functionsOf(`function one() {\n${body(functionMax - 1)}\n}\n`);
    expect(long[0]?.lines).toBe(functionMax + 1);
    const inner = body(functionMax).replaceAll(/^/gm, "  ");
    const nested = functionsOf(`function one() {\n  call();\n  return () => {\n${inner}\n  };\n}\n`);
    expect(nested.map((one) => one.lines)).toEqual([3, functionMax + 2]);
  });
});
