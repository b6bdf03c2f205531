/** Announcing what others than the buyer and the clock bring about. */
import Alert from "@cloudscape-design/components/alert";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import { type ReactNode, useState } from "react";
import { type BusEvent, detailTypes } from "../../../marketplace/notifications/events.ts";
import { errorAt, FormDialog, filled } from "../../parts/dialogs.tsx";
import { send, useChange } from "../../parts/query.ts";
import { type AgreementView, agreementPath } from "./types.ts";

const kinds = [
  ...(["advisory-issued", "advisory-resolved", "spend-threshold-reached", "vet-succeeded", "vet-failed"] as const),
  ...(["cancellation-requested", "cancellation-approved", "cancellation-rejected"] as const),
  ...(["cancellation-cancelled", "cancellation-validation-failed"] as const),
  ...(["billing-adjustment-completed", "billing-adjustment-failed"] as const),
] satisfies readonly BusEvent["kind"][];

const options = kinds.map((value) => ({ value, label: detailTypes[value].replace(/ - \w+$/, ""), description: value }));

interface EventForm {
  readonly kind: string;
  readonly id: string;
  readonly reasonCode: string;
  readonly reasonMessage: string;
  readonly amount: string;
  readonly originalInvoiceId: string;
}

type Member = Exclude<keyof EventForm, "kind">;

const fieldsOf: Readonly<Record<"cancellation" | "billing-adjustment", readonly Member[]>> = {
  cancellation: ["reasonCode", "reasonMessage", "id"],
  "billing-adjustment": ["amount", "reasonCode", "originalInvoiceId", "id"],
};

const words: Readonly<Record<Member, { readonly label: string; readonly constraintText: string }>> = {
  id: { label: "Id", constraintText: "That of an earlier announcement of the same; empty: a new one" },
  reasonCode: { label: "Reason code", constraintText: "Capital letters, digits and _, such as TEST_AGREEMENT" },
  reasonMessage: { label: "Reason, in words", constraintText: "Optional" },
  amount: { label: "Amount, USD", constraintText: "Negative for a refund, such as -100.00" },
  originalInvoiceId: { label: "Invoice id", constraintText: "Letters, digits, - and _" },
};

export function Announcing({
  agreement,
  onClose,
}: {
  readonly agreement: AgreementView;
  readonly onClose: () => void;
}): ReactNode {
  const [form, setForm] = useState<EventForm>({
    ...{ kind: "advisory-issued", id: "", reasonCode: "", reasonMessage: "", amount: "", originalInvoiceId: "" },
  });
  const set = (changed: Partial<EventForm>): void => setForm((before) => ({ ...before, ...changed }));
  const family = (["cancellation", "billing-adjustment"] as const).find((name) => form.kind.startsWith(name));
  const members = family === undefined ? [] : fieldsOf[family];
  const change = useChange<EventForm, { readonly name: string }>({
    run: (given) =>
      send(
        "POST",
        `${agreementPath(agreement.id)}/announce`,
        filled(
          Object.fromEntries([["kind", given.kind], ...members.map((name) => [name, given[name].trim()] as const)]),
        ),
      ),
    done: ({ name }) => `“${name}” was announced.`,
    isQuiet: true,
  });
  const { error } = change;
  return (
    <FormDialog
      title="Announce an event"
      submitText="Announce"
      isSending={change.isPending}
      error={error}
      fields={["kind", ...members]}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: onClose })}
    >
      <FormField label="Event" errorText={errorAt(error, "kind")}>
        <Select
          selectedOption={options.find(({ value }) => value === form.kind) ?? null}
          options={options}
          onChange={({ detail }) => set({ kind: detail.selectedOption.value ?? form.kind })}
        />
      </FormField>
      {members.map((name) => (
        <FormField key={name} {...words[name]} errorText={errorAt(error, name)}>
          <Input value={form[name]} spellcheck={false} onChange={({ detail }) => set({ [name]: detail.value })} />
        </FormField>
      ))}
      <Alert type="info">
        The seller is told by EventBridge. The agreement stays as it is, and calls are answered as before.
      </Alert>
    </FormDialog>
  );
}
