/** How a command can fail, and what its exit code tells a script. */

export const exitCodes = { ok: 0, failed: 1, usage: 2, unreachable: 3, findings: 4 } as const;

/** Something that a person can act on: the message goes to stderr as it is, hints on lines of their own below. */
export class CliError extends Error {
  override readonly name: string = "CliError";
  readonly exitCode: number;
  readonly hints: readonly string[];

  constructor(message: string, options: { readonly exitCode?: number; readonly hints?: readonly string[] } = {}) {
    super(message);
    this.exitCode = options.exitCode ?? exitCodes.failed;
    this.hints = options.hints ?? [];
  }
}

export function usageError(message: string, ...hints: readonly string[]): CliError {
  return new CliError(message, { exitCode: exitCodes.usage, hints });
}

/** One member that the server found wrong: by its path in the body, or by its name in the query or the path. */
export interface MemberFault {
  readonly path: readonly string[];
  readonly message: string;
}

/** The server answered, and refused. */
export class ApiProblem extends CliError {
  override readonly name = "ApiProblem";
  readonly status: number;
  readonly detail: string;
  readonly faults: readonly MemberFault[];

  constructor(status: number, detail: string, faults: readonly MemberFault[], hints: readonly string[] = []) {
    super(detail, { hints });
    this.status = status;
    this.detail = detail;
    this.faults = faults;
  }
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
