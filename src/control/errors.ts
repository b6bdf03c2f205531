/** The errors of the service plane, explained. */
import { createRoute, z } from "@hono/zod-openapi";
import { errorHelp, statusHelp } from "../api/errorHelp.ts";
import { commonErrors, type ErrorName, entitlementErrors, modelledErrors, ServiceError } from "../api/errors.ts";
import { type AddResource, json, problems } from "./app.ts";

const help = {
  meaning: z.string(),
  fix: z.string().openapi({ description: "What to change" }),
  rules: z.array(z.string()).openapi({ description: "What it rests on" }),
};
const errorList = z
  .object({
    errors: z.array(
      z
        .object({
          name: z.string(),
          status: z.int().openapi({ description: "Of HTTP" }),
          operations: z.array(z.string()).openapi({ description: "Whose model lists it; none: any of them" }),
          canRetry: z.boolean().openapi({ description: "The same request may succeed when it is sent again" }),
          ...help,
        })
        .openapi("ErrorHelp"),
    ),
    statuses: z
      .array(z.object({ letter: z.string(), status: z.string(), ...help }).openapi("StatusHelp"))
      .openapi({ description: "Of records of calls that were accepted" }),
  })
  .openapi("ErrorHelpList");

const listRoute = createRoute({
  method: "get",
  path: "/errors",
  tags: ["Calls"],
  summary: "Explain the errors and the statuses of records",
  responses: { 200: json(errorList, "All of them"), ...problems },
});

const names = [
  ...Object.keys(modelledErrors),
  ...Object.keys(entitlementErrors),
  ...Object.keys(commonErrors),
] as ErrorName[];

export const addErrors: AddResource = (app) => {
  const errors = names.map((name) => {
    const { meaning, fix, rules, canRetry = false } = errorHelp[name];
    const { status } = new ServiceError(name, "");
    return { name, status, operations: operationsOf(name), canRetry, meaning, fix, rules: [...rules] };
  });
  const statuses = Object.entries(statusHelp).map(([letter, { status, meaning, fix, rules }]) => ({
    ...{ letter, status, meaning, fix },
    rules: [...rules],
  }));
  app.openapi(listRoute, (context) => context.json({ errors, statuses }, 200));
};

function operationsOf(name: ErrorName): string[] {
  if (name in entitlementErrors) return ["GetEntitlements"];
  return name in modelledErrors ? [...modelledErrors[name as keyof typeof modelledErrors].operations] : [];
}
