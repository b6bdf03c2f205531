import type { Command } from "commander";
import { addLeaf, show } from "./command.ts";
import type { CliContext } from "./context.ts";

export function registerConsole(program: Command, context: CliContext): void {
  addLeaf(program, context, {
    name: "console",
    description: "make a link that signs a browser in to the web console",
    examples: ["console"],
    run: async (call) => show(call, await call.api.json("POST", "/console-links", { body: {} })),
  });
}
