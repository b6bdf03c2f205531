/** Changing the terms of an agreement. What is left as it was is not sent. */
import Alert from "@cloudscape-design/components/alert";
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { type ReactNode, useState } from "react";
import { errorAt, FormDialog } from "../../parts/dialogs.tsx";
import { send, useChange } from "../../parts/query.ts";
import type { ProductView } from "../product/types.ts";
import { OfferField } from "./offerField.tsx";
import { type AgreementView, agreementPath, isContract } from "./types.ts";

interface AmendmentProps {
  readonly agreement: AgreementView;
  readonly product: ProductView | undefined;
  readonly onClose: () => void;
}

interface AmendmentForm {
  readonly offer: string;
  readonly endsAt: string;
  readonly autoRenew: boolean;
}

export function Amendment({ agreement, product, onClose }: AmendmentProps): ReactNode {
  const before: AmendmentForm = {
    offer: "",
    endsAt: agreement.endsAt ?? "",
    autoRenew: agreement.autoRenew === true,
  };
  const [form, setForm] = useState(before);
  const set = (changed: Partial<AmendmentForm>): void => setForm((known) => ({ ...known, ...changed }));
  const change = useChange<AmendmentForm>({
    run: (given) => send("POST", `${agreementPath(agreement.id)}/amend`, changesOf(given, before)),
    done: () => "The agreement was amended.",
    isQuiet: true,
  });
  const { error } = change;
  const hasMessage = product !== undefined && isContract(product);
  return (
    <FormDialog
      title="Amend agreement"
      submitText="Amend"
      isSending={change.isPending}
      error={error}
      fields={["offer", "endsAt", "autoRenew"]}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: onClose })}
    >
      <FormField label="Offer" errorText={errorAt(error, "offer")}>
        <OfferField
          product={agreement.product}
          buyer={agreement.buyer}
          value={form.offer}
          onChange={(offer) => set({ offer })}
          none={{ label: "As it is", description: agreement.offer ?? "No offer" }}
        />
      </FormField>
      <FormField
        label="End of the term"
        constraintText="UTC, such as 2027-01-31T00:00:00Z; empty: as it is"
        errorText={errorAt(error, "endsAt")}
      >
        <Input value={form.endsAt} spellcheck={false} onChange={({ detail }) => set({ endsAt: detail.value })} />
      </FormField>
      <Checkbox checked={form.autoRenew} onChange={({ detail }) => set({ autoRenew: detail.checked })}>
        Renews by itself at the end of its term
      </Checkbox>
      <Alert type="info">
        The seller is told Purchase Agreement Amended and License Updated by EventBridge
        {hasMessage ? ", and entitlement-updated by Amazon SNS where the product sends messages" : ""}. Usage goes on.
        Entitlements are changed on their own tab.
      </Alert>
    </FormDialog>
  );
}

function changesOf(form: AmendmentForm, before: AmendmentForm): Record<string, unknown> {
  const endsAt = form.endsAt.trim();
  return {
    ...(form.offer === "" ? {} : { offer: form.offer }),
    ...(endsAt === "" || endsAt === before.endsAt ? {} : { endsAt }),
    ...(form.autoRenew === before.autoRenew ? {} : { autoRenew: form.autoRenew }),
  };
}
