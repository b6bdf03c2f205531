/** CPU time and memory of a process, by its id: the one that is measured must not spend time on measuring. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** What Linux calls USER_HZ; fixed for everything that /proc shows. */
const ticksPerSecond = 100;

/** User and system time of all its threads so far, in microseconds. */
export function cpuMicros(pid: number): number {
  if (process.platform === "linux") {
    // The name of the process, in parentheses, may hold anything; the numbers are counted from behind it.
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6;
  }
  // [[days-]hours:]minutes:seconds, with hundredths where the system gives them.
  const [days, clock] = ps(pid, "time").split("-").reverse().reverse().length > 1 ? splitDays(pid) : [0, ps(pid, "time")];
  return (days * 86_400 + clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0)) * 1e6;
}
