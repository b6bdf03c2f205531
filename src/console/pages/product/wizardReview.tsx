/** The last step: everything once more, with the way back to each part. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import type { ProductDraft } from "./draft.ts";
import { isSaas, operationsOf, priceText, typeName } from "./types.ts";

interface ReviewProps {
  readonly draft: ProductDraft;
  readonly goTo: (step: number) => void;
}

export function ReviewStep({ draft, goTo }: ReviewProps): ReactNode {
  const part = (title: string, step: number, items: KeyValuePairsProps["items"]): ReactNode => (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <Button ariaLabel={`Edit ${title.toLowerCase()}`} onClick={() => goTo(step)}>
              Edit
            </Button>
          }
        >
          {title}
        </Header>
      }
    >
      <KeyValuePairs columns={2} items={items} />
    </Container>
  );
  return (
    <SpaceBetween size="l">
      {part("Type", 0, [
        { label: "Type", value: typeName(draft.type) },
        { label: "Operations", value: operationsOf(draft.type).join(", ") || "None: AWS meters it" },
      ])}
      {part("Seller and details", 1, detailItems(draft))}
      <DimensionsTable draft={draft} onEdit={() => goTo(2)} />
      {part("Regions", 3, [{ label: "Enabled Regions", value: draft.regions.join(", ") || "None: usage is refused" }])}
    </SpaceBetween>
  );
}

function detailItems(draft: ProductDraft): KeyValuePairsProps["items"] {
  const newSeller = `New account ${draft.seller || "(id is drawn)"}${draft.sellerName && `, ${draft.sellerName}`}`;
  return [
    { label: "Seller", value: draft.sellerIs === "new" ? newSeller : draft.seller },
    { label: "Title", value: draft.title || "The product code" },
    { label: "Product code", value: draft.code || "Drawn" },
    { label: "Description", value: draft.description || "–" },
    ...(isSaas(draft.type)
      ? [
          { label: "Registration URL", value: draft.registrationUrl || "The sample page" },
          {
            label: "Concurrent agreements",
            value: { default: "As on AWS", yes: "Yes", no: "No" }[draft.concurrent],
          },
        ]
      : []),
  ];
}

function DimensionsTable({ draft, onEdit }: { readonly draft: ProductDraft; readonly onEdit: () => void }): ReactNode {
  return (
    <Table
      header={
        <Header
          variant="h2"
          counter={`(${draft.dimensions.length})`}
          actions={
            <Button ariaLabel="Edit dimensions" onClick={onEdit}>
              Edit
            </Button>
          }
        >
          Dimensions
        </Header>
      }
      items={draft.dimensions}
      ariaLabels={{ tableLabel: "Dimensions" }}
      empty={<Box>None</Box>}
      columnDefinitions={[
        { id: "name", header: "Name", cell: ({ name }) => name || "–", isRowHeader: true },
        { id: "kind", header: "Kind", cell: ({ kind }) => (kind === "metered" ? "Metered" : "Entitlement") },
        {
          id: "price",
          header: "Price",
          cell: ({ price, unit }) => priceText(price === "" ? {} : { price, ...(unit === "" ? {} : { unit }) }),
        },
        { id: "description", header: "Description", cell: ({ description }) => description || "–" },
      ]}
    />
  );
}
