/** CPU time and memory of another process, by its id: the one that is measured must not spend time on measuring. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** What Linux calls USER_HZ; fixed for everything that /proc shows. */
const ticksPerSecond = 100;
const daySec = 86_400;

/** User and system time of all its threads so far, in microseconds. */
export function cpuMicros(pid: number): number {
  if (process.platform === "linux") {
    // The name of the process, in parentheses, may hold anything; the numbers are counted from behind it.
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6;
  }
  // [[days-]hours:]minutes:seconds, with hundredths where the system gives them.
  const [clock = "", days = "0"] = ps(pid, "time").split("-").reverse();
  const seconds = clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return (Number(days) * daySec + seconds) * 1e6;
}

/** Of a process with its children, those that have ended included. Where /proc is not to be had: of the process alone. */
export function cpuMicrosWithChildren(pid: number): number {
  if (process.platform !== "linux") return cpuMicros(pid);
  let ticks = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let text: string;
    try {
      text = readFileSync(`/proc/${name}/stat`, "utf8");
    } catch {
      continue; // It has ended.
    }
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const isRoot = Number(name) === pid;
    if (!isRoot && Number(fields[1]) !== pid) continue;
    ticks += Number(fields[11]) + Number(fields[12]) + (isRoot ? Number(fields[13]) + Number(fields[14]) : 0);
  }
  return (ticks / ticksPerSecond) * 1e6;
}

/** Resident memory now, in bytes. */
export function residentBytes(pid: number): number {
  if (process.platform !== "linux") return Number(ps(pid, "rss")) * 1_024;
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1_024;
}

function ps(pid: number, column: string): string {
  return execFileSync("ps", ["-o", `${column}=`, "-p", String(pid)], { encoding: "utf8" }).trim();
}
