/** Numbers and tables as the paper shows them. */

/** Three digits that count. */
export function number(value: number): string {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  const power = 10 ** Math.floor(Math.log10(Math.abs(value)) - 2);
  const rounded = Math.abs(value) < 1_000 ? value : Math.round(value / power) * power;
  return rounded.toLocaleString("en-US", { maximumFractionDigits: Math.min(digits, 4) });
}

export function percent(share: number): string {
  return `${number(share * 100)}%`;
}

/** `0`, `850 ms`, `12 s`, `4.2 min`. */
export function duration(seconds: number): string {
  if (seconds === 0) return "0";
  if (seconds < 1) return `${number(seconds * 1_000)} ms`;
  return seconds < 120 ? `${number(seconds)} s` : `${number(seconds / 60)} min`;
}

export function money(dollars: number): string {
  return `$${number(dollars)}`;
}

/** Markdown; numbers to the right where `right` says so. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, column) => (right.includes(column) ? "---:" : "---"));
  return [line(head), `|${rule.join("|")}|`, ...rows.map(line)].join("\n");
}
