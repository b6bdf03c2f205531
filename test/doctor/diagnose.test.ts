/** The frame: what it feeds to checks, in which order findings come out, and what it keeps in memory. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { checks } from "../../src/doctor/checks/index.ts";
import { diagnose, isAtLeast } from "../../src/doctor/diagnose.ts";
import type { Check, Finding, ObservedCall, Severity } from "../../src/doctor/observed.ts";
import { buyers, products, startSec } from "../support/catalog.ts";
import { startWire } from "../support/wireClient.ts";
import { diagnoseService, knowledge, noon, observedBatch, observedResolve, untracedCall } from "./support.ts";

function finding(check: string, severity: Severity): Finding {
  return { check, severity, title: "It happens.", fix: "Stop it.", rules: ["K-1"], evidence: ["a"], count: 1 };
}

function checkOf(name: string, findings: readonly Finding[], seen: string[] = []): Check {
  return {
    name,
    about: "A made-up one.",
    look: () => ({
      see: (call) => void seen.push(call.requestId),
      seeUntraced: (call) => void seen.push(`untraced ${call.requestId}`),
      findings: () => findings,
    }),
  };
}

describe("diagnose", () => {
  test("every check sees every call in its order, then what left no trail", async () => {
    const seen: string[] = [];
    const calls = [observedResolve({ at: noon - 5_000 }), observedBatch(), observedBatch({ at: noon + 1 })];
    const stranger = untracedCall();
    const made = await diagnose({
      source: "audit-trail",
      calls,
      known: knowledge(),
      untraced: [stranger],
      checks: [checkOf("one", [], seen), checkOf("two", [])],
    });
    expect(seen).toEqual([...calls.map((call) => call.requestId), `untraced ${stranger.requestId}`]);
    expect(made).toMatchObject({
      ...{ at: noon, source: "audit-trail", calls: 3, from: noon - 5_000, to: noon + 1 },
      ...{ findings: [], checksRun: ["one", "two"] },
    });
  });

  test("findings come worst first, and those of one severity in the order of the checks", async () => {
    const one = [finding("one", "advice"), finding("one", "lost-revenue")];
    const two = [finding("two", "risk"), finding("two", "double-billing"), finding("two", "lost-revenue")];
    const made = await diagnose({
      source: "audit-trail",
      calls: [],
      known: knowledge(),
      checks: [checkOf("one", one), checkOf("two", two)],
    });
    expect(made.findings.map(({ check, severity }) => `${check} ${severity}`)).toEqual([
      ...["one lost-revenue", "two lost-revenue", "two double-billing", "two risk", "one advice"],
    ]);
    expect(made).not.toHaveProperty("from");
  });

  test("a licence tells the product where the call does not", async () => {
    const products: (string | undefined)[] = [];
    const check: Check = {
      ...checkOf("one", []),
      look: () => ({ see: (call) => void products.push(call.productCode), findings: () => [] }),
    };
    const { productCode: _, ...bare } = observedBatch({ records: [{ licenseArn: "arn:aws:license-manager::1:l-1" }] });
    const known = knowledge({ productOfLicense: (arn) => (arn.endsWith("l-1") ? "vault" : undefined) });
    await diagnose({ source: "audit-trail", calls: [bare, observedBatch()], known, checks: [check] });
    expect(products).toEqual(["vault", observedBatch().productCode]);
  });

  test("what reading rejects with comes out", async () => {
    async function* broken(): AsyncGenerator<ObservedCall> {
      yield observedBatch();
      throw new Error("the disk is gone");
    }
    const input = { source: "audit-trail", calls: broken(), known: knowledge() } as const;
    await expect(diagnose(input)).rejects.toThrow("the disk is gone");
  });

  test("it ends, and reads no further, when nobody waits for it any more", async () => {
    const asking = new AbortController();
    let read = 0;
    async function* endless(): AsyncGenerator<ObservedCall> {
      for (;;) {
        read += 1;
        if (read === 3) asking.abort(new Error("the page was closed"));
        yield observedBatch();
      }
    }
    const input = { source: "audit-trail", calls: endless(), known: knowledge(), signal: asking.signal } as const;
    await expect(diagnose(input)).rejects.toThrow("the page was closed");
    expect(read).toBe(3);
  });

  test("200,000 calls go through without being held", async () => {
    setFlagsFromString("--expose-gc");
    const collectGarbage = runInNewContext("gc") as () => void;
    const seen: WeakRef<ObservedCall>[] = [];
    let held = 0;
    async function* many(): AsyncGenerator<ObservedCall> {
      for (let n = 0; n < 200_000; n += 1) {
        const call = observedBatch({ at: noon + n });
        if (n % 1_000 === 0) seen.push(new WeakRef(call));
        yield call;
        // A WeakRef holds what it was made of until the turn is over.
        if (n % 1_000 === 999) await new Promise((resolve) => setImmediate(resolve));
      }
      collectGarbage();
      held = seen.filter((one) => one.deref() !== undefined).length;
    }
    const made = await diagnose({ source: "audit-trail", calls: many(), known: knowledge(), checks: [] });
    expect(made.calls).toBe(200_000);
    expect(seen).toHaveLength(200);
    // Counted before the end, while whatever `diagnose` holds is still held.
    expect(held).toBe(0);
  });

  test("severities are ordered", () => {
    expect(isAtLeast("lost-revenue", "risk")).toBe(true);
    expect(isAtLeast("risk", "risk")).toBe(true);
    expect(isAtLeast("advice", "risk")).toBe(false);
  });
});

test("over a server that runs, by its own trail", async () => {
  const wire = await startWire();
  try {
    const record = { Timestamp: startSec - 3_850, Dimension: "searches", CustomerAWSAccountId: buyers.alder.account };
    await wire.call({ request: { ProductCode: products.logs, UsageRecords: [{ ...record, Quantity: 5 }] } });
    const made = await diagnoseService(wire.meterhouse);
    expect(made).toMatchObject({ source: "audit-trail", calls: 1, at: startSec * 1_000, from: startSec * 1_000 });
    expect(made.checksRun).toEqual(checks.map(({ name }) => name));
    expect(await diagnoseService(wire.meterhouse, { product: products.vault })).toMatchObject({ calls: 0 });
  } finally {
    await wire.close();
  }
});
