/** What the marketplace told sellers and buyers, newest first. */
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { TableProps } from "@cloudscape-design/components/table";
import type { ReactNode } from "react";
import { acceptorDetailTypes, detailTypes, snsActions } from "../../marketplace/notifications/events.ts";
import { AddressFilter, type FilterMember } from "../parts/addressFilter.tsx";
import { To } from "../parts/link.tsx";
import { ServerList } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { useProductCodes } from "../parts/productField.tsx";
import { Time } from "../parts/time.tsx";

export interface NotificationItem {
  readonly id: string;
  readonly at: string;
  readonly form: "sns" | "eventbridge";
  readonly seller: string;
  /** Present: it is told to the buyer, else to the seller. */
  readonly buyer?: string;
  readonly product: string;
  readonly agreement?: string;
  readonly topicArn?: string;
  readonly name: string;
  readonly body: string;
}

interface Listed extends NotificationItem {
  readonly deliveries: Readonly<Record<"pending" | "delivered" | "dead", number>>;
}

export const formTexts = { sns: "Amazon SNS", eventbridge: "EventBridge" } as const;

const names = [...snsActions, ...Object.values(detailTypes), ...Object.values(acceptorDetailTypes)];

const filterNames = ["product", "agreement", "form", "name", "state", "seller", "buyer"] as const;
type FilterName = (typeof filterNames)[number];

const columns: readonly TableProps.ColumnDefinition<Listed>[] = [
  {
    id: "name",
    header: "Name",
    width: 300,
    isRowHeader: true,
    cell: ({ id, name }) => <To to={`/notifications/${encodeURIComponent(id)}`}>{name}</To>,
  },
  { id: "at", header: "Published", width: 210, cell: ({ at }) => <Time at={at} /> },
  { id: "form", header: "Form", width: 130, cell: ({ form }) => formTexts[form] },
  { id: "to", header: "Told to", width: 190, cell: recipientText },
  { id: "deliveries", header: "Deliveries", width: 190, cell: ({ deliveries }) => <Deliveries counts={deliveries} /> },
  {
    id: "product",
    header: "Product",
    width: 270,
    cell: ({ product }) => <To to={`/products/${encodeURIComponent(product)}`}>{product}</To>,
  },
  {
    id: "agreement",
    header: "Agreement",
    width: 280,
    cell: ({ agreement }) => (agreement === undefined ? "–" : <To to={agreementView(agreement)}>{agreement}</To>),
  },
];

export function recipientText({ seller, buyer }: Pick<NotificationItem, "seller" | "buyer">): string {
  return buyer === undefined ? `Seller ${seller}` : `Buyer ${buyer}`;
}

export function agreementView(id: string): string {
  return `/agreements/${encodeURIComponent(id)}`;
}

function Deliveries({ counts: { pending, delivered, dead } }: { readonly counts: Listed["deliveries"] }): ReactNode {
  const all = pending + delivered + dead;
  if (all === 0) return <StatusIndicator type="stopped">No target</StatusIndicator>;
  if (dead > 0) return <StatusIndicator type="error">{`${dead} of ${all} dead`}</StatusIndicator>;
  if (pending > 0) return <StatusIndicator type="pending">{`${pending} of ${all} pending`}</StatusIndicator>;
  return <StatusIndicator type="success">{`${delivered} delivered`}</StatusIndicator>;
}

export function Notifications(): ReactNode {
  const [filters, set] = useParams<FilterName>(filterNames);
  const products = useProductCodes();
  const members: readonly FilterMember<FilterName>[] = [
    { name: "product", label: "Product", values: products },
    { name: "agreement", label: "Agreement" },
    { name: "form", label: "Form", values: [{ value: "sns" }, { value: "eventbridge" }] },
    { name: "name", label: "Name", values: names.map((value) => ({ value })) },
    { name: "state", label: "Delivery", values: [{ value: "pending" }, { value: "delivered" }, { value: "dead" }] },
    { name: "seller", label: "Seller" },
    { name: "buyer", label: "Buyer" },
  ];
  const isFiltered = filterNames.some((name) => filters[name] !== "");
  return (
    <ServerList<Listed>
      kind="notifications"
      path="/notifications"
      query={{ ...filters, order: "newest-first" }}
      everyMs={5_000}
      title="Notifications"
      description="What the marketplace told sellers and buyers, by Amazon SNS and EventBridge, newest first"
      filter={
        <AddressFilter
          members={members}
          values={filters}
          set={set}
          placeholder="Find notifications by their properties"
        />
      }
      columns={columns}
      keyOf={({ id }) => id}
      empty={
        isFiltered
          ? { title: "No notification matches", text: "Take a filter out, or look at another product." }
          : {
              title: "Nothing has been told yet",
              text: "A notification comes when an agreement begins, changes or ends. First there has to be a product.",
              action: <To to="/agreements">Go to the agreements</To>,
            }
      }
    />
  );
}
