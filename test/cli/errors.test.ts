/** What goes wrong, in words that help, and the exit code that a script sees. */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ownEnvironment } from "../support/ownEnvironment.ts";
import { type DemoServer, main, runCli, startDemo } from "./support.ts";

let server: DemoServer;
beforeAll(async () => {
  server = await startDemo();
});
afterAll(() => server?.stop());

describe("wrong usage is 2", () => {
  test.each<[string, readonly string[], string]>([
    ["an unknown noun", ["produkt", "list"], "Did you mean product?"],
    ["an unknown verb", ["product", "lst"], "Did you mean list?"],
    ["an unknown option", ["product", "list", "--sellr", "1"], "Did you mean --seller?"],
    ["a verb that is missing", ["product"], "Commands:"],
    ["an argument that is missing", ["product", "get"], "missing required argument 'code'"],
    ["an option that is missing", ["product", "create", "--seller", "111122223333"], "--type"],
    ["a value of a list", ["product", "list", "--type", "saas-subscripton"], "Did you mean saas-subscription?"],
    ["a time", ["usage", "list", "--from", "yesterday"], "now-3h"],
    ["a time without its zone", ["usage", "list", "--from", "2026-08-15T10:20:00"], "end it with Z or an offset"],
    ["a duration", ["clock", "advance", "soon"], "1h30m"],
    ["a number", ["account", "list", "--limit", "0"], "1 or more"],
    ["two options that do not go together", ["account", "list", "--limit", "5", "--all"], "--all"],
    ["a URL", ["account", "list", "--url", "ftp://somewhere"], "http://127.0.0.1:4016"],
    ["a URL with a password", ["account", "list", "--url", "http://me:secret@127.0.0.1"], "--token"],
    ["an assignment", ["settings", "set", "finalHourSec"], "name=value"],
    ["a port of the server", ["serve", "--port", "70000"], "0 to 65535"],
  ])("%s", async (_, args, words) => {
    const { code, stdout, stderr } = await server.cli(args);
    expect(stderr).toContain(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});

describe("what the server refuses is 1", () => {
  test("every member that is wrong is named by its option", async () => {
    const options = ["--registration-url", "ftp://x", "--region", "us east", "--dimension", "a b"];
    const args = ["product", "create", "--seller", "1", "--type", "ami-fcp", ...options];
    const { code, stderr } = await server.cliProcess(args);
    expect(code).toBe(1);
    expect(stderr.split("\n").slice(0, -1)).toEqual([
      "meterhouse: refused:",
      expect.stringMatching(/^ {2}--seller: not an account id/),
      expect.stringMatching(/^ {2}--region\[0\]: not a Region name/),
      expect.stringMatching(/^ {2}--registration-url: not an http or https URL/),
      expect.stringMatching(/^ {2}--dimension\[0\]\.name: not a dimension name/),
    ]);
  });

  test("a product that is not there, with the one that was meant", async () => {
    const missing = await server.cli(["product", "get", "harborlogs"]);
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    expect(missing.stderr).toBe(
      "meterhouse: There is no product 'harborlogs'.\nDid you mean harborlogs4q7x2m9k1t8v5wz?\n",
    );
    const named = await server.cli([
      "agreement",
      "create",
      "--product",
      "harbrlogs4q7x2m9k1t8v5wz",
      "--buyer",
      "444455556666",
    ]);
    expect(named.stderr).toContain("--product: there is no product");
    expect(named.stderr).toContain("Did you mean harborlogs4q7x2m9k1t8v5wz?");
  });
});

describe("tokens", () => {
  test("a foreign one", async () => {
    const { code, stderr } = await server.cli(["account", "list", "--token", "mht_foreign"]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "meterhouse: This admin token is not known.\nThe token came from --token; --token gives another.\n",
    });
  });

  test("--token goes before the environment, and the environment before the file", async () => {
    const env = { METERHOUSE_ADMIN_TOKEN: "mht_foreign" };
    expect((await server.cli(["account", "list"], { env })).stderr).toContain("came from METERHOUSE_ADMIN_TOKEN");
    expect((await server.cli(["account", "list", "--token", server.token], { env })).code).toBe(0);
  });

  test("none", async () => {
    const { code, stderr } = await runCli(["account", "list", "--url", server.url], { cwd: server.folder });
    expect(code).toBe(1);
    expect(stderr).toContain("there is no file meterhouse-data/admin.token");
    expect(stderr).toContain("--data or METERHOUSE_DATA");
  });

  test.skipIf(process.platform === "win32")("a file that others can read", async () => {
    const open = join(server.folder, "open");
    cpSync(join(server.dataDir, "admin.token"), join(open, "admin.token"));
    chmodSync(join(open, "admin.token"), 0o644);
    const { code, stderr } = await server.cli(["account", "list", "--data", open]);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("chmod 600") });
  });

  test("that of the folder here is not sent to another machine", async () => {
    const cwd = join(server.folder, "elsewhere");
    mkdirSync(join(cwd, "meterhouse-data"), { recursive: true });
    writeFileSync(join(cwd, "meterhouse-data/admin.token"), "mht_mine\n", { mode: 0o600 });
    const { code, stderr } = await runCli(["account", "list", "--url", "http://meterhouse.invalid"], { cwd });
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("no admin token for") });
  });
});

