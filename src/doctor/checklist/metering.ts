/** Metering: records by the hour, and every answer that a record can get. */
import { hourMs } from "../../api/limits.ts";
import { Evidence, entryOf } from "../checks/evidence.ts";
import { createRecent, isAccepted } from "../checks/usage.ts";
import { usageOf } from "../checks/usageKeys.ts";
import type { Knowledge, ObservedCall, ObservedRecord } from "../observed.ts";
import { hasAgreements, named, type Row, seen, type Told, toldBy, type Watch } from "./watch.ts";

export const meteringRows: readonly Row[] = [
  {
    id: "hourly-records-for-every-customer",
    area: "Metering",
    text: "Usage is metered by the hour, for every customer.",
    hint: "Let your metering job run for some hours with every test subscription active.",
    watch: hourlyRecords,
  },
  {
    id: "zero-records-when-idle",
    area: "Metering",
    text: "An hour without usage is metered with quantity 0, once it is over.",
    hint: "Send quantity 0 for an hour that is over and had no usage; before its end it would lock the hour.",
    watch: seen(({ records, at }) =>
      records.some((record) => isAccepted(record) && record.quantity === 0 && record.hourAt + hourMs <= at),
    ),
  },
  {
    id: "contract-overage-only",
    area: "Metering",
    text: "Contract products meter only what goes beyond the contract.",
    hint: "Compare the metered quantities of a contract's buyer with what the contract includes.",
  },
  {
    id: "usage-accepted",
    area: "Metering",
    text: "Usage is accepted: a record is answered with Success.",
    hint: "Meter some usage of an active test subscription.",
    watch: seen(({ records }) => records.some(isAccepted)),
  },
  {
    id: "status-not-subscribed-tried",
    area: "Metering",
    text: "The status CustomerNotSubscribed was met, and your program took notice of it.",
    hint: "Meter a buyer whose subscription is not active, and look at what your program does with the status.",
    watch: seen(hasStatus("CustomerNotSubscribed")),
  },
  {
    id: "status-duplicate-tried",
    area: "Metering",
    text: "The status DuplicateRecord was met, and your program took notice of it.",
    hint: "Send an hour again with another quantity, and look at what your program does with the status.",
    watch: seen(
      (call) => hasStatus("DuplicateRecord")(call) || call.outcome === "DuplicateRequestException", // M-21
    ),
  },
  {
    id: "unprocessed-records-resent",
    area: "Metering",
    text: "Records that come back in UnprocessedRecords are sent again until they are accepted.",
    hint: "Plan a fault of kind unprocessed, and see that your program sends the records again.",
    watch: unprocessedResent,
  },
  {
    id: "invalid-customer-tried",
    area: "Metering",
    text: "Usage of a customer who does not exist was tried.",
    hint: "Meter a customer identifier or account id that is not a buyer's.",
    watch: invalidCustomer,
  },
  {
    id: "cancelled-subscription-tried",
    area: "Metering",
    text: "Usage of a cancelled subscription was tried.",
    hint: "Cancel a test subscription, let its final hour pass, and meter the buyer once more.",
    watch: cancelledSubscription,
  },
];

function hasStatus(status: ObservedRecord["status"]): (call: ObservedCall) => boolean {
  return ({ records }) => records.some((record) => record.status === status);
}

/** Hours remembered of one buyer until two that follow each other are found. */
const hoursMax = 64;

interface Hours {
  readonly productCode: string;
  readonly buyer: string;
  readonly recent: Set<number>;
  hasRun: boolean;
  readonly requestId: string;
}

/** Every buyer whose usage could be metered has records of two hours that follow each other. */
function hourlyRecords(known: Knowledge): Watch {
  const byBuyer = new Map<string, Hours>();
  const see = (call: ObservedCall, record: ObservedRecord): void => {
    const buyer = call.operation === "MeterUsage" ? call.accountId : known.accountOf(record);
    const { productCode } = call;
    if (buyer === undefined || productCode === undefined) return;
    const make = () => ({ productCode, buyer, recent: new Set<number>(), hasRun: false, requestId: call.requestId });
    const hours = entryOf(byBuyer, `${productCode} ${buyer}`, make);
    if (hours.hasRun) return;
    hours.hasRun = hours.recent.has(record.hourAt - hourMs) || hours.recent.has(record.hourAt + hourMs);
    if (hours.recent.size >= hoursMax) hours.recent.clear();
    hours.recent.add(record.hourAt);
    if (hours.hasRun) hours.recent.clear();
  };
  return {
    see: (call) => {
      for (const record of call.records) if (isAccepted(record)) see(call, record);
    },
    told: () => toldOfHours([...byBuyer.values()], known),
  };
}

