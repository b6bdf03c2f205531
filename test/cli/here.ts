/** A command in this process instead of one of its own: the same program on streams that are read afterwards. */
import { chdir, cwd as currentFolder } from "node:process";
import { Readable, Writable } from "node:stream";
import type { CliContext } from "../../src/cli/context.ts";
import { createProgram, registerNouns, run } from "../../src/cli/run.ts";
import { ownEnvironment } from "../support/ownEnvironment.ts";
import type { CliOptions, Result } from "./support.ts";

let previous: Promise<unknown> = Promise.resolve();

/** All but `serve`. One after the other: the folder and the exit code are the process's. */
export function runHere(args: readonly string[], options: CliOptions & { readonly cwd: string }): Promise<Result> {
  const result = previous.then(() => runAlone(args, options));
  previous = result.catch(() => undefined);
  return result;
}

async function runAlone(
  args: readonly string[],
  { env = {}, stdin, cwd }: CliOptions & { readonly cwd: string },
): Promise<Result> {
  const [stdout, stderr] = [collector(), collector()];
  const context: CliContext = {
    ...{ stdout: stdout.stream, stderr: stderr.stream, stdin: Readable.from([stdin ?? ""]) },
    // Nothing of the caller's own METERHOUSE_… variables.
    env: { ...ownEnvironment, ...env },
  };
  const program = createProgram().configureOutput({
    writeOut: (text) => context.stdout.write(text),
    writeErr: (text) => context.stderr.write(text),
  });
  registerNouns(program, context);
  const folder = currentFolder();
  chdir(cwd);
  process.exitCode = undefined;
  try {
    await run(program, context, [process.execPath, "meterhouse", ...args]);
    return { code: Number(process.exitCode ?? 0), stdout: stdout.text(), stderr: stderr.text() };
  } finally {
    process.exitCode = undefined;
    chdir(folder);
  }
}

function collector(): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString("utf8") };
}
