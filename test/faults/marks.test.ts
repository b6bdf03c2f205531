/** Every answer that a fault made or changed is marked in the audit trail; no other is (B-92). */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Fault } from "../../src/index.ts";
import { createExchanges } from "../../src/protocol/exchanges.ts";
import { buyers, products, startSec } from "../support/catalog.ts";
import { startWire, type Wire, type WireCall } from "../support/wireClient.ts";
import { batch, failureOf, sdkClient, trailOf } from "./support.ts";

let wire: Wire;
beforeAll(async () => {
  wire = await startWire();
});
afterAll(() => wire.close());
beforeEach(() => wire.reset());

interface CallItem {
  readonly requestId: string;
  readonly outcome: string;
  readonly faults?: readonly { readonly id: string; readonly kind: string; readonly phase?: string }[];
}

async function get<T>(path: string): Promise<T> {
  const { endpoint, adminToken } = wire.meterhouse;
  const response = await fetch(`${endpoint}/api/v1${path}`, { headers: { authorization: `Bearer ${adminToken}` } });
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}
const callsOf = async (query = ""): Promise<readonly CallItem[]> =>
  (await get<{ readonly items: readonly CallItem[] }>(`/calls${query}`)).items;

const planned = (fault: Fault): string => {
  wire.meterhouse.plan(fault);
  return wire.meterhouse.plannedFaults().at(-1)?.id ?? "";
};
const send = () => failureOf(sdkClient(wire, "seller", { maxAttempts: 1 }).send(batch())).catch(() => undefined);

const cases: readonly (readonly [fault: Fault, outcome: string, more?: object])[] = [
  [{ kind: "throttle" }, "ThrottlingException"],
  [{ kind: "error" }, "InternalServiceErrorException"],
  [{ kind: "error", phase: "after-commit" }, "Success", { phase: "after-commit" }],
  [{ kind: "cut" }, "ConnectionCut"],
  [{ kind: "cut", phase: "before-commit" }, "ConnectionCut", { phase: "before-commit" }],
  [{ kind: "cut", phase: "after-commit" }, "Success", { phase: "after-commit" }],
  [{ kind: "delay", ms: 1 }, "Success"],
  [{ kind: "unprocessed", records: [0] }, "Success"],
  [{ kind: "slow-body", ms: 1 }, "Success"],
  [{ kind: "proxy-503" }, "ServiceUnavailable"],
];
test.each(cases.map(([fault, outcome, more = {}]) => ({ fault, outcome, more })))("$fault.kind %j", async (one) => {
  const { fault, outcome, more } = one;
  const id = planned(fault);
  await send();
  await send();
  const [second, first] = await callsOf();
  expect(first).toMatchObject({ outcome, faults: [{ id, kind: fault.kind, ...more }] });
  expect(second).toMatchObject({ outcome: "Success" });
  expect(second).not.toHaveProperty("faults");
  expect(await callsOf("?fault=true")).toEqual([first]);
  expect(await callsOf("?fault=false")).toEqual([second]);
});

test("several faults on one answer are all told, in the order in which they struck", async () => {
  const ids = [
    planned({ kind: "cut", phase: "after-commit" }),
    planned({ kind: "unprocessed", records: [0] }),
    planned({ kind: "slow-body", ms: 1 }),
    planned({ kind: "delay", ms: 1 }),
  ];
  await send();
  const [call] = await callsOf();
  expect(call?.faults?.map(({ id }) => ids.indexOf(id))).toEqual([2, 3, 1, 0]);
});

test("the CloudTrail record has additionalEventData for a faulted call alone", async () => {
  const id = planned({ kind: "throttle" });
  await send();
  await send();
  const [second, first] = await wire.meterhouse.cloudTrail();
  expect(first?.additionalEventData).toEqual({ meterhouseFault: [{ id, kind: "throttle" }] });
  expect(first?.requestParameters).toMatchObject({ productCode: products.logs });
  expect(second).not.toHaveProperty("additionalEventData");
});

test("the exchange of a cut call shows that nothing was answered", async () => {
  wire.meterhouse.plan({ kind: "cut" });
  await send();
  const [call] = await callsOf();
  const detail = await get<{ readonly exchange: { readonly response: object } }>(`/calls/${call?.requestId}`);
  expect(detail.exchange.response).toEqual({ status: 0, headers: [], body: "" });
});

test("a fault that had no part in a refusal leaves no mark", async () => {
  wire.meterhouse.plan({ kind: "error", phase: "after-commit" });
  wire.meterhouse.plan({ kind: "unprocessed", records: [0] });
  await failureOf(sdkClient(wire).send(batch({ Dimension: "nope" })));
  expect(await trailOf(wire)).toEqual(["InvalidUsageDimensionException"]);
  expect(wire.meterhouse.plannedFaults()).toMatchObject([{ left: 1 }, { left: 1 }]);
});

test("text in a request that looks like a mark is none", async () => {
  const record = { Timestamp: startSec, Dimension: "searches", CustomerAWSAccountId: buyers.alder.account };
  const refused: WireCall = {
    request: { ProductCode: products.logs, UsageRecords: [{ ...record, Quantity: -1, faults: [{ kind: "cut" }] }] },
  };
  expect((await wire.call(refused)).status).toBe(400);
  expect(await callsOf("?fault=true")).toEqual([]);
  expect(await callsOf("?fault=false")).toHaveLength(1);
});

test("a throttled call that is in the trail is not counted as one that is in none", () => {
  const exchanges = createExchanges();
  const request = { method: "POST", url: "/", rawHeaders: [], body: Buffer.from("{}"), isTooLarge: false };
  const throttled = { status: 400, headers: { "x-amzn-ErrorType": "ThrottlingException" }, body: "{}" };
  exchanges.keep("planned", { ...request, remoteAddress: undefined }, throttled, true, true);
  expect([...exchanges.withoutTrail]).toEqual([]);
  exchanges.keep("real", { ...request, remoteAddress: undefined }, throttled, true);
  expect([...exchanges.withoutTrail]).toEqual([["ThrottlingException", 1]]);
});
