/** Writes the last result of a long run into docs/torture.md, between the marks of its section. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describeMachine } from "../../bench/machine.ts";

const file = fileURLToPath(new URL("../../docs/torture.md", import.meta.url));

/** What a run depends on; no names of hosts or folders. */
export function machineText(folder: string): string {
  const { cpu, cores, node, loadAverage } = describeMachine(folder);
  return `${cpu}, ${cores} cores, Node ${node}; load average of the last minute ${loadAverage}`;
}

export function withSection(text: string, name: string, section: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`There is no section between '${begin}' and '${end}'.`);
  return `${text.slice(0, from + begin.length)}\n${section}\n${text.slice(to)}`;
}

/** `more` stands below the table, as Markdown. */
export function recordResult(
  name: string,
  rows: readonly (readonly [string, string])[],
  folder: string,
  more = "",
): void {
  const date = new Date().toISOString().slice(0, 10);
  const table = ["| | |", "|---|---|", ...rows.map(([what, value]) => `| ${what} | ${value} |`)].join("\n");
  const section = `\n${date}, ${machineText(folder)}.\n\n${table}\n${more}`;
  writeFileSync(file, withSection(readFileSync(file, "utf8"), name, section));
}
