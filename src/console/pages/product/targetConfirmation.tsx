/** Confirming a target: by asking its endpoint once more, or here. */
import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import RadioGroup from "@cloudscape-design/components/radio-group";
import { type ReactNode, useState } from "react";
import { FormDialog } from "../../parts/dialogs.tsx";
import { send, useChange } from "../../parts/query.ts";
import type { TargetView } from "./types.ts";

interface Confirmation {
  readonly target: TargetView;
  readonly attempt?: { readonly status?: number; readonly error?: string };
}

interface TargetConfirmationProps {
  readonly target: TargetView;
  readonly onClose: () => void;
}

export function TargetConfirmation({ target, onClose }: TargetConfirmationProps): ReactNode {
  const [way, setWay] = useState("ask");
  const change = useChange<boolean, Confirmation>({
    run: (force) => send("POST", `/notification-targets/${encodeURIComponent(target.id)}/confirm`, { force }),
    done: doneText,
    isQuiet: true,
  });
  return (
    <FormDialog
      title="Confirm the subscription"
      submitText={way === "ask" ? "Ask" : "Confirm"}
      isSending={change.isPending}
      error={change.error}
      onClose={onClose}
      onSubmit={() => change.mutate(way === "force", { onSuccess: onClose })}
    >
      <Box>
        {target.url} gets no SNS messages before its owner has confirmed: it visits the SubscribeURL of the
        SubscriptionConfirmation. Messages until then are dead and can be sent again.
      </Box>
      <FormField label="How">
        <RadioGroup
          value={way}
          onChange={({ detail }) => setWay(detail.value)}
          items={[
            { value: "ask", label: "Ask the endpoint again", description: "It gets a SubscriptionConfirmation" },
            { value: "force", label: "Confirm it here", description: "Without asking the endpoint" },
          ]}
        />
      </FormField>
    </FormDialog>
  );
}

function doneText({ target, attempt }: Confirmation): string {
  if (target.state === "ready") return "The target is confirmed.";
  if (attempt?.error !== undefined) return `The endpoint was asked, which failed: ${attempt.error}`;
  return `The endpoint was asked and answered ${attempt?.status ?? "nothing yet"}; it has not confirmed so far.`;
}
