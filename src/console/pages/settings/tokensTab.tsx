/** Admin tokens: who may use the control plane, and to do what. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal from "@cloudscape-design/components/modal";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { CopyBlock, CopyValue } from "../../parts/copy.tsx";
import { ConfirmDialog, errorAt, FormDialog } from "../../parts/dialogs.tsx";
import { To } from "../../parts/link.tsx";
import { ServerList } from "../../parts/list.tsx";
import { send, useChange } from "../../parts/query.ts";
import { Time } from "../../parts/time.tsx";
import { useSession } from "../../session.tsx";

interface TokenView {
  readonly id: string;
  readonly name: string;
  readonly role: "full" | "read";
  readonly createdAt: string;
  readonly revokedAt?: string;
}

interface NewTokenView extends TokenView {
  readonly token: string;
}

export function TokensTab(): ReactNode {
  const [isCreating, setIsCreating] = useState(false);
  const [made, setMade] = useState<NewTokenView>();
  const [revoking, setRevoking] = useState<TokenView>();
  const { canChange } = useSession();
  return (
    <>
      <ServerList<TokenView>
        kind="admin-tokens"
        path="/admin-tokens"
        title="Admin tokens"
        description="For the console, the command line and scripts; every change carries the name of its token. The root token, in admin.token of the data folder, is not listed."
        headingLevel="h2"
        variant="container"
        columns={columnsOf(canChange ? setRevoking : undefined)}
        keyOf={({ id }) => id}
        actions={<ChangeButton onClick={() => setIsCreating(true)}>Create admin token</ChangeButton>}
        empty={{
          title: "No admin tokens beside the root token",
          text: "Give people and scripts a token of their own, so that it can be revoked and changes say whose they are.",
          action: <ChangeButton onClick={() => setIsCreating(true)}>Create the first token</ChangeButton>,
        }}
      />
      {isCreating && (
        <Creation
          onClose={() => setIsCreating(false)}
          onMade={(token) => {
            setIsCreating(false);
            setMade(token);
          }}
        />
      )}
      {made !== undefined && <Made token={made} onClose={() => setMade(undefined)} />}
      {revoking !== undefined && <Revocation token={revoking} onClose={() => setRevoking(undefined)} />}
    </>
  );
}

function columnsOf(revoke: ((token: TokenView) => void) | undefined): TableProps.ColumnDefinition<TokenView>[] {
  return [
    { id: "name", header: "Name", cell: ({ name }) => name, isRowHeader: true, minWidth: 150, width: 260 },
    {
      id: "role",
      header: "May",
      cell: ({ role }) => (role === "full" ? "Change things" : "Only read"),
      minWidth: 110,
      width: 150,
    },
    { id: "created", header: "Created", cell: ({ createdAt }) => <Time at={createdAt} />, minWidth: 180, width: 220 },
    {
      id: "state",
      header: "State",
      cell: ({ revokedAt }) =>
        revokedAt === undefined ? (
          <StatusIndicator>In use</StatusIndicator>
        ) : (
          <StatusIndicator type="stopped">
            Revoked <Time at={revokedAt} />
          </StatusIndicator>
        ),
      minWidth: 120,
      width: 270,
    },
    {
      id: "changes",
      header: "Changes",
      cell: ({ name }) => (
        <To to={`/settings?tab=changes&actor=${encodeURIComponent(name)}`} ariaLabel={`Show changes by ${name}`}>
          Show
        </To>
      ),
      minWidth: 90,
      width: 110,
    },
    ...(revoke === undefined
      ? []
      : [
          {
            id: "actions",
            header: "Actions",
            cell: (token: TokenView) =>
              token.revokedAt === undefined ? (
                <Button variant="inline-link" ariaLabel={`Revoke ${token.name}`} onClick={() => revoke(token)}>
                  Revoke
                </Button>
              ) : (
                "–"
              ),
            minWidth: 100,
          },
        ]),
  ];
}

interface CreationProps {
  readonly onClose: () => void;
  readonly onMade: (token: NewTokenView) => void;
}

function Creation({ onClose, onMade }: CreationProps): ReactNode {
  const [form, setForm] = useState({ name: "", role: "read" });
  const change = useChange<typeof form, NewTokenView>({
    run: ({ name, role }) => send<NewTokenView>("POST", "/admin-tokens", { name: name.trim(), role }),
    isQuiet: true,
  });
  const { error } = change;
  return (
    <FormDialog
      title="Create admin token"
      submitText="Create"
      isSending={change.isPending}
      error={error}
      fields={["name", "role"]}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: onMade })}
    >
      <FormField
        label="Name"
        constraintText="Of a person or a script. A name is not used twice, not even after revoking."
        errorText={errorAt(error, "name")}
      >
        <Input value={form.name} onChange={({ detail }) => setForm({ ...form, name: detail.value })} />
      </FormField>
      <FormField label="May" errorText={errorAt(error, "role")}>
        <RadioGroup
          value={form.role}
          onChange={({ detail }) => setForm({ ...form, role: detail.value })}
          items={[
            { value: "read", label: "Only read" },
            { value: "full", label: "Change things", description: "Also see secrets in an export of the catalogue" },
          ]}
        />
      </FormField>
    </FormDialog>
  );
}

function Made({ token, onClose }: { readonly token: NewTokenView; readonly onClose: () => void }): ReactNode {
  return (
    <Modal
      visible
      header={`The token of ${token.name} is there`}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>
            I have copied it
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="l">
        <Alert type="warning">It is shown now and never again. Copy it before you close this.</Alert>
        <div className="long-word">
          <CopyValue value={token.token} what="the token" />
        </div>
        <CopyBlock
          text={`curl -H 'Authorization: Bearer ${token.token}' ${window.location.origin}/api/v1/products`}
          what="A call with the token"
        />
      </SpaceBetween>
    </Modal>
  );
}

function Revocation({ token, onClose }: { readonly token: TokenView; readonly onClose: () => void }): ReactNode {
  const change = useChange<void>({
    run: () => send("DELETE", `/admin-tokens/${encodeURIComponent(token.id)}`),
    done: () => `The token of ${token.name} was revoked.`,
    isQuiet: true,
  });
  return (
    <ConfirmDialog
      title={`Revoke the token of ${token.name}?`}
      confirmText="Revoke"
      isSending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate(undefined, { onSuccess: onClose })}
    >
      It is refused from now on and for good, and the console’s sessions that it opened end.
    </ConfirmDialog>
  );
}
