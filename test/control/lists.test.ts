/** What the console's lists ask for: products by a part of their names, a product's targets, the forms of switches. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Harness, product, seller, startControl } from "./harness.ts";

let harness: Harness;

beforeAll(async () => {
  harness = await startControl();
});
afterAll(() => harness.close());

const codesOf = async (query: string): Promise<string[]> => {
  const { status, body } = await harness.get(`/products?${query}`);
  expect(status).toBe(200);
  return body.items.map(({ code }: { code: string }) => code);
};

test("products are found by a part of title, code or entity id, whatever the case", async () => {
  const { body } = await harness.post("/products", { code: "quay1", title: "Quayside Logs", seller, type: "ami-fcp" });
  expect(await codesOf("search=SIDE%20log")).toEqual(["quay1"]);
  expect(await codesOf("search=quay1")).toEqual(["quay1"]);
  expect(await codesOf(`search=${body.entityId}`)).toEqual(["quay1"]);
  expect(await codesOf("search=nothing")).toEqual([]);
  expect(await codesOf("search=")).toEqual([product, "quay1"]);
  expect(await codesOf("search=quay&type=saas-contract")).toEqual([]);
});

test("a product's targets are its own and those of all its seller's products", async () => {
  const { body: other } = await harness.post("/accounts", { name: "Other" });
  const made = async (more: Record<string, unknown>): Promise<string> => {
    const target = { seller, kind: "sqs", url: "http://127.0.0.1:9/queue", ...more };
    return (await harness.post("/notification-targets", target)).body.id;
  };
  await harness.post("/products", { code: "quay2", seller, type: "ami-fcp" });
  const own = await made({ product });
  const ofAll = await made({});
  await made({ product: "quay2" });
  await made({ seller: other.id });
  const { body } = await harness.get(`/notification-targets?product=${product}`);
  expect(body.items.map(({ id }: { id: string }) => id)).toEqual([own, ofAll]);
  expect((await harness.get("/notification-targets?product=unknown")).body).toEqual({ items: [] });
});

test("each switch tells the form of its values", async () => {
  const { body } = await harness.get("/settings");
  const forms = Object.fromEntries(
    body.items.map(({ name, form }: { name: string; form: unknown }) => [name, form] as const),
  );
  expect(forms).toMatchObject({
    revision: { enum: ["2021", "2024", "2026"] },
    lenientNumbers: { type: "boolean" },
    futureToleranceSec: { type: "number", minimum: 0, maximum: 86_400 },
    idempotencyConflictStatus: { anyOf: [{ const: 409 }, { const: 400 }] },
  });
  expect(Object.values(forms).every((form) => JSON.stringify(form) !== "{}")).toBe(true);
});
