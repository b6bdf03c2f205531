/** The members that several resources share: their patterns, and what they look like in the OpenAPI document. */
import { z } from "@hono/zod-openapi";
import type { EntitlementValue } from "../api/types.ts";
import { DIMENSIONS_MAX } from "../catalog/check.ts";
import { credentialKinds, entitlementValue, productTypes } from "../catalog/schema.ts";
import { invalidMember } from "./problems.ts";

const text = (pattern: RegExp, what: string) => z.string().regex(pattern, `not ${what}`);

export const name = text(/^\S(.{0,253}\S)?$/, "1 to 255 characters without blanks around them");
export const accountId = text(/^\d{12}$/, "an account id of 12 digits").openapi({ example: "444455556666" });
export const productCode = text(
  /^(?!prod-)[-a-zA-Z0-9/=:_.@]{1,255}$/,
  "a product code (1 to 255 of a-z A-Z 0-9 - / = : _ . @, and not a prod-… id)",
);
export const region = text(/^[a-z0-9-]{1,64}$/, "a Region name such as us-east-1").openapi({ example: "us-east-1" });
export const dimensionName = text(/^\w{1,15}$/, "a dimension name of 1 to 15 letters, digits and underscores"); // C-22
export const price = text(/^\d{1,12}(\.\d{1,3})?$/, "a price in USD with at most three decimal places"); // H-24
export const licenseArn = text(
  /^arn:aws[a-zA-Z-]*:license-manager::\d{12}:license:l-[0-9a-f]{32}$/,
  "a licence ARN (arn:aws:license-manager::<12 digits>:license:l-<32 hex digits>)",
);
export const webUrl = z.url({ protocol: /^https?$/, error: "not an http or https URL" }).max(2_048);
export const instant = z.iso
  .datetime({ offset: true, error: 'not an ISO-8601 instant with Z or an offset, such as "2026-08-15T10:20:00Z"' })
  .openapi({ example: "2026-08-15T10:20:00.000Z" });
export const dimensionsMax = DIMENSIONS_MAX;
export const productType = z.enum(productTypes).openapi("ProductType");
export const credentialKind = z.enum(credentialKinds).openapi("CredentialKind");

export const typedValue = z
  .union([
    z.strictObject({ IntegerValue: z.int32() }),
    z.strictObject({ DoubleValue: z.number() }),
    z.strictObject({ BooleanValue: z.boolean() }),
    z.strictObject({ StringValue: z.string() }),
  ])
  .openapi("EntitlementValue");
/** A scalar stands for the member of its kind. */
export const givenValue = z.union([z.number(), z.boolean(), z.string().max(1_000), typedValue]);

export function givenEntitlements(
  values: Readonly<Record<string, z.infer<typeof givenValue>>>,
): Readonly<Record<string, EntitlementValue>> {
  return Object.fromEntries(
    Object.entries(values).map(([dimension, value]) => [dimension, entitlementOf(value, ["entitlements", dimension])]),
  );
}

export function entitlementOf(given: z.infer<typeof givenValue>, path: readonly string[]): EntitlementValue {
  const value = entitlementValue(given);
  if (value === undefined) throw invalidMember(path, "whole numbers reach from -2147483647 to 2147483647");
  return value;
}

export function iso(at: number): string;
export function iso(at: number | undefined): string | undefined;
export function iso(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}

/** Epoch milliseconds of an `instant`. */
export function msOf(at: string): number;
export function msOf(at: string | undefined): number | undefined;
export function msOf(at: string | undefined): number | undefined {
  return at === undefined ? undefined : Date.parse(at);
}
