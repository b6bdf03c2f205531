/** Registration and identity: what happens between the buyer's arrival and the first record. */
import { hourMs } from "../../api/limits.ts";
import { Evidence, entryOf } from "../checks/evidence.ts";
import { isAccepted } from "../checks/usage.ts";
import type { Knowledge, ObservedCall } from "../observed.ts";
import { type Row, seen, type Told, toldBy, type Watch } from "./watch.ts";

export const registrationRows: readonly Row[] = [
  {
    id: "registration-page-https",
    area: "Registration",
    text: "The registration page is served over HTTPS and takes a POST.",
    hint: "Open the page's URL yourself: it must be https, and answer a POST of x-amzn-marketplace-token.",
  },
  {
    id: "token-resolved-at-once",
    area: "Registration",
    text: "The registration token is resolved as soon as the buyer arrives.",
    hint: "Subscribe as a test buyer, follow the link to your registration page, and let it call ResolveCustomer.",
    watch: resolvedAtOnce,
  },
  {
    id: "token-not-in-cookie",
    area: "Registration",
    text: "The registration token is never kept in a cookie.",
    hint: "Look at the cookies that your registration page sets.",
  },
  {
    id: "registration-repeated",
    area: "Registration",
    text: "A registration that was left half-finished, or is repeated, works.",
    hint: "Leave the registration half-way, come back by 'Set up your account' in the buyer's subscriptions, and finish it.",
    watch: repeated(({ productCode, resolved }) => [productCode, buyerOf(resolved), resolved?.licenseArn], 2),
  },
  {
    id: "free-mail-accepted",
    area: "Registration",
    text: "Buyers with free-mail addresses can register.",
    hint: "Register with an address of a free-mail provider.",
  },
  {
    id: "buyer-registers-several-times",
    area: "Registration",
    text: "One buyer can register for several purchases.",
    hint: "Buy a second product, or a second agreement of the same one, with the same test account and register it.",
    watch: severalPurchases,
  },
  {
    id: "identity-from-resolve-customer",
    area: "Identity",
    text: "Customer id, account id, product code and licence come from ResolveCustomer and from nowhere else.",
    hint: "Register every test buyer by ResolveCustomer before metering it.",
    watch: metersTheResolved,
  },
  {
    id: "caller-is-seller",
    area: "Identity",
    text: "ResolveCustomer and BatchMeterUsage are called by the account that publishes the product.",
    hint: "Call ResolveCustomer or BatchMeterUsage with credentials of the seller's account.",
    watch: seen(
      ({ operation, outcome }) =>
        outcome === "Success" && (operation === "ResolveCustomer" || operation === "BatchMeterUsage"),
    ),
  },
];

function buyerOf(resolved: ObservedCall["resolved"]): string | undefined {
  return resolved?.accountId ?? resolved?.customerIdentifier;
}

/** T-2: where the times of issue are not known, a resolved token may have been old. */
function resolvedAtOnce(known: Knowledge): Watch {
  const prompt = new Set(
    known.tokens
      .filter(({ issuedAt, resolvedAt }) => resolvedAt !== undefined && resolvedAt - issuedAt <= hourMs)
      .map(({ productCode, buyerAccountId, resolvedAt }) => `${productCode} ${buyerAccountId} ${resolvedAt}`),
  );
  const atOnce = new Evidence();
  let resolved = 0;
  return {
    see: ({ resolved: answer, productCode, at, requestId }) => {
      if (answer === undefined) return;
      resolved += 1;
      if (prompt.has(`${productCode} ${answer.accountId} ${at}`)) atOnce.add(requestId);
    },
    told: () => {
      if (atOnce.count > 0 || resolved === 0) return toldBy(atOnce);
      return known.tokens.length > 0
        ? { state: "never", hint: "Tokens were resolved, and each more than an hour after it was issued." }
        : { state: "cannot-tell", hint: "Tokens were resolved; when they were issued is not known from these calls." };
    },
  };
}

/** Exercised once `times` answers of ResolveCustomer agree in what `of` takes from them. */
function repeated(of: (call: ObservedCall) => readonly unknown[], times: number): () => Watch {
  return () => {
    const answers = new Map<string, Evidence>();
    return {
      see: (call) => {
        if (call.resolved === undefined) return;
        entryOf(answers, JSON.stringify(of(call)), () => new Evidence()).add(call.requestId);
      },
      told: () => {
        const all = new Evidence();
        for (const { count, requestIds } of answers.values()) {
          if (count >= times) for (const id of requestIds) all.add(id);
        }
        return toldBy(all);
      },
    };
  };
}

function severalPurchases(): Watch {
  const purchases = new Map<string, Map<string, string>>();
  return {
    see: ({ resolved, productCode, requestId }) => {
      const buyer = buyerOf(resolved);
      if (buyer === undefined) return;
      const own = entryOf(purchases, buyer, () => new Map<string, string>());
      const purchase = `${productCode} ${resolved?.licenseArn}`;
      if (!own.has(purchase)) own.set(purchase, requestId);
    },
    told: () => {
      const all = new Evidence();
      for (const own of purchases.values()) if (own.size > 1) for (const id of own.values()) all.add(id);
      return toldBy(all);
    },
  };
}

/** Whether the buyers that are metered were resolved before, so far as the calls reach back. */
function metersTheResolved(known: Knowledge): Watch {
  const resolved = new Map<string, string>();
  const shown = new Evidence();
  const unresolved = new Set<string>();
  return {
    see: (call) => {
      if (call.resolved !== undefined) {
        const { accountId, customerIdentifier, licenseArn } = call.resolved;
        for (const id of [accountId, customerIdentifier, licenseArn]) {
          if (id !== undefined && !resolved.has(id)) resolved.set(id, call.requestId);
        }
      }
      if (call.operation !== "BatchMeterUsage") return;
      for (const record of call.records) {
        if (!isAccepted(record)) continue;
        const buyer = known.accountOf(record) ?? record.customerIdentifier ?? record.licenseArn;
        if (buyer === undefined) continue;
        const by = [record.customerAccountId, record.customerIdentifier, record.licenseArn, buyer]
          .map((id) => (id === undefined ? undefined : resolved.get(id)))
          .find((id) => id !== undefined);
        if (by === undefined) unresolved.add(buyer);
        else if (!shown.requestIds.includes(by)) shown.add(by);
      }
    },
    told: (): Told => {
      if (unresolved.size === 0) return toldBy(shown);
      const hint = `${unresolved.size} of the metered buyers were not resolved in these calls; they may have been before.`;
      return { state: "cannot-tell", hint };
    },
  };
}
