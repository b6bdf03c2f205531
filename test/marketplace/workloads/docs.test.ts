/** The examples of docs/workloads.md, run as they stand there, against a server as users start it. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DemoServer, main, startDemo } from "../../cli/support.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const page = readFileSync(join(root, "docs/workloads.md"), "utf8");
const blocks = [...page.matchAll(/## ([^\n]+)\n\n```sh\n([\s\S]*?)```/g)].map(
  ([, title = "", script = ""]) => [title, script] as const,
);

let server: DemoServer;
beforeAll(async () => {
  server = await startDemo();
  // What the blocks leave behind, such as the token of a pod, stays in the folder of the server.
  mkdirSync(join(server.folder, "run"));
  symlinkSync(join(root, "examples"), join(server.folder, "run", "examples"));
});
afterAll(() => server?.stop());

function runScript(script: string): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const text = `set -e\nmeterhouse() { "${process.execPath}" "${main}" "$@"; }\nnode() { "${process.execPath}" "$@"; }\n${script}`;
  const { PATH } = process.env;
  const env = { PATH, HOME: server.folder, METERHOUSE_URL: server.url, METERHOUSE_DATA: server.dataDir };
  return new Promise((resolve, reject) => {
    execFile("sh", ["-c", text], { cwd: join(server.folder, "run"), env }, (error, stdout, stderr) => {
      if (error === null) resolve({ stdout, stderr });
      else reject(new Error(`${error.message}\n${stdout}${stderr}`));
    });
  });
}

test("there is one for each platform", () => {
  expect(blocks.map(([title]) => title)).toEqual(["ECS and Fargate", "EKS with IRSA", "EC2", "AgentCore"]);
});

test.each(blocks)("%s", async (title, script) => {
  const { stdout } = await runScript(script);
  expect(stdout).toContain(title === "ECS and Fargate" ? '{"event":"registered"' : '{"event":"metered","id":"');
  expect(stdout).toContain('{"event":"stopped"}');
  expect(stdout).toMatch(/^state +stopped$/m);
  // The table of usage: a record for what was just sent.
  expect(stdout).toMatch(/\n\d{4}-\d\d-\d\dT\d\d:00:00Z +harbor/);
});
