/** The table of clients that `npm run conformance` prints and the README shows. */

export interface Outcome {
  readonly id: string;
  readonly title: string;
  /** As the program tells it; empty where it did not run. */
  readonly version: string;
  readonly passed: number;
  readonly failed: number;
  /** Cases that the client's model cannot express, each with its reason. */
  readonly notExpressible: readonly string[];
  readonly failures: readonly string[];
  /** Why it did not run. */
  readonly skipped?: string;
}

export function tableOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map((one) => [
    one.version === "" ? one.title : one.version,
    one.skipped === undefined ? `${one.passed + one.failed}` : "0",
    notExpressible(one),
    one.skipped ?? (one.failed === 0 ? "all pass" : `${one.failed} failed`),
  ]);
  return [["Client", "Cases", "Not in its model", "Result"], ["---", "---", "---", "---"], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

/** `licence: this client has no LicenseArn`, many times, becomes `LicenseArn (3)`. */
function notExpressible({ notExpressible: reasons }: Outcome): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) {
    const need = reason.split(" ").at(-1) ?? reason;
    // One of two cases is for every client.
    if (/clockSkewCorrection$/i.test(need)) continue;
    counts.set(need, (counts.get(need) ?? 0) + 1);
  }
  return [...counts].map(([need, count]) => `${need} (${count})`).join(", ") || "–";
}

const begin = "<!-- clients: written by npm run conformance -->";
const end = "<!-- /clients -->";

/** The README with the table between its marks. Throws where the marks are missing. */
export function withTable(readme: string, outcomes: readonly Outcome[], date: string): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from < 0 || to < from) throw new Error(`README.md has no place for the table: ${begin} … ${end}`);
  const text = `${begin}\n${tableOf(outcomes)}\n\nRun on ${date}, ${process.platform} ${process.arch}.\n`;
  return readme.slice(0, from) + text + readme.slice(to);
}
