/** `npm pack`, installed into an empty project, starts and works: as a command and as a library, in JavaScript. */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parquetReadObjects } from "hyparquet";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "meterhouse-pack-"));
const project = join(work, "project");
const source = join(work, "source");
// The pinned Node first, as in npm's own scripts. Not the NODE_ENV of tests: the console would be built for development.
const { NODE_ENV: _, ...outer } = process.env;
const env = { ...outer, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}` };

function npm(args: readonly string[], cwd: string): string {
  return execFileSync("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd, env, encoding: "utf8" });
}

beforeAll(() => {
  // Packed from a copy: packing builds anew, and other tests serve the console that is built here.
  mkdirSync(source);
  for (const name of ["src", "bin", "package.json", "tsconfig.json", "tsconfig.build.json", "README.md", "LICENSE"]) {
    cpSync(join(root, name), join(source, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(source, "node_modules"));
  npm(["pack", "--pack-destination", work], source);
  const tarball = readdirSync(work).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball.");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{"name":"empty","private":true,"type":"module"}\n');
  npm(["install", "--prefer-offline", join(work, tarball)], project);
}, 180_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

test("the command prints the ready line and answers", async () => {
  const child = spawn(
    join(project, "node_modules/.bin/meterhouse"),
    ["serve", "--demo", "--port", "0", "--data", join(work, "data")],
    {
      env,
      stdio: ["ignore", "pipe", "ignore"],
    },
  );
  try {
    const [line] = await createInterface({ input: child.stdout })
      [Symbol.asyncIterator]()
      .next()
      .then((next) => [next.value]);
    const ready = JSON.parse(String(line)) as { ready: boolean; endpoint: string };
    expect(ready.ready).toBe(true);
    expect(await (await fetch(`${ready.endpoint}/healthz`)).json()).toMatchObject({ status: "ok" });
    // In a thread of its own, which starts from a compiled file, too.
    const authorization = `Bearer ${readFileSync(join(work, "data/admin.token"), "utf8").trim()}`;
    const answer = await fetch(`${ready.endpoint}/api/v1/metering-records/export?format=parquet`, {
      headers: { authorization },
    });
    const rows = await parquetReadObjects({ file: await answer.arrayBuffer() });
    expect([answer.status, String(rows.length)]).toEqual([200, answer.headers.get("meterhouse-records")]);
  } finally {
    const ended = new Promise((resolve) => child.on("exit", resolve));
    child.kill("SIGTERM");
    expect(await ended).toBe(0);
  }
});

test("the library starts from JavaScript and brings its types", () => {
  const script = `
    import { startMeterhouse } from "meterhouse";
    const meterhouse = await startMeterhouse();
    const health = await (await fetch(meterhouse.endpoint + "/healthz")).json();
    await meterhouse.close();
    console.log(health.status);
  `;
  writeFileSync(join(project, "use.mjs"), script);
  expect(execFileSync(process.execPath, ["use.mjs"], { cwd: project, encoding: "utf8" }).trim()).toBe("ok");
  const typed =
    'import { type Meterhouse, startMeterhouse } from "meterhouse";\nconst meterhouse: Meterhouse = await startMeterhouse({ settings: { revision: "2024" } });\nawait meterhouse.close();\n';
  writeFileSync(join(project, "use.ts"), typed);
  const flags = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2024", "--types", ""];
  execFileSync(join(root, "node_modules/.bin/tsc"), [...flags, "use.ts"], { cwd: project, encoding: "utf8" });
});

test("the package holds what runs and nothing else", () => {
  const [packed] = JSON.parse(npm(["pack", "--dry-run", "--json", "--ignore-scripts"], root)) as [
    { files: { path: string }[] },
  ];
  const folders = new Set(packed.files.map(({ path }) => path.split("/")[0]));
  expect([...folders].sort()).toEqual(["LICENSE", "README.md", "bin", "dist", "package.json"]);
});

test("an older Node is told in one clear line", () => {
  // The file is read by whatever Node there is: its syntax must be older than the version it asks for.
  const script = `Object.defineProperty(process.versions, "node", { value: "20.1.0" }); import(${JSON.stringify(join(root, "bin/meterhouse.js"))});`;
  let output = "";
  try {
    execFileSync(process.execPath, ["-e", script], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    output = String((error as { stderr: string }).stderr);
  }
  expect(output).toMatch(/^meterhouse needs Node\.js 24 or newer; this is /);
  expect(output.trim().split("\n")).toHaveLength(1);
});
