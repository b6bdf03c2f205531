/** `meterhouse workload`: what it prints is what a shell, a container runtime and a program take. */
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { demoAccounts, demoProducts } from "../../src/catalog/demo.ts";
import { type DemoServer, startDemo } from "./support.ts";

let server: DemoServer;
beforeAll(async () => {
  server = await startDemo();
});
afterAll(() => server?.stop());

const { buyer } = demoAccounts;
const run = (kind: string, ...more: string[]) =>
  server.cli(["workload", "run", kind, "--account", buyer, "--product", demoProducts.containerHourly, ...more]);

test("the lines that are printed set the environment of a shell", async () => {
  const { code, stdout, stderr } = await run("ecs", "--region", "eu-west-1", "--id", "web-1");
  expect([code, stderr]).toEqual([0, expect.stringMatching(/^Workload web-1 runs as arn:aws:ecs:eu-west-1:.*\.\n$/)]);
  const seen = execFileSync("sh", ["-c", `${stdout}\nenv`], { env: { AWS_ACCESS_KEY_ID: "AKIAHIDES" } }).toString();
  expect(seen).toContain(`AWS_CONTAINER_CREDENTIALS_FULL_URI=${server.url}/workloads/web-1/ecs/credentials\n`);
  expect(seen).toContain("AWS_REGION=eu-west-1\n");
  expect(seen).toContain(`AWS_ENDPOINT_URL_MARKETPLACE_METERING=${server.url}\n`);
  expect(seen).not.toContain("AKIAHIDES");
  expect(await server.ok("workload", "env", "web-1")).toBe(stdout);
});

test("a file for a container runtime, and a pod's token: for their owner only", async () => {
  const { code, stdout, stderr } = await run("eks", "--id", "pod-1", "--output", "pod.env", "--namespace", "shop");
  expect([code, stdout]).toEqual([0, ""]);
  expect(stderr).toContain("Its environment is in pod.env.");
  const [envFile, tokenFile] = [join(server.folder, "pod.env"), join(server.folder, "pod-1.token")];
  for (const file of [envFile, tokenFile]) expect(statSync(file).mode & 0o777).toBe(0o600);
  const lines = readFileSync(envFile, "utf8").split("\n");
  expect(lines.find((line) => line.startsWith("AWS_WEB_IDENTITY_TOKEN_FILE="))).toMatch(/\/pod-1\.token$/);
  expect(lines).toContain(`AWS_ROLE_ARN=arn:aws:iam::${buyer}:role/workload-role`);
  expect(readFileSync(tokenFile, "utf8").split(".")).toHaveLength(3);
});

test("the server as the workload reaches it", async () => {
  const printed = await server.json(
    "workload",
    "run",
    "ec2",
    "--account",
    buyer,
    "--server-url",
    "http://localhost:9/",
  );
  const { AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata = "", ...rest } = printed.variables as Record<string, string>;
  expect(metadata).toMatch(/^http:\/\/localhost:\d+$/);
  expect(rest.AWS_ENDPOINT_URL_STS).toBe("http://localhost:9");
  expect(printed).toMatchObject({ kind: "ec2", state: "running" });
});

test("list, get, stop, start", async () => {
  expect(await server.ok("workload", "list")).toMatch(/^ID +KIND +ACCOUNT +REGION +STATE +RESOURCE\nweb-1 +ecs/);
  expect(await server.json("workload", "get", "web-1")).toMatchObject({ state: "running", account: buyer });
  expect(await server.json("workload", "stop", "web-1")).toMatchObject({ state: "stopped" });
  const again = await server.cli(["workload", "start", "web-1"]);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("Run another one.")]);
  const { id } = (await server.json("workload", "run", "ec2", "--account", buyer)) as { id: string };
  await server.json("workload", "stop", id);
  expect(await server.json("workload", "start", id)).toMatchObject({ state: "running" });
  const { items } = (await server.json("workload", "list", "--state", "stopped")) as { items: { id: string }[] };
  expect(items.map((one) => one.id)).toEqual(["web-1"]);
});

test("what is wrong is said in the words of the command", async () => {
  expect((await server.cli(["workload", "run", "lambda", "--account", buyer])).stderr).toContain(
    "one of ecs, fargate, eks, ec2, agentcore",
  );
  expect((await run("ec2", "--namespace", "shop")).stderr).toContain(
    "--namespace: a workload of kind ec2 has no namespace",
  );
  expect((await server.cli(["workload", "env", "nobody"])).stderr).toContain("nobody");
});

test("without --account the sole buyer of the product runs it; without one to choose, it says so", async () => {
  const made = (await server.json("workload", "run", "ecs", "--product", demoProducts.containerHourly)) as {
    id: string;
  };
  expect(await server.json("workload", "get", made.id)).toMatchObject({ account: buyer, region: "us-east-1" });
  const refused = await server.cli(["workload", "run", "ecs"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("Name the account with --account ID: no buyer has an active agreement");
});
