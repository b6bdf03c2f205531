/** From and to files: a file that is written appears whole or not at all. */
import { randomBytes } from "node:crypto";
import { unlinkSync } from "node:fs";
import { type FileHandle, open, readFile, realpath, rename, stat } from "node:fs/promises";
import { type CliContext, write } from "./context.ts";
import { CliError, codeOf } from "./errors.ts";

export type Write = (data: string | Uint8Array) => Promise<void>;

/** `-` and nothing are stdout. `mode`: of a file that is made, such as 0o600 where secrets are in it. */
export async function writeTo(
  file: string | undefined,
  context: CliContext,
  mode: number,
  produce: (write: Write) => Promise<void>,
): Promise<void> {
  // As a path it could not be opened where stdout is a socket.
  if (file === undefined || file === "-" || file === "/dev/stdout")
    return produce((data) => write(context.stdout, data));
  try {
    await ((await isReplaceable(file)) ? writeBeside(await targetOf(file), mode, produce) : writeInto(file, produce));
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof CliError || code === undefined || !(error instanceof Error && "syscall" in error)) throw error;
    throw new CliError(`${file} cannot be written (${reasons[code] ?? code}).`);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such folder",
  EACCES: "no permission",
  EISDIR: "it is a folder",
  ENOSPC: "the disk is full",
};

/** Devices and pipes are written into: a file put in their place would be another thing. */
async function isReplaceable(file: string): Promise<boolean> {
  try {
    const found = await stat(file);
    return found.isFile();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return true;
    throw error;
  }
}

/** What a link points to is replaced, not the link. */
async function targetOf(file: string): Promise<string> {
  return realpath(file).catch(() => file);
}

async function writeInto(file: string, produce: (write: Write) => Promise<void>): Promise<void> {
  const handle = await open(file, "w");
  try {
    await produce((data) => writeAll(handle, data));
  } finally {
    await handle.close();
  }
}

async function writeBeside(file: string, mode: number, produce: (write: Write) => Promise<void>): Promise<void> {
  const draft = `${file}.${randomBytes(4).toString("hex")}.part`;
  const handle = await open(draft, "wx", mode);
  const removeDraft = (): void => {
    try {
      unlinkSync(draft);
    } catch {
      // It is gone already.
    }
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    removeDraft();
    // No handler is left: the signal now does what it would have done.
    process.kill(process.pid, signal);
  };
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    await produce((data) => writeAll(handle, data));
    await handle.sync();
    await handle.close();
    await rename(draft, file);
  } catch (error) {
    await handle.close().catch(() => undefined);
    removeDraft();
    throw error;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

async function writeAll(handle: FileHandle, data: string | Uint8Array): Promise<void> {
  await handle.writeFile(data, "utf8");
}

/** `-` is stdin. */
export async function readText(file: string, { stdin }: CliContext): Promise<string> {
  if (file === "-") {
    const chunks: Buffer[] = [];
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString("utf8");
  }
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const code = codeOf(error) ?? String(error);
    throw new CliError(
      `${file} cannot be read (${code === "ENOENT" ? "there is no such file" : (reasons[code] ?? code)}).`,
    );
  }
}
