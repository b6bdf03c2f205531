/** The whole catalogue as one document: exported, and imported idempotently. docs/catalog.md is its reference. */
import { createRoute, z } from "@hono/zod-openapi";
import { type CatalogDocument, catalogText, checkCatalog, exportCatalog, parseCatalog } from "../catalog/file.ts";
import { acting } from "./actor.ts";
import { type AddResource, json, problems, summaryOf } from "./app.ts";
import { Problem } from "./problems.ts";

/** YAML is slow to read, and everything else waits meanwhile. */
const yamlMaxLength = 4 * 1_048_576;
const yamlType = "application/yaml";

const document = z.record(z.string(), z.unknown()).openapi("CatalogDocument", {
  description: "accounts, credentials, products, agreements, tokens, entitlements, settings, …",
});
const imported = z
  .object({ entries: z.record(z.string(), z.int()).openapi({ description: "Entries of the document, by section" }) })
  .openapi("CatalogImport");
const tags = ["Catalogue"];
const both = { "application/json": { schema: document }, [yamlType]: { schema: z.string() } };

const exportRoute = createRoute({
  method: "get",
  path: "/catalog",
  tags,
  summary: "Export the catalogue, as JSON or (Accept: application/yaml) as YAML",
  request: {
    query: z.strictObject({
      secrets: z
        .enum(["true", "false"])
        .default("false")
        .openapi({ description: "Secret keys and private keys too; for tokens of the role full" }),
    }),
  },
  responses: { 200: { description: "The document", content: both }, ...problems },
});
const importRoute = createRoute({
  method: "post",
  path: "/catalog",
  tags,
  summary: "Import a catalogue document, as JSON or YAML; nothing is ever deleted",
  // Declared and not checked by the route: the catalogue's own check tells line and column.
  request: {
    body: {
      required: true,
      content: { "application/json": { schema: { type: "object" } }, [yamlType]: { schema: { type: "string" } } },
    },
  },
  responses: { 200: json(imported, "What was read"), ...problems },
});

export const addCatalog: AddResource = (app, { catalog, loadCatalog, note }) => {
  app.openapi(exportRoute, async (context) => {
    const secrets = context.req.valid("query").secrets === "true";
    const { role, name } = context.get("caller");
    if (secrets) {
      if (role !== "full")
        throw new Problem(403, `The admin token '${name}' may only read; secrets need the role 'full'.`);
      await acting({ actor: name }, () =>
        note({ action: "catalog.export", target: "catalog", summary: "with secrets" }),
      );
    }
    const format = /\byaml\b/.test(context.req.header("accept") ?? "") ? "yaml" : "json";
    const text = catalogText(exportCatalog(catalog, { secrets }), format);
    return context.body(text, 200, { "Content-Type": format === "yaml" ? yamlType : "application/json" });
  });
  app.openapi(importRoute, async (context) => {
    const read = parse(await context.req.text(), context.req.header("content-type") ?? "");
    const entries = Object.fromEntries(
      Object.entries(read).map(([section, rows]) => [
        section,
        Array.isArray(rows) ? rows.length : Object.keys(rows ?? {}).length,
      ]),
    );
    const deed = { action: "catalog.import", target: "catalog", summary: summaryOf(entries) };
    await acting(deed, () => loadCatalog(read));
    return context.json({ entries }, 200);
  });
};

const source = "catalog";

function parse(text: string, type: string): CatalogDocument {
  if (!type.toLowerCase().startsWith(yamlType)) return checkCatalog(jsonOf(text), source);
  if (text.length <= yamlMaxLength) return parseCatalog(text, source);
  throw new Problem(413, `A document in YAML may have ${yamlMaxLength} characters; send a longer one as JSON.`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message may quote what stands there, which may be a secret.
    throw new Problem(400, `The body is not JSON${error instanceof SyntaxError ? "" : ": it cannot be read"}.`);
  }
}
