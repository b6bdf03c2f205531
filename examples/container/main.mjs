/**
 * A container product, as small as it can be: registers or meters itself with AWS Marketplace, and ends when it is not
 * allowed to. There is nothing in it about where it runs: credentials, Region and endpoint come from the environment,
 * as on AWS.
 *
 *   PRODUCT_CODE  the product's code
 *   DIMENSION     what is metered; without it the product is metered by the hour (RegisterUsage)
 *   KEY_VERSION   of the public key that RegisterUsage's answer is checked with (default 1)
 *   INTERVAL_MS   how often usage is sent (default an hour)
 *   LIFE_MS       ends by itself after so long (default: when it is told to)
 */
import { randomUUID } from "node:crypto";
import {
  MarketplaceMeteringClient,
  MeterUsageCommand,
  RegisterUsageCommand,
} from "@aws-sdk/client-marketplace-metering";

const { PRODUCT_CODE, DIMENSION, KEY_VERSION = "1", INTERVAL_MS = "3600000", LIFE_MS = "2147483647" } = process.env;
const client = new MarketplaceMeteringClient({});

function log(event, more = {}) {
  console.log(JSON.stringify({ event, ...more }));
}

/** Once, at the start: from then on AWS meters the task by the second until it stops. */
async function register() {
  const nonce = randomUUID();
  const answer = await client.send(
    new RegisterUsageCommand({ ProductCode: PRODUCT_CODE, PublicKeyVersion: Number(KEY_VERSION), Nonce: nonce }),
  );
  log("registered", { nonce, signature: answer.Signature });
}

/** Once an hour: the usage of the hour. The SDK sends a token with each call, so that its own retries count once. */
async function meter() {
  const answer = await client.send(
    new MeterUsageCommand({
      ProductCode: PRODUCT_CODE,
      Timestamp: new Date(),
      UsageDimension: DIMENSION,
      UsageQuantity: 1,
    }),
  );
  log("metered", { id: answer.MeteringRecordId });
}

const life = new AbortController();
const { signal } = life;

/** Not entitled: end. A fault of the service should be tried again for a while; the SDK does that. */
function refused(error) {
  log("refused", { name: error.name, message: error.message });
  process.exitCode = 1;
  life.abort();
}

const end = setTimeout(() => life.abort(), Number(LIFE_MS));
process.once("SIGTERM", () => life.abort()).once("SIGINT", () => life.abort());

if (DIMENSION) {
  await meter().catch(refused);
  const each = setInterval(() => meter().catch(refused), Number(INTERVAL_MS));
  signal.addEventListener("abort", () => clearInterval(each));
} else {
  await register().catch(refused);
}
if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
clearTimeout(end);
log("stopped");
