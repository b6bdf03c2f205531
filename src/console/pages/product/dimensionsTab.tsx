/** The dimensions of a product: added, and changed in all but their names. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import Table from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { errorAt, FormDialog } from "../../parts/dialogs.tsx";
import { Nothing } from "../../parts/list.tsx";
import { send, useChange } from "../../parts/query.ts";
import { Time } from "../../parts/time.tsx";
import { unless } from "../../parts/unless.ts";
import { useSession } from "../../session.tsx";
import { kindOf, kindOptions } from "./dimensionFields.tsx";
import { type DimensionDraft, dimensionBody, emptyDimension } from "./draft.ts";
import { type DimensionView, dimensionKinds, dimensionsMax, type ProductView } from "./types.ts";

export function DimensionsTab({ product }: { readonly product: ProductView }): ReactNode {
  const [open, setOpen] = useState<DimensionView | "new">();
  const { canChange } = useSession();
  const isFull = product.dimensions.length >= dimensionsMax;
  const add = (
    <ChangeButton
      onClick={() => setOpen("new")}
      {...unless(isFull ? `A product has at most ${dimensionsMax} dimensions.` : undefined)}
    >
      Add dimension
    </ChangeButton>
  );
  return (
    <>
      <Table
        items={product.dimensions}
        trackBy="name"
        enableKeyboardNavigation
        ariaLabels={{ tableLabel: "Dimensions" }}
        header={
          <Header
            variant="h2"
            counter={`(${product.dimensions.length}/${dimensionsMax})`}
            description="Prices hold from now on; usage that was reported is not priced anew in the ledger."
            actions={add}
          >
            Dimensions
          </Header>
        }
        empty={
          <Nothing
            title="No dimensions"
            text={
              dimensionKinds(product.type).length === 0
                ? "Products of this type need none."
                : "Usage and entitlements are by dimension. Add the first one."
            }
          />
        }
        columnDefinitions={[
          { id: "name", header: "Name", cell: ({ name }) => name, isRowHeader: true },
          {
            id: "kind",
            header: "Kind",
            cell: ({ kind }) => kindOptions.find(({ value }) => value === kind)?.label ?? kind,
          },
          { id: "price", header: "Price, USD", cell: ({ price }) => price ?? "–" },
          { id: "unit", header: "Unit", cell: ({ unit }) => unit ?? "–" },
          { id: "description", header: "Description", cell: ({ description }) => description ?? "–" },
          { id: "added", header: "Added", cell: ({ addedAt }) => <Time at={addedAt} to="minute" /> },
          ...(canChange
            ? [
                {
                  id: "actions",
                  header: "Actions",
                  cell: (one: DimensionView) => (
                    <Button variant="inline-link" ariaLabel={`Edit ${one.name}`} onClick={() => setOpen(one)}>
                      Edit
                    </Button>
                  ),
                },
              ]
            : []),
        ]}
      />
      {open !== undefined && <Edit product={product} known={open} onClose={() => setOpen(undefined)} />}
    </>
  );
}

interface EditProps {
  readonly product: ProductView;
  readonly known: DimensionView | "new";
  readonly onClose: () => void;
}

function Edit({ product, known, onClose }: EditProps): ReactNode {
  const kinds = dimensionKinds(product.type);
  const isNew = known === "new";
  const [form, setForm] = useState<DimensionDraft>(() =>
    isNew ? emptyDimension(kinds[0] ?? "metered") : { ...emptyDimension(known.kind), ...known },
  );
  const set = (changed: Partial<DimensionDraft>): void => setForm((before) => ({ ...before, ...changed }));
  const path = `/products/${encodeURIComponent(product.code)}/dimensions`;
  const change = useChange<DimensionDraft>({
    run: (given) =>
      isNew
        ? send("POST", path, dimensionBody(given))
        : send("PATCH", `${path}/${encodeURIComponent(known.name)}`, patchOf(given)),
    done: (_, { name }) => (isNew ? `Dimension ${name} was added.` : `Dimension ${name} was changed.`),
    isQuiet: true,
  });
  const { error } = change;
  const text = (member: "price" | "unit" | "description", label: string, constraintText: string): ReactNode => (
    <FormField label={label} constraintText={constraintText} errorText={errorAt(error, member)}>
      <Input
        value={form[member]}
        inputMode={member === "price" ? "decimal" : "text"}
        onChange={({ detail }) => set({ [member]: detail.value })}
      />
    </FormField>
  );
  return (
    <FormDialog
      title={isNew ? "Add dimension" : `Edit ${known.name}`}
      submitText={isNew ? "Add" : "Save"}
      isSending={change.isPending}
      error={error}
      fields={["name", "kind", "price", "unit", "description"]}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: onClose })}
    >
      {isNew && (
        <>
          <FormField
            label="Name"
            constraintText="Up to 15 letters, digits and underscores. It cannot be changed later."
            errorText={errorAt(error, "name")}
          >
            <Input value={form.name} spellcheck={false} onChange={({ detail }) => set({ name: detail.value })} />
          </FormField>
          <FormField label="Kind" errorText={errorAt(error, "kind")}>
            <Select
              selectedOption={kindOptions.find(({ value }) => value === form.kind) ?? null}
              options={kindOptions}
              onChange={({ detail }) => set({ kind: kindOf(detail.selectedOption.value) })}
            />
          </FormField>
        </>
      )}
      {text("price", "Price, USD", "For one unit, with at most three decimal places, such as 0.025")}
      {text("unit", "Unit", "Such as GB or host-hours")}
      {text("description", "Description", "")}
    </FormDialog>
  );
}

function patchOf({ price, unit, description }: DimensionDraft): Record<string, string | null> {
  const members = { price, unit, description };
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [name, value === "" ? null : value]));
}
