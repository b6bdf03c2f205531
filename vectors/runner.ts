/** Runs cases against one server, which every case finds in the state of the file's fixtures. */
import { Agent } from "node:http";
import type { SettingsInput } from "../src/api/settings.ts";
import type { Meterhouse } from "../src/index.ts";
import { readCheck, runCheck } from "./checks.ts";
import { isVisit, readEvent, runEvent } from "./events.ts";
import type { Fixtures } from "./fixtures.ts";
import { type Answer, assertMatchers, mismatches } from "./match.ts";
import { type RegistrationVisits, startRegistrationVisits } from "./registrationVisits.ts";
import { type Call, errorTypeOf, readCall, sendCall } from "./request.ts";
import type { SigningKey } from "./sign.ts";
import { durationMs, Fields, FormatError, instant, type Json, type JsonObject, show } from "./values.ts";

/** The wall clock of the run: real time, plus the waits of the case. */
export interface RunClock {
  /** Epoch milliseconds; the server's `wallClock`. */
  readonly now: () => number;
  readonly advance: (ms: number) => void;
  readonly reset: () => void;
}

/**
 * A `wait` passes on both clocks. Sleeping would make a wait of hours impossible, so the server and the signatures
 * share a wall clock that can be put forward.
 */
export function createRunClock(): RunClock {
  let aheadMs = 0;
  return {
    now: () => Date.now() + aheadMs,
    advance: (ms) => {
      aheadMs += ms;
    },
    reset: () => {
      aheadMs = 0;
    },
  };
}

/** What a case that says nothing of its own gets: `conventions.defaults` of the file. */
export interface Defaults {
  readonly at: string;
  readonly region: string;
  readonly revision: string;
  readonly creds: string;
  readonly settings?: JsonObject;
}

export interface Runner {
  /** Runs one case. `problem` = the first step that fails and how; absent: the case passes. */
  run(testCase: Json, fixtures: Fixtures, defaults: Defaults): Promise<CaseResult>;
  close(): void;
}

export interface CaseResult {
  readonly id: string;
  readonly title: string;
  readonly problem?: string;
}

const CASE_KEYS = ["id", "title", "operation", "rule", "source", "certainty", "note", "revision", "settings", "steps"];

/** Another way to a credential of the fixtures than by its secret; undefined: none for this one. */
export type KeySource = (name: string) => Promise<SigningKey | undefined>;

export function createRunner(server: Meterhouse, clock: RunClock, keySource?: KeySource): Runner {
  const agent = new Agent({ keepAlive: true });
  return {
    async run(value, fixtures, defaults) {
      try {
        const problem = await new CaseRun(server, clock, agent, fixtures, defaults, keySource).run(value);
        return { ...nameOf(value), ...(problem === undefined ? {} : { problem }) };
      } catch (error) {
        return { ...nameOf(value), problem: error instanceof Error ? error.message : String(error) };
      }
    },
    close: () => agent.destroy(),
  };
}

/** Also of a case that is not well-formed: its line must say which one it is. */
export function nameOf(value: Json): { readonly id: string; readonly title: string } {
  const members =
    typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, Json>) : {};
  const text = (key: string) => (typeof members[key] === "string" ? members[key] : `(no ${key})`);
  return { id: text("id"), title: text("title") };
}

interface Step {
  readonly where: string;
  readonly atMs: number | undefined;
  readonly event: ReturnType<typeof readEvent> | undefined;
  readonly call: Call | undefined;
  readonly expect: Fields | undefined;
  readonly repeat: number;
  readonly waitMs: number | undefined;
  readonly check: Fields | undefined;
}

const ACTIONS = ["event", "call", "wait", "check"];

class CaseRun {
  readonly #server: Meterhouse;
  readonly #clock: RunClock;
  readonly #agent: Agent;
  readonly #fixtures: Fixtures;
  readonly #defaults: Defaults;
  readonly #answers: Answer[] = [];
  readonly #keySource: KeySource | undefined;
  #visits: RegistrationVisits | undefined;

