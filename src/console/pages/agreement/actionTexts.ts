/** What can be done to an agreement, when, and what a seller's code sees of it. */
import type { ProductView } from "../product/types.ts";
import { isSaas } from "../product/types.ts";
import { type AgreementState, isContract } from "./types.ts";

export type ActionId =
  | "activate"
  | "fail-payment"
  | "cancel"
  | "unsubscribe"
  | "resubscribe"
  | "renew"
  | "end-agreement";

export interface AgreementAction {
  readonly id: ActionId;
  readonly text: string;
  /** The states it is for. */
  readonly states: readonly AgreementState[];
  readonly meaning: string;
  /** What is told by Amazon SNS, to products that have it. */
  readonly sns: readonly string[];
  /** EventBridge detail types, without the part after the hyphen. */
  readonly events: readonly string[];
  /** What calls answer from then on. */
  readonly after: Readonly<Record<"saas" | "compute", string>>;
  readonly done: string;
}

const created = ["Purchase Agreement Created", "License Updated"] as const;
const accepted = {
  saas: "BatchMeterUsage accepts usage of this buyer from then on; ResolveCustomer resolves the buyer’s token.",
  compute: "MeterUsage and RegisterUsage of the buyer’s workloads are accepted from then on.",
};
const refused = {
  saas: "BatchMeterUsage answers the buyer’s records with CustomerNotSubscribed from then on, unless another agreement takes them.",
  compute:
    "A first MeterUsage or RegisterUsage answers CustomerNotEntitledException; workloads that registered before are metered on.",
};

export const agreementActions: readonly AgreementAction[] = [
  {
    id: "activate",
    text: "Activate",
    states: ["pending", "payment-failed"],
    meaning: "The payment is settled and the agreement starts.",
    sns: ["subscribe-success", "entitlement-updated"],
    events: created,
    after: accepted,
    done: "The agreement is active.",
  },
  {
    id: "fail-payment",
    text: "Fail the payment",
    states: ["pending"],
    meaning: "The payment fails, so the agreement does not start. It can be activated later all the same.",
    sns: ["subscribe-fail"],
    events: [],
    after: {
      saas: "BatchMeterUsage goes on answering CustomerNotSubscribed.",
      compute: "MeterUsage and RegisterUsage go on answering CustomerNotEntitledException.",
    },
    done: "The payment failed.",
  },
  {
    id: "cancel",
    text: "Cancel the agreement",
    states: ["active"],
    meaning: "The buyer cancels: the final hour starts, in which the seller sends the last usage.",
    sns: ["unsubscribe-pending", "entitlement-updated"],
    events: ["Purchase Agreement Ended", "License Deprovisioned"],
    after: {
      saas: "BatchMeterUsage accepts usage until the final hour is over. Then unsubscribe-success is told, and records answer CustomerNotSubscribed.",
      compute:
        "MeterUsage and RegisterUsage are accepted until the final hour is over; then a first call answers CustomerNotEntitledException.",
    },
    done: "The agreement was cancelled; its final hour runs.",
  },
  {
    id: "unsubscribe",
    text: "End at once",
    states: ["active", "final-hour"],
    meaning: "The cancellation is complete: no final hour is left.",
    sns: ["unsubscribe-success"],
    events: [],
    after: refused,
    done: "The agreement has ended.",
  },
  {
    id: "resubscribe",
    text: "Resubscribe",
    states: ["final-hour", "ended"],
    meaning: "The buyer comes back. In the final hour the agreement goes on; after its end a new one starts.",
    sns: ["subscribe-success"],
    events: ["License Updated"],
    after: accepted,
    done: "The buyer is subscribed again.",
  },
  {
    id: "renew",
    text: "Renew",
    states: ["active", "final-hour"],
    meaning: "A new agreement follows on this one and takes over its terms and entitlements.",
    sns: ["entitlement-updated"],
    events: ["Purchase Agreement Ended", ...created],
    after: {
      saas: "Usage is accepted without a break. Whether the licence stays is the switch licenseOnRenewal; with a new one, meter by it from then on.",
      compute: "Usage is accepted without a break.",
    },
    done: "The agreement was renewed by a new one.",
  },
  {
    id: "end-agreement",
    text: "Announce its end only",
    states: ["active", "final-hour"],
    meaning: "The event that AWS sends at the end of a purchase agreement, alone: metering goes on.",
    sns: [],
    events: ["Purchase Agreement Ended"],
    after: { saas: "Nothing changes for calls.", compute: "Nothing changes for calls." },
    done: "The end of the purchase agreement was announced.",
  },
];

/** What is told of an action, by name; of products as they are. */
export function toldBy(
  { sns, events }: Pick<AgreementAction, "sns" | "events">,
  product: ProductView | undefined,
): readonly { readonly form: "sns" | "eventbridge"; readonly name: string }[] {
  const hasSns =
    product !== undefined && isSaas(product.type) && (product.sendsSns ?? !product.concurrentAgreementsOnly);
  const messages = hasSns ? sns.filter((name) => name !== "entitlement-updated" || isContract(product)) : [];
  return [
    ...messages.map((name) => ({ form: "sns" as const, name })),
    ...events.map((name) => ({ form: "eventbridge" as const, name })),
  ];
}
