/** Choosing the offer that an agreement accepts. */
import Select from "@cloudscape-design/components/select";
import type { ReactNode } from "react";
import type { Page } from "../../api.ts";
import { useApi } from "../../parts/query.ts";
import { grantsText, type OfferView, termsText } from "../product/offersTab.tsx";

interface OfferFieldProps {
  readonly product: string;
  readonly buyer: string;
  readonly value: string;
  readonly onChange: (id: string) => void;
  /** What no offer stands for. */
  readonly none: { readonly label: string; readonly description: string };
}

const offeredMax = 200;

export function OfferField({ product, buyer, value, onChange, none }: OfferFieldProps): ReactNode {
  const isAsked = product !== "";
  const { data } = useApi<Page<OfferView>>(
    "offers",
    "/offers",
    { product, buyer: /^\d{12}$/.test(buyer) ? buyer : "", limit: offeredMax },
    { enabled: isAsked },
  );
  const offers = isAsked ? (data?.items ?? []) : [];
  const options = [
    { value: "", ...none },
    ...offers.map((offer) => ({
      value: offer.id,
      label: offer.title ?? offer.id,
      description: descriptionOf(offer),
      ...(offer.buyers === undefined ? {} : { labelTag: "private" }),
    })),
  ];
  return (
    <Select
      selectedOption={options.find((option) => option.value === value) ?? options[0] ?? null}
      options={options}
      onChange={({ detail }) => onChange(detail.selectedOption.value ?? "")}
      triggerVariant="option"
    />
  );
}

function descriptionOf(offer: OfferView): string {
  const grants = grantsText(offer);
  return [offer.id, termsText(offer), ...(grants === "–" ? [] : [`grants ${grants}`])].join("; ");
}
