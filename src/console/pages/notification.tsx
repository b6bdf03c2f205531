/** One notification: what was sent, and how far it has come on its way to each target. */
import "../parts/lists.css";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator, { type StatusIndicatorProps } from "@cloudscape-design/components/status-indicator";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import Tabs from "@cloudscape-design/components/tabs";
import type { ReactNode } from "react";
import { useParams as usePath } from "wouter";
import type { Page } from "../api.ts";
import { ChangeButton } from "../parts/changeButton.tsx";
import { CopyBlock, CopyValue } from "../parts/copy.tsx";
import { To } from "../parts/link.tsx";
import { Failed, Nothing } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { send, useApi, useChange } from "../parts/query.ts";
import { Time } from "../parts/time.tsx";
import { unless } from "../parts/unless.ts";
import { agreementView, formTexts, type NotificationItem, recipientText } from "./notifications.tsx";

interface Delivery {
  readonly target: string;
  readonly state: "pending" | "delivered" | "dead";
  readonly attempts: readonly Attempt[];
  readonly nextAttemptAt?: string;
}

interface Attempt {
  readonly at: string;
  readonly status?: number;
  readonly error?: string;
}

interface Detail extends NotificationItem {
  readonly deliveries: readonly Delivery[];
}

interface Target {
  readonly id: string;
  readonly kind: "http" | "sqs";
  readonly url: string;
  readonly rawDelivery: boolean;
  readonly state: "ready" | "unconfirmed";
}

/** Deliveries go on without the stream telling of them. */
const askEveryMs = 2_000;

export function NotificationDetail(): ReactNode {
  const { id = "" } = usePath<{ id: string }>();
  const path = `/notifications/${encodeURIComponent(id)}`;
  const { data, error } = useApi<Detail>("notifications", path, {}, { everyMs: askEveryMs });
  // What is kept of another notification while this one is asked for is not this one's.
  const shown = data?.id === id ? data : undefined;
  if (shown === undefined) {
    return (
      <ContentLayout header={<Header variant="h1">Notification</Header>}>
        {error !== null && <Failed error={error} />}
      </ContentLayout>
    );
  }
  return (
    <ContentLayout header={<Header variant="h1">{shown.name}</Header>}>
      <SpaceBetween size="l">
        <Facts notification={shown} />
        <Deliveries notification={shown} path={path} />
        <Message notification={shown} />
      </SpaceBetween>
    </ContentLayout>
  );
}

function Facts({ notification }: { readonly notification: Detail }): ReactNode {
  const { id, at, form, seller, buyer, product, agreement, topicArn } = notification;
  return (
    <Container header={<Header variant="h2">Details</Header>}>
      <KeyValuePairs
        columns={3}
        items={[
          { label: "Published", value: <Time at={at} /> },
          { label: "Form", value: formTexts[form] },
          { label: "Id", value: <CopyValue value={id} what="the id" /> },
          { label: "Product", value: <To to={`/products/${encodeURIComponent(product)}`}>{product}</To> },
          {
            label: "Agreement",
            value: agreement === undefined ? "–" : <To to={agreementView(agreement)}>{agreement}</To>,
          },
          {
            label: "Told to",
            value: <To to={`/customers/${encodeURIComponent(buyer ?? seller)}`}>{recipientText(notification)}</To>,
          },
          ...(topicArn === undefined ? [] : [{ label: "Topic", value: topicArn }]),
        ]}
      />
    </Container>
  );
}

const stateTypes: Readonly<Record<Delivery["state"], StatusIndicatorProps.Type>> = {
  pending: "pending",
  delivered: "success",
  dead: "error",
};

