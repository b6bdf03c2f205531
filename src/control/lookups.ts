/** Finds what a request names, or answers that it is not there: 404 where the path names it, 422 where the body does. */
import type { Account, Product } from "../api/types.ts";
import type { Catalog } from "../store/catalog.ts";
import { invalidMember, notFound } from "./problems.ts";

export function requireProduct(catalog: Catalog, code: string): Product {
  const found = catalog.product(code);
  if (found === undefined) throw notFound("product", code);
  return found;
}

export function namedProduct(catalog: Catalog, code: string, member = "product"): Product {
  const found = catalog.product(code);
  if (found === undefined) throw invalidMember(member, `there is no product '${code}'`);
  return found;
}

/** By account id or CustomerIdentifier. */
export function findBuyer(catalog: Catalog, customer: string): Account | undefined {
  return catalog.account(customer) ?? catalog.accountByCustomerIdentifier(customer);
}

export function namedBuyer(catalog: Catalog, customer: string, member = "buyer"): Account {
  const found = findBuyer(catalog, customer);
  if (found === undefined) throw invalidMember(member, `there is no account or CustomerIdentifier '${customer}'`);
  return found;
}
