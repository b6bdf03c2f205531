import { type Command, InvalidArgumentError } from "commander";
import { addLeaf, addList, addNoun, arg, instants, show } from "./command.ts";
import type { CliContext } from "./context.ts";
import { parseDuration, parseInstant } from "./times.ts";

export function registerClock(program: Command, context: CliContext): void {
  const clock = addNoun(program, "clock", "the business clock");
  addLeaf(clock, context, {
    name: "show",
    description: "show the business clock, the wall clock, and what is due next",
    examples: ["clock show"],
    run: async (call) => show(call, await call.api.json("GET", "/clock")),
  });
  // As the other nouns have it.
  clock.commands.at(-1)?.alias("get");
  addLeaf(clock, context, {
    name: "freeze",
    description: "let the business clock stand still where it is",
    examples: ["clock freeze"],
    run: async (call) => show(call, await call.api.json("POST", "/clock/freeze", { body: {} })),
  });
  addLeaf(clock, context, {
    name: "set <time>",
    description: "set the business clock; it stands still there",
    examples: ["clock set 2026-08-15T10:20:00Z", "clock set now-3h"],
    run: async (call) => {
      const to = parseInstant(arg(call, 0), "future");
      const body = await instants({ ...call, flags: { to } }, ["to"]);
      await show(call, await call.api.json("POST", "/clock/set", { body, timeoutMs: moveTimeoutMs }));
    },
  });
  addLeaf(clock, context, {
    name: "advance <duration>",
    description: "move the business clock forward through everything due on the way; it then stands still",
    examples: ["clock advance 2h", "clock advance 1h30m"],
    run: async (call) => {
      const by = parseDuration(arg(call, 0));
      await show(call, await call.api.json("POST", "/clock/advance", { body: { by }, timeoutMs: moveTimeoutMs }));
    },
  });
  addLeaf(clock, context, {
    name: "run <rate>",
    description: "let the business clock run at a multiple of real time",
    examples: ["clock run 60", "clock run 3600x"],
    run: async (call) => {
      const rate = parseRate(arg(call, 0));
      await show(call, await call.api.json("POST", "/clock/run", { body: { rate } }));
    },
  });
  addLeaf(clock, context, {
    name: "follow",
    description: "let the business clock follow the wall clock again",
    examples: ["clock follow"],
    run: async (call) =>
      show(call, await call.api.json("POST", "/clock/follow", { body: {}, timeoutMs: moveTimeoutMs })),
  });
  addDue(clock, context);
}

/** A move goes through everything that is due on its way; fetch itself waits no longer for an answer to begin. */
const moveTimeoutMs = 300_000;

function addDue(clock: Command, context: CliContext): void {
  addList(clock, context, {
    name: "due",
    description: "list what the business clock will bring about next",
    examples: ["clock due"],
    path: () => "/clock/due",
    isPaged: false,
    columns: [
      "at",
      { title: "WHAT", value: ({ what, daysBeforeEnd }) => [what, daysBeforeEnd].filter(isGiven).join(" ") },
      "target",
      "product",
    ],
    what: "things due",
  });
}

function isGiven(value: unknown): boolean {
  return value !== undefined;
}

function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)x?$/.exec(text);
  const rate = Number(match?.[1]);
  if (match !== null && rate > 0) return rate;
  throw new InvalidArgumentError('It is not a rate; write how many times as fast as real time: "60" or "0.5".');
}
