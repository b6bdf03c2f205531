/** Entitlements, notifications, billing, stage and security: much of it is for people to look at. */
import { hourMs } from "../../api/limits.ts";
import { Evidence, entryOf } from "../checks/evidence.ts";
import { isRoot } from "../checks/rootKeys.ts";
import { isAccepted } from "../checks/usage.ts";
import type { Knowledge, ObservedCall } from "../observed.ts";
import { type ChecklistFacts, hasAgreements, named, type Row, seen, type Told, toldBy, type Watch } from "./watch.ts";

const afterMetering: readonly Row[] = [
  {
    id: "quantities-from-get-entitlements",
    area: "Entitlement",
    text: "Contract products read what a buyer may use from GetEntitlements.",
    hint: "Call GetEntitlements for a contract's buyer; subscriptions without a contract need not.",
    watch: seen(({ operation, outcome }) => operation === "GetEntitlements" && outcome === "Success"),
  },
  {
    id: "entitlement-changes-handled",
    area: "Entitlement",
    text: "Upgrade, downgrade and expiry of a contract are handled.",
    hint: "Change the entitlements of a test buyer, and see that your program reads them again.",
    watch: entitlementChanges,
  },
  {
    id: "notifications-received",
    area: "Notification",
    text: "A queue takes each topic's notifications, or an EventBridge rule the events.",
    hint: "Add a notification target, and buy or cancel something.",
    watch: (_known, { delivered }) => told(toldOfDelivered(delivered, () => true)),
  },
  {
    id: "subscribe-success-awaited",
    area: "Notification",
    text: "Use and metering start only after subscribe-success, or the licence's event.",
    hint: "Register a buyer whose subscription is pending, and start metering once it is active.",
    watch: startAwaited,
  },
  {
    id: "final-records-in-last-hour",
    area: "Notification",
    text: "After unsubscribe-pending, or License Deprovisioned, the last records are sent within the hour.",
    hint: "Cancel a test subscription with usage that is not metered yet, and see that your program sends it within the hour.",
    watch: finalRecords,
  },
  {
    id: "access-ends-with-subscription",
    area: "Notification",
    text: "unsubscribe-success cuts the buyer's access.",
    hint: "Sign in as the buyer after the subscription has ended.",
  },
  {
    id: "invoices-checked",
    area: "Billing",
    text: "The invoices of the test accounts show what was metered.",
    hint: "Compare the accepted records with the invoices of your test accounts.",
  },
  {
    id: "records-arrive-before-publishing",
    area: "Billing",
    text: "Records of the product arrive before it is published; AWS's staff look for them.",
    hint: "Meter some usage of every product that is to be published.",
    watch: recordsArrive,
  },
  {
    id: "limited-stage",
    area: "Stage",
    text: "The product is in the limited state, visible only to accounts on the allow-list.",
    hint: "Look at the product's visibility in the AWS Marketplace Management Portal.",
  },
  {
    id: "own-accounts-subscribed",
    area: "Stage",
    text: "Own accounts subscribed while the prices were lowered for the test.",
    hint: "Subscribe with accounts of your own before the final prices are set.",
  },
  {
    id: "test-subscriptions-cancelled",
    area: "Stage",
    text: "The test subscriptions were cancelled afterwards.",
    hint: "Cancel the test accounts' subscriptions when the tests are done.",
    watch: cancelled,
  },
];

const last: readonly Row[] = [
  {
    id: "no-root-keys",
    area: "Security",
    text: "No call is signed with keys of an account's root user.",
    hint: "Call with a role that allows the aws-marketplace actions in use.",
    watch: () => callers((caller) => !isRoot(caller)),
  },
  {
    id: "roles-instead-of-users",
    area: "Security",
    text: "Calls are signed with a role's temporary credentials, not with a user's keys.",
    hint: "Give the program a role, of the instance, task or function that it runs in, or by AssumeRole.",
    watch: () => callers((caller) => !/:iam::\d*:(?:user\/|root$)/.test(caller)),
  },
  {
    id: "logs-kept",
    area: "Security",
    text: "Logs of the calls are kept.",
    hint: "See that a CloudTrail trail keeps the metering calls for longer than the 90 days of the event history.",
  },
];

export const otherRows = { afterMetering, last };

/** Of a row that no call changes. */
function told(answer: Told): Watch {
  return { see: () => undefined, told: () => answer };
}

function toldOfDelivered(delivered: ChecklistFacts["delivered"], matches: (name: string) => boolean): Told {
  if (delivered === undefined) return { state: "cannot-tell", hint: "Deliveries are not known from calls." };
  const names = [...delivered].filter(matches);
  return names.length === 0
    ? { state: "never" }
    : { state: "exercised", count: names.length, hint: `Delivered: ${named(names.toSorted())}.` };
}

