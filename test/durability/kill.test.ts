/**
 * Nothing lost, nothing twice, on both engines: see `killRounds`. `npm run torture embedded` does the same for longer.
 *
 * METERHOUSE_KILL_ROUNDS sets the number of kills.
 */
import { afterEach, expect, test } from "vitest";
import { type KillEngine, postgresEngine, sqliteEngine } from "../support/killEngines.ts";
import { killRounds, summaryText } from "../support/killRounds.ts";
import { endProcesses } from "../support/serverProcess.ts";
import { usageCatalog } from "../support/usageCatalog.ts";

interface Case {
  readonly name: string;
  readonly rounds: number;
  make(): Promise<KillEngine>;
}

const given = process.env.METERHOUSE_KILL_ROUNDS;
const cases: readonly Case[] = [
  { name: "sqlite", rounds: Number(given ?? 12), make: async () => sqliteEngine(usageCatalog()) },
  { name: "postgres", rounds: Number(given ?? 6), make: () => postgresEngine(usageCatalog()) },
];

let engine: KillEngine | undefined;

afterEach(async () => {
  await endProcesses();
  await engine?.remove();
  engine = undefined;
});

for (const { name, rounds, make } of cases) {
  test(`${name}: ${rounds} kills under load`, { timeout: 60_000 + rounds * 10_000 }, async () => {
    engine = await make();
    const summary = await killRounds(engine, rounds);
    expect(summary.rounds).toBe(rounds);
    console.info(`${name}, ${summaryText(summary)}`);
  });
}
