/** Money: exact decimals, rounded once an invoice line, half up (H-24). */
import { Big } from "big.js";
import { registeredDimension } from "../api/identifiers.ts";
import type { Dimension, Product } from "../api/types.ts";

const secondsPerHour = 3_600;
const centDigits = 2;
/** More than cents, for amounts that are not an invoice line; only seconds make fractions that go on for ever. */
const exactDigits = 6;
const halfUp = 1;

export interface Price {
  /** USD, as the catalogue has it. */
  readonly unitPrice: string;
  readonly unit?: string;
  /** Ledger quantities that make one unit. */
  readonly perUnit: number;
}

/** undefined: the catalogue has no price for it. */
export function priceOf(product: Product | undefined, dimension: string): Price | undefined {
  if (dimension === registeredDimension) return hourlyPrice(product);
  const found = product?.dimensions.find((one) => one.name === dimension && one.kind === "metered");
  return found?.price === undefined ? undefined : { ...pricing(found, found.price), perUnit: 1 };
}

/**
 * What RegisterUsage meters are seconds, and what such products charge for is hours: the price of the one metered
 * dimension that has one. With several there is no telling which of them a task was.
 */
function hourlyPrice(product: Product | undefined): Price | undefined {
  const priced = product?.dimensions.filter((one) => one.kind === "metered" && one.price !== undefined) ?? [];
  const [only] = priced;
  if (only?.price === undefined || priced.length > 1) return undefined;
  return { unitPrice: only.price, unit: only.unit ?? "hours", perUnit: secondsPerHour };
}

function pricing({ unit }: Dimension, unitPrice: string): Omit<Price, "perUnit"> {
  return unit === undefined ? { unitPrice } : { unitPrice, unit };
}

/**
 * USD before rounding. Hours of a number of seconds may have no end as a decimal; Big keeps 20 places, and an amount that
 * is not a tie of half a cent is further from one than that.
 */
export function exactAmount(quantity: bigint, { unitPrice, perUnit }: Price): Big {
  const product = new Big(quantity.toString()).times(unitPrice);
  return perUnit === 1 ? product : product.div(perUnit);
}

/** `12.35`: an invoice line. */
export function lineAmount(exact: Big): string {
  return exact.round(centDigits, halfUp).toFixed(centDigits);
}

/** Without zeros at the end; of what is not finite, six places. */
export function exactText(exact: Big): string {
  return exact.round(exactDigits, halfUp).toFixed();
}

/** The units that the price is for, such as hours of a quantity in seconds. */
export function unitsText(quantity: bigint, perUnit: number): string {
  return perUnit === 1 ? quantity.toString() : exactText(new Big(quantity.toString()).div(perUnit));
}

/** Of invoice lines. */
export function sumOf(amounts: Iterable<string>): string {
  let sum = new Big(0);
  for (const amount of amounts) sum = sum.plus(amount);
  return sum.toFixed(centDigits);
}