/** G-12: the message says only that something changed; asking afterwards is what counts. */
function entitlementChanges(_known: Knowledge, { delivered }: ChecklistFacts): Watch {
  const asked = new Evidence();
  return {
    see: ({ operation, outcome, requestId }) => {
      if (operation === "GetEntitlements" && outcome === "Success") asked.add(requestId);
    },
    told: () => {
      if (asked.count === 0) return { state: "never" };
      const hint = "GetEntitlements was called; see that the program acts on what has changed.";
      const changed = delivered?.has("entitlement-updated") === true;
      return changed && asked.count > 1
        ? { state: "exercised", evidence: asked, hint }
        : { state: "cannot-tell", hint };
    },
  };
}

/** B-80: nothing of a buyer was refused before its start, and something was accepted after it. */
function startAwaited(known: Knowledge): Watch {
  const starts = new Map<string, number>();
  for (const { productCode, buyerAccountId, from } of known.metered) {
    const key = `${productCode} ${buyerAccountId}`;
    starts.set(key, Math.min(from, starts.get(key) ?? from));
  }
  const first = new Map<string, string>();
  const early = new Set<string>();
  return {
    see: (call) => {
      if (call.operation !== "BatchMeterUsage") return;
      for (const record of call.records) {
        const key = `${call.productCode} ${known.accountOf(record)}`;
        const from = starts.get(key);
        if (from === undefined) continue;
        if (call.at < from) early.add(key);
        else if (isAccepted(record) && !first.has(key)) first.set(key, call.requestId);
      }
    },
    told: () => {
      if (!hasAgreements(known)) return { state: "cannot-tell" };
      const evidence = new Evidence();
      for (const [key, id] of first) if (!early.has(key)) evidence.add(id);
      const hint = early.size === 0 ? undefined : "Usage of a buyer was sent before the subscription had started.";
      return early.size === 0 ? toldBy(evidence) : { state: "never", hint };
    },
  };
}

/** B-82: the last hour in which usage is taken is the one after the cancellation. */
function finalRecords(known: Knowledge): Watch {
  const ends = new Map<string, number[]>();
  for (const { productCode, buyerAccountId, to } of known.metered) {
    if (to !== undefined) entryOf(ends, `${productCode} ${buyerAccountId}`, (): number[] => []).push(to);
  }
  const inTime = new Evidence();
  const isFinal = (call: ObservedCall): boolean =>
    call.records.some((record) => {
      if (!isAccepted(record)) return false;
      const account = call.operation === "MeterUsage" ? call.accountId : known.accountOf(record);
      return ends.get(`${call.productCode} ${account}`)?.some((to) => call.at >= to - hourMs && call.at < to) === true;
    });
  return {
    see: (call) => {
      if (ends.size > 0 && isFinal(call)) inTime.add(call.requestId);
    },
    told: () => (hasAgreements(known) ? toldBy(inTime) : { state: "cannot-tell" }),
  };
}

function recordsArrive(): Watch {
  const arrived = new Evidence();
  const products = new Set<string>();
  return {
    see: ({ productCode, records, requestId }) => {
      if (productCode === undefined || !records.some(isAccepted)) return;
      products.add(productCode);
      arrived.add(requestId);
    },
    told: () => ({
      ...toldBy(arrived),
      hint: products.size === 0 ? undefined : `Records arrived of ${named([...products].toSorted())}.`,
    }),
  };
}

function cancelled(known: Knowledge): Watch {
  const ended = known.metered.filter(({ to }) => to !== undefined && to <= known.now).length;
  if (!hasAgreements(known)) return told({ state: "cannot-tell" });
  const left = known.metered.length - ended;
  const hint = left === 0 ? undefined : `${ended} have ended; ${left} can still be metered.`;
  return told(ended === 0 ? { state: "never" } : { state: "exercised", count: ended, hint });
}

/** Exercised where every caller with an ARN is as it should be. */
function callers(isGood: (caller: string) => boolean): Watch {
  const good = new Evidence();
  const bad = new Set<string>();
  return {
    see: ({ caller, requestId }) => {
      if (!caller.startsWith("arn:")) return;
      if (isGood(caller)) good.add(requestId);
      else bad.add(caller);
    },
    told: () => {
      if (bad.size > 0) return { state: "never", hint: `Seen: ${named([...bad].toSorted())}.` };
      return good.count > 0 ? { state: "exercised", evidence: good } : { state: "cannot-tell" };
    },
  };
}
