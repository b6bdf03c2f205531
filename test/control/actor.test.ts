/** Every change carries who made it, also where nobody wrote an event. */
import { expect, test } from "vitest";
import type { ControlEvent } from "../../src/api/types.ts";
import { acting, auditedCatalog } from "../../src/control/actor.ts";
import type { Catalog, CatalogChange } from "../../src/store/catalog.ts";
import { MemoryCatalog } from "../support/memoryCatalog.ts";

const account = { id: "123456789012", customerIdentifier: "aLd3r", suspended: false };

function recording(): { readonly catalog: Catalog; readonly applied: CatalogChange[] } {
  const applied: CatalogChange[] = [];
  class Recording extends MemoryCatalog {
    override async apply(change: CatalogChange): Promise<void> {
      applied.push(change);
      await super.apply(change);
    }
  }
  return { catalog: auditedCatalog(new Recording(), () => 5), applied };
}

test("a change tells what it is about where nobody says", async () => {
  const { catalog, applied } = recording();
  await catalog.apply({ accounts: [account] });
  expect(applied[0]?.event).toMatchObject({ actor: "server", action: "account.change", target: account.id, at: 5 });
  expect(catalog.account(account.id)).toEqual(account);
});

test("deeds hold for what is done in them, and for no more", async () => {
  const { catalog, applied } = recording();
  const deed = async (actor: string): Promise<void> => {
    await acting({ actor }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await acting({ action: "account.create", summary: "x".repeat(600) }, () =>
        catalog.apply({ accounts: [account] }),
      );
    });
  };
  await Promise.all([deed("ci"), deed("ops")]);
  await catalog.apply({ settings: {} });
  expect(applied.map(({ event }) => [event?.actor, event?.action])).toEqual([
    ["ci", "account.create"],
    ["ops", "account.create"],
    ["server", "settings.change"],
  ]);
  expect(applied[0]?.event?.summary).toHaveLength(500);
});

test("an event that is there stays, and what writes nothing has none", async () => {
  const { catalog, applied } = recording();
  const event: ControlEvent = { id: "1", at: 1, actor: "a", action: "b", target: "c" };
  await acting({ actor: "other" }, () => catalog.apply({ event }));
  await catalog.apply({});
  await catalog.apply({ accounts: [], remove: { offers: [] } });
  expect(applied.map((change) => change.event)).toEqual([event, undefined, undefined]);
});

test("removals are told by what is gone", async () => {
  const { catalog, applied } = recording();
  await catalog.apply({ remove: { offers: ["offer-1"] } });
  expect(applied[0]?.event).toMatchObject({ action: "catalog.change", target: "catalog" });
});
