// The scenario through the AWS SDK for JavaScript v3.
import { createRequire } from "node:module";
import * as cloudtrail from "@aws-sdk/client-cloudtrail";
import * as entitlement from "@aws-sdk/client-marketplace-entitlement-service";
import * as metering from "@aws-sdk/client-marketplace-metering";
import { readRun, runScenario } from "../javascript/scenario.mjs";

const has = new Set([
  "CustomerAWSAccountId",
  "LicenseArn",
  "UsageAllocations",
  "ClientToken",
  "ResolvedAccountId",
  "GetEntitlements",
  "LookupEvents",
  "clockSkewCorrection",
]);
const services = { GetEntitlements: entitlement, LookupEvents: cloudtrail };
const clientNames = { GetEntitlements: "MarketplaceEntitlementServiceClient", LookupEvents: "CloudTrailClient" };
const { version } = createRequire(import.meta.url)("@aws-sdk/client-marketplace-metering/package.json");
const { run, scenario } = readRun();

async function send(step, input, endpoint) {
  const service = services[step.call] ?? metering;
  const client = new service[clientNames[step.call] ?? "MarketplaceMeteringClient"]({
    endpoint,
    region: step.region ?? run.region,
    credentials: { ...scenario.credentials[step.credentials] },
  });
  try {
    const { $metadata, ...answer } = await client.send(new service[`${step.call}Command`](input));
    return { answer, attempts: $metadata.attempts };
  } catch (error) {
    return { error, attempts: error.$metadata?.attempts };
  } finally {
    client.destroy();
  }
}

function checkError(step, error) {
  if (error.name !== step.error) throw new Error(`expected ${step.error}, got ${error.name}: ${error.message}`);
  const Exception = (services[step.call] ?? metering)[step.error];
  if (step.modelled !== false && !(error instanceof Exception)) {
    throw new Error(`${error.name} is not of the SDK's class ${step.error}`);
  }
}

await runScenario({ has, name: "AWS SDK for JavaScript v3", version, run, scenario, send, checkError });
