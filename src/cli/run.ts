/** The program: its nouns, and what an error comes to for the shell that called it. */
import { Command, CommanderError } from "commander";
import { version } from "../version.ts";
import { registerAccounts } from "./accounts.ts";
import { registerAdminTokens, registerEvents } from "./adminTokens.ts";
import { registerAgreements, registerTokens } from "./agreements.ts";
import { registerCatalog } from "./catalog.ts";
import { registerClock } from "./clock.ts";
import { registerCompletion } from "./completion.ts";
import { registerConsole } from "./console.ts";
import type { CliContext } from "./context.ts";
import { registerCredentials } from "./credentials.ts";
import { registerDatabase } from "./database.ts";
import { registerDoctor } from "./doctor.ts";
import { registerEntitlements } from "./entitlements.ts";
import { CliError, codeOf, exitCodes } from "./errors.ts";
import { registerFaults } from "./faults.ts";
import { registerKeys } from "./keys.ts";
import { registerNotifications, registerTargets } from "./notifications.ts";
import { registerOffers } from "./offers.ts";
import { registerDimensions, registerProducts } from "./products.ts";
import { registerReports } from "./reports.ts";
import { registerSecrets } from "./secrets.ts";
import { registerSettings } from "./settings.ts";
import { registerUsage } from "./usage.ts";
import { registerWorkloads } from "./workloads.ts";

/** In the order of the help: a seller's way from an account to its usage, then what drives the server. */
const nouns = [
  registerAccounts,
  registerCredentials,
  registerProducts,
  registerDimensions,
  registerKeys,
  registerOffers,
  registerAgreements,
  registerTokens,
  registerEntitlements,
  registerUsage,
  registerReports,
  registerDoctor,
  registerWorkloads,
  registerNotifications,
  registerTargets,
  registerSettings,
  registerClock,
  registerFaults,
  registerAdminTokens,
  registerEvents,
  registerConsole,
  registerCatalog,
  registerDatabase,
  registerSecrets,
  registerCompletion,
];

export function createProgram(): Command {
  // Before any command is added: they take these over.
  return new Command("meterhouse")
    .description(
      "The AWS Marketplace Metering Service, self-hosted: any AWS SDK, unmodified, gets the answers AWS would give.\nIndependent of Amazon.",
    )
    .version(version)
    .showHelpAfterError("(--help after a command says what it takes)")
    .exitOverride()
    .addHelpText(
      "after",
      `
Examples:
  meterhouse serve --demo
  meterhouse product list
  meterhouse agreement create --product myproduct --buyer 444455556666

Exit codes: ${exitCodes.ok} done, ${exitCodes.failed} refused or failed, ${exitCodes.usage} wrong usage, ${exitCodes.unreachable} the server cannot be reached, ${exitCodes.findings} the doctor found something.`,
    );
}

export function registerNouns(program: Command, context: CliContext): void {
  for (const register of nouns) register(program, context);
}

/** Sets the exit code and returns; what was started, as a server is, goes on. */
export async function run(program: Command, context: CliContext, argv: readonly string[]): Promise<void> {
  // `… | head` closes the pipe when it has seen enough, which is no failure.
  context.stdout.on("error", (error: Error) => {
    if (codeOf(error) === "EPIPE") process.exit(exitCodes.ok);
    throw error;
  });
  try {
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error, context);
  }
}

function report(error: unknown, { stderr }: CliContext): number {
  // Commander has said what is wrong, or shown the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (codeOf(error) === "EPIPE") return exitCodes.ok;
  if (error instanceof CliError) {
    stderr.write(`meterhouse: ${[error.message, ...error.hints].join("\n")}\n`);
    return error.exitCode;
  }
  // What a person can act on is told in its own words; a bug shows where it is.
  const isExpected = error instanceof Error && !(error instanceof TypeError || error instanceof RangeError);
  stderr.write(isExpected ? `meterhouse: ${error.message}\n` : `${stackOf(error)}\n`);
  return exitCodes.failed;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
