/** The columns of lists of agreements. */
import type { TableProps } from "@cloudscape-design/components/table";
import { StateIndicator } from "../../parts/agreementState.tsx";
import { To } from "../../parts/link.tsx";
import { Time } from "../../parts/time.tsx";
import { type AgreementView, agreementPath, customerPath, productPath } from "./types.ts";

type Column = TableProps.ColumnDefinition<AgreementView>;

const id: Column = {
  id: "id",
  header: "Agreement",
  cell: (row) => <To to={agreementPath(row.id)}>{row.id}</To>,
  isRowHeader: true,
  minWidth: 160,
  width: 275,
};
const state: Column = {
  id: "state",
  header: "State",
  cell: (row) => <StateIndicator state={row.state} />,
  minWidth: 120,
  width: 130,
};
const product: Column = {
  id: "product",
  header: "Product",
  cell: (row) => <To to={productPath(row.product)}>{row.productTitle ?? row.product}</To>,
  minWidth: 160,
  width: 260,
};
const buyer: Column = {
  id: "buyer",
  header: "Buyer",
  cell: (row) => <To to={customerPath(row.buyer)}>{row.buyerName ?? row.buyer}</To>,
  minWidth: 120,
  width: 175,
};
const accepted: Column = {
  id: "accepted",
  header: "Accepted",
  cell: ({ acceptedAt }) => <Time at={acceptedAt} to="minute" />,
  minWidth: 140,
  width: 175,
};
const end: Column = { id: "end", header: "Ends", cell: (row) => <End row={row} />, minWidth: 140, width: 220 };

function End({ row: { endedAt, endingAt, endsAt, autoRenew, state: now } }: { readonly row: AgreementView }) {
  if (endedAt !== undefined) return <Time at={endedAt} to="minute" />;
  if (endingAt !== undefined) return <Time at={endingAt} to="minute" />;
  if (endsAt === undefined) return now === "payment-failed" ? "–" : "When cancelled";
  return (
    <>
      <Time at={endsAt} to="minute" />
      {autoRenew === true ? ", renews" : ""}
    </>
  );
}

export const agreementColumns: readonly Column[] = [id, state, product, buyer, accepted, end];
/** Where the buyer is known. */
export const agreementColumnsOfBuyer: readonly Column[] = [id, state, product, accepted, end];
