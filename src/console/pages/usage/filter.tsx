/** What of the usage is shown: members of the records, and a time, all of it in the address. */
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import type { Page } from "../../api.ts";
import { useAccounts } from "../../parts/accountField.tsx";
import { AddressFilter, type FilterMember } from "../../parts/addressFilter.tsx";
import { dayMs, dayText, instantText, monthText, useBusinessNow } from "../../parts/businessTime.ts";
import { useApi } from "../../parts/query.ts";
import type { FilterName, Filters } from "./types.ts";

interface ProductItem {
  readonly code: string;
  readonly dimensions: readonly { readonly name: string }[];
  readonly enabledRegions: readonly string[];
}

const offeredMax = 200;

interface UsageFilterProps {
  readonly filters: Filters;
  readonly set: (values: Partial<Record<FilterName, string>>) => void;
}

export function UsageFilter({ filters, set }: UsageFilterProps): ReactNode {
  const now = useBusinessNow();
  const members = useMembers(filters, now);
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <div className="usage-filter">
        <AddressFilter
          members={members}
          values={filters}
          set={(values) => set({ ...values, from: instantText(values.from ?? ""), to: instantText(values.to ?? "") })}
          placeholder="Find usage by its properties"
        />
      </div>
      <TimeSelect filters={filters} set={set} now={now} />
    </SpaceBetween>
  );
}

function useMembers(filters: Filters, now: number | undefined): readonly FilterMember<FilterName>[] {
  const { data: products } = useApi<Page<ProductItem>>("products", "/products", { limit: offeredMax });
  const accounts = useAccounts();
  const known = products?.items ?? [];
  const chosen = known.filter(({ code }) => filters.product === "" || code === filters.product);
  const unique = (values: readonly string[]) => [...new Set(values)].sort().map((value) => ({ value }));
  const instants =
    now === undefined
      ? []
      : [dayText(now), dayText(now - dayMs), dayText(now - 7 * dayMs), monthText(now), monthText(now, -1)];
  return [
    { name: "product", label: "Product", values: known.map(({ code }) => ({ value: code })) },
    {
      name: "customer",
      label: "Customer",
      values: (accounts.data?.pages ?? [])
        .flatMap(({ items }) => items)
        .map(({ id, name }) => ({ value: id, ...(name === undefined ? {} : { label: `${id} (${name})` }) })),
    },
    { name: "license", label: "Licence" },
    { name: "resource", label: "Workload" },
    {
      name: "dimension",
      label: "Dimension",
      values: unique(chosen.flatMap(({ dimensions }) => dimensions.map(({ name }) => name))),
    },
    { name: "region", label: "Region", values: unique(chosen.flatMap(({ enabledRegions }) => enabledRegions)) },
    { name: "status", label: "Status", values: [{ value: "billable" }, { value: "not-billable" }] },
    { name: "from", label: "From (UTC)", values: instants.map((value) => ({ value })) },
    { name: "to", label: "Before (UTC)", values: instants.map((value) => ({ value })) },
  ];
}

interface Choice {
  readonly value: string;
  readonly label: string;
  readonly from: string;
  readonly to: string;
}

const anyTime: Choice = { value: "any", label: "Any time", from: "", to: "" };

function timeChoices(now: number): readonly Choice[] {
  const month = (offset: number): string => instantText(monthText(now, offset));
  return [
    anyTime,
    { value: "today", label: "Today (UTC)", from: instantText(dayText(now)), to: "" },
    { value: "week", label: "Last 7 days", from: instantText(dayText(now - 6 * dayMs)), to: "" },
    { value: "month", label: "This month", from: month(0), to: month(1) },
    { value: "last-month", label: "Last month", from: month(-1), to: month(0) },
  ];
}

function TimeSelect({ filters, set, now }: UsageFilterProps & { readonly now: number | undefined }): ReactNode {
  const choices = now === undefined ? [anyTime] : timeChoices(now);
  const own = { value: "own", label: "As filtered" };
  const found = choices.find(({ from, to }) => from === filters.from && to === filters.to);
  return (
    <Select
      ariaLabel="Time, by the business clock"
      selectedOption={found ?? own}
      options={choices.map(({ value, label }) => ({ value, label }))}
      onChange={({ detail }) => {
        const { from, to } = choices.find(({ value }) => value === detail.selectedOption.value) ?? anyTime;
        set({ from, to });
      }}
    />
  );
}
