/** Making a key. */
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useState } from "react";
import type { CredentialKind } from "../../../api/types.ts";
import { AccountField } from "../../parts/accountField.tsx";
import { errorAt, FormDialog, filled } from "../../parts/dialogs.tsx";
import { send, useChange } from "../../parts/query.ts";
import { regionOptions } from "../product/regions.ts";
import { credentialKindNames, credentialKinds, type NewCredentialView } from "./types.ts";

interface CredentialForm {
  readonly account: string;
  readonly kind: CredentialKind;
  readonly name: string;
  readonly allow: string;
  readonly expiresAt: string;
  readonly resource: string;
  readonly region: string;
  readonly products: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

interface PartProps {
  readonly form: CredentialForm;
  readonly set: (changed: Partial<CredentialForm>) => void;
  readonly error: unknown;
}

const kindOptions = credentialKindNames.map((value) => ({
  value,
  label: credentialKinds[value].name,
  description: credentialKinds[value].meaning,
}));

interface CredentialCreationProps {
  /** What the list is filtered by, "" = nothing. */
  readonly account: string;
  readonly onClose: () => void;
  readonly onMade: (credential: NewCredentialView) => void;
}

export function CredentialCreation({ account, onClose, onMade }: CredentialCreationProps): ReactNode {
  const [form, setForm] = useState<CredentialForm>({
    ...{ account, kind: "iam-user", name: "", allow: "aws-marketplace:*", expiresAt: "" },
    ...{ resource: "", region: "us-east-1", products: "", accessKeyId: "", secretAccessKey: "", sessionToken: "" },
  });
  const set = (changed: Partial<CredentialForm>): void => setForm((before) => ({ ...before, ...changed }));
  const change = useChange<CredentialForm, NewCredentialView>({
    run: (given) => send<NewCredentialView>("POST", "/credentials", bodyOf(given)),
    isQuiet: true,
  });
  const { error } = change;
  return (
    <FormDialog
      title="Create credential"
      submitText="Create"
      isSending={change.isPending}
      error={error}
      fields={Object.keys(form)}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: onMade })}
    >
      <FormField label="Account" description="Whose key it is." errorText={errorAt(error, "account")}>
        <AccountField value={form.account} onChange={(id) => set({ account: id })} />
      </FormField>
      <FormField label="Kind" errorText={errorAt(error, "kind")}>
        <Select
          selectedOption={kindOptions.find(({ value }) => value === form.kind) ?? null}
          options={kindOptions}
          onChange={({ detail }) => {
            const kind = credentialKindNames.find((one) => one === detail.selectedOption.value);
            if (kind !== undefined) set({ kind });
          }}
        />
      </FormField>
      <Text {...{ form, set, error }} member="name" label={form.kind === "iam-user" ? "User name" : "Role name"} />
      {credentialKinds[form.kind].resource !== undefined && <Place form={form} set={set} error={error} />}
      <Text
        {...{ form, set, error }}
        member="allow"
        label="May call"
        constraintText="IAM action patterns with commas between, such as aws-marketplace:*, sts:AssumeRole"
      />
      <Text
        {...{ form, set, error }}
        member="expiresAt"
        label="Expires"
        constraintText="On the wall clock, such as 2027-01-31T00:00:00Z; empty: never"
      />
      <OwnKey form={form} set={set} error={error} />
    </FormDialog>
  );
}

interface TextProps extends PartProps {
  readonly member: Exclude<keyof CredentialForm, "kind">;
  readonly label: string;
  readonly constraintText?: string;
  readonly placeholder?: string;
  readonly isSecret?: boolean;
}

function Text({ form, set, error, member, label, isSecret = false, ...more }: TextProps): ReactNode {
  return (
    <FormField label={label} constraintText={more.constraintText} errorText={errorAt(error, member)}>
      <Input
        value={form[member]}
        type={isSecret ? "password" : "text"}
        autoComplete={false}
        spellcheck={false}
        placeholder={more.placeholder ?? ""}
        onChange={({ detail }) => set({ [member]: detail.value })}
      />
    </FormField>
  );
}

function Place({ form, set, error }: PartProps): ReactNode {
  const { resource = "", example = "" } = credentialKinds[form.kind];
  return (
    <>
      <Text {...{ form, set, error }} member="resource" label={resource} placeholder={example} />
      <FormField label="Region" description="Where it runs." errorText={errorAt(error, "region")}>
        <Select
          selectedOption={{ value: form.region, label: form.region }}
          options={regionOptions}
          filteringType="auto"
          onChange={({ detail }) => set({ region: detail.selectedOption.value ?? "" })}
        />
      </FormField>
      <Text
        {...{ form, set, error }}
        member="products"
        label="Product codes of its image"
        constraintText="With commas between; empty: any product"
      />
    </>
  );
}

function OwnKey(props: PartProps): ReactNode {
  return (
    <ExpandableSection
      headerText="A key that you have already"
      headerDescription="To use your software without changing its settings. What is left empty is drawn."
    >
      <SpaceBetween size="m">
        <Text {...props} member="accessKeyId" label="Access key id" />
        <Text {...props} member="secretAccessKey" label="Secret access key" isSecret />
        <Text {...props} member="sessionToken" label="Session token" isSecret />
      </SpaceBetween>
    </ExpandableSection>
  );
}

function bodyOf(form: CredentialForm): Record<string, unknown> {
  const { kind, allow, resource, region, products, ...rest } = form;
  const isWorkload = credentialKinds[kind].resource !== undefined;
  const codes = listOf(products);
  return {
    kind,
    ...filled(Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, value.trim()]))),
    account: form.account,
    allow: listOf(allow),
    ...(isWorkload ? filled({ resource: resource.trim(), region }) : {}),
    ...(isWorkload && codes.length > 0 ? { products: codes } : {}),
  };
}

function listOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((one) => one !== "");
}
