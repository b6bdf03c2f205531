import type { Command } from "commander";
import { addLeaf, addList, addNoun, type Call, done, instants, picked, show, text } from "./command.ts";
import type { CliContext } from "./context.ts";
import { usageError } from "./errors.ts";
import { choice, entitlementValue, instant, option } from "./options.ts";

const types = ["integer", "double", "boolean", "string"] as const;

const key = () => [
  option("--product <code>", "contract product").makeOptionMandatory(),
  option("--buyer <id>", "whose it is").makeOptionMandatory(),
  option("--dimension <name>", "what is granted").makeOptionMandatory(),
  option("--license <arn>", "of this licence"),
];
const keyNames = ["product", "buyer", "dimension", "license"];

export function registerEntitlements(program: Command, context: CliContext): void {
  const entitlement = addNoun(program, "entitlement", "what contracts grant");
  addList(entitlement, context, {
    description: "list entitlements",
    examples: ["entitlement list --product mycontract --buyer 444455556666"],
    options: [
      option("--product <code>", "of this product"),
      option("--buyer <id>", "of this account"),
      option("--dimension <name>", "of this dimension"),
    ],
    path: () => "/entitlements",
    query: ["product", "buyer", "dimension"],
    columns: [
      { title: "PRODUCT", value: "product", isFlexible: true },
      "buyer",
      "dimension",
      { title: "VALUE", value: "value", align: "right" },
      "expiresAt",
      { title: "LICENSE", value: "license", isFlexible: true, isExtra: true },
    ],
    what: "entitlements",
  });
  addLeaf(entitlement, context, {
    name: "set",
    description: "grant an entitlement, or change it",
    examples: [
      "entitlement set --product mycontract --buyer 444455556666 --dimension users --value 25",
      "entitlement set --product mycontract --buyer 444455556666 --dimension tier --value 3 --type string",
    ],
    options: [
      ...key(),
      option("--value <value>", "a number, true, false, or text").makeOptionMandatory(),
      choice("--type <type>", "what the value is, where it does not tell by itself", types),
      instant("--expires-at <time>", "end (default: as it was, or a year from now)", "future"),
    ],
    run: async (call) => {
      const body = {
        ...picked(call.flags, keyNames),
        value: givenValue(call),
        ...(await instants(call, ["expiresAt"])),
      };
      await show(call, await call.api.json("PUT", "/entitlements", { body }));
    },
  });
  addLeaf(entitlement, context, {
    name: "delete",
    description: "take an entitlement away",
    examples: ["entitlement delete --product mycontract --buyer 444455556666 --dimension users"],
    options: key(),
    run: async (call) => {
      await call.api.json("DELETE", "/entitlements", { query: picked(call.flags, keyNames) });
      await done(call, `The entitlement to ${text(call.flags, "dimension")} is taken away.`);
    },
  });
}

function givenValue({ flags }: Call): unknown {
  const given = text(flags, "value") ?? "";
  const value = entitlementValue(given);
  switch (text(flags, "type")) {
    case "string":
      return { StringValue: given };
    case "integer":
      if (typeof value === "number" && Number.isInteger(value)) return { IntegerValue: value };
      throw usageError(`--value ${given} is not a whole number.`);
    case "double":
      if (typeof value === "number") return { DoubleValue: value };
      throw usageError(`--value ${given} is not a number.`);
    case "boolean":
      if (typeof value === "boolean") return { BooleanValue: value };
      throw usageError(`--value ${given} is neither true nor false.`);
    default:
      return value;
  }
}
