/** Agreements: which buyer has subscribed to which product, newest first. */
import Button from "@cloudscape-design/components/button";
import { type ReactNode, useState } from "react";
import { AddressFilter, type FilterMember } from "../parts/addressFilter.tsx";
import { ChangeButton } from "../parts/changeButton.tsx";
import { To } from "../parts/link.tsx";
import { ServerList } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { useProductCodes } from "../parts/productField.tsx";
import { AgreementCreation } from "./agreement/creation.tsx";
import { agreementColumns } from "./agreement/table.tsx";
import { type AgreementView, stateNames, states } from "./agreement/types.ts";

const filterNames = ["product", "buyer", "state"] as const;
type FilterName = (typeof filterNames)[number];
const noFilter = { product: "", buyer: "", state: "" };

export function Agreements(): ReactNode {
  const [filters, set] = useParams<FilterName>(filterNames);
  const [{ create }, setCreate] = useParams(["create"]);
  const [isCreating, setIsCreating] = useState(create !== "");
  const products = useProductCodes();
  const members: readonly FilterMember<FilterName>[] = [
    { name: "product", label: "Product", values: products },
    { name: "buyer", label: "Buyer" },
    { name: "state", label: "State", values: stateNames.map((value) => ({ value, label: states[value].name })) },
  ];
  const isFiltered = filterNames.some((name) => filters[name] !== "");
  const open = (): void => setIsCreating(true);
  return (
    <>
      <ServerList<AgreementView>
        kind="agreements"
        path="/agreements"
        query={{ ...filters, order: "newest-first" }}
        title="Agreements"
        description="Who has subscribed to what, newest first. Usage is accepted while an agreement is active and in its final hour."
        filter={
          <AddressFilter
            members={members}
            values={filters}
            set={set}
            placeholder="Find agreements by their properties"
          />
        }
        columns={agreementColumns}
        keyOf={({ id }) => id}
        actions={
          <ChangeButton variant="primary" onClick={open}>
            Create agreement
          </ChangeButton>
        }
        empty={
          isFiltered
            ? {
                title: "No agreement matches",
                text: "There may be agreements of other products, buyers or states.",
                action: <Button onClick={() => set(noFilter)}>Clear the filters</Button>,
              }
            : {
                title: "No agreements yet",
                text: (
                  <>
                    An agreement is between a buyer and a <To to="/products">product</To>: create both first, under
                    Products and <To to="/customers">Customers</To>.
                  </>
                ),
                action: <ChangeButton onClick={open}>Create the first agreement</ChangeButton>,
              }
        }
      />
      {isCreating && (
        <AgreementCreation
          product={filters.product}
          buyer={filters.buyer}
          onClose={() => {
            setIsCreating(false);
            setCreate({ create: "" });
          }}
        />
      )}
    </>
  );
}
