/**
 * The life of an agreement: what buyers and the marketplace do to it (SPEC B-80 to B-87, N-9, N-10, N-24, N-25). Each
 * action writes times into the agreement, and what it announces, in one transaction; the state follows from the times
 * and the business clock.
 */
import { registrationTokenHash } from "../api/identifiers.ts";
import { dayMs } from "../api/limits.ts";
import type { Settings } from "../api/settings.ts";
import type { Account, Agreement, EntitlementValue, Notification } from "../api/types.ts";
import { type AgreementState, agreementState } from "../rules/agreements.ts";
import { rescheduled } from "../rules/announcements.ts";
import type { Catalog, CatalogChange } from "../store/catalog.ts";
import { type Announcement, eventOf } from "./agreementAnnouncements.ts";
import { announcements, nextDue } from "./agreementDue.ts";
import { carriedOver, entitlementsWith, grants, licenseMember, yearDays } from "./agreementEntitlements.ts";
import { type AgreementReference, createLookups, MarketplaceError } from "./agreementLookups.ts";
import { newAgreementId, newLicenseArn, newOfferId, newRegistrationToken } from "./identifiers.ts";
import { announce } from "./notifications/announce.ts";
import type { LifecycleEvent } from "./notifications/events.ts";

export type { Announcement } from "./agreementAnnouncements.ts";
export { type AgreementReference, MarketplaceError } from "./agreementLookups.ts";

export interface Purchase {
  readonly product: string;
  /** Account id or CustomerIdentifier. */
  readonly customer: string;
  /** Id of an offer of the catalogue; its terms hold. */
  readonly offer?: string;
  /** A private offer without terms of its own: true, or its id. */
  readonly privateOffer?: string | boolean;
  readonly freeTrial?: boolean;
  readonly paymentFails?: boolean;
}

export interface Amendment {
  readonly offer?: string;
  /** By entitlement dimension. */
  readonly entitlements?: Readonly<Record<string, EntitlementValue>>;
  readonly endsAt?: number;
  readonly autoRenew?: boolean;
}

export interface AgreementsOptions {
  readonly catalog: Catalog;
  readonly settings: () => Settings;
}

/**
 * All instants are epoch milliseconds of the business clock; they may lie in the past. Every action throws
 * MarketplaceError when the agreement's state does not allow it.
 */
export interface Agreements {
  /** Accepts an offer: a pending agreement, until its payment is settled. */
  create(input: Purchase, at: number): Promise<Agreement>;
  /** Completes the pending agreement of the pair, or creates one, and activates it unless the payment fails. */
  purchase(input: Purchase, at: number): Promise<Agreement>;
  /** A pending agreement starts; in its final hour it goes on; after its end a new one starts. */
  subscribeSuccess(reference: AgreementReference, at: number): Promise<Agreement>;
  failPayment(reference: AgreementReference, at: number): Promise<Agreement>;
  /** The final hour starts. */
  cancel(reference: AgreementReference, at: number): Promise<Agreement>;
  /** No usage is accepted any more. */
  unsubscribeSuccess(reference: AgreementReference, at: number): Promise<Agreement>;
  /** The event alone; metering goes on (N-24). */
  endPurchaseAgreement(reference: AgreementReference, at: number): Promise<Agreement>;
  /** The new agreement that follows on this one (N-25). */
  renew(reference: AgreementReference, at: number): Promise<Agreement>;
  amend(reference: AgreementReference, amendment: Amendment, at: number): Promise<Agreement>;
  amendEntitlement(
    input: {
      readonly product: string;
      readonly customer: string;
      readonly dimension: string;
      readonly value: EntitlementValue;
    },
    at: number,
  ): Promise<void>;
  suspend(account: string, suspended: boolean): Promise<Account>;
  /** The event alone; the agreement stays as it is. It must have started, and may have ended. Returns the seller's. */
  announce(reference: AgreementReference, announcement: Announcement, at: number): Promise<Notification>;
  /** Returns the token's value, the only time that it is known. An `at` in the past makes an expired one. */
  issueToken(reference: AgreementReference, at: number): Promise<string>;
  /** What time brings about up to `now`, in the order of its time: everything, or the first `countMax`. */
  runDue(now: number, countMax?: number): Promise<void>;
}

