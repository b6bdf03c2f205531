/**
 * Turns the `fixtures` of a vectors file into the server's catalogue document and keeps the names that the cases use
 * for products, customers, licences and keys.
 */
import { createHash } from "node:crypto";
import { privateKeyPem } from "./keys.ts";
import { Names } from "./names.ts";
import type { SigningKey } from "./sign.ts";
import { Fields, FormatError, given, isObject, type Json, show } from "./values.ts";

export interface FixtureCredential extends SigningKey {
  readonly account: string;
  readonly resource?: string;
}

export interface FixtureLicense {
  readonly arn: string;
  readonly product: string;
  readonly account: string;
}

/** The fixtures by the names that cases use; every look-up of an unknown name is an error. */
export interface Fixtures {
  /** The document for `startMeterhouse({ catalog })`. */
  readonly catalog: Readonly<Record<string, unknown>>;
  productCode(name: string): string;
  accountId(name: string): string;
  licenseArn(name: string): string;
  /** The licence of that name, with its product and buyer. */
  license(name: string): FixtureLicense;
  credential(name: string): FixtureCredential;
  /** Product code and account of the one entitlement of that dimension. */
  entitlementHolder(dimension: string): { readonly product: string; readonly customer: string };
}

const SECTIONS = [
  "note",
  "accounts",
  "products",
  "customers",
  "licenses",
  "tokens",
  "entitlements",
  "extraLicenseArns",
  "credentials",
];

export function readFixtures(value: Json | undefined): Fixtures {
  return new FixtureReader(new Fields(value, "fixtures", SECTIONS)).read();
}

interface Account {
  readonly id: string;
  readonly name?: string;
  readonly customerIdentifier?: string;
  readonly suspended: boolean;
}

/** Grows the name tables and the catalogue's lists section by section, in the order in which they refer to each other. */
class FixtureReader {
  readonly #fields: Fields;
  readonly #accounts = new Map<string, Account>();
  readonly #accountIds = new Names<string>("customer or account");
  readonly #products = new Names<string>("product");
  readonly #licenses = new Names<FixtureLicense & { readonly agreement: Readonly<Record<string, unknown>> }>("licence");
  readonly #licenseArns = new Names<string>("licence");
  readonly #credentials = new Names<FixtureCredential>("credential");
  readonly #agreements: Record<string, unknown>[] = [];
  readonly #entitlementHolders: { dimension: string; product: string; customer: string }[] = [];

  constructor(fields: Fields) {
    this.#fields = fields;
  }

  read(): Fixtures {
    this.#readAccounts();
    const products = this.#members("products").map(([name, value]) => this.#product(name, value));
    const customers = this.#members("customers").map(([name, value]) => this.#customer(name, value));
    for (const [name, value] of this.#members("licenses")) this.#license(name, value);
    for (const [name, value] of this.#members("extraLicenseArns"))
      this.#licenseArns.set(name, textOf(value, `extraLicenseArns.${name}`));
    this.#subscriptions(customers);
    const credentials = this.#members("credentials").map(([name, value]) => this.#credential(name, value));
    const tokens = this.#members("tokens").map(([name, value]) => this.#token(name, value));
    const entitlements = (this.#fields.optionalList("entitlements") ?? []).map((value, index) =>
      this.#entitlement(index, value),
    );
    const accounts = [...this.#accounts.values()].map((account) => given({ ...account }));
    return {
      catalog: { accounts, credentials, products, agreements: this.#agreements, tokens, entitlements },
      productCode: (name) => this.#products.get(name),
      accountId: (name) => this.#accountIds.get(name),
      licenseArn: (name) => this.#licenseArns.get(name),
      license: (name) => this.#licenses.get(name),
      credential: (name) => this.#credentials.get(name),
      entitlementHolder: (dimension) => this.#entitlementHolder(dimension),
    };
  }

  #members(section: string): readonly (readonly [string, Json])[] {
    return Object.entries(this.#fields.optionalMap(section) ?? {});
  }

  #readAccounts(): void {
    const suspended = new Set<string>();
    const named: (readonly [string, string])[] = [];
    for (const [name, value] of this.#members("accounts")) {
      const where = `fixtures.accounts.${name}`;
      if (name === "suspended" && Array.isArray(value)) {
        for (const id of value) suspended.add(accountIdOf(id, where));
      } else if (isObject(value)) {
        for (const [inner, id] of Object.entries(value)) named.push([inner, accountIdOf(id, `${where}.${inner}`)]);
      } else {
        named.push([name, accountIdOf(value, where)]);
      }
    }
    for (const [name, id] of named) this.#addAccount({ id, name, suspended: suspended.has(id) });
    for (const id of suspended) {
      if (!this.#accounts.has(id)) this.#addAccount({ id, suspended: true });
    }
  }

  /** What two sections say of one account adds up. */
  #addAccount(account: Account): void {
    const known = this.#accounts.get(account.id);
    this.#accounts.set(account.id, {
      ...known,
      ...account,
      suspended: account.suspended || (known?.suspended ?? false),
    });
    this.#accountIds.set(account.id, account.id);
    if (account.name !== undefined) this.#accountIds.set(account.name, account.id);
    if (account.customerIdentifier !== undefined) this.#accountIds.set(account.customerIdentifier, account.id);
  }

  #product(name: string, value: Json): Record<string, unknown> {
    const fields = new Fields(value, `fixtures.products.${name}`, [
      "code",
      "entityId",
      "title",
      "seller",
      "type",
      "createdAt",
      "concurrentAgreementsOnly",
      "dimensions",
      "entitlementDimensions",
      "enabledRegions",
      "publicKeys",
      "registrationUrl",
    ]);
    const code = fields.text("code");
    this.#products.set(name, code);
    this.#products.set(code, code);
    return given({
      code,
      entityId: fields.optionalText("entityId"),
      title: fields.optionalText("title") ?? name,
      seller: fields.text("seller"),
      type: fields.text("type"),
      createdAt: fields.optionalInstant("createdAt"),
      concurrentAgreementsOnly: fields.optionalFlag("concurrentAgreementsOnly"),
      dimensions: fields.optionalList("dimensions"),
      entitlementDimensions: fields.optionalList("entitlementDimensions"),
      enabledRegions: fields.optionalTexts("enabledRegions"),
      publicKeys: fields
        .optionalList("publicKeys")
        ?.map((key, index) => publicKey(key, `${fields.where}.publicKeys[${index}]`)),
      registrationUrl: fields.optionalText("registrationUrl"),
    });
  }

