import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { ProductType } from "../api/types.ts";
import { at } from "./api.ts";
import { addLeaf, addList, addNoun, arg, done, picked, show } from "./command.ts";
import type { CliContext } from "./context.ts";
import { usageError } from "./errors.ts";
import { choice, many, option } from "./options.ts";

const types = [
  "saas-subscription",
  "saas-contract",
  "saas-contract-with-consumption",
  "ami-fcp",
  "ami-hourly",
  "container-fcp",
  "container-hourly",
  "container-byol",
  "agentcore-fcp",
] as const satisfies readonly ProductType[];

const dimensionKinds = ["metered", "entitlement"] as const;

export function registerProducts(program: Command, context: CliContext): void {
  const product = addNoun(program, "product", "what sellers meter");
  addList(product, context, {
    description: "list products",
    examples: ["product list", "product list --type saas-subscription"],
    options: [option("--seller <id>", "of this account"), choice("--type <type>", "of this type", types)],
    path: () => "/products",
    query: ["seller", "type"],
    columns: [
      "code",
      { title: "TITLE", value: "title", isFlexible: true },
      "type",
      { title: "SELLER", value: "seller", isExtra: true },
      {
        title: "DIMENSIONS",
        value: ({ dimensions }) => (Array.isArray(dimensions) ? dimensions.length : 0),
        align: "right",
        isExtra: true,
      },
    ],
    what: "products",
  });
  addLeaf(product, context, {
    name: "get <code>",
    description: "show a product with its dimensions",
    examples: ["product get myproduct"],
    run: async (call) => show(call, await call.api.json("GET", at("products", arg(call, 0)))),
  });
  addCreation(product, context);
  addChange(product, context);
  addLeaf(product, context, {
    name: "delete <code>",
    description: "delete a product that nothing refers to",
    examples: ["product delete myproduct"],
    run: async (call) => {
      await call.api.json("DELETE", at("products", arg(call, 0)));
      await done(call, `Product ${arg(call, 0)} is deleted.`);
    },
  });
}

function addCreation(product: Command, context: CliContext): void {
  addLeaf(product, context, {
    name: "create",
    description: "create a product; a code that is left out is drawn",
    examples: [
      "product create --seller 111122223333 --type saas-subscription --title Logs --dimension requests:metered:0.01",
      "product create --seller 111122223333 --type saas-contract --dimension users:entitlement",
    ],
    options: [
      option("--seller <id>", "whose it is").makeOptionMandatory(),
      choice("--type <type>", "how it is sold", types).makeOptionMandatory(),
      option("--code <code>", "product code"),
      option("--title <title>", "for people"),
      option("--description <text>", "for people"),
      many("--dimension <name[:kind[:price]]>", "dimension; kind is metered or entitlement, price is USD a unit"),
      many("--region <region>", "Region it is enabled in (default us-east-1)"),
      option("--registration-url <url>", "where the buyer's browser posts the registration token"),
      option("--concurrent-agreements-only", "meters by licence only, without CustomerIdentifier"),
      option("--no-concurrent-agreements-only", "meters by customer, too"),
      option("--sends-sns", "sends SNS messages"),
      option("--no-sends-sns", "sends EventBridge events only"),
    ],
    members: { enabledRegions: "--region" },
    run: async (call) => {
      const { flags } = call;
      const names = ["seller", "type", "code", "title", "description", "registrationUrl"];
      const dimensions = Array.isArray(flags.dimension) ? flags.dimension.map((one) => dimensionOf(String(one))) : [];
      const body = {
        ...picked(flags, [...names, "concurrentAgreementsOnly", "sendsSns"]),
        ...(flags.region === undefined ? {} : { enabledRegions: flags.region }),
        ...(dimensions.length === 0 ? {} : { dimensions }),
      };
      await show(call, await call.api.json("POST", "/products", { body }));
    },
  });
}

