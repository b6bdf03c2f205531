/** Calls of the control plane, made from its own OpenAPI document: as it says, and as it does not. */
import * as fc from "fast-check";
import { edited, type Json, nasty, nastyText } from "./values.ts";

export interface ControlInput {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: string | undefined;
  /** "admin" or what stands in the Authorization header. */
  readonly token: string;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly pattern?: string;
  readonly example?: Json;
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema?: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> };
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

/**
 * Not sent: they end the session that the fuzzer works with, never end themselves, or take all data away and so make
 * everything after them the same 404. And what runs the clock on: a jump over years is long work, not a fault.
 */
const leftOut = [/^delete .*\/admin-tokens\//, /^post .*\/clock\/(?:set|advance|run)$/, /^post .*\/catalog$/];
/** Answers without an end. */
export const streams = (path: string): boolean => /^\/api\/v1\/stream\b/.test(path);

const depthMax = 5;

/** `known` = identifiers that are there, to be mixed in. */
export function controlInputs(document: OpenApi, known: readonly string[]): fc.Arbitrary<ControlInput> {
  const text = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...known) },
    { weight: 2, arbitrary: nastyText },
    { weight: 1, arbitrary: fc.stringMatching(/^[a-z0-9.-]{1,24}$/) },
  );
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => !leftOut.some((one) => one.test(`${method} ${path}`)))
      .map(([method, operation]) => inputOf(document, method, path, operation, text)),
  );
  return fc.oneof(...operations);
}

function inputOf(
  document: OpenApi,
  method: string,
  template: string,
  operation: Operation,
  text: fc.Arbitrary<string>,
): fc.Arbitrary<ControlInput> {
  const parameters = operation.parameters ?? [];
  const named = parameters.filter((one) => one.in === "query");
  const inPath = parameters.filter((one) => one.in === "path").map(({ name }) => name);
  const value = (schema: Schema | undefined): fc.Arbitrary<string> =>
    fc.oneof(
      text,
      valueOfSchema(document, schema ?? {}, text).map((one) => (typeof one === "string" ? one : JSON.stringify(one))),
    );
  const query = fc
    .subarray(named, { minLength: 0 })
    .chain((chosen) =>
      fc.tuple(...chosen.map((one) => value(one.schema).map((given) => `${one.name}=${percent(given)}`))),
    );
  const schema = Object.values(operation.requestBody?.content ?? {})[0]?.schema;
  const body =
    schema === undefined
      ? fc.option(nastyText, { nil: undefined, freq: 20 })
      : fc.oneof(
          { weight: 6, arbitrary: edited(valueOfSchema(document, schema, text), 2) },
          { weight: 1, arbitrary: nastyText },
          { weight: 1, arbitrary: nasty.map((one) => JSON.stringify(one)) },
        );
  return fc
    .record({
      path: fc.tuple(...inPath.map(() => text)),
      query: fc.oneof(
        { weight: 9, arbitrary: query },
        { weight: 1, arbitrary: nastyText.map((one) => [percent(one)]) },
      ),
      body: body as fc.Arbitrary<string | undefined>,
      contentType: fc.oneof(
        { weight: 20, arbitrary: fc.constant("application/json") },
        {
          weight: 1,
          arbitrary: fc.constantFrom(
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "",
          ),
        },
      ),
      token: fc.oneof(
        { weight: 30, arbitrary: fc.constant("admin") },
        { weight: 1, arbitrary: fc.constantFrom("", "Bearer ", "Bearer x", "Basic eDp5") },
      ),
    })
    .map((made) => {
      const path = inPath.reduce(
        (whole, name, index) => whole.replace(`{${name}}`, percent(made.path[index] ?? "")),
        template,
      );
      const sent = made.query.length === 0 ? path : `${path}?${made.query.join("&")}`;
      const { contentType, token } = made;
      return { method: method.toUpperCase(), path: sent.slice(0, 6_000), contentType, body: made.body, token };
    });
}

/** As a browser would, but for half a surrogate pair, which cannot be written. */
const percent = (text: string): string => encodeURIComponent(text.toWellFormed());

/** Text that the schema allows, so that what lies behind its check is reached. */
function rightText({ pattern, example }: Schema, text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  if (typeof example === "string") return fc.constant(example);
  if (pattern === undefined) return text;
  try {
    return fc.stringMatching(new RegExp(pattern));
  } catch {
    // fast-check cannot make every expression's texts.
    return text;
  }
}

/** Values of as much of JSON Schema as the document uses; objects lack some of their optional members. */
function valueOfSchema(document: OpenApi, schema: Schema, text: fc.Arbitrary<string>, depth = 0): fc.Arbitrary<Json> {
  if (depth > depthMax) return fc.constant(null);
  const inner = (one: Schema): fc.Arbitrary<Json> => valueOfSchema(document, one, text, depth + 1);
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1) ?? "";
    return inner(document.components?.schemas?.[name] ?? {});
  }
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined && schema.enum.length > 0) return fc.constantFrom(...schema.enum);
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined && branches.length > 0) return fc.oneof(...branches.map(inner));
  const [type] = [schema.type ?? []].flat();
  if (type === "string") return fc.oneof(text, rightText(schema, text));
  if (type === "integer" || type === "number")
    return fc.oneof(fc.integer({ min: -2, max: 100 }), fc.integer(), fc.double());
  if (type === "boolean") return fc.boolean();
  if (type === "null") return fc.constant(null);
  if (type === "array") return fc.array(inner(schema.items ?? {}), { maxLength: 3 });
  if (schema.allOf !== undefined) {
    return fc.tuple(...schema.allOf.map(inner)).map((parts) => Object.assign({}, ...(parts as object[])) as Json);
  }
  if (schema.properties !== undefined) {
    const members = Object.entries(schema.properties).map(([name, member]) => [name, inner(member)] as const);
    return fc.record(Object.fromEntries(members), { requiredKeys: [...(schema.required ?? [])] }) as fc.Arbitrary<Json>;
  }
  if (typeof schema.additionalProperties === "object") {
    return fc.dictionary(text, inner(schema.additionalProperties), { maxKeys: 3 }) as fc.Arbitrary<Json>;
  }
  return nasty;
}

export function controlBytes(input: ControlInput, host: string, adminToken: string): Buffer {
  const body = Buffer.from(input.body ?? "");
  const lines = [
    `Host: ${host}`,
    `Authorization: ${input.token === "admin" ? `Bearer ${adminToken}` : input.token}`,
    ...(input.contentType === "" ? [] : [`Content-Type: ${input.contentType}`]),
    ...(input.body === undefined ? [] : [`Content-Length: ${body.length}`]),
  ];
  return Buffer.concat([
    Buffer.from(`${input.method} ${input.path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`, "latin1"),
    body,
  ]);
}
