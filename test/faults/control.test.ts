/** Faults by the control plane and by the command line. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createFaultPlan, faultLimits } from "../../src/faults.ts";
import { type DemoServer, startDemo } from "../cli/support.ts";
import { type Answer, type Harness, type Json, startControl } from "../control/harness.ts";

describe("the control plane", () => {
  let control: Harness;
  beforeAll(async () => {
    control = await startControl();
  });
  afterAll(() => control.close());
  afterEach(() => control.faults.clear());

  test.each([
    { kind: "cut", phase: "after-commit", product: "myproduct", customer: "444455556666", accessKeyId: "AKIAEXAMPLE" },
    { kind: "slow-body", ms: 1_000, bytes: 4, untilRemoved: true },
    { kind: "proxy-503", share: 0.25, seed: 4_294_967_295 },
    { kind: "unprocessed", recordShare: 0.5, seed: 0, times: 2 },
    { kind: "unprocessed", records: [0, 24], share: 0.5, seed: 3, times: 2 },
    { kind: "delay", ms: 600_000, operation: "RegisterUsage" },
  ])("plans %j and shows it", async (fault) => {
    const { status, body } = await control.post("/faults", fault);
    expect(status).toBe(201);
    expect(body).toEqual({ id: expect.any(String), fault, matched: 0, hits: 0, ...leftOf(fault) });
    expect((await control.get("/faults")).body.items).toEqual([body]);
  });

  test("a seed that was drawn is shown", async () => {
    const { body } = await control.post("/faults", { kind: "throttle", share: 0.5 });
    expect(body.fault.seed).toBeGreaterThanOrEqual(0);
  });

  test.each([
    [{ kind: "throttle", times: 2, untilRemoved: true }, "/untilRemoved"],
    [{ kind: "throttle", share: 1.1 }, "/share"],
    [{ kind: "throttle", seed: 5 }, "/seed"],
    [{ kind: "throttle", share: 0.5, seed: 1.5 }, "/seed"],
    [{ kind: "unprocessed" }, "/records"],
    [{ kind: "unprocessed", records: [0], recordShare: 0.5 }, "/records"],
    [{ kind: "slow-body" }, "/ms"],
    [{ kind: "slow-body", ms: 600_001 }, "/ms"],
    [{ kind: "slow-body", ms: 1, bytes: 0 }, "/bytes"],
    [{ kind: "cut", phase: "later" }, "/phase"],
    [{ kind: "proxy-503", product: "prod-abc" }, "/product"],
    [{ kind: "proxy-503", status: 503 }, "/status"],
  ])("%j is wrong at %s", async (fault, pointer) => {
    const answer: Answer = await control.post("/faults", fault);
    expect([answer.status, answer.body.errors?.map((error: Json) => error.pointer)]).toEqual([422, [pointer]]);
    expect(control.faults.list()).toEqual([]);
  });

  test("what the form takes, the plan takes", () => {
    const plan = createFaultPlan();
    plan.add({ kind: "slow-body", ms: faultLimits.durationMaxMs, bytes: faultLimits.pieceMaxBytes });
    plan.add({ kind: "throttle", times: faultLimits.timesMax });
    expect(plan.list()).toHaveLength(2);
  });

  test("409 when the plan is full", async () => {
    for (let count = 0; count < faultLimits.plannedMax; count += 1) control.faults.add({ kind: "throttle" });
    const { status, body } = await control.post("/faults", { kind: "cut" });
    expect([status, body.detail]).toEqual([409, "1000 faults are planned, and no more can be; take some back."]);
  });
});

function leftOf({ times, untilRemoved, share }: Json): object {
  if (times !== undefined) return { left: times };
  return untilRemoved === true || share !== undefined ? {} : { left: 1 };
}

describe("the command line", () => {
  let server: DemoServer;
  beforeAll(async () => {
    server = await startDemo();
  }, 30_000);
  afterAll(() => server.stop());

  test("plans with every condition, lists, and has the calls that were hit", async () => {
    const conditions = ["--product", "myproduct", "--customer", "444455556666", "--access-key-id", "AKIAEXAMPLE"];
    const drawn = ["--share", "0.1", "--seed", "7", "--until-removed"];
    const made = await server.json("fault", "plan", "proxy-503", ...conditions, ...drawn);
    expect(made.fault).toEqual({
      kind: "proxy-503",
      ...{ product: "myproduct", customer: "444455556666", accessKeyId: "AKIAEXAMPLE" },
      ...{ share: 0.1, seed: 7, untilRemoved: true },
    });
    const slow = await server.json("fault", "plan", "slow-body", "--delay", "2s", "--bytes", "8", "--times", "3");
    expect(slow.fault).toEqual({ kind: "slow-body", ms: 2_000, bytes: 8, times: 3 });
    const cut = await server.json("fault", "plan", "cut", "--phase", "after-commit");
    expect(cut.fault).toEqual({ kind: "cut", phase: "after-commit" });
    const some = await server.json("fault", "plan", "unprocessed", "--record-share", "0.5", "--seed", "1");
    expect(some.fault).toEqual({ kind: "unprocessed", recordShare: 0.5, seed: 1 });
    const table = await server.ok("fault", "list");
    expect(table).toMatch(/^\S+ +proxy-503 +any .*0 +until removed$/m);
    expect(table).toMatch(/^\S+ +slow-body +any .*0 +3$/m);
    expect((await server.cli(["fault", "calls"])).stderr).toBe("No calls that a fault hit.\n");
    await server.ok("fault", "clear");
  }, 30_000);

  test.each([
    [["proxy-503", "--share", "2"], "It is a number from 0 to 1"],
    [["slow-body"], "--delay 2s"],
    [["unprocessed"], "--record-share 0.2"],
    [["cutt"], "Did you mean cut?"],
    [["throttle", "--seed", "1"], "a share as well"],
    [["throttle", "--times", "2", "--until-removed"], "--until-removed: "],
  ])("fault plan %j: %s", async (args, words) => {
    const wrong = await server.cli(["fault", "plan", ...args]);
    expect(wrong.code).not.toBe(0);
    expect(wrong.stderr).toContain(words);
  });
});
