/** Every noun against a server: what it prints as a table and as JSON, and that it did what it says. */
import { generateKeyPairSync } from "node:crypto";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demoAccounts, demoProducts } from "../../src/catalog/demo.ts";
import { type DemoServer, firstCell, startDemo } from "./support.ts";

let server: DemoServer;
beforeAll(async () => {
  server = await startDemo();
});
afterAll(() => server?.stop());

const { seller, buyer, newBuyer } = demoAccounts;
type Items = { items: Record<string, unknown>[]; nextCursor?: string };

test("account", async () => {
  const table = await server.ok("account", "list");
  expect(table).toMatch(/^ID +NAME +CUSTOMER IDENTIFIER +SUSPENDED\n/);
  expect(table).toContain(`${buyer}  Example Shipping Co.`);
  // Into a pipe: no colours, no lines drawn around.
  for (const drawn of ["\u001b", "│", "─", "|"]) expect(table).not.toContain(drawn);
  const made = await server.json(
    "account",
    "create",
    "--id",
    "999988887777",
    "--name",
    "A \u001b[31mred\u001b[0m name",
  );
  expect(made).toMatchObject({ id: "999988887777", suspended: false });
  const shown = await server.ok("account", "get", "999988887777");
  expect(shown).toContain("A \\u001b[31mred\\u001b[0m name");
  expect(shown).toMatch(/^suspended +no$/m);
  expect(await server.ok("account", "suspend", "999988887777")).toMatch(/^suspended +yes$/m);
  expect(await server.json("account", "resume", "999988887777")).toMatchObject({ suspended: false });
  expect(await server.json("account", "rename", "999988887777", "Alder")).toMatchObject({ name: "Alder" });
  expect(await server.json("account", "rename", "999988887777", "")).not.toHaveProperty("name");
  const page = (await server.json("account", "list", "--limit", "2")) as Items;
  expect(page.items).toHaveLength(2);
  const rest = (await server.json("account", "list", "--cursor", String(page.nextCursor))) as Items;
  const all = (await server.json("account", "list")) as Items;
  expect([...page.items, ...rest.items]).toEqual(all.items);
  expect(all.items.at(-1)).toMatchObject({ id: "999988887777" });
  const { stderr } = await server.cli(["account", "list", "--limit", "2"]);
  expect(stderr).toContain("--all");
});

test("credential", async () => {
  const made = await server.cli(["credential", "create", "--account", seller, "--kind", "iam-user", "--name", "ci"]);
  expect(made.code).toBe(0);
  expect(made.stdout).toMatch(/^secret access key +\S{40}$/m);
  expect(made.stderr).toContain("not shown again");
  const id = /^access key id +(\S+)$/m.exec(made.stdout)?.[1] ?? "";
  expect(await server.ok("credential", "list", "--account", seller)).toContain(id);
  expect(await server.ok("credential", "get", id)).not.toContain("secret");
  expect(await server.ok("credential", "delete", id)).toBe(`Credential ${id} is deleted.\n`);
  const given = await server.cli(
    ["credential", "create", "--account", buyer, "--kind", "ecs-task", "--region", "us-east-1", "--secret-file", "-"]
      .concat(["--resource", "arn:aws:ecs:us-east-1:444455556666:task/web/1", "--product", demoProducts.containerUsage])
      .concat(["--launched-at", "2h", "--json"]),
    { stdin: "from-stdin\n" },
  );
  expect(JSON.parse(given.stdout)).toMatchObject({
    secretAccessKey: "from-stdin",
    products: [demoProducts.containerUsage],
  });
});

