/** One workload, by its id. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { type ReactNode, useState } from "react";
import { useParams as usePathParams } from "wouter";
import { ChangeButton } from "../parts/changeButton.tsx";
import { CopyValue } from "../parts/copy.tsx";
import { ConfirmDialog } from "../parts/dialogs.tsx";
import { To } from "../parts/link.tsx";
import { useParams } from "../parts/params.ts";
import { send, useApi, useChange } from "../parts/query.ts";
import { Sought } from "../parts/sought.tsx";
import { TimeInFull } from "../parts/time.tsx";
import { unless } from "../parts/unless.ts";
import { Records } from "./agreement/records.tsx";
import { customerPath, productPath } from "./agreement/types.ts";
import { CallList } from "./customer/calls.tsx";
import { Environment } from "./workload/environment.tsx";
import { Metering } from "./workload/metering.tsx";
import { kinds, type WorkloadView, workloadPath } from "./workload/types.ts";
import { WorkloadState } from "./workloads.tsx";

export function WorkloadDetail(): ReactNode {
  const { id = "" } = usePathParams<{ id: string }>();
  const found = useApi<WorkloadView>("workloads", workloadPath(id));
  if (found.data?.id === id) return <Shown workload={found.data} />;
  return <Sought title={id} what="workload" list="/workloads" error={found.error} again={() => void found.refetch()} />;
}

function Shown({ workload }: { readonly workload: WorkloadView }): ReactNode {
  const [{ tab }, set] = useParams(["tab"]);
  const { id, resource } = workload;
  return (
    <ContentLayout header={<Title workload={workload} />}>
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Details</Header>}>
          <KeyValuePairs columns={4} items={itemsOf(workload)} />
        </Container>
        <Tabs
          ariaLabel="Parts of the workload"
          activeTabId={tab === "" ? "environment" : tab}
          onChange={({ detail }) => set({ tab: detail.activeTabId === "environment" ? "" : detail.activeTabId })}
          tabs={[
            { id: "environment", label: "Environment", content: <Environment key={id} workload={workload} /> },
            { id: "metering", label: "Metering", content: <Metering workload={workload} /> },
            {
              id: "usage",
              label: "Usage",
              content: <Records query={{ resource }} description="What this workload metered" />,
            },
            {
              id: "calls",
              label: "Calls",
              content: (
                <CallList
                  // CloudTrail names the session of a workload by the last part of its resource.
                  query={{ account: workload.account, userName: resource.split("/").at(-1) ?? resource }}
                  description="With keys of this workload, newest first"
                />
              ),
            },
          ]}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

function itemsOf(workload: WorkloadView): KeyValuePairsProps["items"] {
  const { kind, account, cluster, namespace, serviceAccount, products, allow } = workload;
  const optional = (label: string, value: string | undefined) => (value === undefined ? [] : [{ label, value }]);
  return [
    { label: "State", value: <WorkloadState workload={workload} /> },
    {
      label: "Kind",
      value: (
        <>
          {kinds[kind].name}
          <Box color="text-body-secondary" fontSize="body-s">
            {kinds[kind].what}
          </Box>
        </>
      ),
    },
    { label: "Buyer", value: <To to={customerPath(account)}>{account}</To> },
    { label: "Region", value: workload.region },
    {
      label: "Products of its image",
      value:
        products === undefined
          ? "Any"
          : products.map((code) => (
              <div key={code}>
                <To to={productPath(code)}>{code}</To>
              </div>
            )),
    },
    { label: "Role", value: workload.role },
    { label: "Role allows", value: allow.join(", ") || "Nothing" },
    ...optional("Cluster", cluster),
    ...optional("Namespace", namespace),
    ...optional("Service account", serviceAccount),
    { label: "Launched", value: <TimeInFull at={workload.launchedAt} /> },
    ...(workload.stoppedAt === undefined ? [] : [{ label: "Stopped", value: <TimeInFull at={workload.stoppedAt} /> }]),
    { label: "Resource", value: <CopyValue value={workload.resource} what="the resource" /> },
  ];
}

function Title({ workload }: { readonly workload: WorkloadView }): ReactNode {
  const [isStopping, setIsStopping] = useState(false);
  const { id, kind, state } = workload;
  const start = useChange<void>({
    run: () => send("POST", `${workloadPath(id)}/start`),
    done: () => `The workload ${id} runs again.`,
  });
  const isInstance = kind === "ec2";
  return (
    <>
      <Header
        variant="h1"
        description={`${kinds[kind].name} in ${workload.region}`}
        actions={
          state === "running" ? (
            <ChangeButton onClick={() => setIsStopping(true)}>Stop</ChangeButton>
          ) : (
            <ChangeButton
              loading={start.isPending}
              onClick={() => start.mutate()}
              {...unless(
                isInstance
                  ? undefined
                  : "Only EC2 instances are started again; in place of others, another one is run.",
              )}
            >
              Start
            </ChangeButton>
          )
        }
      >
        {id}
      </Header>
      {isStopping && <Stopping id={id} onClose={() => setIsStopping(false)} isInstance={isInstance} />}
    </>
  );
}

interface StoppingProps {
  readonly id: string;
  readonly isInstance: boolean;
  readonly onClose: () => void;
}

function Stopping({ id, isInstance, onClose }: StoppingProps): ReactNode {
  const stop = useChange<void>({
    run: () => send("POST", `${workloadPath(id)}/stop`, {}),
    done: () => `The workload ${id} was stopped.`,
    isQuiet: true,
  });
  return (
    <ConfirmDialog
      title={`Stop ${id}?`}
      confirmText="Stop"
      isSending={stop.isPending}
      error={stop.error}
      onClose={onClose}
      onConfirm={() => stop.mutate(undefined, { onSuccess: onClose })}
    >
      Its credentials stop working at once, so calls with them are refused, and what RegisterUsage meters ends here: the
      last seconds go into the ledger.{" "}
      {isInstance ? "The instance can be started again." : "It is not started again; another one takes its place."}
    </ConfirmDialog>
  );
}