  /** Answers the customer's account and subscriptions, which need the licences first. */
  #customer(
    name: string,
    value: Json,
  ): { readonly account: string; readonly where: string; readonly subscriptions: readonly Json[] } {
    const where = `fixtures.customers.${name}`;
    const fields = new Fields(value, where, ["customerIdentifier", "accountId", "accountSuspended", "subscriptions"]);
    const account = accountIdOf(fields.required("accountId"), `${where}: accountId`);
    const identifier = fields.optionalText("customerIdentifier");
    this.#addAccount({
      id: account,
      name,
      suspended: fields.optionalFlag("accountSuspended") ?? false,
      ...(identifier === undefined ? {} : { customerIdentifier: identifier }),
    });
    return { account, where, subscriptions: fields.optionalList("subscriptions") ?? [] };
  }

  #license(name: string, value: Json): void {
    const fields = new Fields(value, `fixtures.licenses.${name}`, [
      "arn",
      "product",
      "customer",
      "agreement",
      "activeFrom",
      "deprovisionedAt",
    ]);
    const arn = fields.text("arn");
    const product = this.#products.get(fields.text("product"));
    const account = this.#accountIds.get(fields.text("customer"));
    const pendingAt = fields.optionalInstant("deprovisionedAt");
    const agreement = given({
      id: fields.optionalText("agreement"),
      product,
      buyer: account,
      state: pendingAt === undefined ? "active" : "unsubscribe-pending",
      since: fields.instant("activeFrom"),
      pendingAt,
      license: arn,
    });
    this.#licenses.set(name, { arn, product, account, agreement });
    this.#licenseArns.set(name, arn);
    this.#licenseArns.set(arn, arn);
  }

  /** One agreement a subscription, and one for each licence that no subscription names. */
  #subscriptions(
    customers: readonly { readonly account: string; readonly where: string; readonly subscriptions: readonly Json[] }[],
  ): void {
    const licensed = new Set<string>();
    for (const { account, where, subscriptions } of customers) {
      subscriptions.forEach((value, index) => {
        const fields = new Fields(value, `${where}.subscriptions[${index}]`, [
          "product",
          "state",
          "since",
          "pendingAt",
          "endedAt",
          "license",
        ]);
        const license = fields.has("license") ? this.#licenses.get(fields.text("license")) : undefined;
        if (license !== undefined) licensed.add(license.arn);
        this.#agreements.push(
          given({
            id: license?.agreement.id,
            product: this.#products.get(fields.text("product")),
            buyer: account,
            state: stateOf(fields),
            since: fields.optionalInstant("since"),
            pendingAt: fields.optionalInstant("pendingAt"),
            endedAt: fields.optionalInstant("endedAt"),
            license: license?.arn,
          }),
        );
      });
    }
    for (const { arn, agreement } of this.#licenses.values()) {
      if (!licensed.has(arn)) this.#agreements.push({ ...agreement });
    }
  }

  #credential(name: string, value: Json): Record<string, unknown> {
    const fields = new Fields(value, `fixtures.credentials.${name}`, [
      "account",
      "kind",
      "name",
      "allow",
      "sessionToken",
      "expiredAt",
      "expiresAt",
      "resource",
      "region",
      "products",
      "launchedAt",
      "stoppedAt",
    ]);
    const account = this.#accountIds.get(fields.text("account"));
    const sessionToken = fields.optionalText("sessionToken");
    const resource = fields.optionalText("resource");
    const credential: FixtureCredential = {
      accessKeyId: name,
      // The runner chooses the secrets; as long as AWS's, and the same in every run.
      secretAccessKey: createHash("sha256").update(`vectors ${name}`).digest("base64").slice(0, 40),
      account,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      ...(resource === undefined ? {} : { resource }),
    };
    this.#credentials.set(name, credential);
    return given({
      ...credential,
      kind: fields.text("kind"),
      name: fields.optionalText("name"),
      allow: fields.texts("allow"),
      expiresAt: fields.optionalInstant("expiresAt") ?? fields.optionalInstant("expiredAt"),
      region: fields.optionalText("region"),
      products: fields.optionalTexts("products")?.map((product) => this.#products.get(product)),
      launchedAt: fields.optionalInstant("launchedAt"),
      stoppedAt: fields.optionalInstant("stoppedAt"),
    });
  }

  #token(name: string, value: Json): Record<string, unknown> {
    const fields = new Fields(value, `fixtures.tokens.${name}`, [
      "value",
      "product",
      "customer",
      "license",
      "agreement",
      "issuedAt",
    ]);
    return given({
      value: fields.text("value"),
      product: this.#products.get(fields.text("product")),
      buyer: this.#accountIds.get(fields.text("customer")),
      license: fields.has("license") ? this.#licenseArns.get(fields.text("license")) : undefined,
      agreement: fields.optionalText("agreement"),
      issuedAt: fields.optionalInstant("issuedAt"),
    });
  }

  #entitlement(index: number, value: Json): Record<string, unknown> {
    const fields = new Fields(value, `fixtures.entitlements[${index}]`, [
      "product",
      "customer",
      "dimension",
      "value",
      "expires",
      "license",
    ]);
    const product = this.#products.get(fields.text("product"));
    const buyer = this.#accountIds.get(fields.text("customer"));
    const dimension = fields.text("dimension");
    this.#entitlementHolders.push({ dimension, product, customer: buyer });
    return given({
      product,
      buyer,
      dimension,
      value: fields.required("value"),
      expires: fields.instant("expires"),
      license: fields.has("license") ? this.#licenseArns.get(fields.text("license")) : undefined,
    });
  }

  #entitlementHolder(dimension: string): { readonly product: string; readonly customer: string } {
    const holders = this.#entitlementHolders.filter((holder) => holder.dimension === dimension);
    const [holder] = holders;
    if (holder !== undefined && holders.length === 1) return holder;
    throw new FormatError(
      `${holders.length} entitlements have the dimension ${show(dimension)}: name product and customer`,
    );
  }
}

/** The words of the fixtures for the states of the catalogue document. */
function stateOf(fields: Fields): string {
  const state = fields.text("state");
  const known: Readonly<Record<string, string>> = {
    active: "active",
    "subscribe-pending": "pending",
    "unsubscribe-pending": "unsubscribe-pending",
    unsubscribed: "ended",
  };
  const named = Object.hasOwn(known, state) ? known[state] : undefined;
  if (named !== undefined) return named;
  throw new FormatError(`${fields.where}: unknown state ${show(state)} (known: ${Object.keys(known).join(", ")})`);
}

function textOf(value: Json, where: string): string {
  if (typeof value === "string") return value;
  throw new FormatError(`fixtures.${where}: expected text, got ${show(value)}`);
}

function accountIdOf(value: Json, where: string): string {
  if (typeof value === "string" && /^\d{12}$/.test(value)) return value;
  throw new FormatError(`${where}: expected an account id of 12 digits, got ${show(value)}`);
}

function publicKey(value: Json, where: string): Record<string, unknown> {
  const fields = new Fields(value, where, ["version", "rotatedAt"]);
  const version = fields.count("version", 1);
  return given({ version, rotatedAt: fields.optionalInstant("rotatedAt"), privateKeyPem: privateKeyPem(where) });
}