test("product, dimension", async () => {
  const url = "https://example.com/register";
  const options = ["--type", "saas-contract", "--title", "Mine", "--registration-url", url, "--region", "us-east-1"];
  const dimensions = ["--dimension", "users:entitlement", "--dimension", "calls:metered:0.5"];
  const made = await server.json("product", "create", "--seller", seller, "--code", "mine", ...options, ...dimensions);
  expect(made).toMatchObject({ code: "mine", registrationUrl: url, dimensions: [{ name: "users" }, { price: "0.5" }] });
  expect(await server.ok("product", "list", "--type", "saas-contract")).toMatch(/^mine +Mine +saas-contract +\d+ +2$/m);
  const shown = await server.ok("product", "get", "mine");
  expect(shown).toMatch(/^registration url +https:\/\/example\.com\/register$/m);
  expect(shown).toMatch(/dimensions:\nNAME +KIND +/);
  expect(await server.json("product", "change", "mine", "--registration-url", "", "--title", "Yours")).toMatchObject({
    title: "Yours",
  });
  expect(await server.ok("product", "get", "mine")).not.toContain("registration url");
  await server.ok("dimension", "add", "mine", "gb", "--price", "0.01", "--unit", "GB");
  expect(await server.ok("dimension", "list", "mine")).toMatch(/^gb +metered +0\.01 +GB/m);
  const changed = await server.json("dimension", "change", "mine", "gb", "--price", "0.02", "--unit", "");
  expect(changed).toMatchObject({ name: "gb", price: "0.02" });
  expect(changed).not.toHaveProperty("unit");
  expect(await server.cli(["dimension", "change", "mine", "gb"])).toMatchObject({ code: 2 });
  expect(await server.cli(["dimension", "change", "mine", "gb", "--price", "1.0001"])).toMatchObject({ code: 2 });
  expect(await server.ok("product", "delete", "mine")).toBe("Product mine is deleted.\n");
});

test("key", async () => {
  const product = demoProducts.containerHourly;
  expect(await server.ok("key", "list", product)).toMatch(
    /^VERSION +ROTATED AT +URL\n +1 +\d{4}-\S+ +http\S+\n +2 +- +http/,
  );
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const file = join(server.folder, "key.pem");
  writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }));
  const made = await server.ok("key", "create", product, "--private-key", file);
  expect(made).toMatch(/^version +3$/m);
  expect(made).not.toContain("BEGIN");
  expect(await server.ok("key", "rotate", product, "2")).toMatch(/^rotated at +\d{4}-/m);
  expect(await server.ok("key", "pem", product)).toBe(publicKey.export({ type: "spki", format: "pem" }));
  const missing = await server.cli(["key", "pem", product, "9"]);
  expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining("It has 1, 2, 3.") });
});

test("agreement announce", async () => {
  const { id } = await server.json("agreement", "create", "--product", demoProducts.legacySaas, "--buyer", newBuyer);
  const announce = (...options: string[]) => ["agreement", "announce", String(id), ...options];
  expect(await server.ok(...announce("--kind", "vet-failed"))).toMatch(/^name +Spend Threshold Vet Failed/m);
  const advisory = await server.json(...announce("--kind", "advisory-issued", "--issued-at", "2h"));
  expect(advisory).toMatchObject({ agreement: id, name: "Purchase Agreement Advisory Issued - Manufacturer" });
  const adjustment = ["--kind", "billing-adjustment-completed", "--reason-code", "OTHER", "--adjustment-id", "ba-7"];
  const refund = await server.json(...announce(...adjustment, "--amount", "-100.00", "--original-invoice-id", "42"));
  expect(JSON.parse(String(refund.body)).detail).toMatchObject({
    billingAdjustmentRequest: { id: "ba-7", adjustmentAmount: "-100.00" },
    invoice: { originalInvoiceId: "42" },
  });
  const requested = ["--kind", "cancellation-requested", "--reason-message", "Ours was a test"];
  expect(await server.cli(announce(...requested))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("--reason-code: "),
  });
  const request = await server.json(...announce(...requested, "--reason-code", "TEST", "--request-id", "acr-7"));
  expect(JSON.parse(String(request.body)).detail.agreementCancellationRequest).toMatchObject({
    ...{ id: "acr-7", reasonCode: "TEST", reasonMessage: "Ours was a test" },
  });
  expect(await server.cli(announce(...requested, "--request-id", "acr-7", "--adjustment-id", "ba-7"))).toMatchObject({
    code: 2,
  });
  expect(await server.cli(announce("--kind", "vet-faild"))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("vet-failed"),
  });
});

