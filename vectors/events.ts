/** What happens at the marketplace and to the workloads in a case: `event` steps. */
import type { AgreementReference, Meterhouse } from "../src/index.ts";
import type { Fixtures } from "./fixtures.ts";
import type { RegistrationVisits } from "./registrationVisits.ts";
import { Fields, FormatError, given, isObject, type Json, show } from "./values.ts";

export interface EventContext {
  readonly server: Meterhouse;
  readonly fixtures: Fixtures;
  /** There when some step of the case sends the buyer's browser to the registration page. */
  readonly visits?: RegistrationVisits | undefined;
}

interface EventKind {
  readonly keys: readonly string[];
  readonly run: (fields: Fields, at: Date, context: EventContext) => Promise<unknown>;
}

const BUYER = ["customer", "product"];
const AGREEMENT = ["agreement", "license", ...BUYER];

const EVENTS: Readonly<Record<string, EventKind>> = {
  purchase: {
    // `visit` sends the buyer's browser on to the registration page; only the check of that post sees a difference.
    keys: [...BUYER, "privateOffer", "freeTrial", "paymentFails", "visit"],
    run: async (fields, at, context) => {
      const visit = fields.optionalFlag("visit");
      const options = {
        privateOffer: privateOffer(fields),
        freeTrial: fields.optionalFlag("freeTrial"),
        paymentFails: fields.optionalFlag("paymentFails"),
      };
      const agreement = await context.server.marketplace.purchase({ ...buyer(fields, context), ...given(options), at });
      if (visit === true) await context.visits?.visit(context.server.endpoint, agreement);
    },
  },
  "subscribe-success": {
    keys: ["license", ...BUYER],
    run: (fields, at, context) => context.server.marketplace.subscribeSuccess({ ...buyer(fields, context), at }),
  },
  cancel: {
    keys: AGREEMENT,
    run: (fields, at, context) => context.server.marketplace.cancel({ ...agreement(fields, context), at }),
  },
  "unsubscribe-success": {
    keys: AGREEMENT,
    run: (fields, at, context) => context.server.marketplace.unsubscribeSuccess({ ...agreement(fields, context), at }),
  },
  "purchase-agreement-ended": {
    keys: AGREEMENT,
    run: (fields, at, context) =>
      context.server.marketplace.endPurchaseAgreement({ ...agreement(fields, context), at }),
  },
  "amend-entitlement": {
    keys: ["dimension", "value", "license", ...BUYER],
    run: (fields, _at, context) => {
      const dimension = fields.text("dimension");
      const named = fields.has("product") || fields.has("customer") || fields.has("license");
      const holder = named ? buyer(fields, context) : context.fixtures.entitlementHolder(dimension);
      return context.server.marketplace.amendEntitlement({ ...holder, dimension, value: entitlementValue(fields) });
    },
  },
  "task-launched": {
    keys: ["creds"],
    run: (fields, at, context) =>
      context.server.marketplace.launchWorkload({ accessKeyId: accessKeyId(fields, context), at }),
  },
  "task-stopped": {
    keys: ["creds"],
    run: (fields, at, context) =>
      context.server.marketplace.stopWorkload({ accessKeyId: accessKeyId(fields, context), at }),
  },
};

/** Checks the event's form; `at` moves the clock, so the caller needs it first. */
export function readEvent(value: Json, where: string): { readonly fields: Fields; readonly atMs: number | undefined } {
  const action = isObject(value) ? value.action : undefined;
  const kind = typeof action === "string" && Object.hasOwn(EVENTS, action) ? EVENTS[action] : undefined;
  if (kind === undefined)
    throw new FormatError(`${where}: unknown action ${show(action)} (known: ${Object.keys(EVENTS).join(", ")})`);
  const fields = new Fields(value, where, ["action", "at", ...kind.keys]);
  return { fields, atMs: fields.has("at") ? fields.instant("at") : undefined };
}

/** Whether the event takes the buyer's browser to the registration page. */
export function isVisit(fields: Fields): boolean {
  return fields.text("action") === "purchase" && fields.optionalFlag("visit") === true;
}

/** Makes it happen, effective `atMs` on the business clock. */
export async function runEvent(fields: Fields, atMs: number, context: EventContext): Promise<void> {
  await EVENTS[fields.text("action")]?.run(fields, new Date(atMs), context);
}

/** Product code and account, named outright or by a licence of theirs. */
function buyer(fields: Fields, { fixtures }: EventContext): { readonly product: string; readonly customer: string } {
  if (fields.has("license")) {
    const { product, account } = fixtures.license(fields.text("license"));
    return { product, customer: account };
  }
  return {
    product: fixtures.productCode(fields.text("product")),
    customer: fixtures.accountId(fields.text("customer")),
  };
}

function agreement(fields: Fields, { fixtures }: EventContext): AgreementReference {
  if (fields.has("agreement")) return { agreement: fields.text("agreement") };
  if (fields.has("license")) return { license: fixtures.licenseArn(fields.text("license")) };
  return {
    product: fixtures.productCode(fields.text("product")),
    customer: fixtures.accountId(fields.text("customer")),
  };
}

function accessKeyId(fields: Fields, { fixtures }: EventContext): string {
  return fixtures.credential(fields.text("creds")).accessKeyId;
}

function privateOffer(fields: Fields): string | boolean | undefined {
  const value = fields.raw("privateOffer");
  if (value === undefined || typeof value === "string" || typeof value === "boolean") return value;
  throw new FormatError(`${fields.where}: privateOffer: expected an offer id or a flag, got ${show(value)}`);
}

type AmendedValue = Parameters<Meterhouse["marketplace"]["amendEntitlement"]>[0]["value"];

const VALUE_MEMBERS = ["IntegerValue", "DoubleValue", "BooleanValue", "StringValue"];

function entitlementValue(fields: Fields): AmendedValue {
  const value = fields.required("value");
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  const members = new Fields(value, `${fields.where}: value`, VALUE_MEMBERS);
  if (members.keys().length !== 1)
    throw new FormatError(`${fields.where}: value: expected one of ${VALUE_MEMBERS.join(", ")}`);
  return value as unknown as AmendedValue;
}
