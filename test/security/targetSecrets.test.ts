/** What a notification target proves itself by: sealed at rest, shown nowhere, and kept where nobody told it anew. */
import { describe, expect, test } from "vitest";
import type { NotificationTarget } from "../../src/api/types.ts";
import { maskedUrl } from "../../src/api/urls.ts";
import { checkCatalog } from "../../src/catalog/file.ts";
import { targetEntry, targetKey, targetRow } from "../../src/catalog/targets.ts";
import { createSealer } from "../../src/secrets.ts";
import type { Catalog } from "../../src/store/catalog.ts";
import { resealedDocument, targetDocument, targetOf } from "../../src/store/catalogDocuments.ts";

const password = "p@ss:w/rd".replace("/", "%2F");
const row: NotificationTarget = {
  id: "target-1",
  sellerAccountId: "210000000001",
  forms: ["sns", "eventbridge"],
  kind: "http",
  url: `https://seller:${password}@sns.example:8443/in?a=b#c`,
  rawDelivery: false,
  confirmationToken: "0123456789abcdef".repeat(8),
  confirmedAt: 3,
  createdAt: 1,
};
const sealer = createSealer(Buffer.alloc(32, 1));
const other = createSealer(Buffer.alloc(32, 2));

test.each([
  ["https://user:pass@host/path", "https://***@host/path"],
  ["http://token@host", "http://***@host"],
  ["https://a:b@c:d@host:1/x@y?z=@", "https://***@host:1/x@y?z=@"],
  ["HTTPS://u:p@HOST/", "HTTPS://***@HOST/"],
  ["https:/u:p@host/", "https:/***@host/"],
  ["https:u:p@host/", "***@host/"],
  ["u:p@host", "***@host"],
  ["https://host/a@b", "https://host/a@b"],
  ["https://host?x=a:b@c", "https://host?x=a:b@c"],
  ["https://host#a@b", "https://host#a@b"],
  ["https:\\\\u:p@host/", "https:\\\\***@host/"],
])("%s is shown as %s", (url, shown) => {
  expect(maskedUrl(url)).toBe(shown);
});

describe("at rest", () => {
  test("password and token are sealed, each for its own place, and come back", () => {
    const document = targetDocument(sealer, row);
    for (const secret of [password, "seller:", row.confirmationToken ?? "?"]) expect(document).not.toContain(secret);
    expect(JSON.parse(document).url).toBe("https://***@sns.example:8443/in?a=b#c");
    expect(targetOf(sealer, document)).toEqual(row);
    expect(() => targetOf(other, document)).toThrow("notification-target:target-1");
    const moved = JSON.stringify({ ...JSON.parse(document), id: "target-2" });
    expect(() => targetOf(sealer, moved)).toThrow("notification-target:target-2");
    expect(targetOf(other, resealedDocument("targets", document, { from: sealer, to: other }))).toEqual(row);
  });

  test("a row of before they were sealed is read, and sealed when it is next written", () => {
    expect(targetOf(sealer, JSON.stringify(row))).toEqual(row);
    const plain = { ...row, url: "https://sns.example/in", confirmationToken: undefined };
    expect(targetOf(sealer, JSON.stringify(plain))).toEqual(JSON.parse(JSON.stringify(plain)));
  });
});

describe("in a catalogue", () => {
  const existing = { target: (id: string) => (id === row.id ? row : undefined) } as unknown as Catalog;
  const context = {
    existing,
    known: new Map([[targetKey(targetEntry(row, false)), row]]),
    now: 9,
    wallNow: 9,
    report: () => {},
  };

  test("an export shows the password with the secrets alone", () => {
    expect(targetEntry(row, true).url).toBe(row.url);
    expect(JSON.stringify(targetEntry(row, false))).not.toContain(password);
  });

  test("an export without secrets, imported again, takes no password away; nor does the file that it came from", () => {
    const { id: _id, ...unnamed } = targetEntry(row, false);
    for (const entry of [targetEntry(row, false), unnamed, { ...unnamed, url: row.url }]) {
      expect(targetRow(entry, context)).toMatchObject({ id: row.id, url: row.url, confirmedAt: 3 });
    }
  });

  test("a fault of a document that names a target shows none of it", () => {
    const entry = { seller: "210000000001", kind: "http", url: row.url };
    const check = (): unknown =>
      checkCatalog({ accounts: [{ id: "210000000001" }], notificationTargets: [entry, entry] }, "catalog");
    expect(check).toThrow("https://***@sns.example:8443/in");
    expect(check).not.toThrow(password);
    const ftp = { ...entry, url: `ftp://seller:${password}@sns.example/in` };
    const refuse = (): unknown => checkCatalog({ notificationTargets: [ftp] }, "catalog");
    expect(refuse).toThrow('"ftp://***@sns.example/in" is not an http or https URL');
    expect(refuse).not.toThrow(password);
  });

  test("another password, told in full, takes its place", () => {
    const url = "https://seller:new@sns.example:8443/in?a=b#c";
    const { confirmed: _confirmed, ...entry } = targetEntry(row, false);
    expect(targetRow({ ...entry, url }, context)).toMatchObject({ id: row.id, url });
  });
});
