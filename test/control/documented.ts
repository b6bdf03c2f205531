/** Holds an answer against the OpenAPI document: as much of JSON Schema as the document uses, and an error for the rest. */
import { expect } from "vitest";
import type { Answer, Json } from "./harness.ts";

const knownKeywords = new Set(
  `$ref type properties required additionalProperties items enum const anyOf oneOf allOf description example default
   format pattern minLength maxLength minimum maximum exclusiveMinimum exclusiveMaximum minItems maxItems title
   propertyNames discriminator prefixItems`.split(/\s+/),
);

/** Fails the test when the answer is not what the document says of it. */
export function expectDocumented(document: Json, method: string, path: string, answer: Answer): void {
  const operation = operationOf(document, method, path);
  if (operation === undefined) {
    expect([401, 403, 404, 405, 429]).toContain(answer.status);
    return;
  }
  const response = operation.responses[answer.status] ?? operation.responses.default;
  expect(response, `${method} ${path} answers ${answer.status}, which is not documented`).toBeDefined();
  const type = answer.headers.get("content-type")?.split(";")[0];
  if (response.content === undefined || answer.status === 204) {
    expect(answer.body).toBe("");
    return;
  }
  if (method === "HEAD") return;
  const schema = response.content[type ?? ""]?.schema;
  expect(schema, `${method} ${path} answers ${type}, which is not documented`).toBeDefined();
  expect(faultsOf(document, schema, answer.body, `${method} ${path}`)).toEqual([]);
}

export function operationOf(document: Json, method: string, path: string): Json | undefined {
  const plain = `/api/v1${path}`.split("?")[0] ?? "";
  const templates = Object.keys(document.paths).filter((template) =>
    new RegExp(`^${template.replace(/\{\w+\}/g, "[^/]+")}$`).test(plain),
  );
  // A path that is written out goes before one with a parameter in its place.
  const [template] = templates.toSorted((a, b) => a.split("{").length - b.split("{").length);
  return template === undefined
    ? undefined
    : document.paths[template][method === "HEAD" ? "get" : method.toLowerCase()];
}

function faultsOf(document: Json, schema: Json, value: Json, at: string): string[] {
  if (schema === true || schema === undefined) return [];
  if (schema.$ref !== undefined) return faultsOf(document, resolve(document, schema.$ref), value, at);
  for (const keyword of Object.keys(schema)) expect(knownKeywords, `keyword ${keyword} at ${at}`).toContain(keyword);
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches !== undefined) {
    const results: string[][] = branches.map((branch: Json) => faultsOf(document, branch, value, at));
    if (!results.some((faults) => faults.length === 0)) return [`${at}: fits no branch (${results.flat().join("; ")})`];
  }
  const faults: string[] = (schema.allOf ?? []).flatMap((part: Json) => faultsOf(document, part, value, at));
  const types: string[] = [schema.type ?? []].flat();
  if (types.length > 0 && !types.some((type) => isOfType(type, value)))
    return [`${at}: ${JSON.stringify(value)} is no ${types}`];
  if (schema.enum !== undefined && !schema.enum.includes(value)) faults.push(`${at}: ${value} is not in the enum`);
  if (schema.pattern !== undefined && typeof value === "string" && !new RegExp(schema.pattern).test(value)) {
    faults.push(`${at}: ${value} does not fit ${schema.pattern}`);
  }
  if (schema.format === "date-time" && Number.isNaN(Date.parse(value))) faults.push(`${at}: ${value} is no instant`);
  if (Array.isArray(value)) {
    return [...faults, ...value.flatMap((item, index) => faultsOf(document, schema.items, item, `${at}[${index}]`))];
  }
  if (typeof value === "object" && value !== null) faults.push(...memberFaults(document, schema, value, at));
  return faults;
}

function memberFaults(document: Json, schema: Json, value: Json, at: string): string[] {
  const properties = schema.properties ?? {};
  const missing = (schema.required ?? [])
    .filter((name: string) => !(name in value))
    .map((name: string) => `${at}: no ${name}`);
  const members = Object.entries(value).flatMap(([name, member]) => {
    if (name in properties) return faultsOf(document, properties[name], member, `${at}.${name}`);
    // What the document does not name is a member that nobody documented, whatever JSON Schema would let pass.
    if (schema.additionalProperties === undefined && schema.properties !== undefined)
      return [`${at}.${name}: not documented`];
    if (schema.additionalProperties === false) return [`${at}.${name}: not allowed`];
    return faultsOf(document, schema.additionalProperties, member, `${at}.${name}`);
  });
  return [...missing, ...members];
}

export function resolve(document: Json, ref: string): Json {
  const found = ref
    .slice(2)
    .split("/")
    .reduce((node: Json, step: string) => node?.[step], document);
  expect(found, `${ref} leads nowhere`).toBeDefined();
  return found;
}

function isOfType(type: string, value: Json): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "null") return value === null;
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  return typeof value === type;
}
