/** A diagnosis as the control plane answers with it, as `--json` prints it, and as text for people. */
import type { ChecklistItem, ChecklistState } from "./checklist.ts";
import { type Diagnosis, isAtLeast, severities } from "./diagnose.ts";
import type { Finding, Severity } from "./observed.ts";

/** Times as ISO text. */
export interface DiagnosisReport extends Omit<Diagnosis, "at" | "from" | "to"> {
  readonly at: string;
  readonly from?: string;
  readonly to?: string;
}

export function reportOf({ at, from, to, ...rest }: Diagnosis): DiagnosisReport {
  return {
    at: iso(at),
    ...(from === undefined ? {} : { from: iso(from) }),
    ...(to === undefined ? {} : { to: iso(to) }),
    ...rest,
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

/** Findings that are as bad as `level`, or worse. */
export function countAtLeast({ findings }: Pick<DiagnosisReport, "findings">, level: Severity): number {
  return findings.filter(({ severity }) => isAtLeast(severity, level)).length;
}

const words: Readonly<Record<Severity, string>> = {
  "lost-revenue": "LOST REVENUE",
  "double-billing": "DOUBLE BILLING",
  risk: "RISK",
  advice: "ADVICE",
};

/** By product and caller, the worst first; then the checklist. Ends with a newline. */
export function reportText(report: DiagnosisReport): string {
  const parts = [headText(report), ...groupsOf(report.findings).map(groupText), checklistText(report.checklist)];
  return parts.filter((part) => part !== "").join("\n");
}

function headText({ calls, from, to, source, findings, checksRun }: DiagnosisReport): string {
  const where = source === "audit-trail" ? "this server's audit trail" : "CloudTrail's log files";
  if (calls === 0) return `No calls in ${where}: there is nothing to judge by.\n`;
  const span = `${seconds(from)} to ${seconds(to)}`;
  const counts = severities.flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}`];
  });
  const found = counts.length === 0 ? "nothing" : counts.join(", ");
  return `${calls} ${calls === 1 ? "call" : "calls"} in ${where}, ${span}; ${checksRun.length} checks found ${found}.\n`;
}

function seconds(at: string | undefined): string {
  return (at ?? "").replace(/\.\d+Z$/, "Z");
}

/** In the order of their first, which is their worst. */
function groupsOf(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = JSON.stringify([finding.productCode, finding.caller]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return [...groups.values()];
}

function groupText(findings: readonly Finding[]): string {
  const { productCode, caller } = findings[0] ?? {};
  const head = `${productCode === undefined ? "No product in particular" : `Product ${productCode}`}${caller === undefined ? "" : `, called by ${caller}`}`;
  return `${head}\n${findings.map((finding) => `\n${findingText(finding)}`).join("")}`;
}

function findingText(finding: Finding): string {
  const { severity, title, fix, check, rules, count, quantities = {}, evidence } = finding;
  const units = Object.entries(quantities).map(([dimension, quantity]) => `${quantity} ${dimension}`);
  const lines = [
    `  ${words[severity]}  ${title}`,
    `    Fix       ${fix}`,
    ...(units.length === 0 ? [] : [`    Units     ${units.join(", ")}`]),
    `    Seen      ${count} ${count === 1 ? "time" : "times"}; check ${check}, by ${rules.join(", ")}`,
    `    Requests  ${evidence.join(" ")}${evidence.length < count ? " …" : ""}`,
  ];
  return lines.map((line) => `${line}\n`).join("");
}

const marks: Readonly<Record<ChecklistState, string>> = { exercised: "[x]", never: "[ ]", "cannot-tell": "[?]" };

function checklistText(items: readonly ChecklistItem[]): string {
  if (items.length === 0) return "";
  const ticked = items.filter(({ state }) => state === "exercised").length;
  const areas = [...new Set(items.map(({ area }) => area))];
  const lines = areas.flatMap((area) => [
    `  ${area}`,
    ...items
      .filter((item) => item.area === area)
      .flatMap(({ state, text, hint }) => [
        `    ${marks[state]} ${text}`,
        ...(state === "exercised" ? [] : [`        ${hint}`]),
      ]),
  ]);
  return `Go-live checklist: ${ticked} of ${items.length} were seen. [x] seen, [ ] not yet, [?] calls cannot tell.\n${lines.map((line) => `${line}\n`).join("")}`;
}