describe("a server that cannot be reached is 3", () => {
  test("nothing listens there", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => probe.once("listening", resolve));
    const { port } = probe.address() as AddressInfo;
    await new Promise((resolve) => probe.close(resolve));
    const args = ["account", "list", "--url", `http://127.0.0.1:${port}`];
    const { code, stdout, stderr } = await server.cliProcess(args);
    expect({ code, stdout, stderr }).toEqual({
      code: 3,
      stdout: "",
      stderr:
        `meterhouse: the server at http://127.0.0.1:${port} cannot be reached: nothing listens there.\n` +
        "Start it with 'meterhouse serve', or say where it is with --url or METERHOUSE_URL.\n",
    });
  });

  test("there is no such host", async () => {
    const { code, stderr } = await server.cli([
      "account",
      "list",
      "--url",
      "http://meterhouse.invalid",
      "--token",
      "x",
    ]);
    expect(code).toBe(3);
    expect(stderr).toContain("--url or METERHOUSE_URL");
  });

  test.each<[string, number, Record<string, string>, string]>([
    ["another program answers", 404, { "content-type": "text/html" }, "<h1>Not here</h1>"],
    ["another program answers something", 200, { "content-type": "text/plain" }, "hello"],
    ["a redirect is not followed: it would take the token along", 302, { location: "http://127.0.0.1:9/" }, ""],
  ])("%s", async (_, status, headers, body) => {
    const other = createServer((_request, response) => response.writeHead(status, headers).end(body));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    try {
      const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
      const { code, stderr } = await server.cli(["account", "list", "--url", url]);
      expect({ code, stderr }).toMatchObject({
        code: 3,
        stderr: expect.stringContaining("not a Meterhouse control plane"),
      });
    } finally {
      other.close();
    }
  });
});

test("the address of the API works as that of the server", async () => {
  expect((await server.cli(["account", "list", "--url", `${server.url}/api/v1/`])).code).toBe(0);
});

test.skipIf(process.platform === "win32")("an export that is interrupted leaves nothing behind", async () => {
  const stuck = createServer((_request, response) => {
    // The second record never comes.
    response.writeHead(200, { "content-type": "text/csv", "meterhouse-records": "2" }).write("id\r\n1\r\n");
  });
  await new Promise<void>((resolve) => stuck.listen(0, "127.0.0.1", resolve));
  const folder = join(server.folder, "interrupted");
  mkdirSync(folder);
  try {
    const url = `http://127.0.0.1:${(stuck.address() as AddressInfo).port}`;
    const args = [main, "usage", "export", "--output", join(folder, "usage.csv"), "--url", url, "--token", "x"];
    const child = spawn(process.execPath, args, { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("close", (_, signal) => resolve(signal)));
    await expect.poll(() => readdirSync(folder), { timeout: 10_000 }).toEqual([expect.stringMatching(/\.part$/)]);
    child.kill("SIGINT");
    expect(await ended).toBe("SIGINT");
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    stuck.closeAllConnections();
    stuck.close();
  }
});

test("a reader that has seen enough is no failure", () => {
  const command = `"$0" "$1" settings get --json | head -c 1; echo "\${PIPESTATUS[0]}"`;
  const env = { ...ownEnvironment, METERHOUSE_URL: server.url, METERHOUSE_DATA: server.dataDir };
  const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", command, process.execPath, main], {
    env,
    encoding: "utf8",
  });
  expect({ stdout, stderr }).toEqual({ stdout: "{0\n", stderr: "" });
});