  constructor(
    server: Meterhouse,
    clock: RunClock,
    agent: Agent,
    fixtures: Fixtures,
    defaults: Defaults,
    keySource?: KeySource,
  ) {
    this.#keySource = keySource;
    this.#server = server;
    this.#clock = clock;
    this.#agent = agent;
    this.#fixtures = fixtures;
    this.#defaults = defaults;
  }

  /** The first problem, or nothing. The whole case is read before its first step is made. */
  async run(value: Json): Promise<string | undefined> {
    const fields = new Fields(value, "case", CASE_KEYS);
    fields.text("id");
    const steps = fields.list("steps").map((step, index) => this.#readStep(step, `step ${index + 1}`));
    const [first] = steps;
    if (first === undefined) throw new FormatError("the case has no steps");
    this.#clock.reset();
    if (steps.some(({ event }) => event !== undefined && isVisit(event.fields))) {
      this.#visits = await startRegistrationVisits();
    }
    try {
      return await this.#runSteps(fields, steps, first);
    } finally {
      this.#visits?.close();
    }
  }

  async #runSteps(fields: Fields, steps: readonly Step[], first: Step): Promise<string | undefined> {
    await this.#server.reset({
      catalog: withRegistrationUrl(this.#fixtures.catalog, this.#visits?.url),
      // The server checks names and values of the switches; a wrong one fails the case.
      settings: {
        revision: this.#defaults.revision,
        ...this.#defaults.settings,
        ...fields.optionalMap("settings"),
        ...revisionOf(fields),
      } as Partial<SettingsInput>,
      now: first.atMs ?? first.event?.atMs ?? instant(this.#defaults.at, "conventions.defaults.at"),
    });
    for (const step of steps) {
      const problems = await this.#runStep(step);
      if (problems.length > 0) return `${step.where}: ${problems.join("; ")}`;
    }
    return undefined;
  }

  #readStep(value: Json, where: string): Step {
    const fields = new Fields(value, where, ["at", "event", "call", "expect", "repeat", "wait", "check"]);
    const actions = ACTIONS.filter((action) => fields.has(action));
    if (actions.length > 1) throw new FormatError(`${where}: one step does one thing, not ${actions.join(" and ")}`);
    if (fields.keys().length === 0) throw new FormatError(`${where}: the step is empty`);
    for (const key of ["expect", "repeat"]) {
      if (fields.has(key) && !fields.has("call")) throw new FormatError(`${where}: ${key} stands beside a call only`);
    }
    return {
      where,
      atMs: fields.has("at") ? fields.instant("at") : undefined,
      event: fields.has("event") ? readEvent(fields.required("event"), `${where}: event`) : undefined,
      call: fields.has("call") ? readCall(fields.required("call"), `${where}: call`, this.#defaults) : undefined,
      expect: fields.has("expect") ? readExpect(fields.required("expect"), `${where}: expect`) : undefined,
      repeat: fields.has("repeat") ? fields.count("repeat", 1) : 1,
      waitMs: fields.has("wait") ? durationMs(fields.required("wait"), `${where}: wait`) : undefined,
      check: fields.has("check") ? readCheck(fields.required("check"), `${where}: check`) : undefined,
    };
  }

