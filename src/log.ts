/**
 * The log: JSON lines on stderr, or lines for people where that is a terminal; stdout belongs to the ready line. What is
 * logged carries the request's id where there is one. Secrets cannot reach it by the members named here.
 */
import { writeSync } from "node:fs";
import { type Logger, pino } from "pino";

const secretMembers = ["secretAccessKey", "sessionToken", "privateKeyPem", "authorizationToken", "authorization"];
const stderr = 2;

/** `write` takes each line in place of stderr. */
export function createLog(level: string, write?: (line: string) => void): Logger {
  const stderrTerminal = { write: (line: string) => writeToStderr(terminalLine(line)) };
  const isTerminal = process.stderr.isTTY === true;
  // At once: what a process says last must not stay in a buffer.
  const toStderr = isTerminal ? stderrTerminal : pino.destination({ fd: stderr, sync: true });
  return pino(
    {
      level,
      base: null,
      redact: { paths: secretMembers.flatMap((name) => [name, `*.${name}`]), censor: "[secret]" },
    },
    write === undefined ? toStderr : { write },
  );
}

function writeToStderr(text: string): void {
  try {
    writeSync(stderr, text);
  } catch {
    // A terminal that is gone, or takes no more for a moment, must not end the server.
  }
}

/** Of one JSON line: `17:03:04.125 ERROR call failed  requestId=… operation=…`, and below it where an error comes from. */
export function terminalLine(json: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const clock = new Date(Number(time)).toISOString().slice(11, 23);
  const members = Object.entries(rest).map(([name, value]) => ` ${name}=${shown(value)}`);
  const name = (pino.levels.labels[Number(level)] ?? String(level)).toUpperCase();
  const stack = isRecord(err) ? `\n  ${String(err.stack ?? err.message).replaceAll("\n", "\n  ")}` : "";
  return `${clock} ${name} ${visible(String(msg))}${members.length > 0 ? ` ${members.join("")}` : ""}${visible(stack)}\n`;
}

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[\x21-\x7e]+$/.test(text) ? text : visible(JSON.stringify(text));
}

/** A terminal obeys control characters, and callers choose some of the text. */
function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (one) =>
    one === "\n" ? "\n" : `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