function Deliveries({ notification, path }: { readonly notification: Detail; readonly path: string }): ReactNode {
  const { deliveries, seller, buyer } = notification;
  const owner = buyer === undefined ? { seller } : { buyer };
  const { data: targets } = useApi<Page<Target>>("targets", "/notification-targets", { ...owner, limit: 1_000 });
  const resend = useChange<string | undefined, Detail>({
    run: (target) => send<Detail>("POST", `${path}/resend`, target === undefined ? {} : { target }),
    done: (_, target) => (target === undefined ? "It is on its way to all targets again." : "It is on its way again."),
  });
  const known = new Map(targets?.items.map((target) => [target.id, target]));
  const again = (target?: string): ReactNode => (
    <ChangeButton
      variant={target === undefined ? "normal" : "inline-link"}
      loading={resend.isPending && resend.variables === target}
      {...(target === undefined ? {} : { ariaLabel: `Send again to ${nameOf(known, target)}` })}
      {...unless(target === undefined && deliveries.length === 0 ? "It went to no target." : undefined)}
      onClick={() => resend.mutate(target)}
    >
      {target === undefined ? "Send to all again" : "Send again"}
    </ChangeButton>
  );
  const columns: readonly TableProps.ColumnDefinition<Delivery>[] = [
    { id: "target", header: "Target", isRowHeader: true, cell: ({ target }) => <TargetOf id={target} known={known} /> },
    {
      id: "state",
      header: "State",
      cell: ({ state }) => <StatusIndicator type={stateTypes[state]}>{state}</StatusIndicator>,
    },
    { id: "attempts", header: "Attempts (wall clock)", cell: ({ attempts }) => <Attempts of={attempts} /> },
    { id: "next", header: "Next attempt", cell: ({ nextAttemptAt }) => <Time at={nextAttemptAt} /> },
    { id: "again", header: "Actions", cell: ({ target }) => again(target) },
  ];
  return (
    <Table
      header={
        <Header variant="h2" counter={`(${deliveries.length})`} actions={again()}>
          Deliveries
        </Header>
      }
      items={deliveries}
      columnDefinitions={columns}
      trackBy="target"
      wrapLines
      ariaLabels={{ tableLabel: "Deliveries" }}
      empty={
        <Nothing
          title="It went nowhere"
          text="No notification target of this account wanted it when it was published."
          action={<To to="/settings">Set a target up</To>}
        />
      }
    />
  );
}

type Known = ReadonlyMap<string, Target>;

function nameOf(known: Known, id: string): string {
  return known.get(id)?.url ?? id;
}

function TargetOf({ id, known }: { readonly id: string; readonly known: Known }): ReactNode {
  const target = known.get(id);
  if (target === undefined) {
    return (
      <>
        {id}
        <Box color="text-body-secondary" fontSize="body-s">
          The target is gone
        </Box>
      </>
    );
  }
  const notes = [
    target.kind === "sqs" ? "Queue" : "HTTP endpoint",
    ...(target.rawDelivery ? ["without the envelope"] : []),
    ...(target.state === "unconfirmed" ? ["not confirmed"] : []),
  ];
  return (
    <>
      {target.url}
      <Box color="text-body-secondary" fontSize="body-s">
        {notes.join(", ")}
      </Box>
    </>
  );
}

function Attempts({ of: attempts }: { readonly of: readonly Attempt[] }): ReactNode {
  if (attempts.length === 0) return "None yet";
  return (
    <ul className="plain-list">
      {attempts.map(({ at, status, error }, place) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: two attempts may have the same time, and none goes away
        <li key={place}>
          <Time at={at} /> {status === undefined ? "" : `· ${status} `}
          {error !== undefined && (
            <Box variant="span" color="text-status-error">
              · {error}
            </Box>
          )}
        </li>
      ))}
    </ul>
  );
}

function Message({ notification }: { readonly notification: Detail }): ReactNode {
  const [{ view }, set] = useParams(["view"]);
  const { form, body } = notification;
  const message = <CopyBlock text={pretty(body)} what="the message" />;
  if (form === "eventbridge") {
    return (
      <Container header={<Header description="The whole event, as targets get it">Event</Header>}>{message}</Container>
    );
  }
  return (
    <Container header={<Header variant="h2">Message</Header>}>
      <Tabs
        ariaLabel="The message"
        activeTabId={view === "envelope" ? "envelope" : "message"}
        onChange={({ detail }) => set({ view: detail.activeTabId === "envelope" ? "envelope" : "" })}
        tabs={[
          { id: "message", label: "Message", content: message },
          { id: "envelope", label: "In its envelope", content: <Envelope notification={notification} /> },
        ]}
      />
    </Container>
  );
}

/** As SNS posts it; the rest of its members is made for each target when it is sent. */
function Envelope({ notification: { id, at, topicArn = "", body } }: { readonly notification: Detail }): ReactNode {
  const envelope = { Type: "Notification", MessageId: id, TopicArn: topicArn, Message: body, Timestamp: at };
  return (
    <SpaceBetween size="s">
      <Box>
        Targets without raw delivery get this. SignatureVersion, Signature, SigningCertURL and UnsubscribeURL are added
        when it is sent.
      </Box>
      <CopyBlock text={JSON.stringify(envelope, null, 2)} what="the message in its envelope" />
    </SpaceBetween>
  );
}

/** JSON text with line breaks; what is no JSON comes out as it is. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
