/** The catalogue's rows in SQLite: written and removed inside the caller's transaction, loaded whole at open. */
import type { DatabaseSync } from "node:sqlite";
import type {
  Account,
  AdminToken,
  Agreement,
  ClockState,
  ControlEvent,
  Entitlement,
  Offer,
  RegistrationToken,
  Role,
} from "../../api/types.ts";
import type { CatalogChange } from "../catalog.ts";
import {
  credentialDocument,
  credentialOf,
  productDocument,
  productOf,
  targetDocument,
  targetOf,
  workloadDocument,
  workloadOf,
} from "../catalogDocuments.ts";
import type { Sealer } from "../sealer.ts";

type Value = string | number | null;
type DocumentTable =
  | "accounts"
  | "credentials"
  | "products"
  | "agreements"
  | "entitlements"
  | "offers"
  | "roles"
  | "workloads"
  | "notification_targets"
  | "admin_tokens";

/** An upsert keeps the row, and with it seq: the order of first insertion. */
const upserts = {
  accounts: `INSERT INTO accounts (id, document) VALUES (?, ?)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
  credentials: `INSERT INTO credentials (access_key_id, account_id, document) VALUES (?, ?, ?)
    ON CONFLICT (access_key_id) DO UPDATE SET account_id = excluded.account_id, document = excluded.document`,
  products: `INSERT INTO products (code, document) VALUES (?, ?)
    ON CONFLICT (code) DO UPDATE SET document = excluded.document`,
  agreements: `INSERT INTO agreements (id, product_code, buyer_account_id, document) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET product_code = excluded.product_code,
      buyer_account_id = excluded.buyer_account_id, document = excluded.document`,
  tokens: `INSERT INTO registration_tokens (hash, resolved_at, document) VALUES (?, ?, ?)
    ON CONFLICT (hash) DO UPDATE SET resolved_at = excluded.resolved_at, document = excluded.document`,
  entitlements: `INSERT INTO entitlements (product_code, buyer_account_id, dimension, license, document)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (product_code, buyer_account_id, dimension, license) DO UPDATE SET document = excluded.document`,
  offers: `INSERT INTO offers (id, document) VALUES (?, ?)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
  roles: `INSERT INTO roles (account_id, name, document) VALUES (?, ?, ?)
    ON CONFLICT (account_id, name) DO UPDATE SET document = excluded.document`,
  workloads: `INSERT INTO workloads (id, document) VALUES (?, ?)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
  targets: `INSERT INTO notification_targets (id, document) VALUES (?, ?)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
  adminTokens: `INSERT INTO admin_tokens (id, document) VALUES (?, ?)
    ON CONFLICT (id) DO UPDATE SET document = excluded.document`,
  // What happened does not change; a change that is tried again must not fail on its own event.
  event: `INSERT INTO control_events (id, at, actor, action, target, summary) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO NOTHING`,
  meta: `INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
};

const removals = {
  credentials: "DELETE FROM credentials WHERE access_key_id = ?",
  targets: "DELETE FROM notification_targets WHERE id = ?",
  products: "DELETE FROM products WHERE code = ?",
  accounts: "DELETE FROM accounts WHERE id = ?",
  offers: "DELETE FROM offers WHERE id = ?",
  roles: "DELETE FROM roles WHERE account_id = ? AND name = ?",
  entitlements:
    "DELETE FROM entitlements WHERE product_code = ? AND buyer_account_id = ? AND dimension = ? AND license = ?",
};

export class CatalogRows {
  readonly #database: DatabaseSync;
  readonly #sealer: Sealer;

  constructor(database: DatabaseSync, sealer: Sealer) {
    this.#database = database;
    this.#sealer = sealer;
  }

  version(): number {
    return Number(this.#meta("catalog-version") ?? 0);
  }

  writeVersion(version: number): void {
    this.#run(upserts.meta, [["catalog-version", String(version)]]);
  }

  /** All but the notifications, which are the outbox's. */
  write(change: CatalogChange): void {
    const sealer = this.#sealer;
    this.#run(upserts.accounts, change.accounts?.map(withId));
    this.#run(
      upserts.credentials,
      change.credentials?.map((row) => [row.accessKeyId, row.accountId, credentialDocument(sealer, row)]),
    );
    this.#run(
      upserts.products,
      change.products?.map((row) => [row.code, productDocument(sealer, row)]),
    );
    this.#run(
      upserts.agreements,
      change.agreements?.map((row) => [row.id, row.productCode, row.buyerAccountId, JSON.stringify(row)]),
    );
    this.#run(
      upserts.tokens,
      change.tokens?.map(({ resolvedAt, ...row }) => [row.hash, resolvedAt ?? null, JSON.stringify(row)]),
    );
    this.#run(
      upserts.entitlements,
      change.entitlements?.map((row) => [...entitlementKey(row), JSON.stringify(row)]),
    );
    this.#run(upserts.offers, change.offers?.map(withId));
    this.#run(
      upserts.roles,
      change.roles?.map((row) => [row.accountId, row.name, JSON.stringify(row)]),
    );
    this.#run(
      upserts.workloads,
      change.workloads?.map((row) => [row.id, workloadDocument(sealer, row)]),
    );
    this.#run(
      upserts.targets,
      change.targets?.map((row) => [row.id, targetDocument(sealer, row)]),
    );
    this.#run(upserts.adminTokens, change.adminTokens?.map(withId));
    this.#run(upserts.meta, change.settings && [["settings", JSON.stringify(change.settings)]]);
    this.#run(upserts.meta, change.clock && [["clock", JSON.stringify(change.clock)]]);
    const { event } = change;
    this.#run(
      upserts.event,
      event && [[event.id, event.at, event.actor, event.action, event.target, event.summary ?? null]],
    );
  }

  remove(remove: NonNullable<CatalogChange["remove"]>): void {
    const one = (key: string): [string] => [key];
    this.#run(removals.credentials, remove.credentials?.map(one));
    this.#run(removals.targets, remove.targets?.map(one));
    this.#run(removals.products, remove.products?.map(one));
    this.#run(removals.accounts, remove.accounts?.map(one));
    this.#run(removals.offers, remove.offers?.map(one));
    this.#run(
      removals.roles,
      remove.roles?.map((role) => [role.accountId, role.name]),
    );
    this.#run(removals.entitlements, remove.entitlements?.map(entitlementKey));
  }

  /** Everything that memory holds. Throws when the sealer's key does not fit what was sealed. */
  load(): CatalogChange {
    const settings = this.#meta("settings");
    const clock = this.#meta("clock");
    return {
      accounts: this.#documents("accounts").map((text) => JSON.parse(text) as Account),
      credentials: this.#documents("credentials").map((text) => credentialOf(this.#sealer, text)),
      products: this.#documents("products").map((text) => productOf(this.#sealer, text)),
      agreements: this.#documents("agreements").map((text) => JSON.parse(text) as Agreement),
      entitlements: this.#documents("entitlements").map((text) => JSON.parse(text) as Entitlement),
      offers: this.#documents("offers").map((text) => JSON.parse(text) as Offer),
      roles: this.#documents("roles").map((text) => JSON.parse(text) as Role),
      workloads: this.#documents("workloads").map((text) => workloadOf(this.#sealer, text)),
      targets: this.#documents("notification_targets").map((text) => targetOf(this.#sealer, text)),
      adminTokens: this.#documents("admin_tokens").map((text) => JSON.parse(text) as AdminToken),
      tokens: this.#database
        .prepare("SELECT resolved_at, document FROM registration_tokens ORDER BY seq")
        .all()
        .map(({ resolved_at: resolvedAt, document }) => ({
          ...(JSON.parse(String(document)) as RegistrationToken),
          ...(typeof resolvedAt === "number" ? { resolvedAt } : {}),
        })),
      ...(settings === undefined ? {} : { settings: JSON.parse(settings) as Record<string, unknown> }),
      ...(clock === undefined ? {} : { clock: JSON.parse(clock) as ClockState }),
    };
  }

  /** Newest first. */
  controlEvents(limit: number): readonly ControlEvent[] {
    return this.#database
      .prepare("SELECT id, at, actor, action, target, summary FROM control_events ORDER BY seq DESC LIMIT ?")
      .all(limit)
      .map(({ id, at, actor, action, target, summary }) => ({
        id: String(id),
        at: Number(at),
        actor: String(actor),
        action: String(action),
        target: String(target),
        ...(summary === null ? {} : { summary: String(summary) }),
      }));
  }

  clear(): void {
    this.#database.exec(
      "DELETE FROM accounts; DELETE FROM credentials; DELETE FROM products; DELETE FROM agreements; " +
        "DELETE FROM entitlements; DELETE FROM registration_tokens; DELETE FROM offers; DELETE FROM roles; " +
        "DELETE FROM workloads; DELETE FROM notification_targets; DELETE FROM admin_tokens; DELETE FROM control_events; " +
        "DELETE FROM meta WHERE name IN ('settings', 'clock')",
    );
  }

  #run(sql: string, rows: readonly (readonly Value[])[] = []): void {
    if (rows.length === 0) return;
    const statement = this.#database.prepare(sql);
    for (const row of rows) statement.run(...row);
  }

  #documents(table: DocumentTable): string[] {
    return this.#database
      .prepare(`SELECT document FROM ${table} ORDER BY seq`)
      .all()
      .map((row) => String(row.document));
  }

  #meta(name: string): string | undefined {
    const row = this.#database.prepare("SELECT value FROM meta WHERE name = ?").get(name);
    return row === undefined ? undefined : String(row.value);
  }
}

function withId(row: { readonly id: string }): [string, string] {
  return [row.id, JSON.stringify(row)];
}

/** The licence is '' without one, as in the schema. */
function entitlementKey(
  row: Pick<Entitlement, "productCode" | "buyerAccountId" | "dimension" | "licenseArn">,
): [string, string, string, string] {
  return [row.productCode, row.buyerAccountId, row.dimension, row.licenseArn ?? ""];
}
