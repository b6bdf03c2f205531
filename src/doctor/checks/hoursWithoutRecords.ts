/**
 * Hours of a customer for which nothing was sent. They say something only where a product is metered hour by hour, with
 * records of quantity 0 for hours without usage: others have nothing to send for such an hour. Whatever was sent for an
 * hour counts, in whichever way it was answered: what was refused is for other checks.
 *
 * A customer's hours are looked at from its first record on, if three in four of those up to its last were sent. With
 * agreements they go on until now, as far as the customer could be metered; an hour may be as late as the latest that
 * the product's records were, and two hours more. Without agreements nobody knows of a gap after the last record, nor
 * whether a customer of a long one was away: gaps of more than a day are left out.
 */
import { dayMs, hourMs } from "../../api/limits.ts";
import { showTime } from "../../rules/times.ts";
import type { Check, Finding, Knowledge, Look, ObservedCall } from "../observed.ts";
import { principalOf } from "./evidence.ts";
import { addHour, gapsOf, hoursIn, hoursWithin, type Span } from "./hourRuns.ts";
import { createTally, findingOf, type Place, placeKey, plural, type Sight } from "./tally.ts";
import { productOf } from "./usage.ts";

interface Customer extends Place {
  /** Account id; a CustomerIdentifier or licence where the account is not known. */
  readonly id: string;
  readonly isAccount: boolean;
  readonly spans: Span[];
  /** Of the last call with a record of the latest hour. */
  last: Sight;
}

interface Product {
  readonly hours: Span[];
  /** Hours that were over when a record of quantity 0 was sent for them. */
  readonly emptyHours: Span[];
  /** From the end of an hour to the latest record of it, milliseconds. */
  latestMs: number;
}

interface Gap extends Span {
  readonly customer: Customer;
}

const name = "hours-without-records";
const hoursMin = 6;
const emptyHoursMin = 2;
const coveredMin = 0.75;
const lateAllowanceMs = 2 * hourMs;

export const hoursWithoutRecords: Check = {
  name,
  about: "Hours of active customers for which nothing was sent, of products that are metered every hour.",
  look,
};

function look(known: Knowledge): Look {
  const customers = new Map<string, Customer>();
  const products = new Map<string, Product>();
  let now = known.now;
  return {
    see: (call) => {
      now = Math.max(now, call.at);
      if (call.operation !== "BatchMeterUsage") return;
      for (const record of call.records) {
        const productCode = productOf(call, record, known);
        const product = products.get(productCode) ?? { hours: [], emptyHours: [], latestMs: 0 };
        products.set(productCode, product);
        const { hourAt, status } = record;
        // Refused for a time that makes no sense, it says nothing of the hour.
        if (status === "Refused" && (hourAt > call.at || hourAt < call.at - 2 * dayMs)) continue;
        addHour(product.hours, hourAt);
        const lateMs = call.at - (hourAt + hourMs);
        product.latestMs = Math.max(product.latestMs, lateMs);
        if (record.quantity === 0 && lateMs >= 0) addHour(product.emptyHours, hourAt);
        const account = known.accountOf(record);
        const id = account ?? record.customerIdentifier ?? record.licenseArn ?? "";
        seeHour(customers, { productCode, id, isAccount: account !== undefined, call, hourAt });
      }
    },
    findings: () => {
      const gaps = [...customers.values()].flatMap((customer) => gapsOfCustomer(customer, products, known, now));
      return findingsOf(gaps);
    },
  };
}

function seeHour(
  customers: Map<string, Customer>,
  seen: Pick<Customer, "productCode" | "id" | "isAccount"> & { readonly call: ObservedCall; readonly hourAt: number },
): void {
  const { productCode, id, isAccount, call, hourAt } = seen;
  const key = `${productCode}\n${id}`;
  const last = { at: call.at, requestId: call.requestId };
  const customer = customers.get(key) ?? {
    productCode,
    caller: principalOf(call.caller),
    id,
    isAccount,
    spans: [],
    last,
  };
  customers.set(key, customer);
  if (hourAt >= (customer.spans.at(-1)?.from ?? 0)) customer.last = last;
  addHour(customer.spans, hourAt);
}

