/** Customers: the accounts that buy, and those that sell. */
import Button from "@cloudscape-design/components/button";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";
import { ChangeButton } from "../parts/changeButton.tsx";
import { To } from "../parts/link.tsx";
import { ServerList } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { SearchField } from "../parts/searchField.tsx";
import { useSession } from "../session.tsx";
import { customerPath } from "./agreement/types.ts";
import { AccountCreation, Renaming, Suspension } from "./customer/dialogs.tsx";
import type { AccountView } from "./customer/types.ts";

interface Chosen {
  readonly deed: "rename" | "suspend";
  readonly account: AccountView;
}

const anyState = { value: "", label: "All accounts" };
const stateOptions = [
  anyState,
  { value: "false", label: "Active accounts" },
  { value: "true", label: "Suspended accounts" },
];

export function Customers(): ReactNode {
  const [{ search, suspended }, set] = useParams(["search", "suspended"]);
  const [isCreating, setIsCreating] = useState(false);
  const [chosen, setChosen] = useState<Chosen>();
  const { canChange } = useSession();
  const create = (): void => setIsCreating(true);
  const close = (): void => setChosen(undefined);
  return (
    <>
      <ServerList<AccountView>
        kind="accounts"
        path="/accounts"
        query={{ search, suspended }}
        title="Customers"
        description="AWS accounts of buyers and sellers. A CustomerIdentifier stands for a buyer over all products."
        columns={columnsOf(canChange ? setChosen : undefined)}
        keyOf={({ id }) => id}
        actions={
          <ChangeButton variant="primary" onClick={create}>
            Create account
          </ChangeButton>
        }
        filter={
          <SpaceBetween direction="horizontal" size="xs">
            <SearchField
              value={search}
              onSearch={(text) => set({ search: text })}
              placeholder="Name or id"
              label="Find accounts"
            />
            <Select
              selectedOption={stateOptions.find(({ value }) => value === suspended) ?? anyState}
              options={stateOptions}
              ariaLabel="State of the account"
              onChange={({ detail }) => set({ suspended: detail.selectedOption.value ?? "" })}
            />
          </SpaceBetween>
        }
        empty={
          search !== "" || suspended !== ""
            ? {
                title: "No account matches",
                text: "None has this in its name, id or CustomerIdentifier.",
                action: <Button onClick={() => set({ search: "", suspended: "" })}>Clear the filters</Button>,
              }
            : {
                title: "No accounts yet",
                text: (
                  <>
                    A seller’s account owns products, a buyer’s subscribes to them. Create one, or import a catalogue
                    under <To to="/settings?tab=catalogue">Settings</To>.
                  </>
                ),
                action: <ChangeButton onClick={create}>Create the first account</ChangeButton>,
              }
        }
      />
      {isCreating && <AccountCreation onClose={() => setIsCreating(false)} />}
      {chosen?.deed === "rename" && <Renaming account={chosen.account} onClose={close} />}
      {chosen?.deed === "suspend" && <Suspension account={chosen.account} onClose={close} />}
    </>
  );
}

function columnsOf(choose: ((chosen: Chosen) => void) | undefined): TableProps.ColumnDefinition<AccountView>[] {
  return [
    {
      id: "name",
      header: "Name",
      cell: ({ id, name }) => <To to={customerPath(id)}>{name ?? id}</To>,
      isRowHeader: true,
      width: 280,
    },
    { id: "id", header: "Account id", cell: ({ id }) => id, width: 160 },
    {
      id: "customerIdentifier",
      header: "CustomerIdentifier",
      cell: ({ customerIdentifier }) => customerIdentifier,
      width: 220,
    },
    { id: "state", header: "State", cell: (account) => <AccountState account={account} />, width: 140 },
    {
      id: "agreements",
      header: "Agreements",
      cell: ({ id }) => <To to={`/agreements?buyer=${id}`}>Its agreements</To>,
      width: 150,
    },
    ...(choose === undefined
      ? []
      : [
          {
            id: "actions",
            header: "Actions",
            cell: (account: AccountView) => (
              <SpaceBetween direction="horizontal" size="s">
                <Button
                  variant="inline-link"
                  ariaLabel={`Rename ${account.name ?? account.id}`}
                  onClick={() => choose({ deed: "rename", account })}
                >
                  Rename
                </Button>
                <Button
                  variant="inline-link"
                  ariaLabel={`${account.suspended ? "Resume" : "Suspend"} ${account.name ?? account.id}`}
                  onClick={() => choose({ deed: "suspend", account })}
                >
                  {account.suspended ? "Resume" : "Suspend"}
                </Button>
              </SpaceBetween>
            ),
            width: 180,
          },
        ]),
  ];
}

export function AccountState({ account }: { readonly account: Pick<AccountView, "suspended"> }): ReactNode {
  return account.suspended ? (
    <StatusIndicator type="warning">Suspended</StatusIndicator>
  ) : (
    <StatusIndicator type="success">Active</StatusIndicator>
  );
}
