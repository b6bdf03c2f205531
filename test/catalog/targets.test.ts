/** The section `notificationTargets` of a catalogue document: defaults, idempotence, export, what is refused. */
import { beforeEach, expect, test } from "vitest";
import type { NotificationTarget } from "../../src/api/types.ts";
import { catalogText, exportCatalog, parseCatalog } from "../../src/catalog/file.ts";
import { MemoryCatalog } from "../support/memoryCatalog.ts";
import { loadInto, product } from "./documents.ts";

const now = Date.parse("2026-08-15T10:20:00Z");
const seller = "111122223333";
const buyer = "444455556666";
const url = "http://127.0.0.1:9/events";

let catalog: MemoryCatalog;
beforeEach(() => {
  catalog = new MemoryCatalog();
});

const document = {
  products: [product],
  notificationTargets: [
    { seller, kind: "http", url, confirmed: true },
    { seller, product: "p1", forms: ["eventbridge"], kind: "http", url },
    { buyer, kind: "http", url },
    { id: "queue", buyer, kind: "sqs", url, sqs: { region: "us-east-1", accessKeyId: "A", secretAccessKey: "secret" } },
  ],
};
const targets = (): readonly NotificationTarget[] => catalog.all().targets;

test("a seller's take both forms, a buyer's events only; accounts come with them", async () => {
  await loadInto(catalog, document, now);
  expect(targets()).toEqual([
    {
      ...{ id: expect.stringMatching(/^target-[a-z0-9]{20}$/), sellerAccountId: seller, forms: ["sns", "eventbridge"] },
      ...{ kind: "http", url, rawDelivery: false, confirmedAt: expect.any(Number), createdAt: now },
    },
    expect.objectContaining({ sellerAccountId: seller, productCode: "p1", forms: ["eventbridge"] }),
    expect.objectContaining({ buyerAccountId: buyer, forms: ["eventbridge"], kind: "http" }),
    expect.objectContaining({ id: "queue", sqs: document.notificationTargets[3]?.sqs }),
  ]);
  expect(new Set(targets().map(({ id }) => id)).size).toBe(4);
  expect(catalog.account(buyer)).toBeDefined();
});

test("a second load writes nothing, nor does one of what was made elsewhere", async () => {
  await loadInto(catalog, document, now);
  expect(await loadInto(catalog, document, now + 60_000)).toEqual({});
  const made = { id: "from-rest", sellerAccountId: seller, forms: ["sns"], kind: "http", url: `${url}/2` } as const;
  const row = { ...made, rawDelivery: true, confirmationToken: "t", confirmedAt: 7, createdAt: 5 };
  await catalog.apply({ targets: [row] });
  expect(await loadInto(catalog, { notificationTargets: [{ seller, kind: "http", url: `${url}/2` }] }, now)).toEqual(
    {},
  );
  // Another endpoint has to confirm anew.
  await loadInto(catalog, { notificationTargets: [{ id: "from-rest", seller, kind: "http", url: `${url}/3` }] }, now);
  const { confirmedAt: _confirmed, ...rest } = row;
  expect(catalog.target("from-rest")).toEqual({ ...rest, url: `${url}/3` });
});

test("a queue keeps its secret, but not under another key", async () => {
  await loadInto(catalog, document, now);
  const queue = { id: "queue", buyer, kind: "sqs", url };
  await loadInto(catalog, { notificationTargets: [{ ...queue, sqs: { region: "eu-west-1" } }] }, now);
  expect(catalog.target("queue")?.sqs).toEqual({ region: "eu-west-1", accessKeyId: "A", secretAccessKey: "secret" });
  await loadInto(catalog, { notificationTargets: [{ ...queue, sqs: { accessKeyId: "B" } }] }, now);
  expect(catalog.target("queue")?.sqs).toEqual({ region: "eu-west-1", accessKeyId: "B" });
});

test("export and import; the secret only where secrets are asked for", async () => {
  await loadInto(catalog, document, now);
  expect(catalogText(exportCatalog(catalog), "json")).not.toContain("secret");
  const text = catalogText(exportCatalog(catalog, { secrets: true }), "yaml");
  const copy = new MemoryCatalog();
  await loadInto(copy, parseCatalog(text, "export.yaml"), now);
  const timeless = (rows: readonly NotificationTarget[]) =>
    rows.map(({ confirmedAt, ...row }) => ({ ...row, isConfirmed: confirmedAt !== undefined }));
  expect(timeless(copy.all().targets)).toEqual(timeless(targets()));
  expect(await loadInto(catalog, exportCatalog(catalog), now + 60_000)).toEqual({});
});

test.each<readonly [object, string]>([
  [{}, "notificationTargets[0]: missing; a target has a seller or a buyer"],
  [{ seller, buyer }, "a target has a seller or a buyer, not both"],
  [{ buyer, forms: ["sns"] }, "a buyer's target takes eventbridge only"],
  [{ seller, forms: [] }, "at least one of sns, eventbridge"],
  [{ seller, kind: "lambda" }, "is not a kind of target; one of http, sqs"],
  [{ seller, url: "ftp://x.example" }, "is not an http or https URL"],
  [{ seller, sqs: {} }, "goes with the kind sqs only"],
  [{ seller, product: "p2" }, 'there is no product "p2"'],
  [{ seller: buyer, product: "p1" }, 'product "p1" is one of account 111122223333'],
])("refused: %j", (more, message) => {
  const text = JSON.stringify({ products: [product], notificationTargets: [{ kind: "http", url, ...more }] });
  expect(() => parseCatalog(text, "doc")).toThrow(message);
});

test("refused: one twice, and one of another account", async () => {
  const one = { seller, kind: "http", url };
  const parsed = (...entries: object[]) => parseCatalog(JSON.stringify({ notificationTargets: entries }), "doc");
  expect(() => parsed(one, one)).toThrow(
    "a target without an id of 111122223333 at http://127.0.0.1:9/events is there twice",
  );
  expect(() => parsed({ ...one, id: "t" }, { buyer, kind: "http", url, id: "t" })).toThrow("target t is there twice");
  await loadInto(catalog, { notificationTargets: [{ ...one, id: "t" }] }, now);
  await expect(
    loadInto(catalog, { notificationTargets: [{ buyer, kind: "http", url, id: "t" }] }, now),
  ).rejects.toThrow("notificationTargets[0].id: the catalogue has t for account 111122223333");
});