test("offer, agreement, license, token", async () => {
  const product = demoProducts.contract;
  const terms = ["--term-days", "30", "--auto-renew", "--entitlement", "users=5", "--entitlement", "sso=true"];
  const offer = await server.json("offer", "create", "--product", product, "--buyer", newBuyer, ...terms);
  expect(offer).toMatchObject({ buyers: [newBuyer], termDays: 30, entitlements: { users: { IntegerValue: 5 } } });
  expect(await server.ok("offer", "list", "--product", product)).toContain(String(offer.id));
  expect(await server.ok("offer", "get", String(offer.id))).toContain("users=5, sso=yes");

  const made = await server.json(
    "agreement",
    "create",
    "--product",
    product,
    "--buyer",
    newBuyer,
    "--offer",
    String(offer.id),
    "--pending",
  );
  const id = String(made.id);
  expect(made.state).toBe("pending");
  expect((await server.json("agreement", "fail-payment", id)).state).toBe("payment-failed");
  expect((await server.json("agreement", "activate", id)).state).toBe("active");
  expect(await server.ok("agreement", "list", "--buyer", newBuyer, "--state", "active")).toContain(id);
  const amended = await server.json(
    "agreement",
    "amend",
    id,
    "--entitlement",
    "users=7",
    "--ends-at",
    "now+60d",
    "--no-auto-renew",
  );
  expect(amended).toMatchObject({ autoRenew: false });
  expect(await server.ok("entitlement", "list", "--product", product, "--buyer", newBuyer)).toMatch(/users +7 /);
  expect(await server.ok("license", "list", "--buyer", newBuyer)).toContain(id);

  const token = await server.cli(["token", "issue", id]);
  expect(token.stdout).toMatch(/^token +\S{20,}$/m);
  expect(token.stderr).toContain("not shown again");
  const old = await server.json("token", "issue", "--product", product, "--customer", newBuyer, "--issued-at", "5h");
  expect(Date.parse(String(old.expiresAt))).toBeLessThan(Date.now());

  expect((await server.json("agreement", "cancel", id)).state).toBe("final-hour");
  expect((await server.json("agreement", "resubscribe", id)).state).toBe("active");
  const renewed = await server.json("agreement", "renew", id);
  expect(renewed).toMatchObject({ intent: "RENEW", previousAgreement: id });
  const next = String(renewed.id);
  expect(await server.ok("agreement", "end", next, "--event-only")).toMatch(/^state +active$/m);
  await server.ok("agreement", "cancel", next);
  expect((await server.json("agreement", "end", next)).state).toBe("ended");
  expect(await server.ok("agreement", "get", next)).toMatch(/^ended at /m);
  const twice = await server.cli(["agreement", "activate", next]);
  expect(twice).toMatchObject({ code: 1, stderr: expect.stringContaining("is ended") });
});

test("offer delete", async () => {
  const { id } = await server.json("offer", "create", "--product", demoProducts.legacySaas, "--expires-at", "30d");
  expect(await server.ok("offer", "delete", String(id))).toContain("is deleted");
});

test("entitlement", async () => {
  const key = ["--product", demoProducts.contract, "--buyer", buyer, "--dimension", "support_tier"];
  expect(await server.json("entitlement", "set", ...key, "--value", "3", "--type", "string")).toMatchObject({
    value: { StringValue: "3" },
  });
  expect(await server.ok("entitlement", "set", ...key, "--value", "platinum", "--expires-at", "2030-01-01")).toMatch(
    /^expires at +2030-01-01T00:00:00Z$/m,
  );
  expect(await server.ok("entitlement", "list", "--dimension", "support_tier")).toContain("platinum");
  await server.ok("entitlement", "delete", ...key);
  const gone = await server.cli(["entitlement", "list", ...key.slice(0, 4), "--dimension", "support_tier"]);
  expect(gone).toMatchObject({ code: 0, stdout: "", stderr: "No entitlements.\n" });
  const wrong = await server.cli(["entitlement", "set", ...key, "--value", "many", "--type", "integer"]);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("not a whole number") });
});

