/**
 * Durable before answered, as the kernel saw it: a system-call trace of a server shows for every answer that its
 * records were written to the log and synced before the first byte of the answer left.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { endProcesses, makePlace, startServer } from "../support/serverProcess.ts";
import { createSignedClient, type SignedClient } from "../support/signedClient.ts";
import {
  type AnsweredCall,
  canTrace,
  parseTrace,
  type SystemCall,
  syncFaults,
  traceCommand,
} from "../support/syscallTrace.ts";
import {
  agentDimension,
  agentKey,
  agentProduct,
  type BatchInput,
  batchSupply,
  sellerKey,
  usageCatalog,
} from "../support/usageCatalog.ts";

const buyers = 50;
const isTraceable = canTrace();
/** A fifth of what it is given. */
const threadStartMs = 300;

// Whole processes on a machine that is busy with others.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

afterEach(endProcesses);

describe("a traced server", () => {
  test("syncs the log before each answer", async (context) => {
    if (!isTraceable) context.skip("strace is not installed, or may not trace here");
    const place = makePlace(usageCatalog({ buyers }));
    const traceFile = join(place.folder, "trace");
    const server = await startServer(place, { under: traceCommand(traceFile) });
    const client = createSignedClient(server.endpoint);
    const answered = await variedCalls(client);
    client.close();
    server.signal("SIGTERM");
    expect(await server.exit).toMatchObject({ code: 0 });

    const calls = parseTrace(readFileSync(traceFile, "utf8"));
    expect(syncFaults(calls, answered, place.walFile)).toEqual([]);
    // By the thread that answers, and by the one that writes for it.
    const answerers = new Set(calls.filter(isAnswer).map((call) => call.thread));
    const syncers = new Set(calls.filter((call) => isLogSync(call, place.walFile)).map((call) => call.thread));
    expect([answerers.size, syncers.size]).toEqual([1, 2]);
    expect([...syncers]).toEqual(expect.arrayContaining([...answerers]));

    // The same trace with one thing changed must not pass, or passing means nothing.
    const isSync = (call: SystemCall) => isLogSync(call, place.walFile);
    const withoutSyncs = calls.filter((call) => !isSync(call));
    expect(withoutSyncs.length).toBeLessThan(calls.length);
    expect(faultyAnswers(withoutSyncs, answered, place.walFile)).toEqual(answered.map((one) => one.answerMark));
    const failedSyncs = calls.map((call) => (isSync(call) ? { ...call, result: -1 } : call));
    expect(faultyAnswers(failedSyncs, answered, place.walFile)).toEqual(answered.map((one) => one.answerMark));
    for (const one of answered) {
      const answer = calls.find((call) => call.target.startsWith("socket:") && call.data.includes(one.answerMark));
      const ownSync = calls.findLast((call) => isSync(call) && call.end < (answer?.start ?? 0));
      // One sync less: the calls of that commit are found, this one among them.
      expect(
        faultyAnswers(
          calls.filter((call) => call !== ownSync),
          answered,
          place.walFile,
        ),
      ).toContain(one.answerMark);
    }
  });
});

const isAnswer = (call: SystemCall): boolean => call.target.startsWith("socket:") && call.data.startsWith("HTTP/1.1 ");

const isLogSync = (call: SystemCall, walFile: string): boolean => call.name.endsWith("sync") && call.target === walFile;

function faultyAnswers(calls: readonly SystemCall[], answered: readonly AnsweredCall[], walFile: string): string[] {
  return answered.filter((one) => syncFaults(calls, [one], walFile).length > 0).map((one) => one.answerMark);
}

/** One after another and all at once, of both operations that store records, replays among them. */
async function variedCalls(client: SignedClient): Promise<readonly AnsweredCall[]> {
  const supply = batchSupply(Date.now(), buyers);
  const answered: AnsweredCall[] = [];
  const seen = new Set<string>();
  const call = async (operation: string, input: unknown, key: typeof sellerKey): Promise<void> => {
    const requestMark = randomUUID();
    const reply = await client.call(operation, input, key, { "amz-sdk-invocation-id": requestMark });
    expect(reply.status, reply.text).toBe(200);
    const ids = reply.text.match(/(?<="MeteringRecordId":")[^"]+/g) ?? [];
    // A replay's records were in the log before it; its answer still waits for the commit of its audit event.
    const recordIds = ids.filter((id) => !seen.has(id));
    for (const id of ids) seen.add(id);
    answered.push({ requestMark, answerMark: reply.requestId, recordIds });
  };
  const batch = (input: BatchInput): Promise<void> => call("BatchMeterUsage", input, sellerKey);
  const meter = (): Promise<void> =>
    call(
      "MeterUsage",
      {
        ProductCode: agentProduct,
        Timestamp: Math.floor(Date.now() / 1_000),
        UsageDimension: agentDimension,
        UsageQuantity: 1,
        ClientToken: randomUUID(),
      },
      agentKey,
    );
  const batches = [1, 25, 7, 25, 2].map(supply);
  for (const input of batches) {
    await batch(input);
    await meter();
  }
  for (const input of batches) await batch(input);
  const atOnce = Array.from({ length: 40 }, (_, index) => supply(1 + (index % 25)));
  await Promise.all(atOnce.flatMap((input, index) => (index % 4 === 0 ? [batch(input), meter()] : [batch(input)])));
  // Meanwhile the thread that writes has started. It is given what has no client tokens.
  for (let wave = 0; wave < 5; wave += 1) {
    await sleep(threadStartMs);
    await Promise.all(Array.from({ length: 10 }, (_, index) => batch(supply(1 + index))));
  }
  return answered;
}

