// The scenario through the AWS CLI: its command is the first argument, the run the second.
import { execFile } from "node:child_process";
import { readRun, runScenario } from "../javascript/scenario.mjs";

const aws = process.argv.splice(2, 1)[0];
const { run, scenario } = readRun();
const services = { GetEntitlements: "marketplace-entitlement", LookupEvents: "cloudtrail" };

function execute(args, env = {}) {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, AWS_PAGER: "", ...env }, maxBuffer: 16_777_216 };
    execFile(aws, args, options, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
  });
}

/** What this version's model can say, read from the skeletons that it prints of its calls; all since February 2022 tell the account. */
async function features() {
  const skeleton = async (operation) =>
    (await execute(["meteringmarketplace", operation, "--generate-cli-skeleton", "--region", run.region])).stdout;
  const found = new Set(["GetEntitlements", "LookupEvents", "ResolvedAccountId", "noClockSkewCorrection"]);
  const batch = await skeleton("batch-meter-usage");
  for (const name of ["CustomerAWSAccountId", "LicenseArn", "UsageAllocations"])
    if (batch.includes(name)) found.add(name);
  if ((await skeleton("meter-usage")).includes("ClientToken")) found.add("ClientToken");
  return found;
}

async function send(step, input, endpoint) {
  const { accessKeyId, secretAccessKey, sessionToken } = scenario.credentials[step.credentials];
  const operation = step.call.replace(/(?!^)[A-Z]/g, (letter) => `-${letter}`).toLowerCase();
  const { code, stdout, stderr } = await execute(
    [
      services[step.call] ?? "meteringmarketplace",
      operation,
      ...["--endpoint-url", endpoint, "--region", step.region ?? run.region, "--output", "json", "--no-paginate"],
      ...["--cli-input-json", JSON.stringify(input)],
    ],
    {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
    },
  );
  if (code === 0) return { answer: epochs(JSON.parse(stdout)), attempts: "not told" };
  const told =
    /An error occurred \((\w+)\) when calling the \w+ operation(?: \(reached max retries: \d+\))?: ([\s\S]*)/.exec(
      stderr,
    );
  const error = new Error((told?.[2] ?? stderr).trim());
  error.name = told?.[1] ?? `exit code ${code}`;
  return { error, attempts: /reached max retries: (\d+)/.exec(stderr)?.[1] ?? "not told" };
}

/** Version 2 prints times as ISO text. */
function epochs(value, name = "") {
  if (typeof value === "string" && /(Timestamp|Date|Time)$/.test(name)) return Date.parse(value) / 1_000;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => epochs(item));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, epochs(inner, key)]));
}

function checkError(step, error) {
  if (error.name !== step.error) throw new Error(`expected ${step.error}, got ${error.name}: ${error.message}`);
}

const { stdout, stderr } = await execute(["--version"]);
const version = /aws-cli\/(\S+)/.exec(stdout + stderr)?.[1];
await runScenario({ has: await features(), name: "AWS CLI", version, run, scenario, send, checkError });
