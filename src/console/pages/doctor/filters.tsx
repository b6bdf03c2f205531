/** Which calls the doctor looks at; kept in the address. */
import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import { type ReactNode, useEffect, useState } from "react";
import { errorAt } from "../../parts/dialogs.tsx";
import { ProductField } from "../../parts/productField.tsx";
import { type DiagnosisFilter, defaultSpan, spans } from "./diagnosis.ts";

const own = { value: "own", label: "Between two instants" } as const;
const spanOptions = [...spans.map(({ value, label }) => ({ value, label })), own];

interface FiltersProps {
  readonly filter: DiagnosisFilter;
  readonly set: (values: Partial<DiagnosisFilter>) => void;
  readonly error: unknown;
}

export function Filters({ filter, set, error }: FiltersProps): ReactNode {
  const [isOwn, setIsOwn] = useState(filter.last === "" && (filter.from !== "" || filter.to !== ""));
  const span = isOwn ? own : (spanOptions.find(({ value }) => value === filter.last) ?? defaultSpan);
  return (
    <ColumnLayout columns={3}>
      <FormField label="Product" {...errorText(error, "product")}>
        <ProductField value={filter.product} onChange={(product) => set({ product })} />
      </FormField>
      <FormField label="Caller" constraintText="ARN of a user, role or session" {...errorText(error, "caller")}>
        <Late value={filter.caller} placeholder="Anyone" ariaLabel="Caller" onChange={(caller) => set({ caller })} />
      </FormField>
      <FormField label="Time">
        <Select
          selectedOption={{ value: span.value, label: span.label }}
          options={spanOptions}
          ariaLabel="Time"
          onChange={({ detail }) => {
            const { value = "" } = detail.selectedOption;
            setIsOwn(value === own.value);
            if (value === own.value) set({ last: "" });
            else set({ last: value === defaultSpan.value ? "" : value, from: "", to: "" });
          }}
        />
      </FormField>
      {isOwn && (
        <FormField label="From" constraintText="UTC, such as 2026-08-15T10:20:00Z" {...errorText(error, "from")}>
          <Late value={filter.from} placeholder="Open" ariaLabel="From" onChange={(from) => set({ from })} />
        </FormField>
      )}
      {isOwn && (
        <FormField label="To" constraintText="UTC, such as 2026-08-16T10:20:00Z" {...errorText(error, "to")}>
          <Late value={filter.to} placeholder="Open" ariaLabel="To" onChange={(to) => set({ to })} />
        </FormField>
      )}
    </ColumnLayout>
  );
}

function errorText(error: unknown, member: string): { readonly errorText?: string } {
  const text = errorAt(error, member);
  return text === undefined ? {} : { errorText: text };
}

interface LateProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly placeholder: string;
  readonly ariaLabel: string;
}

/** Taken over when the field is left or Enter is pressed: half an ARN is no filter. */
function Late({ value, onChange, placeholder, ariaLabel }: LateProps): ReactNode {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const take = (): void => onChange(typed.trim());
  return (
    <Input
      value={typed}
      placeholder={placeholder}
      ariaLabel={ariaLabel}
      onChange={({ detail }) => setTyped(detail.value)}
      onBlur={take}
      onKeyDown={({ detail }) => {
        if (detail.key === "Enter") take();
      }}
    />
  );
}
