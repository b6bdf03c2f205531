/**
 * A batch is refused whole for one record (B-1, B-40), and the others must be sent again without it (K-5). Lost are those
 * others that no later call delivered or got an answer for, some time after the refusal. Which record was at fault is
 * taken from the message, from what is wrong with it in itself, and from being refused alone, as when the batch is sent
 * in halves; where none is found, the record of the largest quantity is taken for it, so that the loss is the least it
 * can be.
 */
import { licenseTail } from "../../api/identifiers.ts";
import type { Check, Finding, Knowledge, Look, ObservedCall, ObservedRecord } from "../observed.ts";
import { evidenceMax } from "../observed.ts";
import { bookOf, quantityHeld } from "./book.ts";
import {
  createTally,
  findingOf,
  type Group,
  hasUnits,
  type Place,
  placeKey,
  plural,
  type Sight,
  showUnits,
} from "./tally.ts";
import { createPatience, createRecent, isAccepted, placeOf, productOf } from "./usage.ts";
import { type UsageKey, usageOf } from "./usageKeys.ts";
import { isOutOfBounds } from "./window.ts";

/** What one record does to all, in AWS's order of checks. */
const faultsOfRecords = [
  "ValidationException",
  "InvalidLicenseException",
  "InvalidCustomerIdentifierException",
  "InvalidUsageDimensionException",
  "TimestampOutOfBoundsException",
  "InvalidTagException",
  "InvalidUsageAllocationsException",
];

/** Of these, records may be wrong all alike: only those of customers whose usage was accepted at some time are good. */
const faultsOfMany = ["ValidationException", "InvalidCustomerIdentifierException"];
const recordsMax = 25;

interface Batch extends Place {
  readonly at: number;
  /** More records than a batch may have (B-7): none of them is at fault. */
  readonly isTooLong: boolean;
  readonly outcome: string;
  hasCulprit: boolean;
  /** Those that nothing was heard of since, by key. */
  readonly left: Map<UsageKey, Left>;
  readonly sights: Sight[];
}

interface Left {
  readonly record: ObservedRecord;
  readonly holder: string;
}

const name = "batch-lost-to-one-record";

export const batchLostToOneRecord: Check = {
  name,
  about: "Batches refused because of one record, whose other records were never delivered.",
  look,
};

function look(known: Knowledge): Look {
  const book = bookOf(known);
  const patience = createPatience();
  const tally = createTally();
  const outcomes = new Map<string, Set<string>>();
  const batchOf = new Map<UsageKey, Batch>();
  /** Whose usage was accepted at any time. */
  const accepted = new Set<string>();

  const settle = (batch: Batch): void => {
    for (const [key] of batch.left) if (batchOf.get(key) === batch) batchOf.delete(key);
    if (!patience.isOver(batch.caller, known.now - batch.at)) return;
    const isAnyGood = batch.isTooLong || !faultsOfMany.includes(batch.outcome);
    const lost = [...batch.left.values()]
      .filter(({ holder }) => isAnyGood || accepted.has(holder))
      .map(({ record }) => record)
      .toSorted((a, b) => a.quantity - b.quantity);
    if (!batch.hasCulprit && !batch.isTooLong) lost.pop();
    if (lost.length === 0) return;
    const place = placeKey(batch);
    outcomes.set(place, (outcomes.get(place) ?? new Set()).add(batch.outcome));
    tally.add(batch, { count: 0, figures: { batches: 1 }, sights: batch.sights });
    for (const { dimension, quantity } of lost) tally.add(batch, { dimension, quantity });
  };
  const batches = createRecent<string, Batch>(settle);

  /** A batch that it was in has no more to hear of it. */
  const release = (key: UsageKey): Batch | undefined => {
    const batch = batchOf.get(key);
    batch?.left.delete(key);
    batchOf.delete(key);
    return batch;
  };

  const seeRefused = (call: ObservedCall): void => {
    const { at, requestId, records, outcome } = call;
    const [first] = records;
    if (first === undefined) return;
    if (records.length === 1) {
      const batch = release(usageOf(call, first, known).key);
      if (batch !== undefined) batch.hasCulprit = true;
      return;
    }
    const place = placeOf(call, first, known);
    const left = new Map<UsageKey, Left>();
    const isTooLong = records.length > recordsMax;
    const batch: Batch = { ...place, at, outcome, isTooLong, hasCulprit: false, left, sights: [{ at, requestId }] };
    const culprits = culpritsOf(call, known);
    for (const record of records) {
      const { holder, key } = usageOf(call, record, known);
      const before = release(key);
      if (before !== undefined) inherit(batch, before);
      if (culprits.has(record)) batch.hasCulprit = true;
      else if ((quantityHeld(book, key) ?? -1) < record.quantity) {
        left.set(key, { record, holder });
        batchOf.set(key, batch);
      }
    }
    if (left.size > 0) batches.set(requestId, batch, at);
  };

  return {
    see: (call) => {
      book.see(call);
      batches.expire(call.at);
      if (call.operation !== "BatchMeterUsage") return;
      if (faultsOfRecords.includes(call.outcome)) {
        seeRefused(call);
        return;
      }
      for (const record of call.records) {
        // Accepted, or another check's: it has an answer of its own.
        if (record.status === "Refused") continue;
        const { holder, key } = usageOf(call, record, known);
        if (isAccepted(record)) accepted.add(holder);
        const batch = release(key);
        if (batch !== undefined) patience.saw(batch.caller, call.at - batch.at);
      }
    },
    findings: () => {
      batches.drain();
      return tally.groups().map((group) => {
        return finding(group, [...(outcomes.get(placeKey(group)) ?? [])]);
      });
    },
  };
}

