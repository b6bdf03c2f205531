/** The offers of a product: the terms under which buyers can take it. */
import Button from "@cloudscape-design/components/button";
import type { TableProps } from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { ConfirmDialog } from "../../parts/dialogs.tsx";
import { ServerList } from "../../parts/list.tsx";
import { send, useChange } from "../../parts/query.ts";
import { Time } from "../../parts/time.tsx";
import { useSession } from "../../session.tsx";
import { OfferCreation } from "./offerCreation.tsx";
import type { ProductView } from "./types.ts";

export interface OfferView {
  readonly id: string;
  readonly title?: string;
  readonly buyers?: readonly string[];
  readonly freeTrialDays?: number;
  readonly termDays?: number;
  readonly autoRenew?: boolean;
  readonly entitlements?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly createdAt: string;
  readonly expiresAt?: string;
}

export function OffersTab({ product }: { readonly product: ProductView }): ReactNode {
  const [isCreating, setIsCreating] = useState(false);
  const [deleting, setDeleting] = useState<OfferView>();
  const { canChange } = useSession();
  return (
    <>
      <ServerList<OfferView>
        kind="offers"
        path="/offers"
        query={{ product: product.code }}
        title="Offers"
        description="Public offers are open to every buyer, private ones to the buyers they name. Without an offer, buyers subscribe until they cancel."
        headingLevel="h2"
        variant="container"
        columns={columnsOf(canChange ? setDeleting : undefined)}
        keyOf={({ id }) => id}
        actions={<ChangeButton onClick={() => setIsCreating(true)}>Create offer</ChangeButton>}
        empty={{
          title: "No offers",
          text: "Buyers can subscribe without one. Create an offer for a free trial, a fixed term or a contract.",
          action: <ChangeButton onClick={() => setIsCreating(true)}>Create the first offer</ChangeButton>,
        }}
      />
      {isCreating && <OfferCreation product={product} onClose={() => setIsCreating(false)} />}
      {deleting !== undefined && <Deletion offer={deleting} onClose={() => setDeleting(undefined)} />}
    </>
  );
}

function columnsOf(remove: ((offer: OfferView) => void) | undefined): TableProps.ColumnDefinition<OfferView>[] {
  return [
    {
      id: "title",
      header: "Title",
      cell: ({ title, id }) => title ?? id,
      isRowHeader: true,
      minWidth: 150,
      width: 230,
    },
    { id: "id", header: "Id", cell: ({ id }) => id, minWidth: 120, width: 185 },
    {
      id: "buyers",
      header: "Open to",
      cell: ({ buyers }) => (buyers === undefined ? "Everybody" : buyers.join(", ")),
      minWidth: 110,
      width: 130,
    },
    { id: "terms", header: "Terms", cell: termsText, minWidth: 120, width: 170 },
    { id: "grants", header: "Grants", cell: grantsText, minWidth: 120, width: 160 },
    {
      id: "expires",
      header: "Can be taken until",
      cell: ({ expiresAt }) => (expiresAt === undefined ? "No end" : <Time at={expiresAt} to="minute" />),
      minWidth: 130,
      width: 150,
    },
    ...(remove === undefined
      ? []
      : [
          {
            id: "actions",
            header: "Actions",
            cell: (offer: OfferView) => (
              <Button variant="inline-link" ariaLabel={`Delete ${offer.id}`} onClick={() => remove(offer)}>
                Delete
              </Button>
            ),
            minWidth: 90,
          },
        ]),
  ];
}

export function termsText({ freeTrialDays, termDays, autoRenew }: OfferView): string {
  const parts = [
    ...(freeTrialDays === undefined ? [] : [`${freeTrialDays} days free`]),
    termDays === undefined ? "until cancelled" : `${termDays} days`,
    ...(autoRenew === true ? ["renews by itself"] : []),
  ];
  return parts.join(", ");
}

export function grantsText({ entitlements = {} }: OfferView): string {
  const parts = Object.entries(entitlements).map(([name, value]) => `${name} = ${Object.values(value).join()}`);
  return parts.join(", ") || "–";
}

function Deletion({ offer, onClose }: { readonly offer: OfferView; readonly onClose: () => void }): ReactNode {
  const change = useChange<void>({
    run: () => send("DELETE", `/offers/${encodeURIComponent(offer.id)}`),
    done: () => `Offer ${offer.id} was deleted.`,
    isQuiet: true,
  });
  return (
    <ConfirmDialog
      title={`Delete ${offer.title ?? offer.id}?`}
      confirmText="Delete"
      isSending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate(undefined, { onSuccess: onClose })}
    >
      Buyers cannot take it any more. An offer that an open agreement rests on cannot be deleted.
    </ConfirmDialog>
  );
}