function toldOfHours(seenHours: readonly Hours[], known: Knowledge): Told {
  if (seenHours.length === 0) return { state: "never" };
  if (!hasAgreements(known)) {
    return { state: "cannot-tell", hint: "These calls do not tell which customers there are." };
  }
  const running = new Set(
    seenHours.filter(({ hasRun }) => hasRun).map(({ productCode, buyer }) => `${productCode} ${buyer}`),
  );
  // Of products that are metered at all: others may be metered by AWS, or sold by somebody else.
  const products = new Set(seenHours.map(({ productCode }) => productCode));
  const missing = known.metered.filter(
    ({ productCode, buyerAccountId, from, to = Number.POSITIVE_INFINITY }) =>
      products.has(productCode) &&
      from + hourMs <= known.now &&
      to > known.now &&
      !running.has(`${productCode} ${buyerAccountId}`),
  );
  if (missing.length > 0) {
    const names = [...new Set(missing.map(({ productCode, buyerAccountId }) => `${buyerAccountId} (${productCode})`))];
    return { state: "never", hint: `No two hours that follow each other were metered for ${named(names)}.` };
  }
  const evidence = new Evidence();
  for (const { hasRun, requestId } of seenHours) if (hasRun) evidence.add(requestId);
  return toldBy(evidence);
}

function unprocessedResent(known: Knowledge): Watch {
  const open = createRecent<string, string>();
  const resent = new Evidence();
  let unprocessed = 0;
  return {
    see: (call) => {
      open.expire(call.at);
      for (const record of call.records) {
        if (open.isEmpty && record.status !== "Unprocessed") continue;
        const key = `${call.region} ${usageOf(call, record, known).key}`;
        if (record.status === "Unprocessed") {
          unprocessed += 1;
          open.set(key, call.requestId, call.at);
        } else if (isAccepted(record) && open.get(key) !== undefined) {
          open.delete(key);
          resent.add(call.requestId);
        }
      }
    },
    told: () => ({
      ...toldBy(resent),
      hint:
        resent.count === 0 && unprocessed > 0
          ? `${unprocessed} records came back unprocessed and none was accepted later.`
          : undefined,
    }),
  };
}

/** B-20: an unknown customer has the status of one who did not subscribe; without a catalogue they look alike. */
function invalidCustomer(known: Knowledge): Watch {
  const refused = new Evidence();
  let maybe = 0;
  // An account id is taken as sent: only agreements and tokens tell whose it is.
  const buyers = new Set([...known.metered, ...known.tokens].map(({ buyerAccountId }) => buyerAccountId));
  const isBuyer = (record: ObservedRecord): boolean => buyers.has(known.accountOf(record) ?? "");
  return {
    see: (call) => {
      if (call.outcome === "InvalidCustomerIdentifierException") refused.add(call.requestId);
      const suspects = call.records.filter(({ status }) => status === "CustomerNotSubscribed");
      if (suspects.length === 0) return;
      maybe += 1;
      if (hasAgreements(known) && suspects.some((record) => !isBuyer(record))) refused.add(call.requestId);
    },
    told: () => {
      if (refused.count > 0 || maybe === 0 || hasAgreements(known)) return toldBy(refused);
      const hint =
        "Customers were answered with CustomerNotSubscribed; whether they exist is not known from these calls.";
      return { state: "cannot-tell", hint };
    },
  };
}

function cancelledSubscription(known: Knowledge): Watch {
  const tried = new Evidence();
  let maybe = 0;
  const isOver = ({ productCode, at }: ObservedCall, record: ObservedRecord): boolean => {
    const account = known.accountOf(record);
    return known.metered.some(
      (one) =>
        one.productCode === productCode && one.buyerAccountId === account && one.to !== undefined && one.to <= at,
    );
  };
  return {
    see: (call) => {
      const suspects = call.records.filter(({ status }) => status === "CustomerNotSubscribed");
      if (suspects.length === 0) return;
      maybe += 1;
      if (suspects.some((record) => isOver(call, record))) tried.add(call.requestId);
    },
    told: () => {
      if (tried.count > 0 || maybe === 0 || hasAgreements(known)) return toldBy(tried);
      const hint =
        "Customers were answered with CustomerNotSubscribed; whether they had cancelled is not known from these calls.";
      return { state: "cannot-tell", hint };
    },
  };
}
