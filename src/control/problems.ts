/** Errors of the control plane: `application/problem+json` (RFC 9457) that names the member which is wrong. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Logger } from "pino";
import { CatalogFileError, type CatalogPath, problemsOf } from "../catalog/problems.ts";
import { MarketplaceError } from "../marketplace/agreements.ts";
import { InvalidCursorError, StaleFactsError, StoreFailure } from "../store/ledger.ts";

const titles = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;
export type ProblemStatus = keyof typeof titles;

/** One thing that is wrong: `pointer` into the body (RFC 6901), or `field` of the query or path. */
export interface FieldError {
  readonly pointer?: string;
  readonly field?: string;
  readonly message: string;
}

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    errors: z
      .array(
        z.object({
          pointer: z.string().optional().openapi({ description: "JSON pointer into the body (RFC 6901)" }),
          field: z.string().optional().openapi({ description: "Member of the query or of the path" }),
          message: z.string(),
        }),
      )
      .optional(),
  })
  .openapi("Problem");

export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: ProblemStatus;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ProblemStatus,
    detail: string,
    more: { readonly errors?: readonly FieldError[]; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail);
    this.status = status;
    this.errors = more.errors ?? [];
    this.headers = more.headers ?? {};
  }
}

export function notFound(what: string, id: string): Problem {
  return new Problem(404, `There is no ${what} '${id}'.`);
}

export function conflict(detail: string): Problem {
  return new Problem(409, detail);
}

/** A member of the body that is of the right form and yet cannot be: `member` by its path. */
export function invalidMember(member: string | CatalogPath, message: string): Problem {
  const pointer = pointerOf(typeof member === "string" ? [member] : member);
  return invalid([{ pointer, message }]);
}

export function invalidField(field: string, message: string): Problem {
  return invalid([{ field, message }]);
}

/** So many are told; a body of a megabyte can have more than anyone reads. */
const errorsMax = 100;

function invalid(errors: readonly FieldError[]): Problem {
  const [first] = errors;
  const place = first?.pointer ?? first?.field ?? "";
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const detail =
    first === undefined ? "The request is not valid." : `${place === "" ? "The body" : place}: ${first.message}${more}`;
  return new Problem(422, detail, { errors: errors.slice(0, errorsMax) });
}

function pointerOf(path: CatalogPath): string {
  return path.map((step) => `/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** What the schema of the body, query or path found. */
export function validationProblem(target: string, error: z.core.$ZodError): Problem {
  return invalid(
    problemsOf(error.issues).map(({ path, message }) =>
      target === "json" ? { pointer: pointerOf(path), message } : { field: path.join("."), message },
    ),
  );
}

export function problemResponse(context: Context, problem: Problem): Response {
  const { status, message: detail, errors } = problem;
  const body = { type: "about:blank", title: titles[status], status, detail, ...(errors.length > 0 ? { errors } : {}) };
  return context.body(JSON.stringify(body), status, { ...problem.headers, "Content-Type": "application/problem+json" });
}

/** Every error that a handler can throw, as its problem. What nobody expected is logged and told without its text. */
export function problemOf(error: Error, log: Logger, path: string): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof MarketplaceError || error instanceof StaleFactsError) return conflict(error.message);
  if (error instanceof CatalogFileError) {
    const errors = error.problems.map(({ path: place, message, line, column }) => ({
      pointer: pointerOf(place),
      message: line === undefined ? message : `line ${line}, column ${column ?? 1}: ${message}`,
    }));
    return invalid(errors);
  }
  if (error instanceof InvalidCursorError) return invalidField("cursor", error.message);
  if (error instanceof HTTPException && error.status in titles) {
    return new Problem(error.status as ProblemStatus, `${error.message}.`);
  }
  log.error({ err: error, path }, "control request failed");
  if (error instanceof StoreFailure) return storeProblem(error);
  return new Problem(500, "The request failed; the server's log says why.");
}

function storeProblem({ message, stored }: StoreFailure): Problem {
  const kept = stored === "no" ? "Nothing of the request was kept" : "The request may or may not have been kept";
  return new Problem(503, `${message}. ${kept}; look again when /readyz says that the server is ready.`);
}
