/** A product that is being put together, and what is sent of it. */
import type { ProductType } from "../../../api/types.ts";
import { dimensionKinds, isSaas } from "./types.ts";

export interface DimensionDraft {
  readonly name: string;
  readonly kind: "metered" | "entitlement";
  readonly unit: string;
  readonly price: string;
  readonly description: string;
}

export interface ProductDraft {
  readonly type: ProductType;
  readonly sellerIs: "known" | "new";
  readonly seller: string;
  readonly sellerName: string;
  readonly title: string;
  readonly code: string;
  readonly description: string;
  readonly registrationUrl: string;
  readonly concurrent: "default" | "yes" | "no";
  readonly dimensions: readonly DimensionDraft[];
  readonly regions: readonly string[];
}

export function emptyDraft(seller: string): ProductDraft {
  return {
    type: "saas-subscription",
    sellerIs: "known",
    seller,
    sellerName: "",
    title: "",
    code: "",
    description: "",
    registrationUrl: "",
    concurrent: "default",
    dimensions: [emptyDimension("metered")],
    regions: ["us-east-1"], // L-2
  };
}

export function emptyDimension(kind: DimensionDraft["kind"]): DimensionDraft {
  return { name: "", kind, unit: "", price: "", description: "" };
}

/** Of another type: dimensions that it cannot have go. */
export function withType(draft: ProductDraft, type: ProductType): ProductDraft {
  const kinds = dimensionKinds(type);
  const kept = draft.dimensions.filter(({ kind, name }) => kinds.includes(kind) && name !== "");
  const fresh = kinds.map(emptyDimension);
  return { ...draft, type, dimensions: kept.length > 0 ? kept : fresh };
}

export function dimensionBody(draft: DimensionDraft): Record<string, string> {
  return withoutBlanks({ ...draft, name: draft.name.trim() });
}

/** What `POST /products` takes. Members that were left empty are left out: the server has defaults. */
export function creationOf(draft: ProductDraft, seller: string): Record<string, unknown> {
  const { type, concurrent } = draft;
  return {
    type,
    seller,
    ...withoutBlanks({
      title: draft.title.trim(),
      code: draft.code.trim(),
      description: draft.description,
      registrationUrl: isSaas(type) ? draft.registrationUrl.trim() : "",
    }),
    ...(isSaas(type) && concurrent !== "default" ? { concurrentAgreementsOnly: concurrent === "yes" } : {}),
    dimensions: draft.dimensions.map(dimensionBody),
    enabledRegions: draft.regions,
  };
}

function withoutBlanks(members: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== ""));
}
