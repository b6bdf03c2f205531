/** Planned faults, and what they did. */
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Pagination from "@cloudscape-design/components/pagination";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table, { type TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";
import { ChangeButton } from "../parts/changeButton.tsx";
import { ConfirmDialog } from "../parts/dialogs.tsx";
import { Failed, Nothing } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { send, useApi, useChange } from "../parts/query.ts";
import { unless } from "../parts/unless.ts";
import { useSession } from "../session.tsx";
import { FaultCalls } from "./faults/calls.tsx";
import { emptyForm, isKind } from "./faults/form.ts";
import { PlanFault } from "./faults/plan.tsx";
import { durationText, kindText, matchText, membersText, type PlannedFault } from "./faults/planned.ts";

export function Faults(): ReactNode {
  const [{ plan }, set] = useParams(["plan"]);
  const { canChange } = useSession();
  const planNew = (
    <ChangeButton variant="primary" onClick={() => set({ plan: emptyForm.kind })}>
      Plan a fault
    </ChangeButton>
  );
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description="Calls that match a planned fault meet what production would do to them. A restart of the server forgets them."
          actions={planNew}
        >
          Faults
        </Header>
      }
    >
      <SpaceBetween size="l">
        <PlannedFaults />
        <FaultCalls />
      </SpaceBetween>
      {plan !== "" && canChange && (
        <PlanFault kind={isKind(plan) ? plan : emptyForm.kind} onClose={() => set({ plan: "" })} />
      )}
    </ContentLayout>
  );
}

const pageSize = 20;

function columns(lift: (item: PlannedFault) => void): readonly TableProps.ColumnDefinition<PlannedFault>[] {
  return [
    { id: "kind", header: "What happens", width: 170, isRowHeader: true, cell: ({ fault }) => kindText(fault.kind) },
    { id: "members", header: "How", width: 190, cell: membersText },
    { id: "match", header: "Which calls", width: 210, cell: matchText },
    { id: "left", header: "How long", width: 180, cell: durationText },
    { id: "matched", header: "Matched", width: 115, cell: ({ matched }) => matched },
    { id: "hits", header: "Hits", width: 80, cell: ({ hits }) => hits },
    {
      id: "actions",
      header: "Actions",
      width: 105,
      cell: (item) => (
        <ChangeButton
          variant="inline-link"
          ariaLabel={`Lift ${kindText(item.fault.kind)}, ${matchText(item)}`}
          onClick={() => lift(item)}
        >
          Lift
        </ChangeButton>
      ),
    },
  ];
}

/** All of them come at once: the server plans at most 1,000. */
function PlannedFaults(): ReactNode {
  // Calls use faults up, so what is said of them changes when calls come.
  const { data, error, isPending } = useApi<{ readonly items: readonly PlannedFault[] }>("calls", "/faults");
  const [index, setIndex] = useState(1);
  const [asked, setAsked] = useState<PlannedFault | "all">();
  const items = data?.items ?? [];
  const pagesCount = Math.max(1, Math.ceil(items.length / pageSize));
  const page = Math.min(index, pagesCount);
  return (
    <>
      <Table
        header={
          <Header
            variant="h2"
            counter={`(${items.length})`}
            description="Of several that end a call, the first planned hits it; delays add up."
            actions={
              <ChangeButton
                {...unless(items.length === 0 ? "No fault is planned." : undefined)}
                onClick={() => setAsked("all")}
              >
                Lift all
              </ChangeButton>
            }
          >
            Planned
          </Header>
        }
        loading={isPending && error === null}
        loadingText="Loading"
        items={items.slice((page - 1) * pageSize, page * pageSize)}
        columnDefinitions={columns(setAsked)}
        trackBy="id"
        resizableColumns
        wrapLines
        enableKeyboardNavigation
        ariaLabels={{ tableLabel: "Planned faults" }}
        pagination={
          items.length > pageSize && (
            <Pagination
              currentPageIndex={page}
              pagesCount={pagesCount}
              onChange={({ detail }) => setIndex(detail.currentPageIndex)}
              ariaLabels={{
                nextPageLabel: "Next page",
                previousPageLabel: "Previous page",
                paginationLabel: "Planned",
              }}
            />
          )
        }
        empty={
          error === null ? (
            <Nothing title="No fault is planned" text="Plan one, then run what meters, and see how it takes it." />
          ) : (
            <Failed error={error} />
          )
        }
      />
      {asked !== undefined && <Lift asked={asked} onClose={() => setAsked(undefined)} />}
    </>
  );
}

function Lift({ asked, onClose }: { readonly asked: PlannedFault | "all"; readonly onClose: () => void }): ReactNode {
  const lift = useChange<void>({
    run: () => send("DELETE", asked === "all" ? "/faults" : `/faults/${encodeURIComponent(asked.id)}`),
    done: () => (asked === "all" ? "All faults are lifted." : "The fault is lifted."),
    isQuiet: true,
  });
  return (
    <ConfirmDialog
      title={asked === "all" ? "Lift all faults?" : "Lift this fault?"}
      confirmText={asked === "all" ? "Lift all" : "Lift it"}
      isSending={lift.isPending}
      error={lift.error}
      onConfirm={() => lift.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      {asked === "all"
        ? "No call is hit any more, and delays and slow bodies that are under way are let go."
        : `${kindText(asked.fault.kind)}, ${matchText(asked)}: no call is hit by it any more. Calls that it holds up are still held up.`}
    </ConfirmDialog>
  );
}
