/**
 * Reads a system-call trace of a server and judges it: was each answer written only after the records it speaks of had
 * been written to the write-ahead log and synced? The trace is what the kernel saw, so that no setting and no comment
 * has to be believed.
 */
import { spawnSync } from "node:child_process";

const syncCalls = ["fsync", "fdatasync"];
const fileWrites = ["pwrite64", "pwritev", "pwritev2"];
const readCalls = ["read", "readv", "recvfrom", "recvmsg"];
const writeCalls = ["write", "writev", "sendto", "sendmsg"];
/** More than any of the tests' requests and answers, and than a frame of the log, has in one call. */
const shownBytes = 65_536;

/** The command that runs a server under the tracer. `more`: further options, such as errors to inject. */
export function traceCommand(outputFile: string, more: readonly string[] = []): readonly string[] {
  const calls = [...syncCalls, ...fileWrites, ...readCalls, ...writeCalls].join(",");
  const options = ["-f", "--seccomp-bpf", "-qq", "-y", "-s", String(shownBytes), "-e", `trace=${calls}`];
  return ["strace", ...options, ...more, "-o", outputFile, "--"];
}

/** Whether there is a tracer here that may trace; it is Linux's, and containers often forbid it. */
export function canTrace(): boolean {
  const [command = "", ...args] = traceCommand("/dev/null");
  return spawnSync(command, [...args, process.execPath, "--version"]).status === 0;
}

export interface SystemCall {
  /** Number of the thread that made it. */
  readonly thread: string;
  readonly name: string;
  /** What the first argument, a file descriptor, leads to: a path, or `socket:[…]`. */
  readonly target: string;
  /** The bytes read or written, latin1. */
  readonly data: string;
  /** The return value; undefined when the process ended before it came. */
  readonly result: number | undefined;
  /** Line numbers of the trace: when it began and when it was through. */
  readonly start: number;
  readonly end: number;
}

/** Parses what `strace -f -y` wrote. Calls are in order of their start. */
export function parseTrace(text: string): readonly SystemCall[] {
  const calls: SystemCall[] = [];
  const unfinished = new Map<string, { readonly head: string; readonly start: number }>();
  for (const [line, content] of text.split("\n").entries()) {
    const [, thread = "", what = ""] = /^(\d+)\s+(.*)$/.exec(content) ?? [];
    const cut = / <unfinished \.\.\.>$/.exec(what);
    if (cut !== null) {
      unfinished.set(thread, { head: what.slice(0, cut.index), start: line });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(what);
    const begun = resumed === null ? undefined : unfinished.get(thread);
    if (begun !== undefined) unfinished.delete(thread);
    const whole = begun === undefined ? what : begun.head + what.slice(resumed?.[0].length);
    const call = parseCall(thread, whole, { start: begun?.start ?? line, end: line });
    if (call !== undefined) calls.push(call);
  }
  // A call that never came back may have been carried out.
  for (const [thread, { head, start }] of unfinished) {
    const call = parseCall(thread, `${head}) = ?`, { start, end: Number.POSITIVE_INFINITY });
    if (call !== undefined) calls.push(call);
  }
  return calls.sort((a, b) => a.start - b.start);
}

function parseCall(thread: string, text: string, time: Pick<SystemCall, "start" | "end">): SystemCall | undefined {
  const [head, name = "", target = ""] = /^(\w+)\(\d+<((?:[^<>\\]|\\.)*)>/.exec(text) ?? [];
  if (head === undefined) return undefined;
  const rest = text.slice(head.length);
  const result = /\)\s+= (-?\d+)(?:<[^>]*>)?(?: \w+ \([^)]*\))?(?: \(INJECTED\))?$/.exec(rest)?.[1];
  const quoted = rest.match(/"(?:[^"\\]|\\.)*"/g) ?? [];
  return {
    thread,
    name,
    target,
    data: quoted.map((piece) => plain(piece.slice(1, -1))).join(""),
    result: result === undefined ? undefined : Number(result),
    ...time,
  };
}

const letters: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", v: "\v", f: "\f" };

function plain(text: string): string {
  return text.replace(/\\(?:([0-7]{1,3})|x([0-9a-f]{2})|(.))/g, (_, octal, hex, letter) => {
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8));
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return letters[letter] ?? letter;
  });
}

/** One answered call, as the client saw it. */
export interface AnsweredCall {
  /** Text that only this request contains. */
  readonly requestMark: string;
  /** Text that only its answer contains: the request id. */
  readonly answerMark: string;
  /** Of the records that this call stored. */
  readonly recordIds: readonly string[];
}

/**
 * What is wrong with the order of things, one sentence each; empty when every answer was written
 *   - after its request had been read,
 *   - after each of its records had been written to the log and a sync of the log that began later had succeeded,
 *   - while nothing in the log was unsynced, and not without a sync since the request came.
 */
export function syncFaults(
  calls: readonly SystemCall[],
  answered: readonly AnsweredCall[],
  walFile: string,
): readonly string[] {
  const log = calls.filter((call) => call.target === walFile);
  const writes = log.filter((call) => fileWrites.includes(call.name) || writeCalls.includes(call.name));
  const syncs = log.filter((call) => syncCalls.includes(call.name) && call.result === 0);
  const socket = calls.filter((call) => call.target.startsWith("socket:"));
  const reads = socket.filter((call) => readCalls.includes(call.name));
  const answers = socket.filter((call) => writeCalls.includes(call.name));
  const syncedBetween = (from: number, to: number): boolean => syncs.some((sync) => sync.start > from && sync.end < to);

  return answered.flatMap(({ requestMark, answerMark, recordIds }) => {
    const answer = answers.find((call) => call.data.includes(answerMark));
    const request = reads.find((call) => call.data.includes(requestMark));
    const name = `answer ${answerMark}`;
    if (answer === undefined) return [`${name}: its bytes are not in the trace`];
    if (request === undefined) return [`${name}: its request is not in the trace`];
    const faults: string[] = [];
    if (request.end > answer.start) faults.push(`${name}: was written before its request was read`);
    if (!syncedBetween(request.end, answer.start)) faults.push(`${name}: no sync between its request and it`);
    const lastWrite = writes.findLast((call) => call.start < answer.start);
    if (lastWrite !== undefined && !syncedBetween(lastWrite.end, answer.start)) {
      faults.push(`${name}: the log had bytes that no sync had reached`);
    }
    for (const id of recordIds) {
      const bytes = Buffer.from(id.replaceAll("-", ""), "hex").toString("latin1");
      const written = writtenAt(
        writes.filter((call) => call.start > request.end),
        bytes,
      );
      if (written === undefined || written > answer.start) faults.push(`${name}: record ${id} was not in the log`);
      else if (!syncedBetween(written, answer.start)) faults.push(`${name}: record ${id} was not synced`);
    }
    return faults;
  });
}

/** A row of the journal goes on after the number of the next page, on a page of its own. */
const continuedAt = 4;

/** When all of these bytes had been written first, be they on one page or on one and the beginning of another. */
function writtenAt(writes: readonly SystemCall[], bytes: string): number | undefined {
  const ends = writes.filter((call) => call.data.includes(bytes)).map((call) => call.end);
  for (let cut = 1; cut < bytes.length; cut += 1) {
    const rest = writes.find((call) => call.data.startsWith(bytes.slice(cut), continuedAt));
    // Not at the very end: a row's first page may have others behind it.
    const start = rest && writes.find((call) => call.data.includes(bytes.slice(0, cut)));
    if (start !== undefined && rest !== undefined) ends.push(Math.max(start.end, rest.end));
  }
  return ends.length === 0 ? undefined : Math.min(...ends);
}
