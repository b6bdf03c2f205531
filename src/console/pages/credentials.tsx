/** The keys that calls are signed with. */
import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";
import { AddressFilter } from "../parts/addressFilter.tsx";
import { ChangeButton } from "../parts/changeButton.tsx";
import { ConfirmDialog } from "../parts/dialogs.tsx";
import { To } from "../parts/link.tsx";
import { ServerList } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { send, useChange } from "../parts/query.ts";
import { Time } from "../parts/time.tsx";
import { useSession } from "../session.tsx";
import { CredentialCreation } from "./credentials/creation.tsx";
import { KindsHelp } from "./credentials/kindsHelp.tsx";
import { NewCredential } from "./credentials/newCredential.tsx";
import {
  type CredentialView,
  credentialKindNames,
  credentialKinds,
  type NewCredentialView,
} from "./credentials/types.ts";

export function Credentials(): ReactNode {
  const [{ account, kind }, setFilter] = useParams(["account", "kind"]);
  const [{ create: isCreating }, setParams] = useParams(["create"]);
  const [made, setMade] = useState<NewCredentialView>();
  const [deleting, setDeleting] = useState<CredentialView>();
  const { canChange } = useSession();
  const create = (
    <ChangeButton variant="primary" onClick={() => setParams({ create: "yes" })}>
      Create credential
    </ChangeButton>
  );
  const isFiltered = account !== "" || kind !== "";
  return (
    <>
      <ServerList<CredentialView>
        kind="credentials"
        path="/credentials"
        query={{ account, kind }}
        title="Credentials"
        description={<KindsHelp />}
        columns={columnsOf(canChange ? setDeleting : undefined)}
        keyOf={({ accessKeyId }) => accessKeyId}
        actions={create}
        filter={
          <AddressFilter
            members={[
              { name: "account", label: "Account" },
              {
                name: "kind",
                label: "Kind",
                values: credentialKindNames.map((value) => ({ value, label: credentialKinds[value].name })),
              },
            ]}
            values={{ account, kind }}
            set={setFilter}
            placeholder="Find credentials by account or kind"
          />
        }
        empty={
          isFiltered
            ? {
                title: "No credential matches",
                text: "There may be credentials of other accounts or kinds.",
                action: <Button onClick={() => setFilter({ account: "", kind: "" })}>Clear the filters</Button>,
              }
            : {
                title: "No credentials yet",
                text: "Calls are signed with a key. Create one for the seller’s software, or for a buyer’s workload.",
                action: (
                  <ChangeButton onClick={() => setParams({ create: "yes" })}>Create the first credential</ChangeButton>
                ),
              }
        }
      />
      {isCreating !== "" && canChange && (
        <CredentialCreation
          account={account}
          onClose={() => setParams({ create: "" })}
          onMade={(credential) => {
            setParams({ create: "" });
            setMade(credential);
          }}
        />
      )}
      {made !== undefined && <NewCredential credential={made} onClose={() => setMade(undefined)} />}
      {deleting !== undefined && <Deletion credential={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  );
}

type Remove = ((credential: CredentialView) => void) | undefined;

function columnsOf(remove: Remove): TableProps.ColumnDefinition<CredentialView>[] {
  return [
    {
      id: "key",
      header: "Access key id",
      cell: ({ accessKeyId }) => accessKeyId,
      isRowHeader: true,
      minWidth: 180,
      width: 210,
    },
    { id: "kind", header: "Kind", cell: ({ kind }) => credentialKinds[kind].name, minWidth: 100, width: 150 },
    { id: "name", header: "Name", cell: ({ name }) => name, minWidth: 100, width: 140 },
    { id: "account", header: "Account", cell: ({ account }) => account, minWidth: 120, width: 140 },
    { id: "allow", header: "May call", cell: ({ allow }) => allow.join(", "), minWidth: 100, width: 130 },
    { id: "place", header: "Runs as", cell: placeText, minWidth: 100, width: 120 },
    {
      id: "expires",
      header: "Expires",
      cell: ({ expiresAt }) => (expiresAt === undefined ? "Never" : <Time at={expiresAt} to="minute" />),
      minWidth: 90,
      width: 95,
    },
    { id: "actions", header: "Actions", cell: (one) => <Actions credential={one} remove={remove} />, minWidth: 130 },
  ];
}

function Actions({ credential, remove }: { readonly credential: CredentialView; readonly remove: Remove }): ReactNode {
  const { accessKeyId } = credential;
  return (
    <SpaceBetween direction="horizontal" size="s">
      <To to={`/requests?accessKeyId=${encodeURIComponent(accessKeyId)}`} ariaLabel={`Calls with ${accessKeyId}`}>
        Calls
      </To>
      {remove !== undefined && (
        <Button variant="inline-link" ariaLabel={`Delete ${accessKeyId}`} onClick={() => remove(credential)}>
          Delete
        </Button>
      )}
    </SpaceBetween>
  );
}

function placeText({ resource, region }: CredentialView): string {
  if (resource === undefined) return "–";
  return region === undefined ? resource : `${resource} in ${region}`;
}

interface DeletionProps {
  readonly credential: CredentialView;
  readonly onClose: () => void;
}

function Deletion({ credential, onClose }: DeletionProps): ReactNode {
  const { accessKeyId } = credential;
  const change = useChange<void>({
    run: () => send("DELETE", `/credentials/${encodeURIComponent(accessKeyId)}`),
    done: () => `Credential ${accessKeyId} was deleted.`,
    isQuiet: true,
  });
  return (
    <ConfirmDialog
      title={`Delete ${accessKeyId}?`}
      confirmText="Delete"
      isSending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate(undefined, { onSuccess: onClose })}
    >
      Calls that {credential.name} of account {credential.account} signs with it are refused from now on. Its secret is
      gone for good.
    </ConfirmDialog>
  );
}
