/** Making a notification target. */
import Alert from "@cloudscape-design/components/alert";
import Checkbox from "@cloudscape-design/components/checkbox";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useState } from "react";
import { errorAt, FormDialog, filled } from "../../parts/dialogs.tsx";
import { send, useChange } from "../../parts/query.ts";
import type { TargetOwner } from "./types.ts";

interface Queue {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

interface TargetForm {
  readonly kind: "http" | "sqs";
  readonly url: string;
  readonly isOfAll: boolean;
  readonly sns: boolean;
  readonly eventbridge: boolean;
  readonly rawDelivery: boolean;
  readonly sqs: Queue;
}

const empty: TargetForm = {
  kind: "http",
  url: "",
  isOfAll: false,
  sns: true,
  eventbridge: true,
  rawDelivery: false,
  sqs: { endpoint: "", region: "", accessKeyId: "", secretAccessKey: "" },
};

interface PartProps {
  readonly form: TargetForm;
  readonly set: (changed: Partial<TargetForm>) => void;
  readonly error: unknown;
}

interface TargetCreationProps {
  readonly owner: TargetOwner;
  readonly onClose: () => void;
}

export function TargetCreation({ owner, onClose }: TargetCreationProps): ReactNode {
  const [form, setForm] = useState(empty);
  const set = (changed: Partial<TargetForm>): void => setForm((before) => ({ ...before, ...changed }));
  const change = useChange<TargetForm, { readonly state: string }>({
    run: (given) => send("POST", "/notification-targets", bodyOf(owner, given)),
    done: ({ state }) =>
      state === "ready" ? "The target was created." : "The target was created, and its endpoint is asked to confirm.",
    isQuiet: true,
  });
  const { error } = change;
  const queueMembers = ["endpoint", "region", "accessKeyId", "secretAccessKey"].map((member) => `sqs/${member}`);
  return (
    <FormDialog
      title="Create notification target"
      submitText="Create"
      isSending={change.isPending}
      error={error}
      fields={["kind", "url", "forms", "product", "buyer", ...queueMembers]}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: onClose })}
    >
      <Place form={form} set={set} error={error} />
      {!("buyer" in owner) && <What form={form} set={set} error={error} />}
      {form.kind === "sqs" && <QueueAccess form={form} set={set} error={error} />}
    </FormDialog>
  );
}

/** A buyer has no choice: all its events. */
function What({ form, set, error }: PartProps): ReactNode {
  return (
    <>
      <FormField label="Notifications of">
        <RadioGroup
          value={form.isOfAll ? "all" : "one"}
          onChange={({ detail }) => set({ isOfAll: detail.value === "all" })}
          items={[
            { value: "one", label: "This product" },
            { value: "all", label: "All products of the seller" },
          ]}
        />
      </FormField>
      <FormField label="What it gets" errorText={errorAt(error, "forms")}>
        <SpaceBetween size="xs">
          <Checkbox checked={form.sns} onChange={({ detail }) => set({ sns: detail.checked })}>
            SNS messages
          </Checkbox>
          <Checkbox checked={form.eventbridge} onChange={({ detail }) => set({ eventbridge: detail.checked })}>
            EventBridge events
          </Checkbox>
          <Checkbox
            checked={form.rawDelivery}
            disabled={!form.sns}
            onChange={({ detail }) => set({ rawDelivery: detail.checked })}
            description="The message alone, as with raw message delivery of SNS"
          >
            SNS messages without their envelope
          </Checkbox>
        </SpaceBetween>
      </FormField>
      {form.kind === "http" && form.sns && (
        <Alert type="info">
          The endpoint gets a SubscriptionConfirmation first, as from SNS, and messages once it has visited its
          SubscribeURL. It can be confirmed here, too.
        </Alert>
      )}
    </>
  );
}

function Place({ form, set, error }: PartProps): ReactNode {
  return (
    <>
      <FormField label="Kind" errorText={errorAt(error, "kind")}>
        <RadioGroup
          value={form.kind}
          onChange={({ detail }) => set({ kind: detail.value === "sqs" ? "sqs" : "http" })}
          items={[
            { value: "http", label: "HTTP", description: "Posted to an endpoint of yours" },
            { value: "sqs", label: "SQS", description: "Put into a queue, of AWS or of an emulator" },
          ]}
        />
      </FormField>
      <FormField label={form.kind === "http" ? "Endpoint" : "Queue URL"} errorText={errorAt(error, "url")}>
        <Input
          value={form.url}
          inputMode="url"
          spellcheck={false}
          placeholder={
            form.kind === "http"
              ? "https://example.com/notifications"
              : "https://sqs.us-east-1.amazonaws.com/111122223333/queue"
          }
          onChange={({ detail }) => set({ url: detail.value.trim() })}
        />
      </FormField>
    </>
  );
}

function QueueAccess({ form, set, error }: PartProps): ReactNode {
  const text = (member: keyof Queue, label: string, type: "text" | "password" = "text"): ReactNode => (
    <FormField label={label} errorText={errorAt(error, `sqs/${member}`)}>
      <Input
        value={form.sqs[member]}
        type={type}
        autoComplete={false}
        spellcheck={false}
        onChange={({ detail }) => set({ sqs: { ...form.sqs, [member]: detail.value.trim() } })}
      />
    </FormField>
  );
  return (
    <ExpandableSection
      headerText="How to reach the queue"
      headerDescription="What is left empty comes from the server’s environment."
    >
      <SpaceBetween size="m">
        {text("endpoint", "Endpoint of SQS")}
        {text("region", "Region")}
        {text("accessKeyId", "Access key id")}
        {text("secretAccessKey", "Secret access key", "password")}
      </SpaceBetween>
    </ExpandableSection>
  );
}

function bodyOf(owner: TargetOwner, form: TargetForm): Record<string, unknown> {
  const queue = filled({ ...form.sqs });
  const place = {
    kind: form.kind,
    url: form.url,
    ...(form.kind === "sqs" && Object.keys(queue).length > 0 ? { sqs: queue } : {}),
  };
  if ("buyer" in owner) return { buyer: owner.buyer, ...place };
  return {
    seller: owner.seller,
    ...(form.isOfAll ? {} : { product: owner.code }),
    ...place,
    forms: [...(form.sns ? ["sns"] : []), ...(form.eventbridge ? ["eventbridge"] : [])],
    ...(form.sns && form.rawDelivery ? { rawDelivery: true } : {}),
  };
}
