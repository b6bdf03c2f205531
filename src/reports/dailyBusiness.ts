/**
 * The usage part of the daily business report (SPEC H.2). What the catalogue does not know, such as addresses, is empty.
 * A row is a day of a customer, product, agreement and dimension; revenue is not rounded, since a day is no invoice.
 */
import { registeredDimension } from "../api/identifiers.ts";
import type { Offer } from "../api/types.ts";
import { exactText, unitsText } from "./amounts.ts";
import type { BillLine } from "./bill.ts";

export const dailyBusinessColumns = [
  "Customer Reference ID",
  "User's State",
  "User's Country",
  "Product Title",
  "Product Code",
  "Instance Type",
  "Usage Units",
  "Usage Unit Type",
  "Offering Description",
  "Estimated Revenue",
  "Currency",
  "Offer ID",
  "Offer Visibility",
  "Customer AWS Account Number",
  "Customer Country",
  "Customer State",
  "Customer City",
  "Customer Zip Code",
  "Customer Email Domain",
  "Solution Title",
  "Solution ID",
  "Payer Reference ID",
  "Payer Address ID",
] as const;
type Column = (typeof dailyBusinessColumns)[number];

export function dailyBusinessRow(line: BillLine, offerOf: (id: string) => Offer | undefined): readonly string[] {
  const { product, agreement } = line;
  const offerId = agreement?.offerId;
  const known: Partial<Record<Column, string | undefined>> = {
    "Product Title": product?.title,
    "Product Code": line.productCode,
    // Of AMIs the dimension is the type of the instance; of everything else it is what tells the rows apart.
    "Instance Type": line.dimension,
    "Usage Units": unitsText(line.quantity, line.price?.perUnit ?? 1),
    "Usage Unit Type": unitOf(line),
    "Offering Description": offerId === undefined ? undefined : offerOf(offerId)?.title,
    "Estimated Revenue": line.exact === undefined ? line.amount : exactText(line.exact),
    Currency: "USD",
    "Offer ID": offerId,
    "Offer Visibility": agreement && (agreement.privateOffer ? "Private" : "Public"),
    "Customer AWS Account Number": line.accountId,
  };
  return dailyBusinessColumns.map((column) => known[column] ?? "");
}

/** What the units of a line are; undefined where the catalogue does not say. */
export function unitOf({ price, product, dimension }: BillLine): string | undefined {
  if (price !== undefined) return price.unit;
  if (dimension === registeredDimension) return "seconds";
  return product?.dimensions.find((one) => one.name === dimension)?.unit;
}
