/** A property filter over the members of the address that a list is asked with: `name = value`, each at most once. */
import PropertyFilter from "@cloudscape-design/components/property-filter";
import type { ReactNode } from "react";

export interface FilterMember<Name extends string> {
  readonly name: Name;
  readonly label: string;
  /** What is offered; other values can be typed. */
  readonly values?: readonly { readonly value: string; readonly label?: string }[];
}

interface AddressFilterProps<Name extends string> {
  readonly members: readonly FilterMember<Name>[];
  /** As `useParams` gives them: "" where there is none. */
  readonly values: Readonly<Record<Name, string>>;
  readonly set: (values: Partial<Record<Name, string>>) => void;
  readonly placeholder: string;
}

export function AddressFilter<Name extends string>(props: AddressFilterProps<Name>): ReactNode {
  const { members, values, set } = props;
  const tokens = members
    .filter(({ name }) => values[name] !== "")
    .map(({ name }) => ({ propertyKey: name, operator: "=", value: values[name] }));
  const change = (given: readonly { readonly propertyKey?: string; readonly value: unknown }[]): void => {
    // Of two values of one member the later one was meant.
    const found = new Map(given.map(({ propertyKey, value }) => [propertyKey, String(value ?? "").trim()]));
    const all = members.map(({ name }) => [name, found.get(name) ?? ""] as const);
    set(Object.fromEntries(all) as Record<Name, string>);
  };
  return (
    <PropertyFilter
      query={{ tokens, operation: "and" }}
      onChange={({ detail }) => change(detail.tokens)}
      hideOperations
      disableFreeTextFiltering
      filteringPlaceholder={props.placeholder}
      filteringAriaLabel={props.placeholder}
      filteringEmpty="Nothing to choose from; type a value"
      filteringProperties={members.map(({ name, label }) => ({
        key: name,
        propertyLabel: label,
        groupValuesLabel: label,
        operators: ["="],
        defaultOperator: "=",
      }))}
      filteringOptions={members.flatMap(({ name, values: offered = [] }) =>
        offered.map(({ value, label }) => ({ propertyKey: name, value, ...(label === undefined ? {} : { label }) })),
      )}
    />
  );
}
