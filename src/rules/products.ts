/** Which operation a product type uses (C-10 to C-19). */
import { ServiceError } from "../api/errors.ts";
import type { CredentialKind, OperationName, Product, ProductType } from "../api/types.ts";

const operationsOfType: Readonly<Record<ProductType, readonly OperationName[]>> = {
  "saas-subscription": ["ResolveCustomer", "BatchMeterUsage"], // C-10
  "saas-contract": ["ResolveCustomer", "GetEntitlements"], // C-11
  "saas-contract-with-consumption": ["ResolveCustomer", "BatchMeterUsage", "GetEntitlements"], // C-12
  "ami-fcp": ["MeterUsage"], // C-13
  "container-fcp": ["MeterUsage"], // C-14
  "container-hourly": ["RegisterUsage"], // C-15
  "container-byol": ["RegisterUsage"], // C-16
  "ami-hourly": [], // C-17
  "agentcore-fcp": ["MeterUsage"], // C-18
};

/** What a MeterUsage caller of the product must run on (M-1). */
export const platformsOfType: Readonly<Partial<Record<ProductType, readonly CredentialKind[]>>> = {
  "ami-fcp": ["ec2"],
  "container-fcp": ["ecs-task", "eks-irsa"],
  "agentcore-fcp": ["agentcore"],
};

export function usesOperation(type: ProductType, operation: OperationName): boolean {
  return operationsOfType[type].includes(operation);
}

function advice(type: ProductType): string {
  const operations = operationsOfType[type].filter((one) => one !== "ResolveCustomer" && one !== "GetEntitlements");
  if (operations.length > 0) return `products of type ${type} use ${operations.join(" and ")}`;
  return type === "saas-contract"
    ? "contract products do not meter; their entitlements are read with GetEntitlements"
    : `products of type ${type} are metered by AWS itself`;
}

/**
 * The product that a ProductCode names, if it exists, belongs to `sellerAccountId` (where given: C-20) and uses the
 * operation (C-19). Throws InvalidProductCodeException.
 */
export function requireProduct(
  product: Product | undefined,
  productCode: string,
  operation: OperationName,
  sellerAccountId: string | undefined,
): Product {
  if (product === undefined || (sellerAccountId !== undefined && product.sellerAccountId !== sellerAccountId)) {
    const why = productCode.startsWith("prod-")
      ? "that is a catalogue id; send the product code, which AWS Marketplace shows beside it" // K-9
      : sellerAccountId === undefined
        ? "no product has this code; compare it with the one that AWS Marketplace shows for the product"
        : `no product of account ${sellerAccountId} has this code; check it, and that the keys are those of the account that publishes the product`;
    throw new ServiceError("InvalidProductCodeException", `The product code '${productCode}' is not valid: ${why}.`);
  }
  if (!usesOperation(product.type, operation)) {
    throw new ServiceError(
      "InvalidProductCodeException",
      `The product code '${productCode}' is not valid for ${operation}: ${advice(product.type)}.`,
    );
  }
  return product;
}

const meteredOf = new WeakMap<Product, MeteredDimensions>();
const recentMax = 64;

/** Names of the dimensions that a product meters. */
export class MeteredDimensions {
  readonly #names: ReadonlyMap<string, string>;
  /** The name that was found last, of each place. A map would intern the text of the request first. */
  readonly #recent: string[] = new Array(recentMax).fill("");

  constructor({ dimensions }: Product) {
    this.#names = new Map(dimensions.filter((one) => one.kind === "metered").map(({ name }) => [name, name]));
  }

  has(name: string): boolean {
    // Names differ in their length or at their end, most of them.
    const place = (name.charCodeAt(name.length - 1) + name.length * 7) & (recentMax - 1);
    if (this.#recent[place] === name && name !== "") return true;
    const known = this.#names.get(name);
    if (known === undefined) return false;
    this.#recent[place] = known;
    return true;
  }
}

/** Made once: products are rows of the catalogue and never change in place. */
export function meteredDimensions(product: Product): MeteredDimensions {
  let metered = meteredOf.get(product);
  if (metered === undefined) {
    metered = new MeteredDimensions(product);
    meteredOf.set(product, metered);
  }
  return metered;
}

/** Throws InvalidUsageDimensionException unless the product meters the dimension; names compare byte for byte (B-40, B-41, B-43). */
export function requireMeteredDimension(product: Product, dimension: string, where: string): void {
  const found = product.dimensions.find((one) => one.name === dimension);
  if (found?.kind === "metered") return;
  const metered = product.dimensions.filter((one) => one.kind === "metered").map((one) => one.name);
  const why =
    found === undefined
      ? "the product has no such dimension"
      : "it is an entitlement dimension, which contracts grant and nobody meters";
  // The first words are what the AWS container sample looks for in the message.
  throw new ServiceError(
    "InvalidUsageDimensionException",
    `usageDimension: ${dimension} is not valid for product ${product.code} (${where}): ${why}. ` +
      `Its metered dimensions are: ${metered.length > 0 ? metered.join(", ") : "none"}. Names are case-sensitive.`,
  );
}
