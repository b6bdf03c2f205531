import type { Command } from "commander";
import { at } from "./api.ts";
import { addLeaf, addList, addNoun, arg, done, instants, picked, show } from "./command.ts";
import type { CliContext } from "./context.ts";
import { assignments, entitlementValue, instant, many, option, whole } from "./options.ts";

export function registerOffers(program: Command, context: CliContext): void {
  const offer = addNoun(program, "offer", "terms under which buyers take a product");
  addList(offer, context, {
    description: "list offers",
    examples: ["offer list --product myproduct", "offer list --buyer 444455556666"],
    options: [option("--product <code>", "of this product"), option("--buyer <id>", "that this buyer may take")],
    path: () => "/offers",
    query: ["product", "buyer"],
    columns: [
      "id",
      { title: "PRODUCT", value: "product", isFlexible: true },
      { title: "TITLE", value: "title", isFlexible: true },
      { title: "BUYERS", value: ({ buyers }) => buyers ?? "all" },
      { title: "TERM DAYS", value: "termDays", align: "right" },
      { title: "TRIAL DAYS", value: "freeTrialDays", align: "right" },
      { title: "EXPIRES AT", value: "expiresAt", isExtra: true },
    ],
    what: "offers",
  });
  addLeaf(offer, context, {
    name: "get <id>",
    description: "show an offer",
    examples: ["offer get offer-abcdefghijklm"],
    run: async (call) => show(call, await call.api.json("GET", at("offers", arg(call, 0)))),
  });
  addLeaf(offer, context, {
    name: "create",
    description: "create an offer: public, or private to the buyers it names",
    examples: [
      "offer create --product myproduct --free-trial-days 14",
      "offer create --product mycontract --buyer 444455556666 --term-days 365 --auto-renew --entitlement users=50",
    ],
    options: [
      option("--product <code>", "what it offers").makeOptionMandatory(),
      option("--id <id>", "offer-…"),
      option("--title <title>", "for people"),
      many("--buyer <id>", "account that may take it; without any it is public"),
      whole("--free-trial-days <n>", "length of the free trial, 7 to 90", { min: 1 }),
      whole("--term-days <n>", "length of the contract; without it the agreement runs until cancelled", { min: 1 }),
      option("--auto-renew", "another term follows"),
      assignments("--entitlement <dimension=value>", "what the contract grants"),
      instant("--expires-at <time>", "not to be taken from then on", "future"),
    ],
    run: async (call) => {
      const { flags } = call;
      const body = {
        ...picked(flags, ["product", "id", "title", "freeTrialDays", "termDays", "autoRenew"]),
        ...(flags.buyer === undefined ? {} : { buyers: flags.buyer }),
        ...entitlementsOf(flags.entitlement),
        ...(await instants(call, ["expiresAt"])),
      };
      await show(call, await call.api.json("POST", "/offers", { body }));
    },
  });
  addLeaf(offer, context, {
    name: "delete <id>",
    description: "delete an offer that no open agreement rests on",
    examples: ["offer delete offer-abcdefghijklm"],
    run: async (call) => {
      await call.api.json("DELETE", at("offers", arg(call, 0)));
      await done(call, `Offer ${arg(call, 0)} is deleted.`);
    },
  });
}

/** Nothing where none was given. */
export function entitlementsOf(given: unknown): { readonly entitlements?: object } {
  if (typeof given !== "object" || given === null) return {};
  const values = Object.entries(given).map(([dimension, value]) => [dimension, entitlementValue(String(value))]);
  return { entitlements: Object.fromEntries(values) };
}
