/** Making an offer. */
import Checkbox from "@cloudscape-design/components/checkbox";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { type ReactNode, useState } from "react";
import { errorAt, FormDialog } from "../../parts/dialogs.tsx";
import { send, useChange } from "../../parts/query.ts";
import type { ProductView } from "./types.ts";

interface OfferForm {
  readonly title: string;
  readonly isPrivate: boolean;
  readonly buyers: string;
  readonly freeTrialDays: string;
  readonly termDays: string;
  readonly autoRenew: boolean;
  readonly expiresAt: string;
  readonly entitlements: Readonly<Record<string, string>>;
}

const empty: OfferForm = {
  title: "",
  isPrivate: false,
  buyers: "",
  freeTrialDays: "",
  termDays: "",
  autoRenew: false,
  expiresAt: "",
  entitlements: {},
};

interface OfferCreationProps {
  readonly product: ProductView;
  readonly onClose: () => void;
}

export function OfferCreation({ product, onClose }: OfferCreationProps): ReactNode {
  const [form, setForm] = useState(empty);
  const set = (changed: Partial<OfferForm>): void => setForm((before) => ({ ...before, ...changed }));
  const change = useChange<OfferForm>({
    run: (given) => send("POST", "/offers", bodyOf(product.code, given)),
    done: () => "The offer was created.",
    isQuiet: true,
  });
  const { error } = change;
  const entitlementNames = product.dimensions.filter(({ kind }) => kind === "entitlement").map(({ name }) => name);
  const grants = entitlementNames.map((name) => `entitlements/${name}`);
  const text = (
    member: "title" | "freeTrialDays" | "termDays" | "expiresAt",
    label: string,
    constraintText: string,
  ) => (
    <FormField label={label} constraintText={constraintText} errorText={errorAt(error, member)}>
      <Input
        value={form[member]}
        inputMode={member.endsWith("Days") ? "numeric" : "text"}
        onChange={({ detail }) => set({ [member]: detail.value })}
      />
    </FormField>
  );
  return (
    <FormDialog
      title="Create offer"
      submitText="Create"
      isSending={change.isPending}
      error={error}
      fields={["title", "buyers", "freeTrialDays", "termDays", "autoRenew", "expiresAt", ...grants]}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: onClose })}
    >
      {text("title", "Title", "What buyers see")}
      <Buyers form={form} set={set} error={error} />
      {text("freeTrialDays", "Free trial, days", "7 to 90; empty: none")}
      {text("termDays", "Term, days", "Up to 3,660; empty: until cancelled")}
      <Checkbox checked={form.autoRenew} onChange={({ detail }) => set({ autoRenew: detail.checked })}>
        Renews by itself at the end of its term
      </Checkbox>
      {text("expiresAt", "Can be taken until", "UTC, such as 2027-01-31T00:00:00Z; empty: no end")}
      {entitlementNames.map((name) => (
        <FormField
          key={name}
          label={`Grants ${name}`}
          constraintText="A number, true or false, or words; empty: nothing"
          errorText={errorAt(error, `entitlements/${name}`)}
        >
          <Input
            value={form.entitlements[name] ?? ""}
            onChange={({ detail }) => set({ entitlements: { ...form.entitlements, [name]: detail.value } })}
          />
        </FormField>
      ))}
    </FormDialog>
  );
}

interface BuyersProps {
  readonly form: OfferForm;
  readonly set: (changed: Partial<OfferForm>) => void;
  readonly error: unknown;
}

function Buyers({ form, set, error }: BuyersProps): ReactNode {
  return (
    <SpaceBetween size="s">
      <FormField label="Open to">
        <RadioGroup
          value={form.isPrivate ? "private" : "public"}
          onChange={({ detail }) => set({ isPrivate: detail.value === "private" })}
          items={[
            { value: "public", label: "Every buyer" },
            { value: "private", label: "These buyers only (a private offer)" },
          ]}
        />
      </FormField>
      {form.isPrivate && (
        <FormField label="Buyers" constraintText="Account ids, one a line" errorText={errorAt(error, "buyers")}>
          <Textarea value={form.buyers} rows={3} onChange={({ detail }) => set({ buyers: detail.value })} />
        </FormField>
      )}
    </SpaceBetween>
  );
}

function bodyOf(product: string, form: OfferForm): Record<string, unknown> {
  const entitlements = Object.entries(form.entitlements)
    .filter(([, value]) => value.trim() !== "")
    .map(([name, value]) => [name, scalarOf(value.trim())]);
  return {
    product,
    ...(form.title.trim() === "" ? {} : { title: form.title.trim() }),
    ...(form.isPrivate ? { buyers: form.buyers.split(/[\s,]+/).filter((id) => id !== "") } : {}),
    ...(form.freeTrialDays.trim() === "" ? {} : { freeTrialDays: numberOf(form.freeTrialDays) }),
    ...(form.termDays.trim() === "" ? {} : { termDays: numberOf(form.termDays) }),
    ...(form.autoRenew ? { autoRenew: true } : {}),
    ...(form.expiresAt.trim() === "" ? {} : { expiresAt: form.expiresAt.trim() }),
    ...(entitlements.length === 0 ? {} : { entitlements: Object.fromEntries(entitlements) }),
  };
}

/** What is no number goes as it is, so that the server says what is wrong with it. */
function numberOf(text: string): number | string {
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function scalarOf(text: string): number | boolean | string {
  if (text === "true" || text === "false") return text === "true";
  return numberOf(text);
}