function dimensionOf(given: string): object {
  const [name = "", kind, price, ...rest] = given.split(":");
  if (name === "" || rest.length > 0 || (kind !== undefined && !dimensionKinds.some((one) => one === kind))) {
    throw usageError(`--dimension ${given}: write it as name, name:metered:0.01 or name:entitlement.`);
  }
  return { name, ...(kind === undefined ? {} : { kind }), ...(price === undefined ? {} : { price }) };
}

function addChange(product: Command, context: CliContext): void {
  addLeaf(product, context, {
    name: "change <code>",
    description: "change a product; an empty text takes a member away",
    examples: ["product change myproduct --registration-url https://example.com/register"],
    options: [
      option("--title <title>", "for people"),
      option("--description <text>", "for people"),
      option("--registration-url <url>", "where the buyer's browser posts the registration token"),
      many("--region <region>", "Region it is enabled in, instead of all before"),
    ],
    members: { enabledRegions: "--region" },
    run: async (call) => {
      const { flags } = call;
      const body = {
        ...picked(flags, ["title"]),
        ...emptyIsNull(flags, ["description", "registrationUrl"]),
        ...(flags.region === undefined ? {} : { enabledRegions: flags.region }),
      };
      if (Object.keys(body).length === 0) throw usageError("say what to change: --title, --description, ….");
      await show(call, await call.api.json("PATCH", at("products", arg(call, 0)), { body }));
    },
  });
}

function emptyIsNull(flags: Parameters<typeof picked>[0], names: readonly string[]): object {
  return Object.fromEntries(
    Object.entries(picked(flags, names)).map(([name, value]) => [name, value === "" ? null : value]),
  );
}

export function registerDimensions(program: Command, context: CliContext): void {
  const dimension = addNoun(program, "dimension", "what a product counts");
  addList(dimension, context, {
    name: "list <product>",
    description: "list the dimensions of a product",
    examples: ["dimension list myproduct"],
    path: (call) => at("products", arg(call, 0), "dimensions"),
    isPaged: false,
    columns: [
      "name",
      "kind",
      { title: "PRICE", value: "price", align: "right" },
      "unit",
      { title: "DESCRIPTION", value: "description", isFlexible: true },
      { title: "ADDED AT", value: "addedAt", isExtra: true },
    ],
    what: "dimensions",
  });
  addLeaf(dimension, context, {
    name: "add <product> <name>",
    description: "add a dimension, from now on the business clock",
    examples: ["dimension add myproduct requests --price 0.01 --unit request"],
    options: [
      choice("--kind <kind>", "metered (default) or entitlement", dimensionKinds),
      option("--price <usd>", "USD a unit, with at most three decimal places").argParser(usd),
      option("--unit <name>", "for people"),
      option("--description <text>", "for people"),
    ],
    run: async (call) => {
      const body = { name: arg(call, 1), ...picked(call.flags, ["kind", "price", "unit", "description"]) };
      await show(call, await call.api.json("POST", at("products", arg(call, 0), "dimensions"), { body }));
    },
  });
  addLeaf(dimension, context, {
    name: "change <product> <name>",
    description: "change a dimension; an empty text takes a member away",
    examples: ["dimension change myproduct requests --price 0.02", 'dimension change myproduct requests --unit ""'],
    options: [
      option("--price <usd>", "USD a unit, with at most three decimal places").argParser((value: string) =>
        value === "" ? value : usd(value),
      ),
      option("--unit <name>", "for people"),
      option("--description <text>", "for people"),
    ],
    run: async (call) => {
      const body = emptyIsNull(call.flags, ["price", "unit", "description"]);
      if (Object.keys(body).length === 0) throw usageError("say what to change: --price, --unit, --description.");
      const path = at("products", arg(call, 0), "dimensions", arg(call, 1));
      await show(call, await call.api.json("PATCH", path, { body }));
    },
  });
}

function usd(value: string): string {
  if (/^\d{1,12}(\.\d{1,3})?$/.test(value)) return value;
  throw new InvalidArgumentError("It is a price in USD such as 0.01, with at most three decimal places.");
}
