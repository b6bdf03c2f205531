/**
 * A real SQS-compatible server: ElasticMQ, from Maven Central. Where Java, Maven or the registry is missing, this says
 * so and skips.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { CreateQueueCommand, ListQueuesCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, type TestContext, test } from "vitest";
import type { NotificationTarget } from "../../../src/api/types.ts";
import { makeAuthority, makeLeaf } from "../../../src/marketplace/notifications/certificates.ts";
import { createDeliveryWorker } from "../../../src/marketplace/notifications/deliver.ts";
import { createSnsSigner } from "../../../src/marketplace/notifications/sns.ts";
import { MemoryOutbox, MemoryTargets } from "../../support/memoryOutbox.ts";
import { busNotification, httpTarget, snsNotification, until } from "./facts.ts";

const elasticMqVersion = "1.7.1";
const downloadMaxMs = 90_000;
const startMaxMs = 20_000;
const run = promisify(execFile);

interface QueueServer {
  readonly endpoint: string;
  close(): void;
}

/** The server's folder of jars, downloaded once a machine. Throws when it cannot be had. */
async function jars(): Promise<string> {
  const folder = join(tmpdir(), `meterhouse-elasticmq-${elasticMqVersion}`);
  if (existsSync(folder)) return folder;
  const work = mkdtempSync(join(tmpdir(), "meterhouse-elasticmq-"));
  try {
    writeFileSync(
      join(work, "pom.xml"),
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
        <groupId>test</groupId><artifactId>queues</artifactId><version>1</version>
        <dependencies><dependency><groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId>
        <version>${elasticMqVersion}</version></dependency></dependencies></project>`,
    );
    mkdirSync(join(work, "jars"));
    const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";
    await run("mvn", ["-q", "-B", "-ntp", goal, `-DoutputDirectory=${join(work, "jars")}`], {
      cwd: work,
      timeout: downloadMaxMs,
    });
    // Under its name only when it is whole; another run may have been quicker.
    if (!existsSync(folder)) renameSync(join(work, "jars"), folder);
    return folder;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function startQueueServer(): Promise<QueueServer> {
  await run("java", ["-version"], { timeout: 20_000 });
  const folder = await jars();
  const port = await freePort();
  const config = mkdtempSync(join(tmpdir(), "meterhouse-elasticmq-"));
  const file = join(config, "queues.conf");
  writeFileSync(
    file,
    `node-address { protocol = http, host = "127.0.0.1", port = ${port}, context-path = "" }
     rest-sqs { enabled = true, bind-port = ${port}, bind-hostname = "127.0.0.1", sqs-limits = strict }
     rest-stats { enabled = false, bind-port = 1, bind-hostname = "127.0.0.1" }
     generate-node-address = false
     queues { }`,
  );
  const java: ChildProcess = spawn(
    "java",
    [`-Dconfig.file=${file}`, "-Xmx256m", "-cp", join(folder, "*"), "org.elasticmq.server.Main"],
    { stdio: "ignore" },
  );
  const close = (): void => {
    java.kill("SIGKILL");
    rmSync(config, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  const end = performance.now() + startMaxMs;
  const client = clientOf(endpoint);
  for (;;) {
    try {
      await client.send(new ListQueuesCommand({}));
      return { endpoint, close };
    } catch (error) {
      if (performance.now() > end || java.exitCode !== null) {
        close();
        throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

const keys = { accessKeyId: "AKIAQUEUE00000000001", secretAccessKey: "queue-secret" };

function clientOf(endpoint: string): SQSClient {
  return new SQSClient({ endpoint, region: "eu-west-1", credentials: keys, maxAttempts: 1 });
}

describe("SQS", () => {
  let server: QueueServer | undefined;
  let whyNot = "";
  beforeAll(
    async () => {
      try {
        server = await startQueueServer();
      } catch (error) {
        whyNot = `ElasticMQ cannot run here (it takes Java, Maven and Maven Central): ${String(error).slice(0, 300)}`;
      }
    },
    downloadMaxMs + startMaxMs + 30_000,
  );
  afterAll(() => server?.close());

  const requireServer = (context: TestContext): QueueServer => server ?? context.skip(whyNot);

  const deliver = async (target: NotificationTarget, outbox: MemoryOutbox) => {
    const authority = await makeAuthority(Date.now());
    const { privateKeyPem, certificatePem } = await makeLeaf(authority, ["localhost"], Date.now());
    const certUrl = "https://localhost/a.pem";
    const worker = createDeliveryWorker({
      outbox,
      catalog: new MemoryTargets(target),
      signer: async () => createSnsSigner({ privateKeyPem, certificatePem, certUrl }),
      wallClock: Date.now,
      businessClock: Date.now,
      log: { debug: () => {}, warn: () => {}, error: () => {} },
      baseUrl: () => "http://meterhouse",
    });
    worker.start();
    return worker;
  };

  const makeQueue = async (client: SQSClient, name: string, attributes: Record<string, string> = {}) => {
    const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
    return QueueUrl ?? "";
  };

  const receiveAll = async (client: SQSClient, url: string, count: number): Promise<string[]> => {
    const bodies: string[] = [];
    for (let tries = 0; bodies.length < count && tries < 10; tries += 1) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
      );
      bodies.push(...Messages.map((one) => one.Body ?? ""));
    }
    return bodies;
  };

  const queueTarget = (url: string, endpoint: string, rawDelivery = false): NotificationTarget => {
    const { confirmedAt: _confirmed, ...target } = httpTarget("q", url);
    return { ...target, kind: "sqs", rawDelivery, sqs: { endpoint, region: "eu-west-1", ...keys } };
  };

  test("an SDK client receives envelopes and events from a queue", async (context) => {
    const { endpoint } = requireServer(context);
    const client = clientOf(endpoint);
    const url = await makeQueue(client, "enveloped");
    const outbox = new MemoryOutbox();
    const worker = await deliver(queueTarget(url, endpoint), outbox);
    outbox.publish(snsNotification("n1"), ["q"]);
    outbox.publish(busNotification("e1"), ["q"]);
    const bodies = (await receiveAll(client, url, 2)).map((body) => JSON.parse(body));
    expect(bodies.find((one) => one.Type === "Notification")).toMatchObject({
      MessageId: "n1",
      Message: snsNotification("n1").body,
      SigningCertURL: "https://localhost/a.pem",
    });
    expect(bodies).toContainEqual(JSON.parse(busNotification("e1").body));
    expect(outbox.delivery("n1", "q")).toMatchObject({ state: "delivered", attempts: [{ status: 200 }] });
    await worker.stop();
  });

  test("raw, and to a FIFO queue", async (context) => {
    const { endpoint } = requireServer(context);
    const client = clientOf(endpoint);
    const url = await makeQueue(client, "raw.fifo", { FifoQueue: "true" });
    const outbox = new MemoryOutbox();
    const worker = await deliver(queueTarget(url, endpoint, true), outbox);
    outbox.publish(snsNotification("n1"), ["q"]);
    expect(await receiveAll(client, url, 1)).toEqual([snsNotification("n1").body]);
    await worker.stop();
  });

  test("a queue that is not there is an attempt that failed", async (context) => {
    const { endpoint } = requireServer(context);
    const outbox = new MemoryOutbox();
    const worker = await deliver(queueTarget(`${endpoint}/000000000000/none`, endpoint), outbox);
    outbox.publish(snsNotification("n1"), ["q"]);
    await until(() => outbox.saved.length === 1);
    expect(outbox.delivery("n1", "q").attempts).toMatchObject([
      { status: 400, error: expect.stringContaining("QueueDoesNotExist") },
    ]);
    await worker.stop();
  });
});
