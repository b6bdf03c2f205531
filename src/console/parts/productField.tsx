/** A product code: typed, or chosen among the first of the catalogue. */
import Autosuggest from "@cloudscape-design/components/autosuggest";
import type { ReactNode } from "react";
import type { Page } from "../api.ts";
import { useApi } from "./query.ts";

interface ProductItem {
  readonly code: string;
  readonly title?: string;
}

const offeredMax = 200;

/** At most 200: codes beyond them can be typed. */
export function useProductCodes(): readonly { readonly value: string; readonly label?: string }[] {
  const { data } = useApi<Page<ProductItem>>("products", "/products", { limit: offeredMax });
  return (data?.items ?? []).map(({ code }) => ({ value: code }));
}

interface ProductFieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** For where no form field around it has a label. */
  readonly ariaLabel?: string;
}

export function ProductField({ value, onChange, ariaLabel }: ProductFieldProps): ReactNode {
  const { data } = useApi<Page<ProductItem>>("products", "/products", { limit: offeredMax });
  return (
    <Autosuggest
      value={value}
      onChange={({ detail }) => onChange(detail.value.trim())}
      options={(data?.items ?? []).map(({ code, title }) => ({
        value: code,
        ...(title === undefined ? {} : { description: title }),
      }))}
      enteredTextLabel={(text) => `Use "${text}"`}
      placeholder="Any product"
      empty="There are no products yet"
      {...(ariaLabel === undefined ? {} : { ariaLabel })}
    />
  );
}
