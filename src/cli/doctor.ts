import type { Command } from "commander";
import { defined } from "../catalog/rows.ts";
import { checks } from "../doctor/checks/index.ts";
import { TooManyRecordsError } from "../doctor/checks/tooMany.ts";
import { severities } from "../doctor/diagnose.ts";
import { diagnoseFiles, LogFileError } from "../doctor/logFiles.ts";
import type { Severity } from "../doctor/observed.ts";
import { countAtLeast, type DiagnosisReport, reportOf, reportText } from "../doctor/report.ts";
import type { CallFilter } from "../doctor/stored.ts";
import type { Row } from "./api.ts";
import { addLeaf, type Call, type Flags, instants, isJson, picked, text } from "./command.ts";
import { type CliContext, write } from "./context.ts";
import { CliError, exitCodes, usageError } from "./errors.ts";
import { choice, instant, option } from "./options.ts";
import { printJson, printTable, visible } from "./output.ts";
import type { GivenInstant } from "./times.ts";

const failOnDefault: Severity = "risk";
/** A long trail takes its time. */
const timeoutMs = 600_000;

export function registerDoctor(program: Command, context: CliContext): void {
  addLeaf(program, context, {
    name: "doctor",
    description: "tell what integrations do wrong, by their calls, and tick the go-live checklist",
    examples: [
      "doctor --product myproduct",
      "doctor --from now-24h --fail-on lost-revenue --json",
      "doctor --cloudtrail AWSLogs/",
      "doctor --checks",
    ],
    options: [
      option("--product <code>", "calls about this product"),
      option("--account <id>", "calls with keys of this account"),
      option("--caller <arn>", "calls of this user, role or session"),
      instant("--from <time>", "calls since then", "past"),
      instant("--to <time>", "calls until then", "past"),
      option("--cloudtrail <file...>", "look at CloudTrail log files or folders of them; needs no server"),
      choice("--fail-on <severity>", `exit with ${exitCodes.findings} on this or worse (default ${failOnDefault})`, [
        ...severities,
      ]),
      option("--checks", "list what is looked for; needs no server"),
    ],
    run: async (call) => (call.flags.checks === true ? listChecks(call) : report(call)),
  });
}

async function listChecks(call: Call): Promise<void> {
  const rows: readonly Row[] = checks.map(({ name, about }) => ({ name, about }));
  if (isJson(call)) await printJson(call.context, { items: rows });
  else await printTable(call.context, rows, ["name", { title: "ABOUT", value: "about", isFlexible: true }]);
}

async function report(call: Call): Promise<void> {
  const { flags, context } = call;
  const found = Array.isArray(flags.cloudtrail)
    ? await ofFiles(flags, flags.cloudtrail.map(String))
    : await ofServer(call);
  if (isJson(call)) await printJson(context, found);
  else await write(context.stdout, visible(reportText(found)));
  const level = severities.find((severity) => severity === flags.failOn) ?? failOnDefault;
  // No error: what was asked for is on stdout, and the exit code says what it holds.
  if (countAtLeast(found, level) > 0) process.exitCode = exitCodes.findings;
}

async function ofServer(call: Call): Promise<DiagnosisReport> {
  const query = { ...picked(call.flags, ["product", "account", "caller"]), ...(await instants(call, ["from", "to"])) };
  const answer = await call.api.json("GET", "/doctor", { query, timeoutMs });
  if (!Array.isArray(answer.findings) || !Array.isArray(answer.checklist)) {
    throw new CliError(`${call.api.url} answered with no diagnosis; is it an older Meterhouse?`);
  }
  // The form is that of the OpenAPI document.
  return answer as unknown as DiagnosisReport;
}

async function ofFiles(flags: Flags, paths: readonly string[]): Promise<DiagnosisReport> {
  const filter: CallFilter = defined({
    productCode: text(flags, "product"),
    accountId: text(flags, "account"),
    caller: text(flags, "caller"),
    fromAt: absolute(flags, "from"),
    toAt: absolute(flags, "to"),
  });
  try {
    return reportOf(await diagnoseFiles({ paths, filter }));
  } catch (error) {
    const isForPeople = error instanceof LogFileError || error instanceof TooManyRecordsError;
    throw isForPeople ? new CliError(error.message) : error;
  }
}

/** Files of AWS's are of real time: now is this machine's. */
function absolute(flags: Flags, name: string): number | undefined {
  const given = flags[name] as GivenInstant | undefined;
  if (given === undefined) return undefined;
  const at = given.kind === "absolute" ? given.at : Date.now() + given.offsetMs;
  if (Number.isNaN(new Date(at).getTime())) throw usageError(`--${name}: the time lies beyond what a clock can show.`);
  return at;
}
