// The scenario through the AWS SDK for JavaScript v2.
import AWS from "aws-sdk";
import { readRun, runScenario } from "../javascript/scenario.mjs";

const services = { GetEntitlements: AWS.MarketplaceEntitlementService, LookupEvents: AWS.CloudTrail };
const { run, scenario } = readRun();

/** What this version's model can say, read from the model itself. */
function features() {
  const { operations } = new AWS.MarketplaceMetering({ region: run.region }).api;
  const record = operations.batchMeterUsage.input.members.UsageRecords.member.members;
  const found = ["CustomerAWSAccountId", "LicenseArn", "UsageAllocations"].filter((name) => name in record);
  if ("ClientToken" in operations.meterUsage.input.members) found.push("ClientToken");
  if ("CustomerAWSAccountId" in operations.resolveCustomer.output.members) found.push("ResolvedAccountId");
  return new Set([...found, "GetEntitlements", "LookupEvents", "clockSkewCorrection"]);
}

async function send(step, input, endpoint) {
  const Service = services[step.call] ?? AWS.MarketplaceMetering;
  const client = new Service({
    endpoint,
    region: step.region ?? run.region,
    credentials: new AWS.Credentials(scenario.credentials[step.credentials]),
    // Off in this version unless it is asked for.
    correctClockSkew: true,
  });
  const request = client[step.call[0].toLowerCase() + step.call.slice(1)](input);
  try {
    const answer = await request.promise();
    return { answer, attempts: request.response.retryCount + 1 };
  } catch (error) {
    return { error, attempts: request.response.retryCount + 1 };
  }
}

/** This SDK has no classes for errors: `code` is what a caller asks. */
function checkError(step, error) {
  if (error.code !== step.error) throw new Error(`expected ${step.error}, got ${error.code}: ${error.message}`);
}

await runScenario({
  has: features(),
  name: "AWS SDK for JavaScript v2",
  version: AWS.VERSION,
  run,
  scenario,
  send,
  checkError,
});
