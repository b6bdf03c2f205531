import type { Command } from "commander";
import { at } from "./api.ts";
import { addLeaf, addList, addNoun, arg, type Call, done, say, show, text } from "./command.ts";
import type { CliContext } from "./context.ts";
import { choice, option } from "./options.ts";

export function registerAdminTokens(program: Command, context: CliContext): void {
  const token = addNoun(program, "admin-token", "named tokens of the control plane");
  addList(token, context, {
    description: "list admin tokens, those that were revoked too",
    examples: ["admin-token list"],
    path: () => "/admin-tokens",
    columns: [
      "id",
      { title: "NAME", value: "name", isFlexible: true },
      "role",
      "createdAt",
      { title: "REVOKED AT", value: "revokedAt", isExtra: true },
    ],
    what: "admin tokens besides the root token",
  });
  addLeaf(token, context, {
    name: "create <name>",
    description: "create an admin token; its value is shown this once",
    examples: ["admin-token create dashboard --role read", "admin-token create deploy --role full"],
    options: [choice("--role <role>", "full may change things, read may not (default read)", ["full", "read"])],
    run: async (call) => {
      const body = { name: arg(call, 0), role: text(call.flags, "role") ?? "read" };
      await show(call, await call.api.json("POST", "/admin-tokens", { body }));
      await say(call, "Keep the token: it is not shown again.");
    },
  });
  addLeaf(token, context, {
    name: "revoke <id-or-name>",
    description: "revoke an admin token, at once and for good",
    examples: ["admin-token revoke dashboard"],
    run: async (call) => {
      const id = await idOf(call, arg(call, 0));
      await call.api.json("DELETE", at("admin-tokens", id));
      await done(call, `Admin token ${arg(call, 0)} is revoked.`);
    },
  });
}

/** A name is the name of one token only, of all that ever were. */
async function idOf({ api }: Call, given: string): Promise<string> {
  for await (const { items } of api.pages("/admin-tokens", { query: {} })) {
    const found = items.find(({ id, name }) => id === given || name === given);
    if (found !== undefined) return String(found.id);
  }
  return given;
}

export function registerEvents(program: Command, context: CliContext): void {
  addList(addNoun(program, "event", "who changed what, and when"), context, {
    description: "list changes, newest first",
    examples: ["event list --limit 20", "event list --actor deploy --action agreement.cancel"],
    options: [
      option("--actor <name>", "by this admin token"),
      option("--action <name>", "such as agreement.cancel"),
      option("--target <id>", "of this thing"),
    ],
    path: () => "/events",
    query: ["actor", "action", "target"],
    columns: [
      "at",
      "actor",
      "action",
      { title: "TARGET", value: "target", isFlexible: true },
      { title: "SUMMARY", value: "summary", isFlexible: true, isExtra: true },
    ],
    what: "events",
  });
}
