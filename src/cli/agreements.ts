import type { Command } from "commander";
import { announcementKinds } from "../marketplace/agreementAnnouncements.ts";
import { at } from "./api.ts";
import { addLeaf, addList, addNoun, arg, instants, picked, say, show } from "./command.ts";
import type { CliContext } from "./context.ts";
import { usageError } from "./errors.ts";
import { entitlementsOf } from "./offers.ts";
import { assignments, choice, instant, option } from "./options.ts";

const states = ["pending", "active", "final-hour", "ended", "payment-failed"] as const;

const filters = () => [
  option("--product <code>", "of this product"),
  option("--buyer <id>", "of this account"),
  choice("--state <state>", "in this state now", states),
];

export function registerAgreements(program: Command, context: CliContext): void {
  const agreement = addNoun(program, "agreement", "purchases of a product, and what becomes of them");
  addList(agreement, context, {
    description: "list agreements",
    examples: ["agreement list --product myproduct --state active"],
    options: filters(),
    path: () => "/agreements",
    query: ["product", "buyer", "state"],
    columns: [
      "id",
      { title: "PRODUCT", value: "product", isFlexible: true },
      "buyer",
      "state",
      { title: "STARTED AT", value: "startedAt", isExtra: true },
      { title: "ENDS AT", value: "endsAt", isExtra: true },
    ],
    what: "agreements",
  });
  addLeaf(agreement, context, {
    name: "get <id>",
    description: "show an agreement with its state now",
    examples: ["agreement get agmt-abcdefghijklm"],
    run: async (call) => show(call, await call.api.json("GET", at("agreements", arg(call, 0)))),
  });
  addCreation(agreement, context);
  for (const [name, action, description] of [
    ["activate", "activate", "subscribe-success: a pending agreement starts"],
    ["fail-payment", "fail-payment", "subscribe-fail: the payment of a pending agreement failed"],
    ["cancel", "cancel", "unsubscribe-pending: the final hour starts"],
    ["renew", "renew", "start the agreement that follows on this one"],
    ["resubscribe", "resubscribe", "the buyer comes back in the final hour, or after the end"],
  ] as const) {
    addLeaf(agreement, context, {
      name: `${name} <id>`,
      description,
      examples: [`agreement ${name} agmt-abcdefghijklm`],
      run: async (call) =>
        show(call, await call.api.json("POST", at("agreements", arg(call, 0), action), { body: {} })),
    });
  }
  addLeaf(agreement, context, {
    name: "end <id>",
    description: "unsubscribe-success: no usage is accepted any more",
    examples: ["agreement end agmt-abcdefghijklm"],
    options: [option("--event-only", "only say 'Purchase Agreement Ended': metering goes on")],
    run: async (call) => {
      const action = call.flags.eventOnly === true ? "end-agreement" : "unsubscribe";
      await show(call, await call.api.json("POST", at("agreements", arg(call, 0), action), { body: {} }));
    },
  });
  addAmendment(agreement, context);
  addAnnouncement(agreement, context);

  addList(addNoun(program, "license", "licences and the agreements that hold them"), context, {
    description: "list licences",
    examples: ["license list --buyer 444455556666"],
    options: filters(),
    path: () => "/licenses",
    query: ["product", "buyer", "state"],
    columns: [
      { title: "ARN", value: "arn", isFlexible: true },
      "agreement",
      { title: "PRODUCT", value: "product", isFlexible: true, isExtra: true },
      "buyer",
      "state",
    ],
    what: "licences",
  });
}

function addCreation(agreement: Command, context: CliContext): void {
  addLeaf(agreement, context, {
    name: "create",
    description: "purchase a product for a buyer; it is active at once unless it is pending",
    examples: [
      "agreement create --product myproduct --buyer 444455556666",
      "agreement create --product myproduct --buyer 444455556666 --pending",
      "agreement create --product myproduct --buyer 444455556666 --accepted-at now-3h",
    ],
    options: [
      option("--product <code>", "what is bought").makeOptionMandatory(),
      option("--buyer <id>", "who buys: account id or CustomerIdentifier").makeOptionMandatory(),
      option("--offer <id>", "offer whose terms hold"),
      option("--private-offer", "a private offer without terms of its own"),
      option("--free-trial", "a free trial"),
      option("--pending", "only accepted: activate it, or fail its payment, later"),
      option("--payment-fails", "the payment fails at once").conflicts("pending"),
      instant("--accepted-at <time>", "when, on the business clock", "past"),
    ],
    run: async (call) => {
      const names = ["product", "buyer", "offer", "privateOffer", "freeTrial", "pending", "paymentFails"];
      const body = { ...picked(call.flags, names), ...(await instants(call, ["acceptedAt"])) };
      await show(call, await call.api.json("POST", "/agreements", { body }));
    },
  });
}

