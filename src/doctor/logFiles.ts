/**
 * CloudTrail's own log files: as AWS delivers them to a bucket (`{"Records": […]}`, compressed or not), and as
 * `aws cloudtrail lookup-events` prints them (`{"Events": [{"CloudTrailEvent": "…"}]}`).
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { type Members, membersOf, observedCall, operationOf, textOf } from "./cloudTrailCall.ts";
import { type Diagnosis, diagnose } from "./diagnose.ts";
import { createLearned } from "./knowledge.ts";
import type { Check, Knowledge, ObservedCall, ObservedRecord } from "./observed.ts";
import { type CallFilter, isBy } from "./stored.ts";

const mebibyte = 1_048_576;

/** What a reader takes; tests take less. */
export interface LogFileLimits {
  /** Of one file, uncompressed: as text and as data it takes a multiple of this in memory. */
  readonly fileMaxBytes: number;
  /** Calls are held until they are in order of time. */
  readonly callsMax: number;
}

const defaultLimits: LogFileLimits = { fileMaxBytes: 256 * mebibyte, callsMax: 1_000_000 };

/** A file that is not what it should be; the message names it and says why. */
export class LogFileError extends Error {
  override readonly name = "LogFileError";
}

export interface FilesOptions {
  /** Files and folders; of a folder all `.json` and `.json.gz` in it, at any depth. */
  readonly paths: readonly string[];
  readonly filter?: CallFilter;
  readonly checks?: readonly Check[];
  readonly limits?: LogFileLimits;
}

/** Rejects with LogFileError. */
export async function diagnoseFiles(options: FilesOptions): Promise<Diagnosis> {
  const { calls, known } = await readLogFiles(options);
  return diagnose({
    ...{ source: "cloudtrail-files", calls, known },
    ...(options.checks === undefined ? {} : { checks: options.checks }),
  });
}

export interface LogFiles {
  /** Oldest first, each event once. */
  readonly calls: readonly ObservedCall[];
  readonly known: Knowledge;
}

/** Rejects with LogFileError. */
export async function readLogFiles(options: FilesOptions): Promise<LogFiles> {
  const { paths, filter = {}, limits = defaultLimits } = options;
  const found = new Map<string, ObservedCall>();
  for (const file of await filesOf(paths)) {
    for (const event of eventsOf(await parsedFile(file, limits), file)) {
      // AWS delivers at least once, and folders of several trails hold the same event.
      const eventId = textOf(event.eventID) || textOf(event.requestID);
      const call = operationOf(event) === undefined || found.has(eventId) ? undefined : observedCall(event);
      if (call === undefined || !isInSpan(call, filter)) continue;
      if (found.size >= limits.callsMax) {
        throw new LogFileError(
          `${file}: with it there are more than ${limits.callsMax} calls, which is the most that is looked at at once. Name fewer files, or a shorter time with --from and --to.`,
        );
      }
      found.set(eventId, call);
    }
  }
  const inOrder = [...found].toSorted(([a, one], [b, other]) => one.at - other.at || (a < b ? -1 : 1));
  const { known, learn } = createLearned();
  for (const [, call] of inOrder) learn(call);
  const calls = withReplays(inOrder.map(([, call]) => call));
  return { calls: calls.filter((call) => isOf(call, filter, known)), known };
}

function isInSpan({ at }: ObservedCall, { fromAt, toAt }: CallFilter): boolean {
  return (fromAt === undefined || at >= fromAt) && (toAt === undefined || at <= toAt);
}

function isOf(call: ObservedCall, filter: CallFilter, { productOfLicense }: Knowledge): boolean {
  const { productCode, accountId, caller } = filter;
  if (!isBy(call, caller)) return false;
  if (accountId !== undefined && call.accountId !== accountId) return false;
  if (productCode === undefined) return true;
  const named = call.productCode ?? call.records.map(({ licenseArn = "" }) => productOfLicense(licenseArn))[0];
  return named === productCode;
}

