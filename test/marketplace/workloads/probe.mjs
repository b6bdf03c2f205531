/** A workload's program: the official SDK with nothing configured. Does what each line of stdin asks for. */
import { createInterface } from "node:readline";
import {
  MarketplaceMeteringClient,
  MeterUsageCommand,
  RegisterUsageCommand,
} from "@aws-sdk/client-marketplace-metering";

const client = new MarketplaceMeteringClient({});
for await (const line of createInterface({ input: process.stdin })) {
  const { operation, input, region } = JSON.parse(line);
  try {
    if (operation === "credentials") {
      const { accessKeyId, expiration } = await client.config.credentials();
      print({ accessKeyId, expiration });
      continue;
    }
    if (input.Timestamp !== undefined) input.Timestamp = new Date(input.Timestamp);
    const command = operation === "MeterUsage" ? new MeterUsageCommand(input) : new RegisterUsageCommand(input);
    const { $metadata: _, ...answer } = await (region === undefined
      ? client
      : new MarketplaceMeteringClient({ region })
    ).send(command);
    print(answer);
  } catch (error) {
    print({ error: error.name, message: error.message });
  }
}

function print(value) {
  console.log(JSON.stringify(value));
}
