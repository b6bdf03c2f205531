/** Reads the form that changes an agreement. What a field leaves as it was is not in the amendment. */
import type { Agreement, Entitlement, EntitlementValue, Product } from "../../api/types.ts";
import { entitlementValue } from "../../catalog/schema.ts";
import type { Amendment } from "../agreements.ts";
import { PageError } from "./options.ts";

export function readAmendment(
  form: URLSearchParams,
  agreement: Agreement,
  product: Product,
  known: readonly Entitlement[],
): Amendment {
  const offer = form.get("offer") ?? "";
  const endsAt = readInstant(form.get("endsAt") ?? "");
  const entitlements: Record<string, EntitlementValue> = {};
  for (const { name, kind } of product.dimensions) {
    const text = (form.get(`entitlement.${name}`) ?? "").trim();
    const value = known.find((one) => one.dimension === name)?.value;
    if (kind !== "entitlement" || text === "" || text === Object.values(value ?? {}).join()) continue;
    entitlements[name] = readValue(name, text, value);
  }
  const autoRenew = form.get("autoRenew") === "yes";
  return {
    ...(offer === "" ? {} : { offer }),
    ...(Object.keys(entitlements).length === 0 ? {} : { entitlements }),
    ...(endsAt === undefined || isSameMinute(endsAt, agreement.endsAt) ? {} : { endsAt }),
    ...(autoRenew === (agreement.autoRenew === true) ? {} : { autoRenew }),
  };
}

/** The input shows minutes; seconds that it never showed are not a change. */
function isSameMinute(a: number, b: number | undefined): boolean {
  return b !== undefined && Math.floor(a / 60_000) === Math.floor(b / 60_000);
}

function readInstant(text: string): number | undefined {
  if (text === "") return undefined;
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?$/.test(text) ? Date.parse(`${text}Z`) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  throw new PageError(
    400,
    "The end of the term is not a time",
    `'${text}' is not a time such as 2027-01-31T12:00, in UTC.`,
  );
}

/** Of the kind that it was before; a new one by what it looks like. */
function readValue(name: string, text: string, before: EntitlementValue | undefined): EntitlementValue {
  const value = before === undefined ? entitlementValue(scalarOf(text)) : sameKind(text, before);
  if (value !== undefined) return value;
  throw new PageError(400, "The entitlement cannot have that value", `${name}: '${text}' is not a value of its kind.`);
}

function sameKind(text: string, before: EntitlementValue): EntitlementValue | undefined {
  if ("StringValue" in before) return { StringValue: text };
  const scalar = scalarOf(text);
  if ("BooleanValue" in before) return typeof scalar === "boolean" ? { BooleanValue: scalar } : undefined;
  if (typeof scalar !== "number") return undefined;
  return entitlementValue("DoubleValue" in before ? { DoubleValue: scalar } : { IntegerValue: scalar });
}

function scalarOf(text: string): string | number | boolean {
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