function gapsOfCustomer(
  customer: Customer,
  products: ReadonlyMap<string, Product>,
  known: Knowledge,
  now: number,
): readonly Gap[] {
  const { spans, productCode, id, isAccount } = customer;
  const product = products.get(productCode);
  const first = spans[0];
  const last = spans.at(-1);
  if (product === undefined || first === undefined || last === undefined) return [];
  if (hoursIn(product.emptyHours) < emptyHoursMin || hoursIn(product.hours) < hoursMin) return [];
  const isKnown = known.metered.length > 0;
  const dueUntil = Math.floor((now - product.latestMs - lateAllowanceMs) / hourMs) * hourMs;
  const inside = gapsOf(spans, last.to);
  const periods = isKnown
    ? known.metered
        .filter((one) => one.productCode === productCode && one.buyerAccountId === id && isAccount)
        // B-82: who has left may have nothing more to send for the final hour.
        .map(({ from, to }) => ({ from, to: to === undefined ? Number.MAX_SAFE_INTEGER : to - hourMs }))
    : [{ from: first.from, to: last.to }];
  const expected = hoursIn(hoursWithin([{ from: first.from, to: last.to }], periods));
  const missed = hoursIn(hoursWithin(inside, periods));
  if (expected < hoursMin || missed > (1 - coveredMin) * expected) return [];
  const due = gapsOf(spans, Math.max(last.to, dueUntil)).map(({ from, to }) => ({ from, to: Math.min(to, dueUntil) }));
  return merged(hoursWithin(due, periods))
    .filter(({ from, to }) => isKnown || to - from <= dayMs)
    .map((span) => ({ ...span, customer }));
}

/** A customer with several agreements has each hour once. */
function merged(spans: readonly Span[]): readonly Span[] {
  const result: Span[] = [];
  for (const { from, to } of spans.toSorted((a, b) => a.from - b.from)) {
    const before = result.at(-1);
    if (before !== undefined && from <= before.to) before.to = Math.max(before.to, to);
    else result.push({ from, to });
  }
  return result;
}

const runsShown = 3;

function findingsOf(gaps: readonly Gap[]): readonly Finding[] {
  const tally = createTally();
  const runs = new Map<string, Map<string, { readonly span: Span; customers: number }>>();
  const customersOf = new Map<string, Set<Customer>>();
  for (const { from, to, customer } of gaps) {
    const { productCode, caller, last } = customer;
    const place = placeKey(customer);
    tally.add({ productCode, caller }, { count: (to - from) / hourMs, sights: [last] });
    customersOf.set(place, (customersOf.get(place) ?? new Set()).add(customer));
    const ofPlace = runs.get(place) ?? new Map<string, { readonly span: Span; customers: number }>();
    runs.set(place, ofPlace);
    const run = ofPlace.get(`${from} ${to}`) ?? { span: { from, to }, customers: 0 };
    ofPlace.set(`${from} ${to}`, run);
    run.customers += 1;
  }
  return tally.groups().map((group) => {
    const place = placeKey(group);
    const ofPlace = [...(runs.get(place)?.values() ?? [])].toSorted((a, b) => a.span.from - b.span.from);
    const shown = ofPlace.slice(0, runsShown).map(({ span, customers }) => {
      return `${showTime(span.from)} to ${showTime(span.to)} of ${plural(customers, "customer")}`;
    });
    const more = ofPlace.length > runsShown ? `, and ${plural(ofPlace.length - runsShown, "more run")}` : "";
    const customers = customersOf.get(place)?.size ?? 0;
    return findingOf(group, {
      check: name,
      severity: "risk",
      title:
        `${plural(group.count, "hour")} of ${plural(customers, "customer")} passed without a record, although the ` +
        `product is metered every hour: ${shown.join(", ")}${more}.`,
      fix:
        "Keep count of the hours that were sent for each customer, and send what is missing, usage or 0, within its " +
        "window after every outage.",
      rules: ["K-13", "B-50"],
    });
  });
}
