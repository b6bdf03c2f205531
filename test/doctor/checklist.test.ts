/** AWS's go-live checklist: what shows each row, what does not, and what nobody can tell from CloudTrail's files. */
import { describe, expect, test } from "vitest";
import { type ChecklistFacts, type ChecklistItem, createChecklist } from "../../src/doctor/checklist.ts";
import type { Knowledge, ObservedCall } from "../../src/doctor/observed.ts";
import {
  buyerAccount,
  hour,
  knowledge,
  noon,
  observedBatch,
  observedEntitlements,
  observedMeter,
  observedRegister,
  observedResolve,
  productCode,
  sellerAccount,
} from "./support.ts";

const otherBuyer = "999988887777";
const agreement = { productCode, buyerAccountId: buyerAccount, from: noon - 48 * hour };

function itemsOf(
  calls: readonly ObservedCall[],
  known: Partial<Knowledge> = {},
  facts?: ChecklistFacts,
): ReadonlyMap<string, ChecklistItem> {
  const checklist = createChecklist(knowledge(known), facts);
  for (const call of calls.toSorted((a, b) => a.at - b.at)) checklist.see(call);
  return new Map(checklist.items().map((item) => [item.id, item]));
}

function itemOf(id: string, ...given: Parameters<typeof itemsOf>): ChecklistItem {
  return itemsOf(...given).get(id) ?? expect.fail(`no item ${id}`);
}

describe("the list", () => {
  const everything = [
    observedResolve(),
    observedBatch({ records: [{ status: "CustomerNotSubscribed" }, { status: "DuplicateRecord" }] }),
    observedMeter(),
    observedRegister(),
    observedEntitlements(),
  ];

  test("the same rows whatever was seen, in the order of the areas", () => {
    const ids = [...itemsOf([]).keys()];
    expect([...itemsOf(everything, { metered: [agreement] }).keys()]).toEqual(ids);
    const areas = [...new Set([...itemsOf([]).values()].map(({ area }) => area))];
    expect(areas).toEqual([
      ...["Registration", "Identity", "Metering", "Entitlement", "Notification"],
      ...["Billing", "Stage", "Containers", "AMI", "Security"],
    ]);
  });

  test("every item is whole; evidence and count are of what was exercised", () => {
    for (const item of [...itemsOf([]).values(), ...itemsOf(everything, { metered: [agreement] }).values()]) {
      expect(item.id).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(item.text).toMatch(/\.$/);
      expect(item.hint).toMatch(/\.$/);
      expect(Object.keys(item).toSorted()).toEqual(["area", "count", "evidence", "hint", "id", "state", "text"]);
      if (item.state === "exercised") expect(item.count).toBeGreaterThan(0);
      else expect([item.count, item.evidence]).toEqual([0, []]);
    }
  });

  test("nothing was exercised where nothing was called", () => {
    const states = [...itemsOf([], { metered: [agreement] }).values()].map(({ state }) => state);
    expect(new Set(states)).toEqual(new Set(["never", "cannot-tell"]));
  });

  test.each([
    ...["registration-page-https", "token-not-in-cookie", "free-mail-accepted", "contract-overage-only"],
    ...["access-ends-with-subscription", "invoices-checked", "limited-stage", "own-accounts-subscribed", "logs-kept"],
  ])("%s is for people to look at", (id) => {
    expect(itemOf(id, everything, { metered: [agreement] }).state).toBe("cannot-tell");
  });

  test("of CloudTrail's files alone, what needs a catalogue cannot be told", () => {
    const items = itemsOf(everything);
    const cannotTell = [...items.values()].filter(({ state }) => state === "cannot-tell").map(({ id }) => id);
    expect(cannotTell).toEqual(
      expect.arrayContaining([
        ...["token-resolved-at-once", "hourly-records-for-every-customer", "invalid-customer-tried"],
        ...["cancelled-subscription-tried", "notifications-received", "subscribe-success-awaited"],
        ...["final-records-in-last-hour", "test-subscriptions-cancelled", "every-dimension-metered"],
      ]),
    );
    for (const id of ["caller-is-seller", "usage-accepted", "status-duplicate-tried", "meter-usage-with-role"]) {
      expect(items.get(id)?.state, id).toBe("exercised");
    }
  });
});

