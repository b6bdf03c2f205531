/** What can be done to an agreement: each is confirmed, with what a seller's code will see of it. */
import Box from "@cloudscape-design/components/box";
import ButtonDropdown, { type ButtonDropdownProps } from "@cloudscape-design/components/button-dropdown";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { readOnlyReason } from "../../parts/changeButton.tsx";
import { ConfirmDialog } from "../../parts/dialogs.tsx";
import { send, useChange } from "../../parts/query.ts";
import { useSession } from "../../session.tsx";
import { formTexts } from "../notifications.tsx";
import { isSaas, type ProductView } from "../product/types.ts";
import { type AgreementAction, agreementActions, toldBy } from "./actionTexts.ts";
import { Amendment } from "./amendment.tsx";
import { Announcing } from "./announcing.tsx";
import { type AgreementState, type AgreementView, agreementPath, states } from "./types.ts";

interface ActionsProps {
  readonly agreement: AgreementView;
  /** Undefined while it is not known yet. */
  readonly product: ProductView | undefined;
}

const announcedIn: readonly AgreementState[] = ["active", "final-hour", "ended"];

export function AgreementActions({ agreement, product }: ActionsProps): ReactNode {
  const [chosen, setChosen] = useState<string>();
  const { canChange } = useSession();
  const close = (): void => setChosen(undefined);
  const action = agreementActions.find(({ id }) => id === chosen);
  return (
    <>
      <ButtonDropdown
        items={itemsOf(agreement.state)}
        disabled={!canChange}
        {...(canChange ? {} : { disabledReason: readOnlyReason })}
        onItemClick={({ detail }) => setChosen(detail.id)}
        expandableGroups={false}
      >
        Actions
      </ButtonDropdown>
      {action !== undefined && <Deed action={action} agreement={agreement} product={product} onClose={close} />}
      {chosen === "amend" && <Amendment agreement={agreement} product={product} onClose={close} />}
      {chosen === "announce" && <Announcing agreement={agreement} onClose={close} />}
    </>
  );
}

function itemsOf(state: AgreementState): ButtonDropdownProps.ItemOrGroup[] {
  const item = (id: string, text: string, allowed: readonly AgreementState[]): ButtonDropdownProps.Item =>
    allowed.includes(state)
      ? { id, text }
      : {
          ...{ id, text, disabled: true },
          disabledReason: `The agreement is ${states[state].name.toLowerCase()}; for this it must be ${allowed
            .map((one) => states[one].name.toLowerCase())
            .join(" or ")}.`,
        };
  return [
    ...agreementActions.map(({ id, text, states: allowed }) => item(id, text, allowed)),
    item("amend", "Amend its terms", ["active"]),
    item("announce", "Announce an event", announcedIn),
  ];
}

interface DeedProps extends ActionsProps {
  readonly action: AgreementAction;
  readonly onClose: () => void;
}

function Deed({ action, agreement, product, onClose }: DeedProps): ReactNode {
  const [, navigate] = useLocation();
  const change = useChange<void, AgreementView>({
    run: () => send("POST", `${agreementPath(agreement.id)}/${action.id}`, {}),
    done: () => action.done,
    isQuiet: true,
  });
  const go = ({ id }: AgreementView): void => {
    onClose();
    // Renewed, or begun anew: the agreement that follows.
    if (id !== agreement.id) navigate(agreementPath(id));
  };
  return (
    <ConfirmDialog
      title={`${action.text}: ${agreement.productTitle ?? agreement.product}?`}
      confirmText={action.text}
      isSending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate(undefined, { onSuccess: go })}
    >
      <SpaceBetween size="m">
        <Box variant="p">{action.meaning}</Box>
        <Told told={toldBy(action, product)} />
        <div>
          <Box variant="awsui-key-label">What the seller’s code sees</Box>
          {action.after[product !== undefined && isSaas(product.type) ? "saas" : "compute"]}
        </div>
      </SpaceBetween>
    </ConfirmDialog>
  );
}

function Told({ told }: { readonly told: ReturnType<typeof toldBy> }): ReactNode {
  return (
    <div>
      <Box variant="awsui-key-label">What the seller is told</Box>
      {told.length === 0
        ? "Nothing."
        : (["sns", "eventbridge"] as const).map((form) => {
            const names = told.filter((one) => one.form === form).map(({ name }) => name);
            return names.length === 0 ? null : (
              <div key={form}>
                {formTexts[form]}: {names.join(", ")}
              </div>
            );
          })}
    </div>
  );
}
