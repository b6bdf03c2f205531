/** The doctor: what integrations do wrong, by the calls of the last 90 days, and the go-live checklist. */
import { createRoute, z } from "@hono/zod-openapi";
import { defined } from "../catalog/rows.ts";
import { checks } from "../doctor/checks/index.ts";
import { TooManyRecordsError } from "../doctor/checks/tooMany.ts";
import { severities } from "../doctor/diagnose.ts";
import type { Severity } from "../doctor/observed.ts";
import { reportOf } from "../doctor/report.ts";
import { type AddResource, json, problems } from "./app.ts";
import { accountId, instant, msOf, productCode } from "./forms.ts";
import { Problem } from "./problems.ts";

const finding = z
  .object({
    check: z.string().openapi({ description: "The same for all findings of one check" }),
    severity: z.enum(severities as [Severity, ...Severity[]]),
    productCode: z.string().optional(),
    caller: z.string().optional().openapi({ description: "ARN, or the access key id where none is known" }),
    title: z.string().openapi({ description: "What happens, how often, how much is lost" }),
    fix: z.string().openapi({ description: "What to change" }),
    rules: z.array(z.string()).openapi({ description: "What it rests on" }),
    evidence: z.array(z.string()).openapi({ description: "Request ids that show it, oldest first, at most ten" }),
    count: z.int().openapi({ description: "How often it was seen" }),
    quantities: z
      .record(z.string(), z.number())
      .optional()
      .openapi({ description: "Units that are lost or billed twice, by dimension" }),
  })
  .openapi("Finding");
const checklistItem = z
  .object({
    id: z.string(),
    area: z.string(),
    text: z.string().openapi({ description: "What AWS asks for" }),
    state: z.enum(["exercised", "never", "cannot-tell"]),
    evidence: z.array(z.string()),
    count: z.int(),
    hint: z.string().openapi({ description: "How to exercise it, or what to look at" }),
  })
  .openapi("ChecklistItem");
const diagnosis = z
  .object({
    at: instant.openapi({ description: "Business time" }),
    source: z.enum(["audit-trail", "cloudtrail-files"]),
    calls: z.int().openapi({ description: "How many were looked at" }),
    from: instant.optional().openapi({ description: "The first of them" }),
    to: instant.optional().openapi({ description: "The last of them" }),
    findings: z.array(finding).openapi({ description: "Worst first" }),
    checklist: z.array(checklistItem),
    checksRun: z.array(z.string()),
  })
  .openapi("Diagnosis");

const diagnoseRoute = createRoute({
  method: "get",
  path: "/doctor",
  tags: ["Doctor"],
  summary: "Look for what integrations do wrong",
  request: {
    query: z.strictObject({
      product: productCode.optional(),
      account: accountId.optional().openapi({ description: "Whose key it was" }),
      caller: z.string().min(1).max(2_048).optional().openapi({ description: "As findings name it" }),
      from: instant.optional().openapi({ description: "Calls at this instant or later" }),
      to: instant.optional().openapi({ description: "Calls at this instant or before" }),
    }),
  },
  responses: { 200: json(diagnosis, "What was found"), ...problems },
});

const checksRoute = createRoute({
  method: "get",
  path: "/doctor/checks",
  tags: ["Doctor"],
  summary: "List what the doctor looks for",
  responses: {
    200: json(
      z.object({ items: z.array(z.object({ name: z.string(), about: z.string() }).openapi("DoctorCheck")) }),
      "The checks, in the order of the report",
    ),
    ...problems,
  },
});

export const addDoctor: AddResource = (app, { diagnose }) => {
  app.openapi(diagnoseRoute, async (context) => {
    // A long trail takes minutes, and whoever asked may have left.
    const { signal } = context.req.raw;
    const { product, account, caller, from, to } = context.req.valid("query");
    if (diagnose === undefined) throw new Error("this control plane was made without a doctor");
    const filter = { productCode: product, accountId: account, caller, fromAt: msOf(from), toAt: msOf(to) };
    const made = await diagnose(defined(filter), signal).catch((error: unknown) => {
      if (signal.aborted) throw new Problem(409, "Whoever asked for the diagnosis left before it was done.");
      throw error instanceof TooManyRecordsError ? new Problem(422, error.message) : error;
    });
    const { findings, checklist, checksRun, ...rest } = reportOf(made);
    const found = findings.map((one) => ({
      ...one,
      rules: [...one.rules],
      evidence: [...one.evidence],
      ...defined({ quantities: one.quantities && { ...one.quantities } }),
    }));
    const items = checklist.map((item) => ({ ...item, evidence: [...item.evidence] }));
    return context.json({ ...rest, findings: found, checklist: items, checksRun: [...checksRun] }, 200);
  });

  app.openapi(checksRoute, (context) =>
    context.json({ items: checks.map(({ name, about }) => ({ name, about })) }, 200),
  );
};
