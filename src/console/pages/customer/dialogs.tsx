/** What can be done to an account: it is made, renamed, suspended and resumed. */
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { ConfirmDialog, errorAt, FormDialog, filled } from "../../parts/dialogs.tsx";
import { send, useChange } from "../../parts/query.ts";
import { customerPath } from "../agreement/types.ts";
import { type AccountView, accountPath } from "./types.ts";

const empty = { name: "", id: "", customerIdentifier: "" };

export function AccountCreation({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [, navigate] = useLocation();
  const [form, setForm] = useState(empty);
  const change = useChange<typeof empty, AccountView>({
    run: ({ name, id, customerIdentifier }) =>
      send(
        "POST",
        "/accounts",
        filled({ name: name.trim(), id: id.trim(), customerIdentifier: customerIdentifier.trim() }),
      ),
    done: ({ id }) => `Account ${id} was created.`,
    isQuiet: true,
  });
  const { error } = change;
  const text = (member: keyof typeof empty, label: string, constraintText: string): ReactNode => (
    <FormField label={label} constraintText={constraintText} errorText={errorAt(error, member)}>
      <Input
        value={form[member]}
        spellcheck={false}
        onChange={({ detail }) => setForm((before) => ({ ...before, [member]: detail.value }))}
      />
    </FormField>
  );
  return (
    <FormDialog
      title="Create account"
      submitText="Create"
      isSending={change.isPending}
      error={error}
      fields={["name", "id", "customerIdentifier"]}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: ({ id }) => navigate(customerPath(id)) })}
    >
      {text("name", "Name", "What the buyer is called here")}
      {text("id", "Account id", "12 digits; empty: one is drawn")}
      {text("customerIdentifier", "CustomerIdentifier", "Letters and digits; empty: one is derived from the id")}
    </FormDialog>
  );
}

interface AccountDialogProps {
  readonly account: AccountView;
  readonly onClose: () => void;
}

export function Renaming({ account, onClose }: AccountDialogProps): ReactNode {
  const [name, setName] = useState(account.name ?? "");
  const change = useChange<void>({
    run: () => send("PATCH", accountPath(account.id), { name: name.trim() === "" ? null : name.trim() }),
    done: () => "The account was renamed.",
    isQuiet: true,
  });
  return (
    <FormDialog
      title="Rename account"
      submitText="Rename"
      isSending={change.isPending}
      error={change.error}
      fields={["name"]}
      onClose={onClose}
      onSubmit={() => change.mutate(undefined, { onSuccess: onClose })}
    >
      <FormField label="Name" constraintText="Empty: no name" errorText={errorAt(change.error, "name")}>
        <Input value={name} onChange={({ detail }) => setName(detail.value)} />
      </FormField>
    </FormDialog>
  );
}

/** Suspends an account, or resumes one that is suspended. */
export function Suspension({ account, onClose }: AccountDialogProps): ReactNode {
  const suspended = !account.suspended;
  const change = useChange<void>({
    run: () => send("PATCH", accountPath(account.id), { suspended }),
    done: () => (suspended ? "The account was suspended." : "The account was resumed."),
    isQuiet: true,
  });
  return (
    <ConfirmDialog
      title={`${suspended ? "Suspend" : "Resume"} ${account.name ?? account.id}?`}
      confirmText={suspended ? "Suspend" : "Resume"}
      isSending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate(undefined, { onSuccess: onClose })}
    >
      <Box variant="p">
        {suspended
          ? "AWS does not bill a suspended account. BatchMeterUsage answers its records with CustomerNotSubscribed, and a first MeterUsage or RegisterUsage with CustomerNotEntitledException, whatever its agreements are. No message goes out."
          : "Its agreements take usage again, each as its own state says. No message goes out."}
      </Box>
    </ConfirmDialog>
  );
}
