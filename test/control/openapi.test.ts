/** The OpenAPI document: valid in its structure, complete, and there for everyone. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { resolve } from "./documented.ts";
import { type Harness, type Json, startControl } from "./harness.ts";

let control: Harness;
let document: Json;
beforeAll(async () => {
  control = await startControl();
  document = (await control.call("GET", "/openapi.json", { token: null })).body;
});
afterAll(() => control.close());

function operations(): {
  readonly name: string;
  readonly path: string;
  readonly method: string;
  readonly operation: Json;
}[] {
  return Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    Object.entries<Json>(item).map(([method, operation]) => ({ name: `${method} ${path}`, path, method, operation })),
  );
}

test("is OpenAPI 3.1 with the members that it must have", () => {
  expect(document.openapi).toMatch(/^3\.1\.\d+$/);
  expect(document.info).toMatchObject({ title: expect.any(String), version: "0.0.0-test" });
  expect(document.servers).toEqual([{ url: control.url }]);
  expect(document.components.securitySchemes).toEqual({ adminToken: { type: "http", scheme: "bearer" } });
  expect(document.security).toEqual([{ adminToken: [] }]);
});

test("every reference leads somewhere, and every path parameter is declared", () => {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref ?? "");
  expect(refs.length).toBeGreaterThan(50);
  for (const ref of refs) resolve(document, ref);
  for (const { name, path, operation } of operations()) {
    const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
    const declared = (operation.parameters ?? [])
      .filter((parameter: Json) => parameter.in === "path")
      .map((parameter: Json) => {
        expect(parameter.required, name).toBe(true);
        return parameter.name;
      });
    expect(declared.sort(), name).toEqual(inPath.sort());
  }
});

test("every route has a summary, a tag, a success and its problems", () => {
  const all = operations();
  expect(all.length).toBeGreaterThan(55);
  for (const { name, path, method, operation } of all) {
    expect(path, name).toMatch(/^\/api\/v1\/[a-z]/);
    expect(["get", "post", "put", "patch", "delete"], name).toContain(method);
    expect(operation.summary, name).toMatch(/^.{8,120}$/);
    expect(operation.tags, name).toHaveLength(1);
    const statuses = Object.keys(operation.responses);
    expect(
      statuses.filter((status) => /^2\d\d$/.test(status)),
      name,
    ).toHaveLength(1);
    expect(operation.responses.default.content["application/problem+json"].schema, name).toEqual({
      $ref: "#/components/schemas/Problem",
    });
    for (const response of Object.values<Json>(operation.responses)) expect(response.description, name).toMatch(/./);
  }
});

test("bodies refuse members that they do not know", () => {
  for (const { name, operation } of operations()) {
    const schema = operation.requestBody?.content["application/json"]?.schema;
    if (schema === undefined || name === "post /api/v1/catalog") continue;
    const form = schema.$ref === undefined ? schema : resolve(document, schema.$ref);
    for (const branch of form.oneOf ?? form.anyOf ?? [form]) expect(branch.additionalProperties, name).toBe(false);
  }
});

test("no schema tells a secret but where it is made", () => {
  const told = Object.entries<Json>(document.components.schemas)
    .filter(([, schema]) => /secretAccessKey|privateKeyPem|"hash"|confirmationToken/.test(JSON.stringify(schema)))
    .map(([name]) => name);
  expect(told.sort()).toEqual([
    "CredentialCreation",
    "KeyVersionCreation",
    "NewCredential",
    "NotificationTargetCreation",
  ]);
});
