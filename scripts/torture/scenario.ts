import type { PostgresServer } from "../../test/support/postgres.ts";

export interface ScenarioOptions {
  /** Of load, at least. */
  readonly seconds: number;
  /** Of faults, or of kills. */
  readonly rounds: number;
  readonly tell: (line: string) => void;
  /** For what needs no server of its own. Absent: one is started. */
  readonly server?: Pick<PostgresServer, "url">;
}

/** Rows of the result: what, and how much. */
export type Result = readonly (readonly [string, string])[];
/** Throws on the first thing that was lost, doubled or stuck. */
export type Scenario = (options: ScenarioOptions) => Promise<Result>;