function addAmendment(agreement: Command, context: CliContext): void {
  addLeaf(agreement, context, {
    name: "amend <id>",
    description: "change the terms of an active agreement",
    examples: [
      "agreement amend agmt-abcdefghijklm --entitlement users=75",
      "agreement amend agmt-abcdefghijklm --ends-at now+30d --no-auto-renew",
    ],
    options: [
      option("--offer <id>", "offer whose terms hold from now on"),
      assignments("--entitlement <dimension=value>", "what the contract grants"),
      instant("--ends-at <time>", "end of the term", "future"),
      option("--auto-renew", "another term follows"),
      option("--no-auto-renew", "no other term follows"),
    ],
    run: async (call) => {
      const body = {
        ...picked(call.flags, ["offer", "autoRenew"]),
        ...entitlementsOf(call.flags.entitlement),
        ...(await instants(call, ["endsAt"])),
      };
      if (Object.keys(body).length === 0) throw usageError("say what to amend: --offer, --entitlement, --ends-at, ….");
      await show(call, await call.api.json("POST", at("agreements", arg(call, 0), "amend"), { body }));
    },
  });
}

function addAnnouncement(agreement: Command, context: CliContext): void {
  addLeaf(agreement, context, {
    name: "announce <id>",
    description: "tell the seller what others brought about; the agreement stays as it is",
    examples: [
      "agreement announce agmt-abcdefghijklm --kind advisory-issued",
      "agreement announce agmt-abcdefghijklm --kind cancellation-requested --reason-code TEST_AGREEMENT",
      "agreement announce agmt-abcdefghijklm --kind billing-adjustment-completed --amount=-100.00" +
        " --reason-code OTHER --original-invoice-id 2028746221",
    ],
    options: [
      choice("--kind <kind>", "what happened", announcementKinds).makeOptionMandatory(),
      instant("--issued-at <time>", "advisory-issued: since when", "past"),
      instant("--resolved-at <time>", "advisory-resolved: since when", "past"),
      option("--request-id <id>", "cancellation-…: the request (acr-…); default: a new one"),
      option("--adjustment-id <id>", "billing-adjustment-…: the adjustment (ba-…); default: a new one"),
      option("--reason-code <code>", "cancellation-…, billing-adjustment-…: why, such as TEST_AGREEMENT"),
      option("--reason-message <text>", "cancellation-…: why, in words"),
      option("--status-message <text>", "cancellation-…: what became of it, in words"),
      instant("--created-at <time>", "cancellation-…: when it was requested", "past"),
      option("--amount <usd>", "billing-adjustment-…: negative for a refund, as --amount=-100.00"),
      option("--original-invoice-id <id>", "billing-adjustment-…: the invoice"),
    ],
    members: { id: "--request-id or --adjustment-id" },
    run: async (call) => {
      const { requestId, adjustmentId } = call.flags;
      if (requestId !== undefined && adjustmentId !== undefined) {
        throw usageError("give --request-id or --adjustment-id: an event is about one of them.");
      }
      const id = requestId ?? adjustmentId;
      const names = ["kind", "reasonCode", "reasonMessage", "statusMessage", "amount", "originalInvoiceId"];
      const body = {
        ...picked(call.flags, names),
        ...(id === undefined ? {} : { id }),
        ...(await instants(call, ["issuedAt", "resolvedAt", "createdAt"])),
      };
      await show(call, await call.api.json("POST", at("agreements", arg(call, 0), "announce"), { body }));
    },
  });
}

export function registerTokens(program: Command, context: CliContext): void {
  const token = addNoun(program, "token", "registration tokens, as buyers' browsers post them");
  addLeaf(token, context, {
    name: "issue [agreement]",
    description: "issue a token for an agreement, by its id, its licence, or product and customer",
    examples: [
      "token issue agmt-abcdefghijklm",
      "token issue --product myproduct --customer 444455556666",
      "token issue agmt-abcdefghijklm --issued-at now-5h",
    ],
    options: [
      option("--license <arn>", "of the agreement that holds this licence"),
      option("--product <code>", "with --customer: of their newest agreement"),
      option("--customer <id>", "account id or CustomerIdentifier"),
      instant("--issued-at <time>", "when, on the business clock; long ago makes an expired token", "past"),
    ],
    run: async (call) => {
      const id = arg(call, 0);
      const reference = { ...picked(call.flags, ["license", "product", "customer"]), ...(id ? { agreement: id } : {}) };
      if (Object.keys(reference).length === 0) {
        throw usageError("name the agreement: by its id, --license, or --product and --customer.");
      }
      const body = { ...reference, ...(await instants(call, ["issuedAt"])) };
      await show(call, await call.api.json("POST", "/registration-tokens", { body }));
      await say(call, "Keep the token: it is not shown again.");
    },
  });
}