/** A `Success` whose MeteringRecordId was given out before is a replay (B-61). */
function withReplays(calls: readonly ObservedCall[]): readonly ObservedCall[] {
  const seen = new Set<string>();
  const statusOf = (record: ObservedRecord): ObservedRecord => {
    const { meteringRecordId, status } = record;
    if (meteringRecordId === undefined || status !== "Success") return record;
    if (seen.has(meteringRecordId)) return { ...record, status: "Replayed" };
    seen.add(meteringRecordId);
    return record;
  };
  return calls.map((call) => {
    const records = call.records.map(statusOf);
    return records.some(({ status }) => status === "Replayed") ? { ...call, records } : call;
  });
}

async function filesOf(paths: readonly string[]): Promise<readonly string[]> {
  const files: string[] = [];
  for (const path of paths) {
    const isFolder = await stat(path).then(
      (one) => one.isDirectory(),
      (error: unknown) => {
        throw unreadable(path, error);
      },
    );
    if (!isFolder) {
      files.push(path);
      continue;
    }
    const names = await readdir(path, { recursive: true, encoding: "utf8" }).catch((error: unknown) => {
      throw unreadable(path, error);
    });
    const logs = names.filter((name) => /\.json(?:\.gz)?$/i.test(name) && !isDigest(name)).toSorted();
    if (logs.length === 0) throw new LogFileError(`${path}: there is no .json and no .json.gz file in this folder.`);
    files.push(...logs.map((name) => join(path, name)));
  }
  return files;
}

/** Beside its logs a trail delivers the files that prove them whole; they hold no events. */
function isDigest(name: string): boolean {
  return /(?:^|[\\/])CloudTrail-Digest[\\/]/.test(name);
}

const decompress = promisify(gunzip);

async function parsedFile(file: string, { fileMaxBytes }: LogFileLimits): Promise<unknown> {
  const tooLarge = `it is larger than ${Math.floor(fileMaxBytes / mebibyte)} MiB uncompressed, which is the most that is read. Split it.`;
  const read = async (): Promise<Buffer> => {
    const found = await stat(file);
    if (found.size > fileMaxBytes) throw new LogFileError(`${file}: ${tooLarge}`);
    return readFile(file);
  };
  let bytes = await read().catch((error: unknown) => {
    throw unreadable(file, error);
  });
  // By what it holds: S3 clients decompress on the way without changing the name.
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    bytes = await decompress(bytes, { maxOutputLength: fileMaxBytes }).catch((error: unknown) => {
      const reason =
        codeOf(error) === "ERR_BUFFER_TOO_LARGE" ? tooLarge : `it cannot be decompressed (${textOfError(error)}).`;
      throw new LogFileError(`${file}: ${reason}`, { cause: error });
    });
  }
  try {
    return JSON.parse(bytes.toString("utf8").replace(/^\ufeff/, ""));
  } catch (error) {
    const reason = bytes.length === 0 ? "it is empty" : `it is no JSON (${textOfError(error).slice(0, 200)})`;
    throw new LogFileError(`${file}: ${reason}. Download it again, or leave it out.`, { cause: error });
  }
}

/** The events of a file in whichever form; a list of them alone is one, too, as `--query Events` makes it. */
function eventsOf(content: unknown, file: string): readonly Members[] {
  const { Records, Events, digestS3Object } = membersOf(content);
  const list = Array.isArray(content) ? content : (Records ?? Events);
  if (digestS3Object !== undefined) return [];
  if (!Array.isArray(list)) {
    throw new LogFileError(
      `${file}: it holds no CloudTrail events. A file that CloudTrail delivered begins with {"Records": […], what 'aws cloudtrail lookup-events' prints with {"Events": […].`,
    );
  }
  return list.map((entry: unknown) => {
    const text = typeof entry === "string" ? entry : membersOf(entry).CloudTrailEvent;
    if (typeof text !== "string") return membersOf(entry);
    try {
      return membersOf(JSON.parse(text));
    } catch (error) {
      throw new LogFileError(`${file}: one of its events is no JSON (${textOfError(error).slice(0, 200)}).`, {
        cause: error,
      });
    }
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "no permission to read it",
  EISDIR: "it is a folder",
};

function unreadable(path: string, error: unknown): LogFileError {
  if (error instanceof LogFileError) return error;
  return new LogFileError(`${path}: it cannot be read (${reasons[codeOf(error)] ?? textOfError(error)}).`, {
    cause: error,
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function textOfError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
