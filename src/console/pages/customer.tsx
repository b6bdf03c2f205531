/** One account: what it bought, used and called. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { type ReactNode, useState } from "react";
import { useParams as usePathParams } from "wouter";
import { ChangeButton } from "../parts/changeButton.tsx";
import { CopyValue } from "../parts/copy.tsx";
import { To } from "../parts/link.tsx";
import { ServerList } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { useApi } from "../parts/query.ts";
import { Sought } from "../parts/sought.tsx";
import { agreementColumnsOfBuyer } from "./agreement/table.tsx";
import type { AgreementView } from "./agreement/types.ts";
import { CallList } from "./customer/calls.tsx";
import { Renaming, Suspension } from "./customer/dialogs.tsx";
import { CustomerEntitlements, Licences } from "./customer/grants.tsx";
import { type AccountView, accountPath } from "./customer/types.ts";
import { CustomerUsage } from "./customer/usage.tsx";
import { AccountState } from "./customers.tsx";
import { TargetsTab } from "./product/targetsTab.tsx";

export function CustomerDetail(): ReactNode {
  const { account = "" } = usePathParams<{ account: string }>();
  const found = useApi<AccountView>("accounts", accountPath(account));
  if (found.data?.id === account) return <Shown account={found.data} />;
  return (
    <Sought title={account} what="account" list="/customers" error={found.error} again={() => void found.refetch()} />
  );
}

function Shown({ account }: { readonly account: AccountView }): ReactNode {
  const [{ tab }, set] = useParams(["tab", "days"]);
  return (
    <ContentLayout header={<Title account={account} />}>
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Details</Header>}>
          <KeyValuePairs
            columns={4}
            items={[
              {
                label: "State",
                value: (
                  <>
                    <AccountState account={account} />
                    {account.suspended && (
                      <Box color="text-body-secondary" fontSize="body-s">
                        Its usage is refused
                      </Box>
                    )}
                  </>
                ),
              },
              { label: "Account id", value: <CopyValue value={account.id} what="the account id" /> },
              {
                label: "CustomerIdentifier",
                value: <CopyValue value={account.customerIdentifier} what="the CustomerIdentifier" />,
              },
              {
                label: "Elsewhere",
                value: (
                  <SpaceBetween size="xxs">
                    <To to={`/agreements?buyer=${account.id}`}>Its agreements</To>
                    <To to={`/usage?customer=${account.id}`}>Its usage</To>
                    <To to={`/workloads?account=${account.id}`}>Its workloads</To>
                    <To to={`/products?seller=${account.id}`}>Products it sells</To>
                    <To to={`/credentials?account=${account.id}`}>Its credentials</To>
                  </SpaceBetween>
                ),
              },
            ]}
          />
        </Container>
        <Tabs
          ariaLabel="Parts of the customer"
          activeTabId={tab === "" ? "agreements" : tab}
          onChange={({ detail }) =>
            set({ tab: detail.activeTabId === "agreements" ? "" : detail.activeTabId, days: "" })
          }
          tabs={[
            { id: "agreements", label: "Agreements", content: <Bought account={account.id} /> },
            { id: "licences", label: "Licences", content: <Licences account={account.id} /> },
            { id: "usage", label: "Usage", content: <CustomerUsage account={account.id} /> },
            { id: "entitlements", label: "Entitlements", content: <CustomerEntitlements account={account.id} /> },
            { id: "notifications", label: "Notifications", content: <TargetsTab owner={{ buyer: account.id }} /> },
            {
              id: "calls",
              label: "Calls",
              content: (
                <CallList
                  query={{ account: account.id }}
                  description="With keys of this account, newest first: those of its workloads, and what it calls as a seller"
                />
              ),
            },
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Title({ account }: { readonly account: AccountView }): ReactNode {
  const [chosen, setChosen] = useState<"rename" | "suspend">();
  const close = (): void => setChosen(undefined);
  return (
    <>
      <Header
        variant="h1"
        description={`AWS account ${account.id}`}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <ChangeButton onClick={() => setChosen("rename")}>Rename</ChangeButton>
            <ChangeButton onClick={() => setChosen("suspend")}>{account.suspended ? "Resume" : "Suspend"}</ChangeButton>
          </SpaceBetween>
        }
      >
        {account.name ?? account.id}
      </Header>
      {chosen === "rename" && <Renaming account={account} onClose={close} />}
      {chosen === "suspend" && <Suspension account={account} onClose={close} />}
    </>
  );
}

function Bought({ account }: { readonly account: string }): ReactNode {
  return (
    <ServerList<AgreementView>
      kind="agreements"
      path="/agreements"
      query={{ buyer: account, order: "newest-first" }}
      title="Agreements"
      description="What this account bought, newest first"
      headingLevel="h2"
      variant="container"
      columns={agreementColumnsOfBuyer}
      keyOf={({ id }) => id}
      empty={{
        title: "No agreements",
        text: "This account has bought nothing yet.",
        action: <To to={`/agreements?buyer=${account}&create=yes`}>Create its first agreement</To>,
      }}
    />
  );
}
