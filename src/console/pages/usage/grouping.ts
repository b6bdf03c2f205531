/** What usage is added up by: `groupBy` of the API, taken apart and put together. */
import { licenseName, type Total } from "./types.ts";

export const memberNames = {
  product: "Product",
  customer: "Customer",
  license: "Licence",
  resource: "Workload",
  dimension: "Dimension",
  region: "Region",
  status: "Status",
} as const;
export type Member = keyof typeof memberNames;
export const members = Object.keys(memberNames) as readonly Member[];
export const periods = ["hour", "day", "month"] as const;
export type Period = (typeof periods)[number];
export const periodLabels = { none: "All of the time", hour: "Hour", day: "Day", month: "Month" } as const;

/** `groupBy` of the API, taken apart. Commas in the key of a tag are written twice. */
export interface Grouping {
  readonly period: Period | undefined;
  readonly members: readonly Member[];
  readonly tags: readonly string[];
}

export function groupingOf(text: string): Grouping {
  const names = text
    .replaceAll(",,", "\0")
    .split(",")
    .map((name) => name.replaceAll("\0", ","));
  return {
    period: periods.find((period) => names.includes(period)),
    members: members.filter((member) => names.includes(member)),
    tags: names.filter((name) => name.startsWith("tag:")).map((name) => name.slice("tag:".length)),
  };
}

export function groupText({ period, members: chosen, tags }: Grouping): string {
  const names = [...(period === undefined ? [] : [period]), ...chosen, ...tags.map((key) => `tag:${key}`)];
  return names.map((name) => name.replaceAll(",", ",,")).join(",");
}

/** `2026-08-15 10:00`, `2026-08-15` or `2026-08`. */
export function periodText(period: string, by: Period): string {
  return period.slice(0, { hour: 16, day: 10, month: 7 }[by]).replace("T", " ");
}

export const untagged = "(untagged)";
export const without = "(none)";

/** What tells a sum apart from the others of its period. */
export function groupName(total: Total, { members: chosen, tags }: Grouping): string {
  const names = [
    ...chosen.map((member) => {
      const value = total[member] ?? without;
      return member === "license" ? licenseName(value) : value;
    }),
    ...tags.map((key) => `${key}: ${total.tags?.[key] ?? untagged}`),
  ];
  return names.length === 0 ? "Usage" : names.join(" · ");
}