  async #runStep(step: Step): Promise<readonly string[]> {
    const { server } = this.#shared();
    try {
      if (step.atMs !== undefined) await this.#moveTo(step.atMs);
      if (step.event !== undefined) await this.#runEvent(step.event);
      if (step.waitMs !== undefined) {
        await server.clock.advance(step.waitMs);
        this.#clock.advance(step.waitMs);
      }
      if (step.check !== undefined) return await runCheck(step.check, { ...this.#shared(), wallMs: this.#clock.now() });
      if (step.call !== undefined) return await this.#runCall(step.call, step);
      return [];
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
  }

  #shared() {
    return { server: this.#server, fixtures: this.#fixtures, previous: this.#answers, visits: this.#visits };
  }

  /** Within a case the clock never goes back; it stands still but for moves and waits. */
  async #moveTo(atMs: number): Promise<void> {
    const now = this.#server.clock.now().getTime();
    if (atMs < now) {
      throw new FormatError(
        `at: ${new Date(atMs).toISOString()} is before the business clock (${new Date(now).toISOString()})`,
      );
    }
    await this.#server.clock.set(atMs);
  }

  /** Later than the clock: the clock goes there first; earlier: back-dated. */
  async #runEvent({ fields, atMs }: NonNullable<Step["event"]>): Promise<void> {
    const now = this.#server.clock.now().getTime();
    if (atMs !== undefined && atMs > now) await this.#server.clock.set(atMs);
    await runEvent(fields, atMs ?? now, this.#shared());
  }

  async #runCall(call: Call, step: Step): Promise<readonly string[]> {
    const key = (await this.#keySource?.(call.creds)) ?? this.#fixtures.credential(call.creds);
    for (let time = 1; time <= step.repeat; time += 1) {
      const withdraw = call.faults.map((fault) => this.#server.plan(fault));
      const answer = await sendCall(call, {
        endpoint: this.#server.endpoint,
        agent: this.#agent,
        key,
        nowMs: this.#clock.now(),
        context: this.#shared(),
      });
      // A call that was refused before its faults could hit leaves none behind for the next one.
      for (const takeBack of withdraw) takeBack();
      const problems = step.expect === undefined ? [] : expectProblems(answer, step.expect, this.#answers);
      this.#answers.push(answer);
      if (problems.length > 0)
        return step.repeat === 1 ? problems : [`call ${time} of ${step.repeat}: ${problems.join("; ")}`];
    }
    return [];
  }
}

/** Posts must arrive where the runner can look at them. */
function withRegistrationUrl(
  catalog: Fixtures["catalog"],
  registrationUrl: string | undefined,
): Readonly<Record<string, unknown>> {
  if (registrationUrl === undefined || !Array.isArray(catalog.products)) return catalog;
  const products: readonly Readonly<Record<string, unknown>>[] = catalog.products;
  return { ...catalog, products: products.map((one) => ({ ...one, registrationUrl })) };
}

function revisionOf(fields: Fields): { readonly revision?: string } {
  const revision = fields.optionalText("revision");
  return revision === undefined ? {} : { revision };
}

function readExpect(value: Json, where: string): Fields {
  const fields = new Fields(value, where, ["status", "errorType", "errorTypeAnyOf", "body", "headers"]);
  assertMatchers(value, where);
  fields.optionalMap("headers");
  fields.optionalTexts("errorTypeAnyOf");
  return fields;
}

function expectProblems(answer: Answer, expect: Fields, previous: readonly Answer[]): readonly string[] {
  const context = { previous };
  const problems: string[] = [];
  const status = expect.raw("status");
  const body = expect.raw("body");
  const errorType = expect.raw("errorType");
  const anyOf = expect.optionalTexts("errorTypeAnyOf");
  const actualType = errorTypeOf(answer);
  if (status !== undefined) problems.push(...mismatches(answer.status, status, "status", context));
  if (errorType !== undefined) problems.push(...mismatches(actualType, errorType, "errorType", context));
  if (anyOf !== undefined && (actualType === undefined || !anyOf.includes(actualType))) {
    problems.push(`errorType: expected one of ${show(anyOf)}, got ${show(actualType)}`);
  }
  if (body !== undefined) {
    problems.push(
      ...(answer.bodyProblem === undefined
        ? mismatches(answer.body, body, "body", context)
        : [`body: expected ${show(body)}, got text: ${answer.bodyProblem}`]),
    );
  }
  for (const [name, expected] of Object.entries(expect.optionalMap("headers") ?? {})) {
    problems.push(...mismatches(answer.headers[name.toLowerCase()], expected, `headers.${name}`, context));
  }
  // What the server said of a call that it should have taken is the first thing that one wants to know.
  return problems.length > 0 && answer.status >= 400
    ? [...problems, `answer: ${show(answer.body ?? answer.text)}`]
    : problems;
}