/** A batch that was sent again shows where it came from. */
function inherit(batch: Batch, before: Batch): void {
  for (const sight of before.sights) {
    const isNew = batch.sights.length < evidenceMax && !batch.sights.some((one) => one.requestId === sight.requestId);
    if (isNew) batch.sights.push(sight);
  }
}

function culpritsOf(call: ObservedCall, known: Knowledge): ReadonlySet<ObservedRecord> {
  const { records, outcome, errorMessage = "" } = call;
  const index = /usageRecords(?:\[|\.)(\d+)(?:\]|\.)/i.exec(errorMessage);
  // Messages of AWS's constraints count members from 1.
  const named = index === null ? undefined : records[Number(index[1]) - (/\.\d+\.member/.test(errorMessage) ? 1 : 0)];
  const isBad = (record: ObservedRecord): boolean => {
    if (outcome === "TimestampOutOfBoundsException") return isOutOfBounds(call, record);
    if (outcome === "InvalidUsageDimensionException") {
      const dimensions = known.dimensionsOf(productOf(call, record, known));
      return dimensions === undefined
        ? errorMessage.split(/[^\w.-]+/).includes(record.dimension)
        : !dimensions.includes(record.dimension);
    }
    const { customerIdentifier, customerAccountId, licenseArn } = record;
    const names = [customerIdentifier, customerAccountId, licenseArn && licenseTail(licenseArn)];
    return names.some((one) => one !== undefined && one !== "" && errorMessage.includes(one));
  };
  return new Set(records.filter((record) => record === named || isBad(record)));
}

function finding(group: Group, outcomes: readonly string[]): Finding {
  const { batches = 0 } = group.figures;
  const units = hasUnits(group) ? `: ${showUnits(group.quantities)} not billed` : ", all of them of quantity 0";
  return findingOf(group, {
    check: name,
    severity: hasUnits(group) ? "lost-revenue" : "risk",
    title:
      `${plural(group.count, "good record")} went down with ${batches === 1 ? "a refused batch" : `${batches} refused batches`} ` +
      `(${outcomes.join(", ")}) and never arrived later${units}.`,
    fix:
      "When a batch is refused for one record, take that record out, or send the batch in halves until it stands alone, " +
      "and send the others again.",
    rules: ["K-5", "B-1", "B-40"],
  });
}
