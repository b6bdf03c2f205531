/** The form that plans a fault. */
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import RadioGroup from "@cloudscape-design/components/radio-group";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useState } from "react";
import { errorAt, FormDialog } from "../../parts/dialogs.tsx";
import { ProductField } from "../../parts/productField.tsx";
import { send, useChange } from "../../parts/query.ts";
import { bodyOf, emptyForm, type FaultForm, hasPhase, isDrawn, isKind, type Kind, kinds, operations } from "./form.ts";
import { kindText, type PlannedFault } from "./planned.ts";

interface FieldsProps {
  readonly form: FaultForm;
  readonly change: (changed: Partial<FaultForm>) => void;
  readonly error: unknown;
}

const members = [
  ...["kind", "phase", "status", "ms", "bytes", "records", "recordShare", "operation", "product", "customer"],
  ...["accessKeyId", "times", "untilRemoved", "share", "seed"],
];

interface PlanProps {
  readonly kind: Kind;
  readonly onClose: () => void;
}

/** Mounted while it is open. */
export function PlanFault({ kind, onClose }: PlanProps): ReactNode {
  const [form, setForm] = useState<FaultForm>({ ...emptyForm, kind });
  const plan = useChange<FaultForm, PlannedFault>({
    run: (given) => send<PlannedFault>("POST", "/faults", bodyOf(given)),
    done: (_, given) => `Planned: ${kindText(given.kind)}.`,
    isQuiet: true,
  });
  const fields = {
    form,
    change: (changed: Partial<FaultForm>) => setForm((before) => ({ ...before, ...changed })),
    error: plan.error,
  };
  return (
    <FormDialog
      title="Plan a fault"
      submitText="Plan it"
      size="large"
      onSubmit={() => plan.mutate(form, { onSuccess: onClose })}
      onClose={onClose}
      isSending={plan.isPending}
      error={plan.error}
      fields={members}
    >
      <KindFields {...fields} />
      <Header variant="h3">Which calls</Header>
      <MatchFields {...fields} />
      <Header variant="h3">How long</Header>
      <DurationFields {...fields} />
    </FormDialog>
  );
}

interface TextFieldProps extends FieldsProps {
  readonly member:
    | "status"
    | "ms"
    | "bytes"
    | "records"
    | "recordShare"
    | "times"
    | "share"
    | "seed"
    | "customer"
    | "accessKeyId";
  readonly label: string;
  readonly hint?: string;
  readonly placeholder?: string;
}

function TextField({ form, change, error, member, label, hint, placeholder }: TextFieldProps): ReactNode {
  const wrong = errorAt(error, member);
  return (
    <FormField
      label={label}
      {...(hint === undefined ? {} : { constraintText: hint })}
      {...(wrong === undefined ? {} : { errorText: wrong })}
    >
      <Input
        value={form[member]}
        {...(placeholder === undefined ? {} : { placeholder })}
        onChange={({ detail }) => change({ [member]: detail.value })}
      />
    </FormField>
  );
}

function KindFields(props: FieldsProps): ReactNode {
  const { form, change, error } = props;
  const { kind } = form;
  const kindError = errorAt(error, "kind");
  return (
    <ColumnLayout columns={2}>
      <FormField label="What happens" {...(kindError === undefined ? {} : { errorText: kindError })}>
        <Select
          selectedOption={kinds.find(({ value }) => value === kind) ?? null}
          options={kinds}
          onChange={({ detail: { selectedOption } }) => {
            if (selectedOption.value !== undefined && isKind(selectedOption.value)) {
              change({ kind: selectedOption.value });
            }
          }}
        />
      </FormField>
      {hasPhase(kind) && (
        <FormField label="When">
          <RadioGroup
            value={form.phase}
            onChange={({ detail }) =>
              change({ phase: detail.value === "after-commit" ? "after-commit" : "before-commit" })
            }
            items={[
              { value: "before-commit", label: "Before the commit", description: "Nothing is kept" },
              {
                value: "after-commit",
                label: "After the commit",
                description: "Everything is kept; the client does not learn of it",
              },
            ]}
          />
        </FormField>
      )}
      {kind === "error" && <TextField {...props} member="status" label="Status" hint="400 to 599" placeholder="500" />}
      {(kind === "delay" || kind === "slow-body") && (
        <TextField {...props} member="ms" label="Milliseconds" hint="At most 600,000" placeholder="2000" />
      )}
      {kind === "slow-body" && <TextField {...props} member="bytes" label="Bytes a piece" placeholder="16" />}
      {kind === "unprocessed" && <RecordFields {...props} />}
    </ColumnLayout>
  );
}

