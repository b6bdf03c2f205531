/** What a newcomer needs after `npm start`: the endpoint, the demo's credentials, one command to paste. */
import type { Credential } from "./api/types.ts";
import { demoAccounts, demoProducts, demoRoles } from "./catalog/demo.ts";
import type { Service } from "./service.ts";
import { version } from "./version.ts";

const region = "us-east-1";

function exportsOf({ accessKeyId, secretAccessKey, sessionToken }: Credential): string {
  const lines = [`export AWS_ACCESS_KEY_ID=${accessKeyId}`, `export AWS_SECRET_ACCESS_KEY='${secretAccessKey}'`];
  lines.push(sessionToken === undefined ? "unset AWS_SESSION_TOKEN" : `export AWS_SESSION_TOKEN='${sessionToken}'`);
  return lines.map((line) => `    ${line}`).join("\n");
}

/** A signed BatchMeterUsage for this hour, by a tool that is everywhere. */
export function pasteCommand(url: string, seller: Credential): string {
  const request = `{"ProductCode":"${demoProducts.legacySaas}","UsageRecords":[{"Timestamp":'$(date +%s)',"CustomerAWSAccountId":"${demoAccounts.buyer}","Dimension":"ingested_gb","Quantity":5}]}`;
  return `curl --aws-sigv4 aws:amz:${region}:aws-marketplace --user '${seller.accessKeyId}:${seller.secretAccessKey}' -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: AWSMPMeteringService.BatchMeterUsage' -d '${request}' ${url}/`;
}

/** The text; credentials of the demo catalogue only, which mean nothing outside of this server. */
export function demoText(service: Pick<Service, "url" | "store">, dataDir: string, consoleLink: string): string {
  const { url, store } = service;
  const seller = store.catalog.credential(demoRoles.seller);
  const task = store.catalog.credential(demoRoles.ecsTask);
  if (seller === undefined || task === undefined) return "";
  return `
Meterhouse ${version}: the AWS Marketplace Metering Service, self-hosted. Independent of Amazon.

  Endpoint, for any AWS SDK or CLI:

    export AWS_ENDPOINT_URL=${url} AWS_REGION=${region} AWS_DEFAULT_REGION=${region}

  Demo seller, account ${demoAccounts.seller} (BatchMeterUsage, ResolveCustomer):

${exportsOf(seller)}

  Demo buyer, account ${demoAccounts.buyer}, as an ECS task (MeterUsage, RegisterUsage):

${exportsOf(task)}

  Console, in a browser (this link signs in once; 'meterhouse console' makes another):

    ${consoleLink}

  Paste this to meter usage:

    ${pasteCommand(url, seller)}

  Sent again it answers Success with the same MeteringRecordId; with another Quantity, DuplicateRecord.
  As a buyer in a browser: ${url}/marketplace. Control plane: ${url}/api/v1, token in ${dataDir}/admin.token.
  Products to try: ${demoProducts.legacySaas} (SaaS), ${demoProducts.containerUsage} (MeterUsage), ${demoProducts.containerHourly} (RegisterUsage).
`;
}

/** To stderr, for people; stdout carries the ready line alone. */
export async function printDemo(service: Service, dataDir: string): Promise<void> {
  process.stderr.write(`${demoText(service, dataDir, await service.consoleLink())}\n`);
}
