/** What an agreement grants: GetEntitlements answers it. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { ConfirmDialog, errorAt, FormDialog } from "../../parts/dialogs.tsx";
import { ServerList } from "../../parts/list.tsx";
import { send, useChange } from "../../parts/query.ts";
import { Time } from "../../parts/time.tsx";
import { unless } from "../../parts/unless.ts";
import { useSession } from "../../session.tsx";
import type { ProductView } from "../product/types.ts";
import type { AgreementView } from "./types.ts";
import { type EntitlementValue, givenValueOf, valueText } from "./values.ts";

export interface EntitlementView {
  readonly product: string;
  readonly buyer: string;
  readonly dimension: string;
  readonly license?: string;
  readonly value: EntitlementValue;
  readonly expiresAt: string;
}

interface EntitlementsProps {
  readonly agreement: AgreementView;
  readonly product: ProductView;
}

type Chosen = { readonly deed: "add" } | { readonly deed: "change" | "remove"; readonly entitlement: EntitlementView };

export function Entitlements({ agreement, product }: EntitlementsProps): ReactNode {
  const [chosen, setChosen] = useState<Chosen>();
  const { canChange } = useSession();
  const close = (): void => setChosen(undefined);
  const dimensions = product.dimensions.filter(({ kind }) => kind === "entitlement").map(({ name }) => name);
  const add = (
    <ChangeButton
      onClick={() => setChosen({ deed: "add" })}
      {...unless(
        dimensions.length === 0 ? "The product has no entitlement dimension; add one to it first." : undefined,
      )}
    >
      Grant entitlement
    </ChangeButton>
  );
  return (
    <>
      <ServerList<EntitlementView>
        kind="entitlements"
        path="/entitlements"
        query={{ product: agreement.product, buyer: agreement.buyer }}
        title="Entitlements"
        description="Of this buyer and product; those with a licence are of the agreement that holds it."
        headingLevel="h2"
        variant="container"
        columns={columnsOf(agreement, canChange ? setChosen : undefined)}
        keyOf={({ dimension, license }) => `${dimension} ${license ?? ""}`}
        actions={add}
        empty={{
          title: "No entitlements",
          text: "Contracts grant what their offer says. GetEntitlements answers an empty list until something is granted.",
        }}
      />
      {(chosen?.deed === "add" || chosen?.deed === "change") && (
        <Change
          agreement={agreement}
          dimensions={dimensions}
          known={chosen.deed === "change" ? chosen.entitlement : undefined}
          onClose={close}
        />
      )}
      {chosen?.deed === "remove" && <Removal entitlement={chosen.entitlement} onClose={close} />}
    </>
  );
}

function columnsOf(
  agreement: AgreementView,
  choose: ((chosen: Chosen) => void) | undefined,
): TableProps.ColumnDefinition<EntitlementView>[] {
  return [
    { id: "dimension", header: "Dimension", cell: ({ dimension }) => dimension, isRowHeader: true, width: 200 },
    { id: "value", header: "Value", cell: ({ value }) => valueText(value), width: 140 },
    { id: "expires", header: "Expires", cell: ({ expiresAt }) => <Time at={expiresAt} to="minute" />, width: 200 },
    {
      id: "license",
      header: "Licence",
      cell: ({ license }) => {
        if (license === undefined) return "Any";
        return license === agreement.license ? "This agreement’s" : license;
      },
      width: 220,
    },
    ...(choose === undefined
      ? []
      : [
          {
            id: "actions",
            header: "Actions",
            width: 160,
            cell: (entitlement: EntitlementView) => (
              <SpaceBetween direction="horizontal" size="s">
                <Button
                  variant="inline-link"
                  ariaLabel={`Change ${entitlement.dimension}`}
                  onClick={() => choose({ deed: "change", entitlement })}
                >
                  Change
                </Button>
                <Button
                  variant="inline-link"
                  ariaLabel={`Take away ${entitlement.dimension}`}
                  onClick={() => choose({ deed: "remove", entitlement })}
                >
                  Take away
                </Button>
              </SpaceBetween>
            ),
          },
        ]),
  ];
}

const told =
  "The seller is told entitlement-updated by Amazon SNS, where the product sends messages, and Purchase Agreement Amended and License Updated by EventBridge. GetEntitlements answers the new value at once.";

interface ChangeProps {
  readonly agreement: AgreementView;
  readonly dimensions: readonly string[];
  readonly known: EntitlementView | undefined;
  readonly onClose: () => void;
}

function Change({ agreement, dimensions, known, onClose }: ChangeProps): ReactNode {
  const [dimension, setDimension] = useState(known?.dimension ?? dimensions[0] ?? "");
  const [value, setValue] = useState(known === undefined ? "" : valueText(known.value));
  const [expiresAt, setExpiresAt] = useState(known?.expiresAt ?? "");
  const change = useChange<void>({
    run: () => {
      const license = known === undefined ? agreement.license : known.license;
      return send("PUT", "/entitlements", {
        ...{ product: agreement.product, buyer: agreement.buyer, dimension },
        ...(license === undefined ? {} : { license }),
        value: givenValueOf(value, known?.value),
        ...(expiresAt.trim() === "" ? {} : { expiresAt: expiresAt.trim() }),
      });
    },
    done: () => `The buyer is entitled to ${dimension} = ${value}.`,
    isQuiet: true,
  });
  const { error } = change;
  return (
    <FormDialog
      title={known === undefined ? "Grant entitlement" : `Change ${known.dimension}`}
      submitText={known === undefined ? "Grant" : "Change"}
      isSending={change.isPending}
      error={error}
      fields={["dimension", "value", "expiresAt", "license"]}
      onClose={onClose}
      onSubmit={() => change.mutate(undefined, { onSuccess: onClose })}
    >
      {known === undefined && (
        <FormField label="Dimension" errorText={errorAt(error, "dimension")}>
          <Select
            selectedOption={{ value: dimension, label: dimension }}
            options={dimensions.map((name) => ({ value: name, label: name }))}
            onChange={({ detail }) => setDimension(detail.selectedOption.value ?? "")}
          />
        </FormField>
      )}
      <FormField
        label="Value"
        constraintText="A number, true or false, or words"
        errorText={errorAt(error, "value") ?? errorAt(error, "license")}
      >
        <Input value={value} onChange={({ detail }) => setValue(detail.value)} />
      </FormField>
      <FormField
        label="Expires"
        constraintText="UTC, such as 2027-01-31T00:00:00Z; empty: with the term, or in a year"
        errorText={errorAt(error, "expiresAt")}
      >
        <Input value={expiresAt} spellcheck={false} onChange={({ detail }) => setExpiresAt(detail.value)} />
      </FormField>
      <Alert type="info">{told}</Alert>
    </FormDialog>
  );
}

function Removal({
  entitlement,
  onClose,
}: {
  readonly entitlement: EntitlementView;
  readonly onClose: () => void;
}): ReactNode {
  const { product, buyer, dimension, license } = entitlement;
  const change = useChange<void>({
    run: () => {
      const key = { product, buyer, dimension, ...(license === undefined ? {} : { license }) };
      return send("DELETE", `/entitlements?${new URLSearchParams(key)}`);
    },
    done: () => `The entitlement ${dimension} was taken away.`,
    isQuiet: true,
  });
  return (
    <ConfirmDialog
      title={`Take ${dimension} away?`}
      confirmText="Take away"
      isSending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate(undefined, { onSuccess: onClose })}
    >
      <Box variant="p">GetEntitlements does not answer it any more. {told.split(". ")[0]}.</Box>
    </ConfirmDialog>
  );
}