test("target, notification", async () => {
  const made = await server.cli([
    "target",
    "create",
    "--seller",
    seller,
    "--endpoint",
    "http://127.0.0.1:9/sns",
    "--form",
    "sns",
  ]);
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining("asked to confirm") });
  const id = /^id +(\S+)$/m.exec(made.stdout)?.[1] ?? "";
  expect(await server.ok("target", "list")).toMatch(new RegExp(`^${id} .*unconfirmed$`, "m"));
  expect(await server.ok("target", "confirm", id, "--force")).toMatch(/^state +ready$/m);
  const queue = [
    "--kind",
    "sqs",
    "--endpoint",
    "http://127.0.0.1:9/q",
    "--sqs-region",
    "us-east-1",
    "--product",
    demoProducts.legacySaas,
  ];
  expect(await server.json("target", "create", "--seller", seller, ...queue)).toMatchObject({
    kind: "sqs",
    sqs: { region: "us-east-1" },
    product: demoProducts.legacySaas,
  });

  const agreement = (
    await server.json("agreement", "create", "--product", demoProducts.legacySaas, "--buyer", newBuyer)
  ).id;
  const list = await server.ok("notification", "list", "--agreement", String(agreement), "--form", "sns");
  expect(list).toContain("subscribe-success");
  const { items } = (await server.json(
    "notification",
    "list",
    "--agreement",
    String(agreement),
    "--order",
    "newest-first",
  )) as Items;
  const notification = String(items[0]?.id);
  expect(await server.ok("notification", "get", notification)).toMatch(/\nbody:\n\{\n/);
  expect(await server.json("notification", "resend", notification)).toMatchObject({ id: notification });
  expect(await server.ok("target", "delete", id)).toContain("is deleted");

  const events = ["--endpoint", "http://127.0.0.1:9/events"];
  const owned = await server.json("target", "create", "--buyer", newBuyer, ...events);
  expect(owned).toMatchObject({ buyer: newBuyer, forms: ["eventbridge"], state: "ready" });
  expect(await server.ok("target", "list", "--buyer", newBuyer)).toMatch(
    new RegExp(`^${String(owned.id)} +buyer ${newBuyer} +all +eventbridge +http `, "m"),
  );
  expect(await server.cli(["target", "create", "--buyer", newBuyer, ...events, "--form", "sns"])).toMatchObject({
    stderr: expect.stringContaining("--form: a buyer's target takes eventbridge only"),
  });
  expect(await server.cli(["target", "create", ...events])).toMatchObject({
    stderr: expect.stringContaining("--seller: missing; a target has a seller or a buyer"),
  });
  await server.ok("agreement", "cancel", String(agreement));
  expect(await server.ok("notification", "list", "--buyer", newBuyer)).toMatch(
    new RegExp(` eventbridge +Purchase Agreement Ended - Acceptor +buyer ${newBuyer} `, "m"),
  );
});

test("settings", async () => {
  expect(await server.ok("settings", "get")).toMatch(/^finalHourSec +3600 +3600 /m);
  const changed = await server.ok("settings", "set", "finalHourSec=60", "token.singleUse=true", "revision=2024");
  expect(changed).toMatch(/^token\.singleUse +true +false$/m);
  expect(await server.json("settings", "get", "revision")).toMatchObject({ value: "2024", isDefault: false });
  expect(await server.ok("settings", "get")).toMatch(/^finalHourSec \* +60/m);
  await server.ok("settings", "set", 'quotas={"default":{"MeterUsage":5}}', "finalHourSec=default");
  expect(await server.json("settings", "get", "finalHourSec")).toMatchObject({ value: 3600, isDefault: true });
  const wrong = await server.cli(["settings", "set", "finalHorSec=1"]);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("Did you mean finalHourSec?") });
  await server.ok("settings", "set", "quotas=default", "revision=default", "token.singleUse=default");
});

test("clock", async () => {
  expect(await server.ok("clock", "show")).toMatch(/^mode +following$/m);
  expect(await server.json("clock", "set", "2030-01-01T00:00:00Z")).toMatchObject({ now: "2030-01-01T00:00:00.000Z" });
  expect(await server.json("clock", "advance", "1h30m")).toMatchObject({ now: "2030-01-01T01:30:00.000Z" });
  expect(await server.json("clock", "set", "now-30m")).toMatchObject({
    now: "2030-01-01T01:00:00.000Z",
    mode: "standing",
  });
  expect(await server.ok("clock", "run", "60x")).toMatch(/^rate +60$/m);
  expect(await server.json("clock", "freeze")).toMatchObject({ mode: "standing", rate: 0 });
  const wrong = await server.cli(["clock", "run", "fast"]);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("how many times as fast as real time") });
  const made = await server.json("agreement", "create", "--product", demoProducts.legacySaas, "--buyer", newBuyer);
  await server.ok("agreement", "cancel", String(made.id));
  expect(await server.ok("clock", "due")).toMatch(
    new RegExp(`^AT +WHAT +TARGET +PRODUCT\\n\\S+ +final-hour-end +${made.id} +${demoProducts.legacySaas}$`, "m"),
  );
  expect(await server.json("clock", "advance", "2h")).not.toHaveProperty("nextDue");
  expect(await server.ok("clock", "follow")).toMatch(/^mode +following$/m);
});

