/** Help and completion cover every command there is. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { placesOf } from "../../src/cli/completion.ts";
import { createProgram, registerNouns } from "../../src/cli/run.ts";
import { runCli } from "./support.ts";

const { env, stdin, stdout, stderr } = process;
const program = createProgram();
registerNouns(program, { env, stdin, stdout, stderr });

function everyCommand(command: Command, path: readonly string[] = []): readonly (readonly [string, Command])[] {
  return command.commands.flatMap((one) => {
    const own = [...path, one.name()];
    return [[own.join(" "), one] as const, ...everyCommand(one, own)];
  });
}

function helpOf(command: Command): string {
  let text = "";
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
}

describe("help", () => {
  test.each(everyCommand(program))("%s has an example that is a command of its own", (path, command) => {
    const examples = /\nExamples?:\n((?: {2}.*\n?)+)/.exec(helpOf(command))?.[1] ?? "";
    expect(examples.startsWith(`  meterhouse ${path}`)).toBe(true);
    const options = [...examples.matchAll(/(?<=\s)(--[a-z-]+)/g)].map(([option]) => option);
    const known = [command, ...command.commands].flatMap((one) => one.options.map(({ long }) => long));
    for (const option of options) expect(known).toContain(option);
  });

  test("every verb that the nouns should have", () => {
    const nouns = Object.fromEntries(
      program.commands.map((noun) => [noun.name(), noun.commands.map((verb) => verb.name()).join(" ")]),
    );
    expect(nouns).toEqual({
      account: "list get create rename suspend resume",
      credential: "list get create delete",
      product: "list get create change delete",
      dimension: "list add change",
      key: "list create rotate pem",
      offer: "list get create delete",
      agreement: "list get create activate fail-payment cancel renew resubscribe end amend announce",
      license: "list",
      token: "issue",
      entitlement: "list set delete",
      usage: "list export reconcile",
      report: "usage bill daily feed",
      console: "",
      doctor: "",
      workload: "run list get env stop start",
      notification: "list get resend",
      target: "list create delete confirm",
      settings: "get set",
      clock: "show freeze set advance run follow due",
      fault: "plan list calls clear",
      "admin-token": "list create revoke",
      event: "list",
      catalog: "import export check",
      database: "backup restore copy partitions distribute",
      secrets: "rotate reissue",
      completion: "bash zsh fish",
    });
  });

  test("the program's own, its version, and no command at all", async () => {
    const help = await runCli(["--help"]);
    expect(help.code).toBe(0);
    for (const words of ["serve", "product", "Exit codes: 0 done"]) expect(help.stdout).toContain(words);
    expect((await runCli(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect((await runCli([])).code).toBe(2);
    expect((await runCli(["product", "list", "--help"])).stdout).toContain("METERHOUSE_ADMIN_TOKEN");
  });
});

describe("completion", () => {
  const folder = mkdtempSync(join(tmpdir(), "meterhouse-completion-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const file = join(folder, "meterhouse.bash");
  let bashScript: string;
  beforeAll(async () => {
    bashScript = (await runCli(["completion", "bash"])).stdout;
    writeFileSync(file, bashScript);
  });

  /** What bash would offer for the last of the words. */
  function bashOffers(...words: readonly string[]): readonly string[] {
    const script = `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _meterhouse; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const text = execFileSync("bash", ["--norc", "-c", script, file, "meterhouse", ...words], { cwd: folder });
    return text
      .toString()
      .split("\n")
      .filter((line) => line !== "");
  }

  test("bash takes the script, and offers nouns, verbs, options, values and files", () => {
    const checked = spawnSync("bash", ["--norc", "-n"], { input: bashScript, encoding: "utf8" });
    expect({ status: checked.status, stderr: checked.stderr }).toEqual({ status: 0, stderr: "" });
    expect(bashOffers("pro")).toEqual(["product"]);
    expect(bashOffers("product", "cr")).toEqual(["create"]);
    expect(bashOffers("product", "create", "--ty")).toEqual(["--type"]);
    expect(bashOffers("product", "create", "--type", "ami")).toEqual(["ami-fcp", "ami-hourly"]);
    expect(bashOffers("product", "list", "--json", "--se")).toEqual(["--seller"]);
    expect(bashOffers("serve", "--log-level", "si")).toEqual(["silent"]);
    expect(bashOffers("product", "get", "")).not.toContain("list");
    writeFileSync(join(folder, "my-catalog.yaml"), "");
    expect(bashOffers("catalog", "check", "my-")).toEqual(["my-catalog.yaml"]);
    expect(bashOffers("usage", "export", "--output", "my-")).toEqual(["my-catalog.yaml"]);
    expect(bashOffers("account", "get", "--token", "")).toEqual([]);
  });

  test.each(["zsh", "fish"])("%s: every command and option is in the script", async (shell) => {
    const { stdout: script } = await runCli(["completion", shell]);
    for (const { path, options } of placesOf(program)) {
      expect(script).toContain(`"${path}"`);
      for (const { words } of options) expect(script).toContain((words.at(-1) ?? "").replace(/^--/, ""));
    }
    // Where the shell itself is there, it judges; otherwise the quotes at least must close.
    const judged = spawnSync(shell, ["-n"], { input: script, encoding: "utf8" });
    if (judged.error === undefined)
      expect({ status: judged.status, stderr: judged.stderr }).toEqual({ status: 0, stderr: "" });
    else
      for (const line of script.split("\n"))
        expect(line.replaceAll("'\\''", "").replaceAll("\\'", "").split("'").length % 2).toBe(1);
  });

  test("a shell that there is none of", async () => {
    expect(await runCli(["completion", "powershell"])).toMatchObject({ code: 2 });
  });
});
