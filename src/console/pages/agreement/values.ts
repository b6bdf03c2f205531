/** Values of entitlements, as people write them. */
export type EntitlementValue = Readonly<Record<string, unknown>>;

export function valueText(value: EntitlementValue): string {
  return Object.values(value).join();
}

/** A number, true or false, or words. Of the kind that it was before, where it was there. */
export function givenValueOf(text: string, before?: EntitlementValue): unknown {
  const given = text.trim();
  if (before !== undefined && "StringValue" in before) return { StringValue: given };
  if (given === "true" || given === "false") return given === "true";
  const number = Number(given);
  if (given === "" || Number.isNaN(number)) return given;
  return before !== undefined && "DoubleValue" in before ? { DoubleValue: number } : number;
}