describe("the judge of traces", () => {
  const id = "01020304-0506-4708-8910-111213141516";
  const bytes = String.raw`\1\2\3\4\5\6G\10\211\20\21\22\23\24\25\26`;
  const wal = "/data/meterhouse.db-wal";
  const steps = {
    request: `7 read(22<socket:[1]>, "POST / HTTP/1.1\\r\\nid: mark-1\\r\\n", 65536) = 33`,
    write: `7 pwrite64(20<${wal}>, "frame ${bytes} end", 4096, 24) = 4096`,
    sync: `7 fdatasync(20<${wal}>) = 0`,
    answer: `7 writev(22<socket:[1]>, [{iov_base="HTTP/1.1 200 OK\\r\\n", iov_len=17}, {iov_base="answer-1", iov_len=8}], 2) = 25`,
  };
  const { request, write, sync, answer } = steps;
  const judge = (lines: readonly string[]) =>
    syncFaults(parseTrace(lines.join("\n")), [{ requestMark: "mark-1", answerMark: "answer-1", recordIds: [id] }], wal);

  test("passes what is right", () => {
    expect(judge([request, write, write, sync, answer])).toEqual([]);
    expect(judge([request, write, sync.replace("fdatasync", "fsync"), answer])).toEqual([]);
    expect(judge([sync, request, `7 write(9<pipe:[3]>, "x", 1) = 1`, write, sync, answer, write])).toEqual([]);
  });

  test("knows a record that lies on two pages", () => {
    const half = (from: number, to?: number): string =>
      bytes
        .match(/\\\d+|./g)
        ?.slice(from, to)
        .join("") ?? "";
    const first = `7 pwrite64(20<${wal}>, "page ${half(0, 7)}", 4096, 24) = 4096`;
    const second = `7 pwrite64(20<${wal}>, "next${half(7)} more", 4096, 4144) = 4096`;
    expect(judge([request, second, first, sync, answer])).toEqual([]);
    expect(judge([request, first, sync, second, answer])).not.toEqual([]);
    expect(judge([request, first, sync, answer])).not.toEqual([]);
    expect(judge([request, first, second, answer])).not.toEqual([]);
  });

  test("reads calls that another thread cut in two", () => {
    const begun = `7 fdatasync(20<${wal}> <unfinished ...>`;
    const other = `8 write(9<pipe:[3]>, "x", 1) = 1`;
    const done = "7 <... fdatasync resumed>)          = 0";
    expect(judge([request, write, begun, other, done, answer])).toEqual([]);
    expect(judge([request, write, begun, other, answer, done])).not.toEqual([]);
    expect(judge([request, write, begun, other, answer])).not.toEqual([]);
    const half = `7 pwrite64(20<${wal}>, "frame ${bytes} end", 4096, 24 <unfinished ...>`;
    expect(judge([request, half, other, "7 <... pwrite64 resumed>) = 4096", sync, answer])).toEqual([]);
    expect(
      judge([request, half, `8 fdatasync(20<${wal}>) = 0`, "7 <... pwrite64 resumed>) = 4096", answer]),
    ).not.toEqual([]);
  });

  test.each([
    ["there is no sync", [request, write, answer]],
    ["the sync comes after the answer", [request, write, answer, sync]],
    ["the sync comes before the write", [request, sync, write, answer]],
    ["the sync comes before the request", [write, sync, request, answer]],
    ["a write follows the sync", [request, write, sync, write, answer]],
    ["the sync fails", [request, write, sync.replace("= 0", "= -1 EIO (Input/output error)"), answer]],
    ["the sync is of another file", [request, write, sync.replace("-wal", ""), answer]],
    ["the record is in another file", [request, write.replace("-wal", ""), sync, answer]],
    ["the record was never written", [request, write.replace(bytes, "nothing"), sync, answer]],
    ["the answer is not in the trace", [request, write, sync]],
    ["the request is not in the trace", [write, sync, answer]],
  ])("objects when %s", (_what, lines) => {
    expect(judge(lines)).not.toEqual([]);
  });
});