function RecordFields(props: FieldsProps): ReactNode {
  const { form, change } = props;
  return (
    <SpaceBetween size="s">
      <FormField label="Which records">
        <RadioGroup
          value={form.recordsBy}
          onChange={({ detail }) => change({ recordsBy: detail.value === "share" ? "share" : "place" })}
          items={[
            { value: "place", label: "By their place in the batch" },
            { value: "share", label: "A share of them, drawn" },
          ]}
        />
      </FormField>
      {form.recordsBy === "place" ? (
        <TextField {...props} member="records" label="Places" hint="The first is 0; several with commas" />
      ) : (
        <TextField {...props} member="recordShare" label="Share of the records" hint="0 to 1; 0.2 is a fifth" />
      )}
    </SpaceBetween>
  );
}

function MatchFields(props: FieldsProps): ReactNode {
  const { form, change, error } = props;
  const any = { value: "", label: "Any operation" };
  const options = [any, ...operations.map((value) => ({ value, label: value }))];
  const productError = errorAt(error, "product");
  return (
    <ColumnLayout columns={2}>
      <FormField label="Operation">
        <Select
          selectedOption={options.find(({ value }) => value === form.operation) ?? any}
          options={options}
          onChange={({ detail }) => change({ operation: detail.selectedOption.value ?? "" })}
        />
      </FormField>
      <FormField label="Product code" {...(productError === undefined ? {} : { errorText: productError })}>
        <ProductField value={form.product} onChange={(product) => change({ product })} />
      </FormField>
      <TextField
        {...props}
        member="customer"
        label="Customer"
        hint="Account id, CustomerIdentifier or licence ARN"
        placeholder="Any customer"
      />
      <TextField {...props} member="accessKeyId" label="Access key id" hint="Whose key signs" placeholder="Any key" />
    </ColumnLayout>
  );
}

function DurationFields(props: FieldsProps): ReactNode {
  const { form, change, error } = props;
  const untilError = errorAt(error, "untilRemoved");
  return (
    <SpaceBetween size="m">
      <ColumnLayout columns={2}>
        <FormField label="Until" {...(untilError === undefined ? {} : { errorText: untilError })}>
          <RadioGroup
            value={form.until}
            onChange={({ detail }) => change({ until: detail.value === "removed" ? "removed" : "times" })}
            items={[
              { value: "times", label: "It has hit so many calls" },
              { value: "removed", label: "It is lifted" },
            ]}
          />
        </FormField>
        {form.until === "times" && (
          <TextField {...props} member="times" label="Calls to hit" hint="1 is the next call" />
        )}
      </ColumnLayout>
      <Checkbox
        checked={form.share !== ""}
        description="Which ones is drawn: the same seed draws the same ones."
        onChange={({ detail }) => change(detail.checked ? { share: "0.1" } : { share: "", seed: "" })}
      >
        Only a share of the calls that match
      </Checkbox>
      {isDrawn(form) && (
        <ColumnLayout columns={2}>
          {form.share !== "" && (
            <TextField {...props} member="share" label="Share of the calls" hint="0 to 1; 0.1 is a tenth" />
          )}
          <TextField {...props} member="seed" label="Seed" hint="A whole number; left empty, one is drawn and shown" />
        </ColumnLayout>
      )}
    </SpaceBetween>
  );
}
