/** Moves of the business clock. */
import Alert from "@cloudscape-design/components/alert";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import DatePicker from "@cloudscape-design/components/date-picker";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import TimeInput from "@cloudscape-design/components/time-input";
import { type ReactNode, useState } from "react";
import { ApiProblem } from "../../api.ts";
import { ProblemText } from "../../flash.tsx";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { errorAt } from "../../parts/dialogs.tsx";
import { utcText } from "../../parts/time.tsx";
import { unless } from "../../parts/unless.ts";
import { type ClockView, isoOf, type Move, monthEndAfter } from "./ticking.ts";

interface MovesProps {
  readonly clock: ClockView;
  readonly businessAt: number;
  readonly isMoving: boolean;
  /** Of the last move, which is `failed`. */
  readonly error: unknown;
  readonly failed: Move | undefined;
  readonly move: (move: Move) => void;
}

export function Moves(props: MovesProps): ReactNode {
  const { error, failed, isMoving, move } = props;
  const wait = isMoving ? "A move is under way." : undefined;
  const isFieldError = error instanceof ApiProblem && error.errors.length > 0;
  const form = { wait, move };
  return (
    <Container
      header={
        <Header description="Forward, it stops at everything that is due on the way, in order. Back, nothing is done or undone.">
          Move
        </Header>
      }
    >
      <SpaceBetween size="l">
        {error !== null && error !== undefined && !isFieldError && (
          <Alert type="error" header="The clock was not moved, or not all the way">
            <ProblemText error={error} />
          </Alert>
        )}
        <Steps {...props} wait={wait} />
        <ColumnLayout columns={3} variant="text-grid">
          <AdvanceForm {...form} error={failed?.deed === "advance" ? errorAt(error, "by") : undefined} />
          <SetForm {...form} clock={props.clock} error={failed?.deed === "set" ? errorAt(error, "to") : undefined} />
          <RunForm {...form} error={failed?.deed === "run" ? errorAt(error, "rate") : undefined} />
        </ColumnLayout>
      </SpaceBetween>
    </Container>
  );
}

function Steps({ clock, businessAt, move, wait }: MovesProps & { readonly wait: string | undefined }): ReactNode {
  const monthEnd = isoOf(monthEndAfter(businessAt));
  const next = clock.nextDue;
  // What is overdue is done by the server itself; the clock would go back for it.
  const isAhead = next !== undefined && Date.parse(next.at) > businessAt;
  const nextReason = wait ?? (isAhead ? undefined : "Nothing is due, as things stand.");
  return (
    <FormField label="Forward by" description="It stands still there." stretch>
      <SpaceBetween direction="horizontal" size="xs">
        <ChangeButton {...unless(wait)} onClick={() => move({ deed: "advance", by: "1h" })}>
          An hour
        </ChangeButton>
        <ChangeButton {...unless(wait)} onClick={() => move({ deed: "advance", by: "1d" })}>
          A day
        </ChangeButton>
        <ChangeButton {...unless(wait)} onClick={() => move({ deed: "set", to: monthEnd })}>
          To the end of the month, {utcText(monthEnd, "day")}
        </ChangeButton>
        <ChangeButton {...unless(nextReason)} onClick={() => next !== undefined && move({ deed: "set", to: next.at })}>
          {next === undefined || !isAhead ? "To the next due thing" : `To the next due thing, ${utcText(next.at)}`}
        </ChangeButton>
      </SpaceBetween>
    </FormField>
  );
}

interface FormProps {
  /** Why no move can begin now. */
  readonly wait: string | undefined;
  readonly error: string | undefined;
  readonly move: (move: Move) => void;
}

function AdvanceForm({ wait, error, move }: FormProps): ReactNode {
  const [by, setBy] = useState("");
  const reason = wait ?? (by.trim() === "" ? "Type how far." : undefined);
  return (
    <Sent onSubmit={() => reason === undefined && move({ deed: "advance", by: by.trim() })}>
      <FormField
        label="Forward by another time"
        constraintText="A number with s, m, h or d, such as 90s or 36h"
        {...(error === undefined ? {} : { errorText: error })}
      >
        <Input value={by} placeholder="36h" onChange={({ detail }) => setBy(detail.value)} />
      </FormField>
      <ChangeButton formAction="submit" {...unless(reason)}>
        Advance
      </ChangeButton>
    </Sent>
  );
}

function SetForm({ clock, wait, error, move }: FormProps & { readonly clock: ClockView }): ReactNode {
  const [day, setDay] = useState("");
  const [time, setTime] = useState("");
  const to = instantOf(day, time);
  const isBack = to !== undefined && Date.parse(to) < Date.parse(clock.now);
  const reason = wait ?? (to === undefined ? "Choose a day and a time." : undefined);
  return (
    <Sent onSubmit={() => reason === undefined && to !== undefined && move({ deed: "set", to })}>
      <SpaceBetween direction="horizontal" size="xs">
        <FormField
          label="To a day"
          constraintText="In UTC; without a time, midnight"
          {...(error === undefined ? {} : { errorText: error })}
          {...(isBack ? { warningText: "That is back in time: what was done stays done." } : {})}
        >
          <DatePicker
            value={day}
            placeholder="YYYY/MM/DD"
            openCalendarAriaLabel={(chosen) => `Choose a day${chosen === null ? "" : `; ${chosen} is chosen`}`}
            onChange={({ detail }) => setDay(detail.value)}
          />
        </FormField>
        <FormField label="Time in UTC">
          <TimeInput value={time} placeholder="hh:mm:ss" onChange={({ detail }) => setTime(detail.value)} />
        </FormField>
      </SpaceBetween>
      <ChangeButton formAction="submit" {...unless(reason)}>
        Set
      </ChangeButton>
    </Sent>
  );
}

function RunForm({ wait, error, move }: FormProps): ReactNode {
  const [rate, setRate] = useState("");
  const reason = wait ?? (rate.trim() === "" ? "Type how fast." : undefined);
  const given = Number(rate);
  return (
    <Sent
      onSubmit={() => reason === undefined && move({ deed: "run", rate: Number.isFinite(given) ? given : rate.trim() })}
    >
      <FormField
        label="Run so many times as fast"
        constraintText="3600 is an hour a second, 0.5 half speed; at most 1,000,000"
        {...(error === undefined ? {} : { errorText: error })}
      >
        <Input value={rate} inputMode="decimal" placeholder="60" onChange={({ detail }) => setRate(detail.value)} />
      </FormField>
      <ChangeButton formAction="submit" {...unless(reason)}>
        Run
      </ChangeButton>
    </Sent>
  );
}

function Sent({ onSubmit, children }: { readonly onSubmit: () => void; readonly children: ReactNode }): ReactNode {
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      <SpaceBetween size="s">{children}</SpaceBetween>
    </form>
  );
}

/** Of a day and a time as the fields hold them, which may be half typed. */
function instantOf(day: string, time: string): string | undefined {
  const [hour = "00", minute = "00", second = "00"] = time === "" ? [] : time.split(":");
  const text = `${day}T${hour}:${minute}:${second}Z`;
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : undefined;
}
