/**
 * The seller's day in one run: its own server on a free port with a temporary folder, the official AWS SDK as client.
 * `npm run demo`
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  BatchMeterUsageCommand,
  MarketplaceMeteringClient,
  MeterUsageCommand,
  RegisterUsageCommand,
  ResolveCustomerCommand,
  type UsageRecord,
} from "@aws-sdk/client-marketplace-metering";
import { importSPKI, jwtVerify } from "jose";
import { demoAccounts, demoProducts, demoRoles } from "../src/catalog/demo.ts";
import { type Meterhouse, startMeterhouse } from "../src/index.ts";

function say(text = ""): void {
  console.log(text);
}

function chapter(title: string): void {
  say(`\n${title}\n${"─".repeat(title.length)}`);
}

function clientFor(meterhouse: Meterhouse, accessKeyId: string): MarketplaceMeteringClient {
  const credential = meterhouse.credentials[accessKeyId];
  if (credential === undefined) throw new Error(`The demo catalogue has no key ${accessKeyId}.`);
  const { secretAccessKey, sessionToken } = credential;
  return new MarketplaceMeteringClient({
    endpoint: meterhouse.endpoint,
    region: "us-east-1",
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) },
  });
}

/** Left-aligned columns, numbers to the right. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => String(row[column] ?? "").length)),
  );
  const line = (cells: readonly (string | number)[]): string =>
    cells
      .map((cell, column) =>
        typeof cell === "number" ? String(cell).padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  return [line(head), widths.map((width) => "─".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}

async function meterBatch(seller: MarketplaceMeteringClient, title: string, records: UsageRecord[]): Promise<void> {
  const answer = await seller.send(
    new BatchMeterUsageCommand({ ProductCode: demoProducts.legacySaas, UsageRecords: records }),
  );
  for (const result of answer.Results ?? []) {
    const { UsageRecord: record, Status: status, MeteringRecordId: id } = result;
    say(
      `  ${title.padEnd(16)} ${record?.Dimension} × ${record?.Quantity}  →  ${status}${id === undefined ? "" : `  ${id}`}`,
    );
  }
}

async function play(meterhouse: Meterhouse): Promise<void> {
  const seller = clientFor(meterhouse, demoRoles.seller);
  const product = demoProducts.legacySaas;
  const now = new Date();

  chapter("A buyer subscribes");
  const agreement = await meterhouse.subscribe({ product, customer: demoAccounts.newBuyer });
  const token = await meterhouse.issueToken({ product, customer: demoAccounts.newBuyer });
  say(`  Account ${demoAccounts.newBuyer} has agreement ${agreement.id}`);
  say(`  and its browser posts x-amzn-marketplace-token=${token.slice(0, 24)}…`);

  chapter("ResolveCustomer: who is it?");
  const customer = await seller.send(new ResolveCustomerCommand({ RegistrationToken: token }));
  say(`  CustomerIdentifier    ${customer.CustomerIdentifier}`);
  say(`  CustomerAWSAccountId  ${customer.CustomerAWSAccountId}`);
  say(`  LicenseArn            ${customer.LicenseArn}`);
  await seller
    .send(new ResolveCustomerCommand({ RegistrationToken: encodeURIComponent(token) }))
    .catch((error: Error) => {
      say(`  and still URL-encoded: ${error.name}: ${error.message}`);
    });

  chapter("BatchMeterUsage: HTTP 200 is not yet money");
  const usage: UsageRecord = {
    Timestamp: now,
    CustomerAWSAccountId: customer.CustomerAWSAccountId ?? "",
    Dimension: "ingested_gb",
    Quantity: 12,
  };
  await meterBatch(seller, "accepted", [usage]);
  await meterBatch(seller, "sent again", [usage]);
  await meterBatch(seller, "other quantity", [{ ...usage, Quantity: 13 }]);
  await meterBatch(seller, "not subscribed", [{ ...usage, CustomerAWSAccountId: demoAccounts.seller }]);
  await meterBatch(seller, "unknown dimension", [{ ...usage, Dimension: "Ingested_GB" }]).catch((error: Error) => {
    say(`  wrong dimension  →  ${error.name}: ${error.message}`);
  });

  chapter("MeterUsage: a container meters itself");
  const task = clientFor(meterhouse, demoRoles.ecsTask);
  const metered = await task.send(
    new MeterUsageCommand({
      ProductCode: demoProducts.containerUsage,
      Timestamp: now,
      UsageDimension: "vcpu_hours",
      UsageQuantity: 4,
    }),
  );
  say(`  MeteringRecordId ${metered.MeteringRecordId}`);

  chapter("RegisterUsage: a paid container starts");
  const nonce = "demo-nonce";
  const registered = await task.send(
    new RegisterUsageCommand({ ProductCode: demoProducts.containerHourly, PublicKeyVersion: 2, Nonce: nonce }),
  );
  const pem = await (await fetch(`${meterhouse.endpoint}/keys/${demoProducts.containerHourly}/2.pem`)).text();
  const { payload, protectedHeader } = await jwtVerify(registered.Signature ?? "", await importSPKI(pem, "PS256"));
  if (payload.nonce !== nonce) throw new Error("The nonce of the JWT is not the one that was sent.");
  say(`  JWT verified with the public key: ${JSON.stringify(protectedHeader)} ${JSON.stringify(payload)}`);

  chapter("What was recorded");
  const records = await meterhouse.records();
  const title = (id: string): string => id.slice(0, 8);
  say(
    table(
      ["record", "product", "account", "dimension", "hour (UTC)", "quantity"],
      records.map((record) => [
        title(record.meteringRecordId),
        record.productCode,
        record.accountId,
        record.dimension,
        new Date(record.hourAt).toISOString().slice(0, 16),
        record.quantity,
      ]),
    ),
  );
  if (records.length !== 2) throw new Error(`Two records were to be kept, but there are ${records.length}.`);
}

const dataDir = mkdtempSync(join(tmpdir(), "meterhouse-demo-"));
const meterhouse = await startMeterhouse({ dataDir });
try {
  say(`Meterhouse listens on ${meterhouse.endpoint}; the client is the official @aws-sdk/client-marketplace-metering.`);
  await play(meterhouse);
} finally {
  await meterhouse.close();
  rmSync(dataDir, { recursive: true, force: true });
}
