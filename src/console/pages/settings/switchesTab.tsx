/** Every switch: looked at, set, and put back to its default. Changes are gathered and saved together. */
import Badge from "@cloudscape-design/components/badge";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Table from "@cloudscape-design/components/table";
import Tiles from "@cloudscape-design/components/tiles";
import { type ReactNode, useState } from "react";
import type { Settings } from "../../../api/settings.ts";
import { ChangeButton, readOnlyReason } from "../../parts/changeButton.tsx";
import { errorAt } from "../../parts/dialogs.tsx";
import { Failed } from "../../parts/list.tsx";
import { send, useApi, useChange } from "../../parts/query.ts";
import { unless } from "../../parts/unless.ts";
import { useSession } from "../../session.tsx";
import { SwitchControl } from "./switchControl.tsx";
import { ruleParts, type SettingView, switchWords, valueText } from "./switches.ts";

interface SettingList {
  readonly items: readonly SettingView[];
}

/** By name; null: back to the default. */
type Draft = Readonly<Partial<Record<keyof Settings, unknown>>>;

interface PartProps {
  readonly items: readonly SettingView[];
  readonly draft: Draft;
  readonly set: (name: keyof Settings, value: unknown) => void;
  readonly error: unknown;
}

export function SwitchesTab(): ReactNode {
  const { data, error, refetch } = useApi<SettingList>("settings", "/settings");
  const [draft, setDraft] = useState<Draft>({});
  const change = useChange<Draft>({
    run: (given) => send("PATCH", "/settings", given),
    done: (_, given) =>
      `Saved: ${Object.keys(given)
        .map((name) => switchWords[name as keyof Settings].label)
        .join(", ")}.`,
    isQuiet: true,
  });
  if (data === undefined) {
    return error === null ? <Spinner size="large" /> : <Failed error={error} again={() => void refetch()} />;
  }
  const set = (name: keyof Settings, value: unknown): void => {
    const known = data.items.find((one) => one.name === name);
    const isBack = value === null ? known?.isDefault === true : same(value, known?.value);
    setDraft((before) => {
      const { [name]: _, ...others } = before;
      return isBack ? others : { ...others, [name]: value };
    });
  };
  const props = { items: data.items, draft, set, error: change.error };
  return (
    <SpaceBetween size="l">
      <Revision {...props} />
      <Switches
        {...props}
        isSaving={change.isPending}
        save={() => change.mutate(draft, { onSuccess: () => setDraft({}) })}
        discard={() => {
          setDraft({});
          change.reset();
        }}
      />
    </SpaceBetween>
  );
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function shown({ name, value, default: standard }: SettingView, draft: Draft): unknown {
  if (!(name in draft)) return value;
  return draft[name] ?? standard;
}

function Revision({ items, draft, set, error }: PartProps): ReactNode {
  const { canChange } = useSession();
  const revision = items.find(({ name }) => name === "revision");
  if (revision === undefined) return null;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="AWS changed the service over the years. Choose the API that your software was written for; the newest is the default."
        >
          Revision <Changed one={revision} draft={draft} />
        </Header>
      }
    >
      <FormField
        label="Revision of the API"
        errorText={errorAt(error, "revision")}
        stretch
        {...(canChange ? {} : { constraintText: readOnlyReason })}
      >
        <Tiles
          value={String(shown(revision, draft))}
          readOnly={!canChange}
          onChange={({ detail }) => set("revision", detail.value)}
          items={(revision.form.enum ?? []).toReversed().map((value) => ({
            value,
            label: value,
            description: switchWords.revision.values?.[value],
          }))}
        />
      </FormField>
    </Container>
  );
}

interface SwitchesProps extends PartProps {
  readonly isSaving: boolean;
  readonly save: () => void;
  readonly discard: () => void;
}

function Switches({ items, draft, set, error, isSaving, save, discard }: SwitchesProps): ReactNode {
  const { canChange } = useSession();
  const count = Object.keys(draft).length;
  return (
    <Table
      items={items.filter(({ name }) => name !== "revision")}
      trackBy="name"
      wrapLines
      ariaLabels={{ tableLabel: "Switches" }}
      header={
        <Header
          variant="h2"
          description="Where AWS’s documents contradict each other or say nothing, a switch chooses. It holds from the next call on."
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button disabled={count === 0} onClick={discard}>
                Discard
              </Button>
              <ChangeButton
                variant="primary"
                loading={isSaving}
                {...unless(count === 0 ? "Nothing was changed yet." : undefined)}
                onClick={save}
              >
                {count === 0 ? "Save changes" : `Save changes (${count})`}
              </ChangeButton>
            </SpaceBetween>
          }
        >
          Switches
        </Header>
      }
      columnDefinitions={[
        { id: "name", header: "Switch", cell: (one) => <Meaning one={one} />, isRowHeader: true, width: "46%" },
        {
          id: "value",
          header: "Value",
          cell: (one) => (
            <SwitchControl
              one={one}
              value={shown(one, draft)}
              onChange={(value) => set(one.name, value)}
              errorText={errorAt(error, one.name)}
              isReadOnly={!canChange}
            />
          ),
          width: "28%",
        },
        { id: "default", header: "Default", cell: (one) => valueText(one.name, one.default) },
        {
          id: "changed",
          header: "Changed",
          cell: (one) => <Standing one={one} draft={draft} reset={canChange ? () => set(one.name, null) : undefined} />,
        },
      ]}
    />
  );
}

interface StandingProps {
  readonly one: SettingView;
  readonly draft: Draft;
  /** undefined: the session may only read. */
  readonly reset: (() => void) | undefined;
}

function Standing({ one, draft, reset }: StandingProps): ReactNode {
  return (
    <SpaceBetween direction="horizontal" size="xs" alignItems="center">
      <Changed one={one} draft={draft} />
      {reset !== undefined && !same(shown(one, draft), one.default) && (
        <Button variant="inline-link" ariaLabel={`Reset ${switchWords[one.name].label}`} onClick={reset}>
          Reset
        </Button>
      )}
    </SpaceBetween>
  );
}

function Meaning({ one }: { readonly one: SettingView }): ReactNode {
  const { ids, text } = ruleParts(one.rule);
  return (
    <>
      <Box fontWeight="bold">{switchWords[one.name].label}</Box>
      <Box>{text.charAt(0).toUpperCase() + text.slice(1)}</Box>
      <Box color="text-body-secondary" fontSize="body-s">
        <Box variant="code">{one.name}</Box> {ids}
      </Box>
    </>
  );
}

function Changed({ one, draft }: { readonly one: SettingView; readonly draft: Draft }): ReactNode {
  if (one.name in draft) return <Badge color="severity-medium">Not saved</Badge>;
  return one.isDefault ? null : <Badge color="blue">Changed</Badge>;
}
