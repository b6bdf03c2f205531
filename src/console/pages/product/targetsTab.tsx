/** Where the notifications of a product, or the events of a buyer, go, and how far they have come. */
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";
import type { Page } from "../../api.ts";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { ConfirmDialog } from "../../parts/dialogs.tsx";
import { To } from "../../parts/link.tsx";
import { ServerList } from "../../parts/list.tsx";
import { send, useApi, useChange } from "../../parts/query.ts";
import { useSession } from "../../session.tsx";
import { TargetConfirmation } from "./targetConfirmation.tsx";
import { TargetCreation } from "./targetCreation.tsx";
import type { TargetOwner, TargetView } from "./types.ts";

const productTexts = {
  description:
    "Where changes of agreements are told: SNS messages and EventBridge events, posted over HTTP or put into an SQS queue.",
  empty: "Notifications are kept and shown, but sent nowhere. Create a target to get them.",
} as const;
const buyerTexts = {
  description:
    "Where AWS tells the buyer: the Acceptor events on the bus of this account, posted over HTTP or put into an SQS queue.",
  empty: "Nobody listens on the bus of this account. Create a target to get its events.",
} as const;

export function TargetsTab({ owner }: { readonly owner: TargetOwner }): ReactNode {
  const [isCreating, setIsCreating] = useState(false);
  const [chosen, setChosen] = useState<{ readonly deed: "confirm" | "delete"; readonly target: TargetView }>();
  const { canChange } = useSession();
  const texts = "buyer" in owner ? buyerTexts : productTexts;
  const query = "buyer" in owner ? { buyer: owner.buyer } : { product: owner.code };
  const close = (): void => setChosen(undefined);
  return (
    <SpaceBetween size="l">
      <ServerList<TargetView>
        kind="targets"
        path="/notification-targets"
        query={query}
        title="Notification targets"
        description={texts.description}
        headingLevel="h2"
        variant="container"
        columns={columnsOf(canChange ? setChosen : undefined)}
        keyOf={({ id }) => id}
        actions={<ChangeButton onClick={() => setIsCreating(true)}>Create target</ChangeButton>}
        empty={{
          title: "No targets",
          text: texts.empty,
          action: <ChangeButton onClick={() => setIsCreating(true)}>Create the first target</ChangeButton>,
        }}
      />
      <Deliveries of={query} />
      {isCreating && <TargetCreation owner={owner} onClose={() => setIsCreating(false)} />}
      {chosen?.deed === "confirm" && <TargetConfirmation target={chosen.target} onClose={close} />}
      {chosen?.deed === "delete" && <Deletion target={chosen.target} onClose={close} />}
    </SpaceBetween>
  );
}

type Choose = (chosen: { readonly deed: "confirm" | "delete"; readonly target: TargetView }) => void;

function columnsOf(choose: Choose | undefined): TableProps.ColumnDefinition<TargetView>[] {
  return [
    { id: "url", header: "URL", cell: ({ url }) => url, isRowHeader: true, minWidth: 200, width: 310 },
    { id: "kind", header: "Kind", cell: ({ kind }) => (kind === "http" ? "HTTP" : "SQS"), minWidth: 80, width: 90 },
    { id: "forms", header: "Gets", cell: formsText, minWidth: 150, width: 220 },
    {
      id: "scope",
      header: "Of",
      cell: scopeText,
      minWidth: 120,
      width: 190,
    },
    {
      id: "state",
      header: "State",
      cell: ({ state }) =>
        state === "ready" ? (
          <StatusIndicator>Ready</StatusIndicator>
        ) : (
          <StatusIndicator type="warning">Not confirmed</StatusIndicator>
        ),
      minWidth: 130,
      width: 140,
    },
    ...(choose === undefined
      ? []
      : [
          {
            id: "actions",
            header: "Actions",
            cell: (target: TargetView) => (
              <SpaceBetween direction="horizontal" size="xs">
                {target.state === "unconfirmed" && (
                  <Button
                    variant="inline-link"
                    ariaLabel={`Confirm ${target.url}`}
                    onClick={() => choose({ deed: "confirm", target })}
                  >
                    Confirm
                  </Button>
                )}
                <Button
                  variant="inline-link"
                  ariaLabel={`Delete ${target.url}`}
                  onClick={() => choose({ deed: "delete", target })}
                >
                  Delete
                </Button>
              </SpaceBetween>
            ),
            minWidth: 150,
          },
        ]),
  ];
}

function scopeText({ product, buyer }: TargetView): string {
  if (buyer !== undefined) return product ?? "All that it buys";
  return product === undefined ? "All products of the seller" : "This product";
}

function formsText({ forms, rawDelivery }: TargetView): string {
  const sns = rawDelivery ? "SNS messages, raw" : "SNS messages";
  return forms.map((form) => (form === "sns" ? sns : "EventBridge events")).join(", ");
}

const countedMax = 100;
const states = ["delivered", "pending", "dead"] as const;

type Query = Readonly<Record<string, string>>;

/** How many of the notifications stand where, counted to a hundred: the list behind the link has them all. */
function Deliveries({ of: query }: { readonly of: Query }): ReactNode {
  return (
    <Container
      header={
        <Header variant="h2" description="Dead ones are not tried any more; they can be sent again.">
          Deliveries
        </Header>
      }
    >
      <KeyValuePairs
        columns={3}
        items={states.map((state) => ({
          label: { delivered: "Delivered", pending: "On their way", dead: "Dead" }[state],
          value: <DeliveryCount of={query} state={state} />,
        }))}
      />
    </Container>
  );
}

interface DeliveryCountProps {
  readonly of: Query;
  readonly state: (typeof states)[number];
}

function DeliveryCount({ of: query, state }: DeliveryCountProps): ReactNode {
  const { data } = useApi<Page<unknown>>("notifications", "/notifications", {
    ...query,
    state,
    limit: countedMax,
  });
  if (data === undefined) return <StatusIndicator type="loading">Counting</StatusIndicator>;
  const count = `${data.items.length}${data.nextCursor === undefined ? "" : "+"}`;
  const type = ({ delivered: "success", pending: "pending", dead: "error" } as const)[state];
  return (
    <StatusIndicator type={data.items.length === 0 ? "stopped" : type}>
      <To to={`/notifications?${new URLSearchParams({ ...query, state })}`}>
        {count === "1" ? "1 notification" : `${count} notifications`}
      </To>
    </StatusIndicator>
  );
}

function Deletion({ target, onClose }: { readonly target: TargetView; readonly onClose: () => void }): ReactNode {
  const change = useChange<void>({
    run: () => send("DELETE", `/notification-targets/${encodeURIComponent(target.id)}`),
    done: () => "The target was deleted.",
    isQuiet: true,
  });
  return (
    <ConfirmDialog
      title="Delete this target?"
      confirmText="Delete"
      isSending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate(undefined, { onSuccess: onClose })}
    >
      {target.url} gets nothing any more, and what is on its way to it becomes dead.
      {target.product === undefined && target.buyer === undefined && " It is the target of all products of the seller."}
    </ConfirmDialog>
  );
}
