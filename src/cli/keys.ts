import type { Command } from "commander";
import { at, type Row, rowsOf } from "./api.ts";
import { addLeaf, addList, addNoun, arg, type Call, picked, show, text } from "./command.ts";
import type { CliContext } from "./context.ts";
import { CliError } from "./errors.ts";
import { readText, writeTo } from "./files.ts";
import { option, whole } from "./options.ts";

const path = (call: Call): string => at("products", arg(call, 0), "key-versions");
/** Lines of PEM make no table. */
const withoutPem = ({ publicKeyPem: _, ...rest }: Row): Row => rest;

export function registerKeys(program: Command, context: CliContext): void {
  const key = addNoun(program, "key", "key versions that sign RegisterUsage's answers");
  addList(key, context, {
    name: "list <product>",
    description: "list the key versions of a product",
    examples: ["key list myproduct"],
    path,
    isPaged: false,
    columns: [
      { title: "VERSION", value: "version", align: "right" },
      "rotatedAt",
      { title: "URL", value: "url", isFlexible: true },
    ],
    what: "key versions",
  });
  addLeaf(key, context, {
    name: "create <product>",
    description: "generate a key version, or import one",
    examples: ["key create myproduct", "key create myproduct --version 7 --private-key key.pem"],
    options: [
      whole("--version <n>", "default: one after the newest", { min: 1 }),
      option("--private-key <file>", "PEM of an RSA key of 2048 bits or more; - is stdin"),
    ],
    run: async (call) => {
      const file = text(call.flags, "privateKey");
      const body = {
        ...picked(call.flags, ["version"]),
        ...(file === undefined ? {} : { privateKeyPem: await readText(file, context) }),
      };
      const made = await call.api.json("POST", path(call), { body });
      await show(call, made, withoutPem(made));
    },
  });
  addLeaf(key, context, {
    name: "rotate <product> <version>",
    description: "rotate a key version out, as of now on the business clock",
    examples: ["key rotate myproduct 1"],
    run: async (call) => {
      const rotated = await call.api.json("POST", `${path(call)}${at(arg(call, 1), "rotate")}`, { body: {} });
      await show(call, rotated, withoutPem(rotated));
    },
  });
  addLeaf(key, context, {
    name: "pem <product> [version]",
    description: "print a public key as PEM: of a version, or the newest",
    examples: ["key pem myproduct > public.pem", "key pem myproduct 1 --output public.pem"],
    options: [option("-o, --output <file>", "instead of stdout")],
    run: async (call) => {
      const versions = rowsOf((await call.api.json("GET", path(call))).items);
      const asked = arg(call, 1);
      const found = asked === "" ? versions.at(-1) : versions.find(({ version }) => String(version) === asked);
      if (found === undefined) {
        const known = versions.map(({ version }) => String(version)).join(", ");
        throw new CliError(`product '${arg(call, 0)}' has no key version ${asked || "yet"}.`, {
          hints: known === "" ? ["Make one with: meterhouse key create <product>"] : [`It has ${known}.`],
        });
      }
      if (call.flags.json === true) return show(call, found);
      const pem = String(found.publicKeyPem).trimEnd();
      await writeTo(text(call.flags, "output"), context, 0o644, (write) => write(`${pem}\n`));
    },
  });
}
