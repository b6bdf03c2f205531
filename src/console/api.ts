/** The control plane as the console calls it: the session's cookie goes along by itself, its word with every change. */

export interface FieldError {
  readonly pointer?: string;
  readonly field?: string;
  readonly message: string;
}

/** What the control plane answers when it does not do what was asked (RFC 9457). */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly status: number;
  readonly title: string;
  readonly errors: readonly FieldError[];

  constructor(status: number, title: string, detail: string, errors: readonly FieldError[] = []) {
    super(detail);
    this.status = status;
    this.title = title;
    this.errors = errors;
  }

  /** What is wrong with one member of a form, by its name. */
  errorOf(member: string): string | undefined {
    return this.errors.find(
      ({ pointer, field }) => field === member || pointer === `/${member}` || pointer?.startsWith(`/${member}/`),
    )?.message;
  }
}

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor?: string;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

let csrf = "";

/** Told by the session. */
export function setCsrf(word: string): void {
  csrf = word;
}

/** `path` is below `/api/v1`; members of the query that are undefined or empty are left out. */
export function apiPath(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `/api/v1${path}${search === "" ? "" : `?${search}`}`;
}

export async function get<Answer>(path: string, query?: Query, signal?: AbortSignal): Promise<Answer> {
  return json<Answer>(await call({ method: "GET", url: apiPath(path, query), ...(signal && { signal }) }));
}

export async function send<Answer>(
  method: "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
): Promise<Answer> {
  const content = body === undefined ? {} : { body: JSON.stringify(body), type: "application/json" };
  return json<Answer>(await call({ method, url: apiPath(path), ...content }));
}

/** What is not JSON: `accept` is its media type. */
export async function getText(path: string, query: Query, accept: string): Promise<string> {
  return call({ method: "GET", url: apiPath(path, query), accept });
}

/** A document as it stands in its file. */
export async function sendText<Answer>(method: "POST", path: string, body: string, type: string): Promise<Answer> {
  return json<Answer>(await call({ method, url: apiPath(path), body, type }));
}

function json<Answer>(text: string): Answer {
  return (text === "" ? undefined : JSON.parse(text)) as Answer;
}

interface Call {
  readonly method: string;
  readonly url: string;
  readonly body?: string;
  /** Media type of the body. */
  readonly type?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

/** The body of the answer. Throws an ApiProblem. */
async function call({ method, url, body, type, accept, signal }: Call): Promise<string> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      credentials: "same-origin",
      headers: {
        ...(method === "GET" ? {} : { "X-Meterhouse-Csrf": csrf }),
        ...(type === undefined ? {} : { "Content-Type": type }),
        ...(accept === undefined ? {} : { Accept: accept }),
      },
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiProblem(0, "No answer", "The server cannot be reached. Is it running? The page goes on when it is.");
  }
  const text = await response.text();
  if (response.ok) return text;
  throw problemOf(response.status, text);
}

export function problemOf(status: number, text: string): ApiProblem {
  try {
    const { title, detail, errors } = JSON.parse(text) as { title?: string; detail?: string; errors?: FieldError[] };
    return new ApiProblem(status, title ?? "", detail ?? `The server answered ${status}.`, errors);
  } catch {
    return new ApiProblem(status, "", `The server answered ${status}.`);
  }
}
