/**
 * moto's server, the usual stand-in for AWS in tests, from PyPI into a folder of the run. It checks no signature and keeps
 * usage in memory; its figures say what such a stand-in takes, not what metering takes.
 */
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { type Server, startProgram } from "./processes.ts";

const run = promisify(execFile);
const installMaxMs = 180_000;

/** Rejects with an Error that says why there is none, such as a registry that is out of reach. */
export async function startMoto(root: string): Promise<Server & { readonly version: string }> {
  const folder = join(root, "moto");
  const python = join(folder, "bin", "python");
  await run("python3", ["-m", "venv", folder], { timeout: installMaxMs });
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "moto[server]"];
  await run(python, install, { timeout: installMaxMs });
  const { stdout } = await run(python, ["-c", "import moto; print(moto.__version__)"]);
  const port = await freePort();
  const server = await startProgram(python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], port);
  return { ...server, version: stdout.trim() };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}