/** A row, a case, its state, the calls, and what is known beside them. */
type Case = readonly [
  id: string,
  what: string,
  state: ChecklistItem["state"],
  calls: readonly ObservedCall[],
  known?: Partial<Knowledge>,
  facts?: ChecklistFacts,
];

const token = (ageMs: number) => ({
  tokens: [{ productCode, buyerAccountId: buyerAccount, issuedAt: noon - ageMs, resolvedAt: noon }],
});
const licence = (name: string) => ({ resolved: { accountId: buyerAccount, licenseArn: name } });
const record = (hours: number, more = {}) => ({ timestamp: noon - hours * hour, ...more });
const notSubscribed = (more = {}) => observedBatch({ records: [{ status: "CustomerNotSubscribed", ...more }] });
const ended = { metered: [{ ...agreement, to: noon - hour }] };
const dimensionsOf = () => ["requests", "storage"];

const cases: readonly Case[] = [
  ["token-resolved-at-once", "within a minute", "exercised", [observedResolve()], token(20_000)],
  ["token-resolved-at-once", "two hours later", "never", [observedResolve()], token(2 * hour)],
  ["token-resolved-at-once", "refused", "never", [observedResolve({ outcome: "InvalidTokenException" })], token(0)],
  ["registration-repeated", "the same buyer twice", "exercised", [observedResolve(), observedResolve()]],
  [
    "registration-repeated",
    "another licence",
    "never",
    [observedResolve(licence("l-1")), observedResolve(licence("l-2"))],
  ],
  [
    "buyer-registers-several-times",
    "two licences",
    "exercised",
    [observedResolve(licence("l-1")), observedResolve(licence("l-2"))],
  ],
  [
    "buyer-registers-several-times",
    "two products",
    "exercised",
    [observedResolve(), observedResolve({ productCode: "other" })],
  ],
  ["buyer-registers-several-times", "the same purchase again", "never", [observedResolve(), observedResolve()]],
  [
    "identity-from-resolve-customer",
    "resolved, then metered",
    "exercised",
    [observedResolve({ at: noon - 1 }), observedBatch()],
  ],
  [
    "identity-from-resolve-customer",
    "metered by the identifier that was resolved",
    "exercised",
    [observedResolve({ at: noon - 1 }), observedBatch({ records: [{ customerIdentifier: "aLd3rQ7wE1z" }] })],
  ],
  ["identity-from-resolve-customer", "metered without", "cannot-tell", [observedBatch()]],
  ["identity-from-resolve-customer", "never metered", "never", [observedResolve()]],
  ["caller-is-seller", "refused", "never", [observedBatch({ outcome: "InvalidProductCodeException" })]],

  [
    "hourly-records-for-every-customer",
    "every buyer by the hour",
    "exercised",
    [observedBatch({ records: [record(3), record(2)] })],
    { metered: [agreement] },
  ],
  [
    "hourly-records-for-every-customer",
    "hours in any order",
    "exercised",
    [observedBatch({ records: [record(2)] }), observedBatch({ at: noon + 1, records: [record(3)] })],
    { metered: [agreement] },
  ],
  [
    "hourly-records-for-every-customer",
    "one buyer left out",
    "never",
    [observedBatch({ records: [record(3), record(2)] })],
    { metered: [agreement, { ...agreement, buyerAccountId: otherBuyer }] },
  ],
  [
    "hourly-records-for-every-customer",
    "buyers of other products, new ones and former ones do not count",
    "exercised",
    [observedBatch({ records: [record(3), record(2)] })],
    {
      metered: [
        agreement,
        { ...agreement, productCode: "other", buyerAccountId: otherBuyer },
        { ...agreement, buyerAccountId: otherBuyer, from: noon - hour / 2 },
        { ...agreement, buyerAccountId: otherBuyer, to: noon - hour },
      ],
    },
  ],
  ["hourly-records-for-every-customer", "one hour", "never", [observedBatch()], { metered: [agreement] }],
  [
    "hourly-records-for-every-customer",
    "hours that were refused",
    "never",
    [observedBatch({ records: [record(3), record(2, { status: "DuplicateRecord" })] })],
    { metered: [agreement] },
  ],
  [
    "zero-records-when-idle",
    "an hour that is over",
    "exercised",
    [observedBatch({ records: [record(1, { quantity: 0 })] })],
  ],
  ["zero-records-when-idle", "the hour that runs", "never", [observedBatch({ records: [record(0, { quantity: 0 })] })]],
  ["usage-accepted", "refused", "never", [notSubscribed()]],
  ["status-not-subscribed-tried", "seen", "exercised", [notSubscribed()]],
  ["status-duplicate-tried", "MeterUsage", "exercised", [observedMeter({ outcome: "DuplicateRequestException" })]],
  [
    "unprocessed-records-resent",
    "sent again",
    "exercised",
    [
      observedBatch({ records: [record(1, { status: "Unprocessed" })] }),
      observedBatch({ at: noon + 9, records: [record(1)] }),
    ],
  ],
  [
    "unprocessed-records-resent",
    "another hour was sent",
    "never",
    [
      observedBatch({ records: [record(1, { status: "Unprocessed" })] }),
      observedBatch({ at: noon + 9, records: [record(2)] }),
    ],
  ],
  [
    "unprocessed-records-resent",
    "sent before",
    "never",
    [
      observedBatch({ at: noon - 9, records: [record(1)] }),
      observedBatch({ records: [record(1, { status: "Unprocessed" })] }),
    ],
  ],
  [
    "invalid-customer-tried",
    "an account that buys nothing",
    "exercised",
    [notSubscribed({ customerAccountId: otherBuyer })],
    ended,
  ],
  ["invalid-customer-tried", "a buyer", "never", [notSubscribed()], ended],
  [
    "invalid-customer-tried",
    "the exception",
    "exercised",
    [observedBatch({ outcome: "InvalidCustomerIdentifierException" })],
  ],
  ["cancelled-subscription-tried", "after the end", "exercised", [notSubscribed()], ended],
  ["cancelled-subscription-tried", "another buyer", "never", [notSubscribed({ customerAccountId: otherBuyer })], ended],
  [
    "cancelled-subscription-tried",
    "before the end",
    "never",
    [notSubscribed()],
    { metered: [{ ...agreement, to: noon + 1 }] },
  ],

  ["quantities-from-get-entitlements", "asked", "exercised", [observedEntitlements()]],
  [
    "quantities-from-get-entitlements",
    "refused",
    "never",
    [observedEntitlements({ outcome: "InvalidParameterException" })],
  ],
  ["entitlement-changes-handled", "never asked", "never", []],
  ["entitlement-changes-handled", "asked once", "cannot-tell", [observedEntitlements()]],
  [
    "entitlement-changes-handled",
    "asked again, and told of a change",
    "exercised",
    [observedEntitlements(), observedEntitlements()],
    {},
    { delivered: new Set(["entitlement-updated"]) },
  ],
  ["notifications-received", "one was", "exercised", [], {}, { delivered: new Set(["subscribe-success"]) }],
  ["notifications-received", "none was", "never", [], {}, { delivered: new Set() }],
  ["subscribe-success-awaited", "metered after the start", "exercised", [observedBatch()], { metered: [agreement] }],
  [
    "subscribe-success-awaited",
    "metered before the start as well",
    "never",
    [{ ...notSubscribed(), at: noon - 2 * hour }, observedBatch()],
    { metered: [{ ...agreement, from: noon - hour }] },
  ],
  ["final-records-in-last-hour", "in the final hour", "exercised", [observedBatch({ at: noon - 90 * 60_000 })], ended],
  ["final-records-in-last-hour", "before it", "never", [observedBatch({ at: noon - 3 * hour })], ended],
  ["final-records-in-last-hour", "nobody cancelled", "never", [observedBatch()], { metered: [agreement] }],
  ["records-arrive-before-publishing", "accepted", "exercised", [observedMeter()]],
  ["test-subscriptions-cancelled", "one ended", "exercised", [], ended],
  ["test-subscriptions-cancelled", "none ended", "never", [], { metered: [agreement] }],
  [
    "test-subscriptions-cancelled",
    "one that ends tomorrow",
    "never",
    [],
    { metered: [{ ...agreement, to: noon + 24 * hour }] },
  ],

  [
    "every-dimension-metered",
    "all of them",
    "exercised",
    [observedMeter(), observedMeter({ records: [{ dimension: "storage" }] })],
    { dimensionsOf },
  ],
  ["every-dimension-metered", "one is missing", "never", [observedMeter()], { dimensionsOf }],
  ["register-usage-at-start", "accepted", "exercised", [observedRegister()]],
  ["register-usage-at-start", "refused", "never", [observedRegister({ outcome: "PlatformNotSupportedException" })]],
  [
    "start-fails-when-not-entitled",
    "refused",
    "exercised",
    [observedRegister({ outcome: "CustomerNotEntitledException" })],
  ],
  ["region-from-task", "one Region", "cannot-tell", [observedRegister()]],
  ["region-from-task", "two Regions", "exercised", [observedRegister(), observedRegister({ region: "eu-west-1" })]],
  [
    "region-from-task",
    "a wrong one",
    "never",
    [observedRegister(), observedRegister({ outcome: "InvalidRegionException", region: "eu-west-1" })],
  ],
  ["meter-usage-with-role", "a role", "exercised", [observedMeter()]],
  [
    "meter-usage-with-role",
    "a user",
    "never",
    [observedMeter(), observedMeter({ caller: `arn:aws:iam::${buyerAccount}:user/x` })],
  ],
  ["every-region-offered", "some Region", "cannot-tell", [observedMeter()]],
  ["no-root-keys", "a user", "exercised", [observedBatch()]],
  ["no-root-keys", "the root user", "never", [observedBatch({ caller: `arn:aws:iam::${sellerAccount}:root` })]],
  ["no-root-keys", "callers without ARN", "cannot-tell", [observedBatch({ caller: "AKIAMETERING00000001" })]],
  ["roles-instead-of-users", "a user", "never", [observedBatch(), observedMeter()]],
  ["roles-instead-of-users", "roles alone", "exercised", [observedMeter()]],
];

for (const [id, what, state, calls, known, facts] of cases) {
  test(`${id}: ${what} → ${state}`, () => {
    const item = itemOf(id, calls, known, facts);
    expect(item.state).toBe(state);
    const ids = new Set(calls.map(({ requestId }) => requestId));
    for (const evidence of item.evidence) expect(ids.has(evidence)).toBe(true);
  });
}

test("evidence is bounded, and the count is not", () => {
  const calls = Array.from({ length: 30 }, () => observedRegister());
  const item = itemOf("register-usage-at-start", calls);
  expect(item.evidence).toEqual(calls.slice(0, 10).map(({ requestId }) => requestId));
  expect(item.count).toBe(30);
});

test("hints name what is missing", () => {
  const metered = [agreement, { ...agreement, buyerAccountId: otherBuyer }];
  const calls = [observedBatch({ records: [record(3), record(2)] })];
  expect(itemOf("hourly-records-for-every-customer", calls, { metered }).hint).toContain(otherBuyer);
  expect(itemOf("every-dimension-metered", calls, { dimensionsOf }).hint).toContain("storage");
});
