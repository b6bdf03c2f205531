/** Usage added up by whatever tells records apart, as a chart and a table. */
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Multiselect from "@cloudscape-design/components/multiselect";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import type { Page } from "../../api.ts";
import { To } from "../../parts/link.tsx";
import { ServerList } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { useApi } from "../../parts/query.ts";
import {
  type Grouping,
  groupingOf,
  groupName,
  groupText,
  type Member,
  memberNames,
  members,
  periodLabels,
  periods,
  periodText,
  untagged,
  without,
} from "./grouping.ts";
import { useFirstStep } from "./records.tsx";
import { TotalsChart } from "./totalsChart.tsx";
import {
  type Filters,
  filterNames,
  licenseName,
  numberText,
  type RecordItem,
  type Total,
  totalsEveryMs,
  totalsKind,
} from "./types.ts";

/** Where nothing is in the address. */
const usualGroups = "day,dimension";

export function Totals({ filters, clear }: { readonly filters: Filters; readonly clear: () => void }): ReactNode {
  const [{ by }, set] = useParams(["by"]);
  const grouping = groupingOf(by === "" ? usualGroups : by);
  const groupBy = groupText(grouping);
  const hint = useFirstStep();
  const isFiltered = filterNames.some((name) => filters[name] !== "");
  return (
    <SpaceBetween size="l">
      <GroupFields
        grouping={grouping}
        filters={filters}
        set={(changed) => {
          const text = groupText({ ...grouping, ...changed });
          // Nothing at all is one sum; an empty member of the address would mean the usual groups.
          set({ by: text === "" ? "all" : text });
        }}
      />
      <TotalsChart filters={filters} grouping={grouping} groupBy={groupBy} />
      <ServerList<Total>
        kind={totalsKind}
        everyMs={totalsEveryMs}
        path="/usage"
        query={{ ...filters, groupBy }}
        title="Totals"
        description={
          grouping.tags.length === 0
            ? "Quantities of all records that match"
            : "A record is split over the tags of its allocations; what is allocated to no value of a tag is untagged"
        }
        variant="container"
        headingLevel="h2"
        columns={columnsOf(grouping)}
        keyOf={(total) => JSON.stringify([total.period, groupName(total, grouping)])}
        empty={
          isFiltered
            ? {
                title: "No usage matches",
                text: "Take a filter out, or look at another time.",
                action: <Button onClick={clear}>Clear the filter</Button>,
              }
            : { title: "No usage yet", ...hint }
        }
      />
    </SpaceBetween>
  );
}

interface GroupFieldsProps {
  readonly grouping: Grouping;
  readonly filters: Filters;
  readonly set: (changed: Partial<Grouping>) => void;
}

const tagsMax = 5;
const tagPrefix = "tag:";

function GroupFields({ grouping, filters, set }: GroupFieldsProps): ReactNode {
  const tagKeys = useTagKeys(filters, grouping);
  const groups = [
    { label: "Members", options: members.map((value) => ({ value, label: memberNames[value] })) },
    {
      label: "Tags of recent allocations",
      options: tagKeys.map((key) => ({ value: tagPrefix + key, label: `Tag ${key}` })),
    },
  ];
  const chosen = [...grouping.members, ...grouping.tags.map((key) => tagPrefix + key)];
  const periodOptions = (["none", ...periods] as const).map((value) => ({ value, label: periodLabels[value] }));
  return (
    <SpaceBetween direction="horizontal" size="m">
      <FormField label="Time">
        <Select
          selectedOption={periodOptions.find(({ value }) => value === (grouping.period ?? "none")) ?? null}
          options={periodOptions}
          onChange={({ detail }) => set({ period: periods.find((period) => period === detail.selectedOption.value) })}
        />
      </FormField>
      <FormField label="Group by" constraintText={`Up to ${tagsMax} tags`}>
        <div className="usage-groups">
          <Multiselect
            placeholder="Nothing: one sum"
            selectedOptions={groups.flatMap(({ options }) => options).filter(({ value }) => chosen.includes(value))}
            options={groups.filter(({ options }) => options.length > 0)}
            deselectAriaLabel={({ label }) => `Take ${label ?? ""} out`}
            filteringType="auto"
            filteringAriaLabel="Find a member or a tag"
            onChange={({ detail }) => {
              const values = detail.selectedOptions.map(({ value }) => value ?? "");
              set({
                members: members.filter((member) => values.includes(member)),
                tags: values
                  .filter((value) => value.startsWith(tagPrefix))
                  .map((value) => value.slice(tagPrefix.length))
                  .slice(0, tagsMax),
              });
            }}
          />
        </div>
      </FormField>
    </SpaceBetween>
  );
}

/** Keys that the newest records were tagged with: there is no list of all. Those that are chosen stay. */
function useTagKeys(filters: Filters, { tags }: Grouping): readonly string[] {
  const { data } = useApi<Page<RecordItem>>("tag-keys", "/metering-records", {
    ...filters,
    order: "newest-first",
    limit: 200,
  });
  const keys = (data?.items ?? []).flatMap(({ allocations = [] }) =>
    allocations.flatMap(({ Tags = [] }) => Tags.map(({ Key }) => Key)),
  );
  return [...new Set([...tags, ...keys])].sort();
}

function columnsOf(grouping: Grouping): readonly TableProps.ColumnDefinition<Total>[] {
  const { period } = grouping;
  return [
    ...(period === undefined
      ? []
      : [
          {
            id: "period",
            header: `${periodLabels[period]} (UTC)`,
            width: 180,
            isRowHeader: true,
            cell: (total: Total) => periodText(total.period ?? "", period),
          },
        ]),
    ...grouping.members.map((member) => ({
      id: member,
      header: memberNames[member],
      width: member === "product" || member === "license" || member === "resource" ? 300 : 180,
      cell: (total: Total) => <MemberCell member={member} value={total[member]} />,
    })),
    ...grouping.tags.map((key) => ({
      id: tagPrefix + key,
      header: `Tag ${key}`,
      width: 180,
      cell: (total: Total) => total.tags?.[key] ?? untagged,
    })),
    { id: "quantity", header: "Quantity", width: 160, cell: ({ quantity }) => numberText(quantity) },
    { id: "records", header: "Records", width: 120, cell: ({ records }) => numberText(records) },
  ];
}

function MemberCell({
  member,
  value,
}: {
  readonly member: Member;
  readonly value: string | null | undefined;
}): ReactNode {
  if (value === null || value === undefined) return without;
  if (member === "product") return <To to={`/products/${encodeURIComponent(value)}`}>{value}</To>;
  if (member === "customer") return <To to={`/customers/${encodeURIComponent(value)}`}>{value}</To>;
  return member === "license" ? licenseName(value) : value;
}
