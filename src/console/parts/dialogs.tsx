/** Dialogs: a form that is sent, and the question before something is taken away. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Modal, { type ModalProps } from "@cloudscape-design/components/modal";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useId, useState } from "react";
import { ApiProblem } from "../api.ts";
import { ProblemText } from "../flash.tsx";

interface FormDialogProps {
  readonly title: string;
  readonly submitText: string;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  readonly isSending: boolean;
  /** Of the last try. Members that `fields` names are told at their fields; the rest is told above the buttons. */
  readonly error: unknown;
  readonly fields?: readonly string[];
  readonly size?: ModalProps.Size;
  readonly children: ReactNode;
}

/** Mounted while it is open. */
export function FormDialog(props: FormDialogProps): ReactNode {
  const id = useId();
  return (
    <Modal
      visible
      size={props.size ?? "medium"}
      header={props.title}
      onDismiss={props.onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={props.onClose}>
              Cancel
            </Button>
            <Button variant="primary" form={id} formAction="submit" loading={props.isSending}>
              {props.submitText}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form
        id={id}
        onSubmit={(event) => {
          event.preventDefault();
          if (!props.isSending) props.onSubmit();
        }}
      >
        <Form errorText={<Rest error={props.error} fields={props.fields ?? []} />}>
          <SpaceBetween size="l">{props.children}</SpaceBetween>
        </Form>
      </form>
    </Modal>
  );
}

/** What no field of the form tells. */
function Rest({ error, fields }: { readonly error: unknown; readonly fields: readonly string[] }): ReactNode {
  if (error === null || error === undefined) return undefined;
  if (!(error instanceof ApiProblem) || error.errors.length === 0) return <ProblemText error={error} />;
  const told = new Set(fields.map((field) => error.errorOf(field)));
  const rest = error.errors.filter(({ message }) => !told.has(message));
  if (rest.length === 0) return "Some fields are not right; each says what is wrong.";
  return (
    <>
      {rest.map(({ pointer, field, message }) => (
        <div key={`${pointer ?? field}${message}`}>
          {pointer ?? field}: {message}
        </div>
      ))}
    </>
  );
}

interface ConfirmDialogProps {
  readonly title: string;
  readonly children: ReactNode;
  readonly confirmText: string;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  readonly isSending: boolean;
  readonly error?: unknown;
  /** What must be typed before it is done; for what cannot be brought back. */
  readonly word?: string;
}

export function ConfirmDialog(props: ConfirmDialogProps): ReactNode {
  const [typed, setTyped] = useState("");
  const isReady = props.word === undefined || typed === props.word;
  return (
    <Modal
      visible
      header={props.title}
      onDismiss={props.onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={props.onClose}>
              Cancel
            </Button>
            <Button variant="primary" loading={props.isSending} disabled={!isReady} onClick={props.onConfirm}>
              {props.confirmText}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Box>{props.children}</Box>
        {props.word !== undefined && (
          <FormField label={`To confirm, type “${props.word}”`}>
            <Input
              value={typed}
              placeholder={props.word}
              autoComplete={false}
              onChange={({ detail }) => setTyped(detail.value)}
            />
          </FormField>
        )}
        {props.error !== undefined && props.error !== null && (
          <Alert type="error">
            <ProblemText error={props.error} />
          </Alert>
        )}
      </SpaceBetween>
    </Modal>
  );
}

/** What is wrong with a member, as the last answer says. */
export function errorAt(error: unknown, member: string): string | undefined {
  return error instanceof ApiProblem ? error.errorOf(member) : undefined;
}

/** Members that were left empty are left out: the server then takes its default. */
export function filled<Form extends Readonly<Record<string, unknown>>>(form: Form): Partial<Form> {
  return Object.fromEntries(
    Object.entries(form).filter(([, value]) => value !== undefined && value !== ""),
  ) as Partial<Form>;
}
