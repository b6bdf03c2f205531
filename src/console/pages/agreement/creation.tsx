/** Making an agreement: a buyer subscribes to a product. */
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import RadioGroup from "@cloudscape-design/components/radio-group";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { AccountField } from "../../parts/accountField.tsx";
import { errorAt, FormDialog } from "../../parts/dialogs.tsx";
import { To } from "../../parts/link.tsx";
import { ProductField } from "../../parts/productField.tsx";
import { send, useChange } from "../../parts/query.ts";
import { OfferField } from "./offerField.tsx";
import { type AgreementView, agreementPath, productPath } from "./types.ts";

type Start = "active" | "pending" | "payment-fails";

interface AgreementForm {
  readonly product: string;
  readonly buyer: string;
  readonly offer: string;
  readonly freeTrial: boolean;
  readonly privateOffer: boolean;
  readonly start: Start;
}

interface AgreementCreationProps {
  /** Of the list's filters. */
  readonly product: string;
  readonly buyer: string;
  readonly onClose: () => void;
}

export function AgreementCreation({ product, buyer, onClose }: AgreementCreationProps): ReactNode {
  const [, navigate] = useLocation();
  const [form, setForm] = useState<AgreementForm>({
    ...{ product, buyer, offer: "", freeTrial: false, privateOffer: false, start: "active" },
  });
  const set = (changed: Partial<AgreementForm>): void => setForm((before) => ({ ...before, ...changed }));
  const change = useChange<AgreementForm, AgreementView>({
    run: (given) => send("POST", "/agreements", bodyOf(given)),
    done: ({ id, state }) => `Agreement ${id} was made; it is ${state}.`,
    isQuiet: true,
  });
  const { error } = change;
  return (
    <FormDialog
      title="Create agreement"
      submitText="Create"
      isSending={change.isPending}
      error={error}
      fields={["product", "buyer", "offer", "freeTrial", "privateOffer", "pending", "paymentFails"]}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: ({ id }) => navigate(agreementPath(id)) })}
    >
      <FormField label="Product" errorText={errorAt(error, "product")}>
        <ProductField value={form.product} onChange={(value) => set({ product: value, offer: "" })} />
      </FormField>
      <FormField
        label="Buyer"
        description="The account that subscribes, by its id or CustomerIdentifier."
        errorText={errorAt(error, "buyer")}
      >
        <AccountField value={form.buyer} onChange={(value) => set({ buyer: value, offer: "" })} />
      </FormField>
      <Terms form={form} set={set} error={error} />
      <FormField label="Begins" errorText={errorAt(error, "pending") ?? errorAt(error, "paymentFails")}>
        <RadioGroup
          value={form.start}
          onChange={({ detail }) => set({ start: detail.value as Start })}
          items={[
            {
              value: "active",
              label: "Active",
              description: "Paid at once: the seller is told subscribe-success, and usage is accepted.",
            },
            {
              value: "pending",
              label: "Pending",
              description: "Accepted only. Activate it later, or let its payment fail. Nothing is told yet.",
            },
            {
              value: "payment-fails",
              label: "Payment fails",
              description: "The seller is told subscribe-fail, and no usage is accepted.",
            },
          ]}
        />
      </FormField>
    </FormDialog>
  );
}

interface TermsProps {
  readonly form: AgreementForm;
  readonly set: (changed: Partial<AgreementForm>) => void;
  readonly error: unknown;
}

function Terms({ form, set, error }: TermsProps): ReactNode {
  return (
    <>
      <FormField
        label="Offer"
        description={
          <>
            Its term, its free trial and what it grants hold. Make one{" "}
            {form.product === "" ? (
              "under Products"
            ) : (
              <To fontSize="inherit" to={`${productPath(form.product)}?tab=offers`}>
                for the product
              </To>
            )}{" "}
            if the agreement is to have a fixed term.
          </>
        }
        errorText={errorAt(error, "offer")}
      >
        <OfferField
          product={form.product}
          buyer={form.buyer}
          value={form.offer}
          onChange={(offer) => set({ offer })}
          none={{ label: "No offer", description: "List prices, until cancelled" }}
        />
      </FormField>
      {form.offer === "" && (
        <FormField label="Terms without an offer" errorText={errorAt(error, "freeTrial")}>
          <Checkbox checked={form.freeTrial} onChange={({ detail }) => set({ freeTrial: detail.checked })}>
            Free trial: the registration post says so
          </Checkbox>
          <Checkbox checked={form.privateOffer} onChange={({ detail }) => set({ privateOffer: detail.checked })}>
            Private offer: dimensions that are added later are not billed
          </Checkbox>
        </FormField>
      )}
    </>
  );
}

function bodyOf({ product, buyer, offer, freeTrial, privateOffer, start }: AgreementForm): Record<string, unknown> {
  return {
    ...{ product, buyer },
    ...(offer === "" ? { ...(freeTrial ? { freeTrial } : {}), ...(privateOffer ? { privateOffer } : {}) } : { offer }),
    ...(start === "pending" ? { pending: true } : {}),
    ...(start === "payment-fails" ? { paymentFails: true } : {}),
  };
}
