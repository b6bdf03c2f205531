/** Progress of long work, on a terminal only: in a pipe or a log it would be noise. */
import { SingleBar } from "cli-progress";
import type { CliContext } from "./context.ts";

export interface Progress {
  /** How far it has come, in all. */
  at(count: number): void;
  stop(): void;
}

/** Where the whole is not known beforehand it counts and shows the time. `unit` such as "records". */
export function startProgress(context: CliContext, label: string, unit: string, total?: number): Progress {
  const { stderr } = context;
  if (stderr.isTTY !== true) return { at: () => undefined, stop: () => undefined };
  const bar = new SingleBar({
    stream: stderr,
    format:
      total === undefined
        ? `${label}  {value} ${unit}  {duration_formatted}`
        : `${label}  {bar} {percentage}%  {value} of {total} ${unit}  {eta_formatted} left`,
    clearOnComplete: true,
    // Its own handler would swallow the first Ctrl-C.
    gracefulExit: false,
  });
  bar.start(total ?? Number.MAX_SAFE_INTEGER, 0);
  return { at: (count) => bar.update(count), stop: () => bar.stop() };
}
