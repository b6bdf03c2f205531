/** Running a workload. */
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { AccountField } from "../../parts/accountField.tsx";
import { errorAt, FormDialog } from "../../parts/dialogs.tsx";
import { ProductField } from "../../parts/productField.tsx";
import { send, useChange } from "../../parts/query.ts";
import { regionOptions } from "../product/regions.ts";
import { kindOptions, type WorkloadView, workloadPath } from "./types.ts";

interface RunForm {
  readonly kind: string;
  readonly account: string;
  readonly product: string;
  readonly region: string;
  readonly role: string;
  readonly id: string;
  readonly allow: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

type TextMember = "role" | "id" | "allow" | "cluster" | "namespace" | "serviceAccount";
type FieldOf = (member: TextMember, label: string, constraintText: string) => ReactNode;

interface RunDialogProps {
  /** Of the list's filters. */
  readonly product: string;
  readonly account: string;
  readonly onClose: () => void;
}

const nothing = { role: "", id: "", allow: "", cluster: "", namespace: "", serviceAccount: "" };
const members = ["kind", "account", "products", "region", ...Object.keys(nothing)];

export function RunDialog({ product, account, onClose }: RunDialogProps): ReactNode {
  const [, navigate] = useLocation();
  const [form, setForm] = useState<RunForm>({ ...nothing, kind: "ecs", region: "us-east-1", product, account });
  const set = (changed: Partial<RunForm>): void => setForm((before) => ({ ...before, ...changed }));
  const change = useChange<RunForm, WorkloadView>({
    run: (given) => send("POST", "/workloads", bodyOf(given)),
    done: ({ id }) => `The workload ${id} runs.`,
    isQuiet: true,
  });
  const { error } = change;
  const field: FieldOf = (member, label, constraintText) => (
    <FormField key={member} label={label} constraintText={constraintText} errorText={errorAt(error, member)}>
      <Input value={form[member]} spellcheck={false} onChange={({ detail }) => set({ [member]: detail.value })} />
    </FormField>
  );
  return (
    <FormDialog
      title="Run workload"
      submitText="Run"
      isSending={change.isPending}
      error={error}
      fields={members}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: ({ id }) => navigate(workloadPath(id)) })}
    >
      <FormField label="Kind" errorText={errorAt(error, "kind")}>
        <Select
          selectedOption={kindOptions.find(({ value }) => value === form.kind) ?? null}
          options={kindOptions}
          triggerVariant="option"
          onChange={({ detail }) => set({ kind: detail.selectedOption.value ?? form.kind })}
        />
      </FormField>
      <FormField label="Buyer" description="The account it runs in." errorText={errorAt(error, "account")}>
        <AccountField value={form.account} onChange={(value) => set({ account: value })} />
      </FormField>
      <FormField
        label="Product"
        description="The code that its image carries; empty: it may meter for any."
        errorText={errorAt(error, "products")}
      >
        <ProductField value={form.product} onChange={(value) => set({ product: value })} />
      </FormField>
      <FormField label="Region" errorText={errorAt(error, "region")}>
        <Select
          selectedOption={{ value: form.region, label: form.region }}
          options={regionOptions}
          filteringType="auto"
          filteringAriaLabel="Find a Region"
          onChange={({ detail }) => set({ region: detail.selectedOption.value ?? form.region })}
        />
      </FormField>
      {field("role", "Role", "Name of its IAM role; empty: workload-role")}
      <More kind={form.kind} field={field} />
    </FormDialog>
  );
}

function More({ kind, field }: { readonly kind: string; readonly field: FieldOf }): ReactNode {
  const hasCluster = kind !== "ec2" && kind !== "agentcore";
  return (
    <ExpandableSection headerText="More">
      <SpaceBetween size="l">
        {field("id", "Id", "Lower-case letters, digits and -; empty: one is drawn")}
        {field("allow", "What the role allows", "IAM action patterns with commas between; empty: aws-marketplace:*")}
        {hasCluster && field("cluster", "Cluster", "Empty: demo")}
        {kind === "eks" && field("namespace", "Namespace", "Empty: a default one")}
        {kind === "eks" && field("serviceAccount", "Service account", "Empty: a default one")}
      </SpaceBetween>
    </ExpandableSection>
  );
}

function bodyOf(form: RunForm): Record<string, unknown> {
  const { kind, account, product, region, allow } = form;
  const patterns = allow.split(/[\s,]+/).filter((one) => one !== "");
  const texts = [
    ...(["role", "id"] as const),
    ...(kind === "ec2" || kind === "agentcore" ? [] : (["cluster"] as const)),
    ...(kind === "eks" ? (["namespace", "serviceAccount"] as const) : []),
  ];
  const given = texts.map((name) => [name, form[name].trim()] as const).filter(([, text]) => text !== "");
  return {
    ...{ kind, account, region },
    ...(product === "" ? {} : { products: [product] }),
    ...(patterns.length === 0 ? {} : { allow: patterns }),
    ...Object.fromEntries(given),
  };
}