export function createAgreements({ catalog, settings }: AgreementsOptions): Agreements {
  const { product, buyer, find, require, offerOf } = createLookups(catalog, settings);
  const stateOf = (agreement: Agreement, at: number): AgreementState => agreementState(agreement, at, settings());

  const requireState = (agreement: Agreement, at: number, allowed: readonly AgreementState[], what: string): void => {
    const state = stateOf(agreement, at);
    if (allowed.includes(state)) return;
    throw new MarketplaceError(
      `Agreement ${agreement.id} is ${state}; ${what} needs it to be ${allowed.join(" or ")}.`,
    );
  };

  /** Writes the agreement with what it announces, and whatever else belongs to the change. */
  const write = async (
    agreement: Agreement,
    events: readonly LifecycleEvent[],
    at: number,
    rest: CatalogChange = {},
  ): Promise<Agreement> => {
    const changed = { ...agreement, version: agreement.version + 1 };
    const notifications = announce(events, changed, at, catalog);
    await catalog.apply({ ...rest, agreements: [...(rest.agreements ?? []), changed], notifications });
    return changed;
  };

  const make = (input: Purchase, at: number): Agreement => {
    const { code } = product(input.product);
    const { id } = buyer(input.customer);
    const offer = offerOf(input.offer, code, id, at);
    const isPrivate = offer?.buyerAccountIds !== undefined || (input.privateOffer ?? false) !== false;
    return {
      id: newAgreementId(),
      productCode: code,
      buyerAccountId: id,
      version: 0,
      acceptedAt: at,
      offerId: offer?.id ?? (typeof input.privateOffer === "string" ? input.privateOffer : newOfferId()),
      privateOffer: isPrivate,
      freeTrial: input.freeTrial ?? offer?.freeTrialDays !== undefined,
      ...(offer?.termDays === undefined ? {} : { endsAt: at + offer.termDays * dayMs }),
      ...(offer?.autoRenew === undefined ? {} : { autoRenew: offer.autoRenew }),
    };
  };

  const start = (agreement: Agreement, at: number): Promise<Agreement> => {
    const { failedAt: _failed, ...rest } = agreement;
    const started = { ...rest, startedAt: at, licenseArn: agreement.licenseArn ?? newLicenseArn() };
    const entitlements = grants(started, catalog.offer(agreement.offerId ?? ""), at);
    const events: readonly LifecycleEvent[] = [
      { kind: "agreement-created" },
      { kind: "license-updated" },
      { kind: "subscribe-success" },
      { kind: "entitlement-updated" },
    ];
    return write(started, events, at, entitlements.length > 0 ? { entitlements } : {});
  };

  /** N-10: re-subscription inside the final hour; the agreement goes on and unsubscribe-success is never sent. */
  const resume = (agreement: Agreement, at: number): Promise<Agreement> => {
    const { endingAt: _ending, agreementEndedAt: _over, ...open } = agreement;
    return write(open, [{ kind: "license-updated" }, { kind: "subscribe-success" }], at);
  };

  const fail = (agreement: Agreement, at: number): Promise<Agreement> =>
    write({ ...agreement, failedAt: at }, [{ kind: "subscribe-fail" }], at);

  const renew = async (agreement: Agreement, at: number): Promise<Agreement> => {
    requireState(agreement, at, ["active", "final-hour"], "to renew it");
    const keeps = settings().licenseOnRenewal === "keep";
    const { endingAt: _ending, endedAt: _ended, agreementEndedAt: _over, announcedDays: _days, ...terms } = agreement;
    const term = agreement.endsAt === undefined ? yearDays * dayMs : agreement.endsAt - agreement.acceptedAt;
    const next: Agreement = {
      ...terms,
      id: newAgreementId(),
      version: 1,
      acceptedAt: at,
      startedAt: at,
      ...(agreement.endsAt === undefined ? {} : { endsAt: at + term }),
      intent: "RENEW",
      previousAgreementId: agreement.id,
      licenseArn: keeps && agreement.licenseArn !== undefined ? agreement.licenseArn : newLicenseArn(),
    };
    const old: Agreement = {
      ...agreement,
      version: agreement.version + 1,
      agreementEndedAt: at,
      // With its licence kept the new agreement goes on where this one stops; with a new one, the old has its final hour.
      ...(keeps ? { endedAt: at } : { endingAt: at }),
    };
    const entitlements = carriedOver(agreement, next, catalog);
    const notifications = [
      ...announce([{ kind: "agreement-ended", status: "RENEWED" }], old, at, catalog),
      ...(keeps ? [] : announce([{ kind: "license-deprovisioned" }], old, at, catalog)),
      ...announce(
        [{ kind: "agreement-created" }, { kind: "license-updated" }, { kind: "entitlement-updated" }],
        next,
        at,
        catalog,
      ),
    ];
    await catalog.apply({ agreements: [old, next], entitlements, notifications });
    return next;
  };

  const finish = (agreement: Agreement, at: number): Promise<Agreement> =>
    write({ ...agreement, endedAt: at }, [{ kind: "unsubscribe-success" }], at);

  const begin = (agreement: Agreement, at: number): Promise<Agreement> =>
    write(
      { ...agreement, endingAt: at, agreementEndedAt: agreement.agreementEndedAt ?? at },
      [
        { kind: "agreement-ended" },
        { kind: "license-deprovisioned" },
        { kind: "unsubscribe-pending" },
        { kind: "entitlement-updated" },
      ],
      at,
    );

  return {
    create: (input, at) => write(make(input, at), [], at),
    purchase: async (input, at) => {
      const { concurrentAgreementsOnly, code } = product(input.product);
      const all = catalog.agreements(code, buyer(input.customer).id);
      const pending = all.find((one) => one.startedAt === undefined && stateOf(one, at) === "pending");
      const made = make(input, at);
      const closing = all.findLast((one) => stateOf(one, at) === "final-hour");
      if (closing !== undefined && !concurrentAgreementsOnly && pending === undefined && input.paymentFails !== true) {
        const { offerId, privateOffer, freeTrial, endsAt, autoRenew } = made;
        const terms = defined({ offerId, privateOffer, freeTrial, endsAt, autoRenew });
        return resume(rescheduled({ ...closing, ...terms }, closing, at), at);
      }
      const agreement = pending
        ? { ...made, id: pending.id, version: pending.version, ...licenseMember(pending) }
        : made;
      return input.paymentFails === true ? fail(agreement, at) : start(agreement, at);
    },
    subscribeSuccess: async (reference, at) => {
      const agreement = require(reference, at);
      const state = stateOf(agreement, at);
      if (state === "active") return agreement;
      if (state === "final-hour") return resume(agreement, at);
      if (state !== "ended") return start(agreement, at);
      const { productCode, buyerAccountId } = agreement;
      return start(make({ product: productCode, customer: buyerAccountId }, at), at); // B-87
    },
    failPayment: async (reference, at) => {
      const agreement = require(reference, at);
      requireState(agreement, at, ["pending"], "a failed payment");
      return fail(agreement, at);
    },
    cancel: async (reference, at) => {
      const agreement = require(reference, at);
      requireState(agreement, at, ["active"], "to cancel it");
      return begin(agreement, at);
    },
    unsubscribeSuccess: async (reference, at) => {
      const agreement = require(reference, at);
      requireState(agreement, at, ["active", "final-hour"], "to end it");
      return finish(agreement, at);
    },
    endPurchaseAgreement: async (reference, at) => {
      const agreement = require(reference, at);
      requireState(agreement, at, ["active", "final-hour"], "to end its purchase agreement");
      return write({ ...agreement, agreementEndedAt: at }, [{ kind: "agreement-ended" }], at);
    },
    renew: async (reference, at) => renew(require(reference, at), at),
    amend: async (reference, amendment, at) => {
      const agreement = require(reference, at);
      requireState(agreement, at, ["active"], "to change it");
      const offer = offerOf(amendment.offer, agreement.productCode, agreement.buyerAccountId, at);
      const changed: Agreement = {
        ...agreement,
        ...(offer === undefined ? {} : { offerId: offer.id, privateOffer: offer.buyerAccountIds !== undefined }),
        ...(amendment.endsAt === undefined ? {} : { endsAt: amendment.endsAt }),
        ...(amendment.autoRenew === undefined ? {} : { autoRenew: amendment.autoRenew }),
      };
      const granted = { ...offer?.entitlements, ...amendment.entitlements };
      const entitlements = entitlementsWith(changed, granted, at, catalog);
      return write(rescheduled(changed, agreement, at), amended, at, entitlements.length > 0 ? { entitlements } : {});
    },
    amendEntitlement: async (input, at) => {
      const { code } = product(input.product);
      const { id } = buyer(input.customer);
      const agreement = find({ product: code, customer: id }, at);
      const known = catalog
        .entitlements(code)
        .find((one) => one.buyerAccountId === id && one.dimension === input.dimension);
      const fallback = {
        productCode: code,
        buyerAccountId: id,
        dimension: input.dimension,
        expiresAt: at + yearDays * dayMs,
      };
      const entitlements = [{ ...(known ?? fallback), value: input.value }];
      // G-12: the entitlement is changed before, here with, the message that sends sellers to read it.
      if (agreement !== undefined) await write(agreement, amended, at, { entitlements });
      else await catalog.apply({ entitlements });
    },
    suspend: async (accountId, suspended) => {
      const account = { ...buyer(accountId), suspended };
      await catalog.apply({ accounts: [account] });
      return account;
    },
    announce: async (reference, announcement, at) => {
      const agreement = require(reference, at);
      requireState(agreement, at, ["active", "final-hour", "ended"], `to announce ${announcement.kind}`);
      const notifications = announce([eventOf(announcement, at)], agreement, at, catalog);
      const notification = notifications.find(({ buyerAccountId }) => buyerAccountId === undefined);
      if (notification === undefined) {
        const { code, type } = product(agreement.productCode);
        throw new MarketplaceError(
          `Product ${code} is a ${type}: AWS sends ${announcement.kind} only for products whose usage is metered.`,
        );
      }
      await catalog.apply({ notifications });
      return notification;
    },
    issueToken: async (reference, at) => {
      const { id: agreementId, productCode, buyerAccountId, licenseArn } = require(reference, at);
      const value = newRegistrationToken();
      const token = { hash: registrationTokenHash(value), productCode, buyerAccountId, agreementId, issuedAt: at };
      await catalog.apply({ tokens: [licenseArn === undefined ? token : { ...token, licenseArn }] });
      return value;
    },
    runDue: async (now, countMax = Number.POSITIVE_INFINITY) => {
      for (let count = 0; count < countMax; count += 1) {
        const due = nextDue(catalog, settings(), now);
        if (due === undefined) return;
        const { agreement, at, what } = due;
        if (what === "final-hour-over") await finish(agreement, at);
        else if (what === "term-over" && agreement.autoRenew === true) await renew(agreement, at);
        else if (what === "term-over") await begin(agreement, at);
        else await write({ ...agreement, announcedDays: what }, announcements(agreement, what, catalog), at);
      }
    },
  };
}

const amended: readonly LifecycleEvent[] = [
  { kind: "agreement-amended" },
  { kind: "license-updated" },
  { kind: "entitlement-updated" },
];

/** Without the members that are undefined, so that they do not cover what is there. */
function defined(terms: Partial<Record<keyof Agreement, unknown>>): Partial<Agreement> {
  return Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined));
}
