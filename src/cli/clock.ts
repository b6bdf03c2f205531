import type { Command } from "commander";
import { addLeaf, addNoun, arg, type Call, instants, show } from "./command.ts";
import type { CliContext } from "./context.ts";
import { parseDuration, parseInstant } from "./times.ts";

export function registerClock(program: Command, context: CliContext): void {
  const clock = addNoun(program, "clock", "the business clock");
  addLeaf(clock, context, {
    name: "get",
    description: "show the business clock and the wall clock",
    examples: ["clock get"],
    run: async (call) => show(call, await call.api.json("GET", "/clock")),
  });
  addLeaf(clock, context, {
    name: "set <time>",
    description: "set the business clock; it stands still there",
    examples: ["clock set 2026-08-15T10:20:00Z", "clock set now-3h"],
    run: async (call) => {
      const to = parseInstant(arg(call, 0), "future");
      const body = await instants({ ...call, flags: { to } }, ["to"]);
      await show(call, await call.api.json("POST", "/clock/set", { body }));
    },
  });
  addLeaf(clock, context, {
    name: "advance <duration>",
    description: "move the business clock forward; it stands still there",
    examples: ["clock advance 2h", "clock advance 1h30m"],
    run: async (call) => advance(call),
  });
  addLeaf(clock, context, {
    name: "follow",
    description: "let the business clock follow the wall clock again",
    examples: ["clock follow"],
    run: async (call) => show(call, await call.api.json("POST", "/clock/follow", { body: {} })),
  });
}

async function advance(call: Call): Promise<void> {
  const by = parseDuration(arg(call, 0));
  await show(call, await call.api.json("POST", "/clock/advance", { body: { by } }));
}
