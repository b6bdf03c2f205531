/** How the doctor is run elsewhere: commands to paste. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { CopyBlock } from "../../parts/copy.tsx";

const trail = `aws s3 sync s3://my-trail/AWSLogs/111122223333/CloudTrail/us-east-1/2026/08/ logs/
meterhouse doctor --cloudtrail logs/`;

const eventHistory = `aws cloudtrail lookup-events --region us-east-1 --start-time 2026-08-01 \\
  --lookup-attributes AttributeKey=EventSource,AttributeValue=metering-marketplace.amazonaws.com > events.json
meterhouse doctor --cloudtrail events.json`;

const inCi = "meterhouse doctor --from now-1h --fail-on risk --json > doctor.json";

const inTests = `const { findings } = await meterhouse.doctor({ product: "myproduct" });
expect(findings.filter(({ severity }) => severity !== "advice")).toEqual([]);`;

export function Commands(): ReactNode {
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header
            variant="h2"
            description="Log files that AWS itself delivered; no server is needed, and nothing is sent anywhere."
          >
            On AWS’s own CloudTrail logs
          </Header>
        }
      >
        <SpaceBetween size="m">
          <Box>From a trail that delivers to S3, whole folders, compressed or not:</Box>
          <CopyBlock text={trail} what="the commands for a trail" />
          <Box>From the event history of the last 90 days, without a trail:</Box>
          <CopyBlock text={eventHistory} what="the commands for the event history" />
          <Box>
            BatchMeterUsage and ResolveCustomer are in the seller’s account, MeterUsage and RegisterUsage in the
            buyer’s.
          </Box>
        </SpaceBetween>
      </Container>
      <Container header={<Header variant="h2">In CI</Header>}>
        <SpaceBetween size="m">
          <Box>Over a server that ran with your tests; a token that may only read is enough:</Box>
          <CopyBlock text={inCi} what="the command for CI" />
          <Box>It ends with exit code 4 where it finds a risk or worse, and with 0 where it does not.</Box>
          <Box>In a test of your own, over the server in the process:</Box>
          <CopyBlock text={inTests} what="the lines for a test" />
        </SpaceBetween>
      </Container>
    </SpaceBetween>
  );
}
