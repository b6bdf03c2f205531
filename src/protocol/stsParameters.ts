/** The parameters of an STS call: their forms, and how STS refuses another one. */

/** A refusal with its Query name and status. */
export class QueryError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export const roleArnPattern = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/;
export const sessionNamePattern = /^[\w+=,.@-]{2,64}$/;
const shownMaxChars = 256;

/** `secretForm`: of a member whose value must not be repeated. */
export function required(parameters: URLSearchParams, name: string, pattern: RegExp, secretForm?: string): string {
  const value = parameters.get(name);
  const shown = name.charAt(0).toLowerCase() + name.slice(1);
  if (value === null) throw parameterFault(shown, null, "not be null");
  if (pattern.test(value)) return value;
  if (secretForm !== undefined) throw new QueryError("ValidationError", `The ${name} is not ${secretForm}.`);
  throw parameterFault(shown, value, `satisfy regular expression pattern: ${pattern.source}`);
}

export function parameterFault(name: string, value: string | null, constraint: string): QueryError {
  const shown = value === null ? "null" : `'${value.slice(0, shownMaxChars)}'`;
  return new QueryError(
    "ValidationError",
    `1 validation error detected: Value ${shown} at '${name}' failed to satisfy constraint: Member must ${constraint}`,
  );
}