test("fault", async () => {
  await server.ok("fault", "plan", "throttle", "--operation", "MeterUsage", "--times", "3");
  const planned = await server.json("fault", "plan", "delay", "--delay", "2s");
  expect(planned).toMatchObject({ fault: { kind: "delay", ms: 2_000 } });
  await server.ok("fault", "plan", "unprocessed", "--records", "0,2");
  expect(await server.ok("fault", "list")).toMatch(/^\S+ +throttle +MeterUsage .*3$/m);
  await server.ok("fault", "clear", String(planned.id));
  expect(((await server.json("fault", "list")) as Items).items).toHaveLength(2);
  await server.ok("fault", "clear");
  expect((await server.cli(["fault", "list"])).stderr).toBe("No planned faults.\n");
  const wrong = await server.cli(["fault", "plan", "throtle"]);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("Did you mean throttle?") });
});

test("admin-token, event", async () => {
  const made = await server.cli(["admin-token", "create", "dashboard", "--role", "read", "--json"]);
  const { token } = JSON.parse(made.stdout) as { token: string };
  expect(made.stderr).toContain("not shown again");
  expect(firstCell(await server.ok("admin-token", "list"), "dashboard")).toMatch(/^[0-9a-f-]{36}$/);
  const env = { METERHOUSE_ADMIN_TOKEN: token };
  expect((await server.cli(["account", "list"], { env })).code).toBe(0);
  const refused = await server.cli(["clock", "follow"], { env });
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("may only read") });
  await server.ok("admin-token", "revoke", "dashboard");
  const revoked = await server.cli(["account", "list"], { env });
  expect(revoked).toMatchObject({ code: 1, stderr: expect.stringContaining("was revoked") });
  expect(revoked.stderr).toContain("METERHOUSE_ADMIN_TOKEN");
  expect(await server.ok("event", "list", "--action", "admin-token.revoke")).toMatch(/ root +admin-token\.revoke /);
});

describe("catalog", () => {
  const yaml = `accounts:\n  - { id: "121212121212", name: Imported }\n`;

  test("check, import, export", async () => {
    const file = join(server.folder, "catalog.yaml");
    writeFileSync(file, yaml);
    expect(await server.ok("catalog", "check", file)).toBe(`${file} is valid: 1 accounts.\n`);
    expect(await server.ok("catalog", "import", file)).toBe("Imported: 1 accounts.\n");
    expect(await server.ok("account", "get", "121212121212")).toContain("Imported");
    const piped = await server.cli(["catalog", "import", "-", "--json"], { stdin: yaml });
    expect(JSON.parse(piped.stdout)).toEqual({ entries: { accounts: 1 } });
    const exported = await server.ok("catalog", "export");
    expect(exported).toContain("121212121212");
    expect(exported).not.toContain("secretAccessKey");
    const backup = join(server.folder, "backup.json");
    const told = await server.cli(["catalog", "export", "--secrets", "--output", backup]);
    expect(told).toMatchObject({ code: 0, stdout: "", stderr: `The catalogue is in ${backup}.\n` });
    expect(statSync(backup).mode & 0o777).toBe(0o600);
    expect(await server.ok("catalog", "check", backup)).toContain("is valid");
  });

  test("what is wrong is told with line and column", async () => {
    const file = join(server.folder, "wrong.yaml");
    writeFileSync(file, `accounts:\n  - id: 12\n`);
    for (const command of ["check", "import"]) {
      const wrong = await server.cli(["catalog", command, file]);
      expect(wrong).toMatchObject({ code: 1, stdout: "" });
      expect(wrong.stderr).toContain("wrong.yaml:2:5 accounts[0].id");
    }
    expect((await server.cli(["catalog", "check", "missing.yaml"])).code).toBe(1);
  });
});
