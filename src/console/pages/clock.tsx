/** The business clock: what it shows, how it goes, moves of it, and what they bring. */
import "../parts/lists.css";
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import ProgressBar from "@cloudscape-design/components/progress-bar";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type ReactNode, useRef } from "react";
import { ChangeButton } from "../parts/changeButton.tsx";
import { Failed } from "../parts/list.tsx";
import { send, useChange } from "../parts/query.ts";
import { Time, utcText } from "../parts/time.tsx";
import { unless } from "../parts/unless.ts";
import { DueList } from "./clock/due.tsx";
import { Moves } from "./clock/moves.tsx";
import { type ClockView, isoOf, type Move, type Ticking, useTicking } from "./clock/ticking.ts";

export function Clock(): ReactNode {
  const move = useChange<Move, ClockView>({
    run: ({ deed, ...body }) => send<ClockView>("POST", `/clock/${deed}`, body),
    done: (clock, { deed }) => `${doneText(deed)}: ${utcText(clock.now)} UTC.`,
    // A form tells what is wrong with its own members.
    isQuiet: true,
  });
  const ticking = useTicking(move.isPending);
  const { clock, error } = ticking;
  const isMoving = move.isPending || clock?.movingTo !== undefined;
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Usage windows, terms, tokens and notifications follow the business clock. Signatures, rates and deliveries stay on the wall clock."
        >
          Clock
        </Header>
      }
    >
      <SpaceBetween size="l">
        {clock === undefined && error !== null && <Failed error={error} />}
        {clock !== undefined && <Now ticking={ticking} clock={clock} isMoving={isMoving} move={move.mutate} />}
        {clock !== undefined && (
          <Moves
            clock={clock}
            businessAt={ticking.businessAt}
            isMoving={isMoving}
            error={move.error}
            failed={move.error === null ? undefined : move.variables}
            move={move.mutate}
          />
        )}
        <DueList />
      </SpaceBetween>
    </ContentLayout>
  );
}

function doneText(deed: Move["deed"]): string {
  if (deed === "run") return "The clock runs, from";
  return deed === "follow" ? "The clock follows the wall clock" : "The clock stands still";
}

interface NowProps {
  readonly ticking: Ticking;
  readonly clock: ClockView;
  readonly isMoving: boolean;
  readonly move: (move: Move) => void;
}

function Now({ ticking, clock, isMoving, move }: NowProps): ReactNode {
  const { businessAt, wallAt } = ticking;
  const wait = isMoving ? "A move is under way." : undefined;
  const stopReason = wait ?? (clock.mode === "standing" ? "It stands still already." : undefined);
  const followReason = wait ?? (clock.mode === "following" ? "It follows the wall clock already." : undefined);
  return (
    <Container
      header={
        <Header
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <ChangeButton {...unless(stopReason)} onClick={() => move({ deed: "freeze" })}>
                Freeze
              </ChangeButton>
              <ChangeButton {...unless(followReason)} onClick={() => move({ deed: "follow" })}>
                Follow the wall clock
              </ChangeButton>
            </SpaceBetween>
          }
        >
          Now
        </Header>
      }
    >
      <SpaceBetween size="l">
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Business time", value: <BigTime at={businessAt} name="Business time now" /> },
            { label: "Wall time", value: <BigTime at={wallAt} name="Wall time now" /> },
            { label: "How it goes", value: <Mode clock={clock} isMoving={isMoving} /> },
            { label: "Difference", value: differenceText(businessAt - wallAt) },
          ]}
        />
        {clock.movingTo !== undefined && <Progress now={clock.now} to={clock.movingTo} />}
      </SpaceBetween>
    </Container>
  );
}

function BigTime({ at, name }: { readonly at: number; readonly name: string }): ReactNode {
  return (
    <Box fontSize="heading-m" fontWeight="bold">
      <span role="timer" aria-live="off" aria-label={name} className="ticking">
        <Time at={isoOf(at)} />
      </span>
    </Box>
  );
}

function Mode({ clock, isMoving }: { readonly clock: ClockView; readonly isMoving: boolean }): ReactNode {
  if (isMoving) return <StatusIndicator type="in-progress">Moving</StatusIndicator>;
  if (clock.mode === "standing") return <StatusIndicator type="stopped">Stands still</StatusIndicator>;
  if (clock.mode === "following") return <StatusIndicator type="success">Follows the wall clock</StatusIndicator>;
  return <StatusIndicator type="in-progress">Runs {clock.rate} times as fast as the wall clock</StatusIndicator>;
}

function Progress({ now, to }: { readonly now: string; readonly to: string }): ReactNode {
  // Where it was when it was first seen to be on its way there.
  const seen = useRef({ to, from: now });
  if (seen.current.to !== to) seen.current = { to, from: now };
  const from = Date.parse(seen.current.from);
  const whole = Date.parse(to) - from;
  const share = whole <= 0 ? 1 : (Date.parse(now) - from) / whole;
  return (
    <SpaceBetween size="s">
      <ProgressBar
        label={`Moving to ${utcText(to)} UTC`}
        value={Math.max(0, Math.min(100, Math.round(share * 100)))}
        additionalInfo={`At ${utcText(now)} UTC. It stops at everything that is due on the way.`}
      />
      <Alert type="info">You may leave this page: the server goes on with the move.</Alert>
    </SpaceBetween>
  );
}

const daySec = 86_400;

function differenceText(ms: number): string {
  const all = Math.round(Math.abs(ms) / 1_000);
  if (all < 2) return "None";
  const days = Math.floor(all / daySec);
  const hours = Math.floor((all % daySec) / 3_600);
  const minutes = Math.floor((all % 3_600) / 60);
  const parts = [days > 0 && `${days} d`, hours > 0 && `${hours} h`, days === 0 && minutes > 0 && `${minutes} min`];
  const text = parts.filter((part) => part !== false).join(" ") || `${all} s`;
  return `${text} ${ms > 0 ? "ahead of" : "behind"} the wall clock`;
}
