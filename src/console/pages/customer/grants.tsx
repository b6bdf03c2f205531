/** What a customer holds: licences and entitlements. */
import type { TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { StateIndicator } from "../../parts/agreementState.tsx";
import { CopyValue } from "../../parts/copy.tsx";
import { To } from "../../parts/link.tsx";
import { ServerList } from "../../parts/list.tsx";
import { Time } from "../../parts/time.tsx";
import type { EntitlementView } from "../agreement/entitlements.tsx";
import { type AgreementState, agreementPath, productPath } from "../agreement/types.ts";
import { valueText } from "../agreement/values.ts";

interface LicenceView {
  readonly arn: string;
  readonly agreement: string;
  readonly product: string;
  readonly state: AgreementState;
}

const licenceColumns: readonly TableProps.ColumnDefinition<LicenceView>[] = [
  {
    id: "arn",
    header: "Licence",
    cell: ({ arn }) => <CopyValue value={arn} what="the licence ARN" />,
    isRowHeader: true,
    width: 560,
  },
  { id: "state", header: "State", cell: ({ state }) => <StateIndicator state={state} />, width: 150 },
  { id: "product", header: "Product", cell: ({ product }) => <To to={productPath(product)}>{product}</To>, width: 270 },
  {
    id: "agreement",
    header: "Agreement",
    cell: ({ agreement }) => <To to={agreementPath(agreement)}>{agreement}</To>,
    width: 260,
  },
];

export function Licences({ account }: { readonly account: string }): ReactNode {
  return (
    <ServerList<LicenceView>
      kind="licences"
      path="/licenses"
      query={{ buyer: account }}
      title="Licences"
      description="Each with the agreement that holds it; products with concurrent agreements are metered by them"
      headingLevel="h2"
      variant="container"
      columns={licenceColumns}
      keyOf={({ arn }) => arn}
      empty={{ title: "No licences", text: "A licence comes when an agreement starts." }}
    />
  );
}

const entitlementColumns: readonly TableProps.ColumnDefinition<EntitlementView>[] = [
  { id: "dimension", header: "Dimension", cell: ({ dimension }) => dimension, isRowHeader: true, width: 180 },
  { id: "value", header: "Value", cell: ({ value }) => valueText(value), width: 130 },
  { id: "product", header: "Product", cell: ({ product }) => <To to={productPath(product)}>{product}</To>, width: 270 },
  { id: "expires", header: "Expires", cell: ({ expiresAt }) => <Time at={expiresAt} to="minute" />, width: 200 },
  { id: "license", header: "Licence", cell: ({ license }) => license ?? "Any", width: 400 },
];

export function CustomerEntitlements({ account }: { readonly account: string }): ReactNode {
  return (
    <ServerList<EntitlementView>
      kind="entitlements"
      path="/entitlements"
      query={{ buyer: account }}
      title="Entitlements"
      description="What its contracts grant; they are changed on the agreement’s page"
      headingLevel="h2"
      variant="container"
      columns={entitlementColumns}
      keyOf={({ product, dimension, license }) => `${product} ${dimension} ${license ?? ""}`}
      empty={{ title: "No entitlements", text: "Entitlements come with contracts." }}
    />
  );
}
