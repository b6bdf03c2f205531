import type { Command } from "commander";
import { at } from "./api.ts";
import { addLeaf, addList, addNoun, arg, picked, show } from "./command.ts";
import type { CliContext } from "./context.ts";
import { option } from "./options.ts";

export function registerAccounts(program: Command, context: CliContext): void {
  const account = addNoun(program, "account", "sellers and simulated buyers");
  addList(account, context, {
    description: "list accounts",
    examples: ["account list", "account list --json"],
    path: () => "/accounts",
    columns: ["id", { title: "NAME", value: "name", isFlexible: true }, "customerIdentifier", "suspended"],
    what: "accounts",
  });
  addLeaf(account, context, {
    name: "get <id>",
    description: "show an account",
    examples: ["account get 444455556666"],
    run: async (call) => show(call, await call.api.json("GET", at("accounts", arg(call, 0)))),
  });
  addLeaf(account, context, {
    name: "create",
    description: "create an account; what is left out is drawn",
    examples: ['account create --name "Example Shipping Co."', "account create --id 444455556666"],
    options: [
      option("--id <id>", "12 digits"),
      option("--name <name>", "for people"),
      option("--customer-identifier <id>", "what ResolveCustomer tells sellers of older products"),
      option("--partition <name>", "such as aws-cn"),
      option("--suspended", "it is suspended from the start"),
    ],
    run: async (call) => {
      const body = picked(call.flags, ["id", "name", "customerIdentifier", "partition", "suspended"]);
      await show(call, await call.api.json("POST", "/accounts", { body }));
    },
  });
  addLeaf(account, context, {
    name: "rename <id> <name>",
    description: "change the name; an empty text takes it away",
    examples: ['account rename 444455556666 "Example Shipping Co."'],
    run: async (call) => {
      const body = { name: arg(call, 1) === "" ? null : arg(call, 1) };
      await show(call, await call.api.json("PATCH", at("accounts", arg(call, 0)), { body }));
    },
  });
  for (const [name, suspended, description] of [
    ["suspend", true, "suspend a buyer: usage is CustomerNotSubscribed"],
    ["resume", false, "take a suspension back"],
  ] as const) {
    addLeaf(account, context, {
      name: `${name} <id>`,
      description,
      examples: [`account ${name} 444455556666`],
      run: async (call) =>
        show(call, await call.api.json("PATCH", at("accounts", arg(call, 0)), { body: { suspended } })),
    });
  }
}
