/** The switches of SPEC section J: live, each with its default and the rule it belongs to. */
import { createRoute, z } from "@hono/zod-openapi";
import { defaultSettings, type Settings, type SettingsInput, settingsSchema } from "../api/settings.ts";
import { sameData } from "../catalog/rows.ts";
import { acting } from "./actor.ts";
import { type AddResource, body, json, problems, summaryOf } from "./app.ts";

/** Every switch must have its words: a new one does not compile without them. */
const rules: Readonly<Record<keyof Settings, string>> = {
  revision:
    "C.1, B-50, J-1, J-10: which revision of the API is served: usage window, allocations, patterns, known members.",
  lenientContentType: "W-52: accept application/json and application/x-amz-json-1.0 too.",
  lenientNumbers: "W-57: floor fractional integers instead of refusing them.",
  unknownCustomer: "B-20, J-4: an unknown customer is the record's status, or an exception of the call.",
  identicalResend: "B-61, J-5: what a record that was sent before, unchanged, is answered with.",
  windowRounding: "B-52, J-2: the usage window is exact, or rounded to the hour.",
  futureToleranceSec: "B-55, M-10: how far in the future a timestamp may lie.",
  monthEndGrace: "B-53, J-30: on day 1 the past month closes inside the usage window, or gets longer.",
  subscriptionStartRounding: "B-56: usage counts from the hour of the subscription, or from its instant.",
  strictIdentifiers: "J-19: one kind of customer identifier for a whole request instead of for each record.",
  dryRun: "M-41, J-9: a dry run is answered with 200, or with DryRunOperation as an error.",
  idempotencyConflictStatus: "J-6: HTTP status of IdempotencyConflictException.",
  "token.ttlSec": "T-2, J-3: life of a registration token.",
  "token.singleUse": "T-4, J-31: a registration token resolves once.",
  jwtClaims: "R-21, J-7: claim names of RegisterUsage's signature.",
  licenseOnRenewal: "N-25, J-16: a renewal keeps the licence, or gets a new one.",
  finalHourSec: "B-82 to B-86: how long usage is accepted after a cancellation.",
  enforceRegions: "L-6, S-29: refuse Regions that AWS does not have.",
  quotas: "C-30, J-20: AWS's rates, none, or own rates a second, for everyone and per account.",
  meteredFrom: "R-11: a workload is billed from its launch, or from its registration.",
};

const names = Object.keys(rules) as (keyof Settings)[];
const setting = z
  .object({
    name: z.enum(names),
    value: z.unknown(),
    default: z.unknown(),
    isDefault: z.boolean(),
    rule: z.string(),
    form: z.record(z.string(), z.unknown()).openapi({ description: "JSON Schema of what it can be set to" }),
  })
  .openapi("Setting");
/** Without the defaults, which each setting tells itself. */
function formOf(name: keyof Settings): Readonly<Record<string, unknown>> {
  const { $schema: _, ...form } = z.toJSONSchema(settingsSchema.shape[name].unwrap(), { io: "input" });
  return form;
}

const forms = new Map(names.map((name) => [name, formOf(name)]));
const list = z.object({ items: z.array(setting) }).openapi("SettingList");

/** The settings' own checks without their defaults, or a patch of one switch would set all others. */
const patch = z
  .strictObject(
    Object.fromEntries(
      Object.entries(settingsSchema.shape).map(([name, form]) => [name, form.unwrap().nullable().optional()]),
    ),
  )
  .openapi("SettingsPatch", { description: "null puts a switch back to its default" });
const tags = ["Settings"];

const listRoute = createRoute({
  method: "get",
  path: "/settings",
  tags,
  summary: "List the switches with their values, defaults and rules",
  responses: { 200: json(list, "All switches"), ...problems },
});
const patchRoute = createRoute({
  method: "patch",
  path: "/settings",
  tags,
  summary: "Set switches; they hold from the next call on",
  request: { body: body(patch) },
  responses: { 200: json(list, "All switches as they are now"), ...problems },
});

export const addSettings: AddResource = (app, { settings, changeSettings, throttle }) => {
  app.openapi(listRoute, (context) => context.json({ items: viewsOf(settings()) }, 200));
  app.openapi(patchRoute, async (context) => {
    const given = context.req.valid("json");
    const changed = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value ?? undefined]));
    const deed = { action: "settings.change", target: "settings", summary: summaryOf(given) };
    // The schema has let each member through.
    if (Object.keys(changed).length > 0) await acting(deed, () => changeSettings(changed as Partial<SettingsInput>));
    // New rates begin with full buckets.
    if ("quotas" in changed) await throttle.reset();
    return context.json({ items: viewsOf(settings()) }, 200);
  });
};

function viewsOf(settings: Settings): z.infer<typeof setting>[] {
  return names.map((name) => ({
    name,
    value: settings[name],
    default: defaultSettings[name],
    isDefault: sameData(settings[name], defaultSettings[name]),
    rule: rules[name],
    form: forms.get(name) ?? {},
  }));
}
