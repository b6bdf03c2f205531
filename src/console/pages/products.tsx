/** The products of all sellers. */
import Button from "@cloudscape-design/components/button";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { TableProps } from "@cloudscape-design/components/table";
import TextFilter from "@cloudscape-design/components/text-filter";
import { type ReactNode, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { ChangeButton } from "../parts/changeButton.tsx";
import { To } from "../parts/link.tsx";
import { ServerList } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { Time } from "../parts/time.tsx";
import { type ProductView, productTypeNames, typeName } from "./product/types.ts";

const columns: readonly TableProps.ColumnDefinition<ProductView>[] = [
  {
    id: "title",
    header: "Title",
    cell: ({ code, title }) => <To to={`/products/${encodeURIComponent(code)}`}>{title}</To>,
    isRowHeader: true,
    minWidth: 200,
    width: 265,
  },
  { id: "code", header: "Product code", cell: ({ code }) => code, minWidth: 140, width: 215 },
  { id: "type", header: "Type", cell: ({ type }) => typeName(type), minWidth: 140, width: 200 },
  { id: "seller", header: "Seller", cell: ({ seller }) => seller, minWidth: 120, width: 122 },
  { id: "dimensions", header: "Dimensions", cell: ({ dimensions }) => dimensions.length, minWidth: 120, width: 128 },
  { id: "created", header: "Created", cell: ({ createdAt }) => <Time at={createdAt} to="minute" />, minWidth: 140 },
];

const anyType = { value: "", label: "All types" };
const typeOptions = [anyType, ...productTypeNames.map((value) => ({ value, label: typeName(value) }))];

export function Products(): ReactNode {
  const [{ type, seller, search }, setParams] = useParams(["type", "seller", "search"]);
  const [, navigate] = useLocation();
  const isFiltered = type !== "" || seller !== "" || search !== "";
  return (
    <ServerList<ProductView>
      kind="products"
      path="/products"
      query={{ type, seller, search }}
      title="Products"
      description="What sellers meter, by product code."
      columns={columns}
      keyOf={({ code }) => code}
      actions={
        <ChangeButton variant="primary" onClick={() => navigate("/products/new")}>
          Create product
        </ChangeButton>
      }
      filter={
        <SpaceBetween direction="horizontal" size="xs">
          <SearchField value={search} onSearch={(text) => setParams({ search: text })} />
          <Select
            selectedOption={typeOptions.find(({ value }) => value === type) ?? anyType}
            options={typeOptions}
            ariaLabel="Type of product"
            onChange={({ detail }) => setParams({ type: detail.selectedOption.value ?? "" })}
          />
          {seller !== "" && (
            <Button iconName="close" iconAlign="right" onClick={() => setParams({ seller: "" })}>
              {`Seller ${seller}`}
            </Button>
          )}
        </SpaceBetween>
      }
      empty={
        isFiltered
          ? {
              title: "No product matches",
              text: "There are products of other types, sellers or names.",
              action: (
                <Button onClick={() => setParams({ type: "", seller: "", search: "" })}>Clear the filters</Button>
              ),
            }
          : {
              title: "No products yet",
              text: (
                <>
                  Create the product that your software meters, or import a catalogue under{" "}
                  <To to="/settings?tab=catalogue">Settings</To>.
                </>
              ),
              action: <ChangeButton onClick={() => navigate("/products/new")}>Create the first product</ChangeButton>,
            }
      }
    />
  );
}

/** Goes into the address once nothing more is typed, so that not every letter asks the server. */
const typingMs = 300;

function SearchField({
  value,
  onSearch,
}: {
  readonly value: string;
  readonly onSearch: (text: string) => void;
}): ReactNode {
  const [text, setText] = useState(value);
  // Something else, such as a link or the way back, has changed the address.
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = window.setTimeout(() => onSearch(text), typingMs);
    return () => window.clearTimeout(timer);
  }, [text, value, onSearch]);
  return (
    <TextFilter
      filteringText={text}
      filteringPlaceholder="Title, code or entity id"
      filteringAriaLabel="Find products"
      onChange={({ detail }) => setText(detail.filteringText)}
    />
  );
}
