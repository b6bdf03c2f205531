/** What all reports are asked with: a month, and whose usage. */
import Select from "@cloudscape-design/components/select";
import type { ReactNode } from "react";
import { useAccounts } from "../../parts/accountField.tsx";
import { AddressFilter } from "../../parts/addressFilter.tsx";
import { monthName, monthText } from "../../parts/businessTime.ts";
import { useProductCodes } from "../../parts/productField.tsx";

/** The running month and those before it. */
const offeredMonths = 24;

interface MonthSelectProps {
  /** `2026-08` */
  readonly value: string;
  readonly now: number;
  readonly onChange: (month: string) => void;
}

export function MonthSelect({ value, now, onChange }: MonthSelectProps): ReactNode {
  const offered = Array.from({ length: offeredMonths }, (_, index) => monthText(now, -index));
  // A link may name any month.
  const months = offered.includes(value) ? offered : [...offered, value].sort().reverse();
  const options = months.map((month) => ({ value: month, label: monthName(month) }));
  return (
    <Select
      ariaLabel="Month"
      selectedOption={options.find((option) => option.value === value) ?? null}
      options={options}
      filteringType="auto"
      filteringAriaLabel="Find a month"
      onChange={({ detail }) => onChange(detail.selectedOption.value ?? value)}
    />
  );
}

export type OwnerName = "product" | "customer" | "seller";
export type Owners = Readonly<Record<OwnerName, string>>;

interface OwnerFilterProps {
  readonly owners: Owners;
  readonly set: (values: Partial<Record<OwnerName, string>>) => void;
}

export function OwnerFilter({ owners, set }: OwnerFilterProps): ReactNode {
  const products = useProductCodes();
  const accounts = useAccounts();
  const values = (accounts.data?.pages ?? [])
    .flatMap(({ items }) => items)
    .map(({ id, name }) => ({ value: id, ...(name === undefined ? {} : { label: `${id} (${name})` }) }));
  return (
    <div className="report-filter">
      <AddressFilter
        members={[
          { name: "product", label: "Product", values: products },
          { name: "customer", label: "Customer", values },
          { name: "seller", label: "Seller", values },
        ]}
        values={owners}
        set={set}
        placeholder="All products and customers"
      />
    </div>
  );
}
