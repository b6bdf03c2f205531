/** The dimensions of a product that is being made, as rows to fill in. */
import AttributeEditor, { type AttributeEditorProps } from "@cloudscape-design/components/attribute-editor";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import type { ReactNode } from "react";
import { errorAt } from "../../parts/dialogs.tsx";
import { type DimensionDraft, emptyDimension } from "./draft.ts";
import { dimensionKinds, dimensionMember, dimensionsMax } from "./types.ts";
import type { StepProps } from "./wizardSteps.tsx";

type Row = AttributeEditorProps.FieldDefinition<DimensionDraft>;
type SetRow = (index: number, changed: Partial<DimensionDraft>) => void;

export const kindOptions = [
  { value: "metered", label: "Metered", description: "Usage is reported for it" },
  { value: "entitlement", label: "Entitlement", description: "A contract grants it" },
] as const;

/** One row from a width on; below it, one field a line. */
const wide: AttributeEditorProps.GridLayout[] = [
  { breakpoint: "xs", rows: [[3, 3, 2, 2, 3]], removeButton: { width: "auto" } },
  { rows: [[1], [1], [1], [1], [1]] },
];
const narrow: AttributeEditorProps.GridLayout[] = [
  { breakpoint: "xs", rows: [[3, 2, 2, 4]], removeButton: { width: "auto" } },
  { rows: [[1], [1], [1], [1]] },
];

export function kindOf(value: string | undefined): DimensionDraft["kind"] {
  return value === "entitlement" ? "entitlement" : "metered";
}

export function DimensionsStep({ draft, set, error }: StepProps): ReactNode {
  const kinds = dimensionKinds(draft.type);
  const [first] = kinds;
  const { dimensions } = draft;
  const setRow: SetRow = (index, changed) =>
    set({ dimensions: dimensions.map((row, place) => (place === index ? { ...row, ...changed } : row)) });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={`At most ${dimensionsMax}. Names cannot be changed later; prices, units and descriptions can.`}
        >
          Dimensions
        </Header>
      }
    >
      {first === undefined ? (
        <Box>Products of this type need no dimensions: your software reports no usage for them.</Box>
      ) : (
        <AttributeEditor
          items={dimensions}
          definition={columnsOf(kinds, setRow, error)}
          gridLayout={kinds.length > 1 ? wide : narrow}
          addButtonText="Add dimension"
          removeButtonText="Remove"
          removeButtonAriaLabel={({ name }) => `Remove dimension ${name}`}
          disableAddButton={dimensions.length >= dimensionsMax}
          onAddButtonClick={() => set({ dimensions: [...dimensions, emptyDimension(first)] })}
          onRemoveButtonClick={({ detail }) =>
            set({ dimensions: dimensions.filter((_, place) => place !== detail.itemIndex) })
          }
          empty="No dimensions yet. Usage can be reported for dimensions only."
        />
      )}
    </Container>
  );
}

function columnsOf(kinds: readonly DimensionDraft["kind"][], setRow: SetRow, error: unknown): Row[] {
  const text = (label: string, member: "name" | "unit" | "price" | "description", constraintText: string): Row => ({
    label,
    constraintText,
    control: (row, index) => (
      <Input
        value={row[member]}
        spellcheck={false}
        inputMode={member === "price" ? "decimal" : "text"}
        onChange={({ detail }) => setRow(index, { [member]: detail.value })}
      />
    ),
    errorText: (_, index) => errorAt(error, dimensionMember(index, member)),
  });
  const kind: Row = {
    label: "Kind",
    control: (row, index) => (
      <Select
        selectedOption={kindOptions.find(({ value }) => value === row.kind) ?? null}
        options={kindOptions}
        onChange={({ detail }) => setRow(index, { kind: kindOf(detail.selectedOption.value) })}
      />
    ),
    errorText: (_, index) => errorAt(error, dimensionMember(index, "kind")),
  };
  return [
    text("Name", "name", "Up to 15 letters, digits, _"),
    ...(kinds.length > 1 ? [kind] : []),
    text("Price, USD", "price", "Up to 3 decimals"),
    text("Unit", "unit", "Such as GB"),
    text("Description", "description", ""),
  ];
}
