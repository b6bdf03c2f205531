/** The thread of one export: reads the ledger by a reader of its own and sends the bytes, as many as were asked for. */
import { once } from "node:events";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { OpenReader } from "../store/ledgerReader.ts";
import { exportAsOf } from "./exportRecords.ts";
import type { ExportJob, ExportMessage } from "./exportThread.ts";

async function run(port: MessagePort, { source, filter, format }: ExportJob): Promise<void> {
  let wanted = 0;
  port.on("message", (more: number) => {
    wanted += more;
  });
  const { openReader } = (await import(source.module)) as { readonly openReader: OpenReader };
  const reader = openReader(source.options);
  try {
    const send = (message: ExportMessage, own: ArrayBuffer[] = []): void => port.postMessage(message, own);
    const { count, bytes } = await exportAsOf(reader, filter, format);
    send({ kind: "count", count });
    for await (const chunk of bytes) {
      // A copy where the memory is shared with others, as small buffers share Node's pool.
      const { buffer } = chunk.length === chunk.buffer.byteLength ? chunk : new Uint8Array(chunk);
      while (wanted === 0) await once(port, "message");
      wanted -= 1;
      send({ kind: "chunk", bytes: buffer as ArrayBuffer }, [buffer as ArrayBuffer]);
    }
    send({ kind: "end" });
  } finally {
    reader.close();
    port.close();
  }
}

if (parentPort !== null) await run(parentPort, workerData as ExportJob);
