/** The OpenAPI document, made from the schemas that check the requests. */
import type { ControlApp, ControlOptions } from "./app.ts";

type Document = ReturnType<ControlApp["getOpenAPI31Document"]>;

const about =
  "What AWS does behind the curtain, for whoever runs this server: accounts, products, agreements, tokens, usage, time. " +
  "Independent of Amazon; not an AWS service.";

export function addOpenApi(app: ControlApp, { version, publicUrl }: ControlOptions): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "adminToken", { type: "http", scheme: "bearer" });
  app.get("/openapi.json", (context) => context.json(documentOf(app, version, publicUrl())));
}

function documentOf(app: ControlApp, version: string, url: string): Document {
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: { title: "Meterhouse control plane", version, description: about, license: { name: "Apache-2.0" } },
    servers: [{ url }],
    security: [{ adminToken: [] }],
  });
}

/** The methods that some route takes at a path; none where nothing is there. */
export function allowedMethods(app: ControlApp, path: string): readonly string[] {
  const methods = app.openAPIRegistry.definitions.flatMap((definition) => {
    if (definition.type !== "route") return [];
    const { path: template, method } = definition.route;
    // Templates are relative to the base path, which the path begins with.
    const pattern = new RegExp(`${template.replace(/\{\w+\}/g, "[^/]+")}$`);
    return pattern.test(path) && depth(path) === depth(template) + baseDepth ? [method.toUpperCase()] : [];
  });
  return [...new Set(methods)];
}

const baseDepth = 2;

function depth(path: string): number {
  return path.split("/").length - 1;
}
