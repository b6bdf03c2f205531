/** What the pictures of `docs/scale.md` show. */
import { recordsPerSecond } from "./assumptions.ts";
import { type Line, svg } from "./plots.ts";
import type { Results } from "./scenarios.ts";
import { seriesSeconds } from "./simulationTally.ts";

/** By file name. */
export function imagesOf(results: Results): ReadonlyMap<string, string> {
  const lines = (read: "recordsPerSecond" | "backlog", shown: readonly (readonly [string, string, string])[]): Line[] =>
    shown.map(([id, name, colour]) => ({ name, colour, values: results.get(id)?.series[read] ?? [] }));
  const rates = lines("recordsPerSecond", [
    ["usual", "nothing breaks", "#2563eb"],
    ["region", "the Region is away for 10 minutes", "#dc2626"],
  ]);
  const mean: Line = {
    name: "mean",
    colour: "#6b7280",
    isDashed: true,
    values: (rates[0]?.values ?? []).map(() => recordsPerSecond()),
  };
  const axes = { secondsPerStep: seriesSeconds, from: 3_600, to: 7_200 };
  return new Map([
    [
      "scale-rate.svg",
      svg({
        ...axes,
        ...{ title: "Records acknowledged in the second hour", axis: "thousand a second", unit: 1_000 },
        lines: [...rates, mean],
      }),
    ],
    [
      "scale-backlog.svg",
      svg({
        ...axes,
        ...{ title: "Records due and not yet acknowledged in the second hour", axis: "million", unit: 1e6 },
        lines: lines("backlog", [
          ["usual", "nothing breaks", "#2563eb"],
          ["region", "Region away", "#dc2626"],
          ["one", "one record a call", "#d97706"],
          ["quota", "10 calls/s for all", "#7c3aed"],
        ]),
      }),
    ],
  ]);
}
