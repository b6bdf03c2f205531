/**
 * Metering records as a file, streamed: read as the client takes it, so a slow client slows the export and fills no memory.
 * An export that fails ends its connection, since a stream that ends well would look complete.
 */
import type { HttpBindings } from "@hono/node-server";
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { type ExportFormat, exportFormats } from "../reports/exportRecords.ts";
import { exportRecords } from "../reports/exportThread.ts";
import { type AddResource, problems } from "./app.ts";
import { recordFilters, usageFilter } from "./meteringRecords.ts";
import { Problem } from "./problems.ts";

export const recordsHeader = "Meterhouse-Records";

/** At once; each is a thread that holds some 60 MB. */
const exportsMax = 4;
/** How long a client may leave the next bytes untaken: `… | less` is left open for a while. */
const stallMaxMs = 10 * 60_000;

const contentTypes: Readonly<Record<ExportFormat, string>> = {
  csv: "text/csv; charset=utf-8; header=present",
  parquet: "application/vnd.apache.parquet",
  jsonl: "application/jsonl",
};

const schema = z.string();
const exportRoute = createRoute({
  method: "get",
  path: "/metering-records/export",
  tags: ["Metering records"],
  summary: "Export accepted metering records in order of hour, as CSV, Parquet or JSON lines",
  description: `What the ledger held when the export began; ${recordsHeader} tells the number of records. A connection that is cut before the end means that the file is not whole.`,
  request: {
    query: z.strictObject({
      ...recordFilters,
      format: z.enum(exportFormats).default("csv").openapi({ description: "Form of the file" }),
    }),
  },
  responses: {
    200: {
      description: "The file",
      headers: z.object({ [recordsHeader]: z.string().openapi({ description: "Records in the file" }) }),
      content: {
        "text/csv": { schema },
        "application/vnd.apache.parquet": { schema },
        "application/jsonl": { schema },
      },
    },
    ...problems,
  },
});

export const addRecordsExport: AddResource = (app, { catalog, store, log }) => {
  let running = 0;
  app.openapi(exportRoute, async (context) => {
    const { format, ...given } = context.req.valid("query");
    if (running >= exportsMax) {
      throw new Problem(
        429,
        `${exportsMax} exports are running, which is the most at once; try again when one is done.`,
        {
          headers: { "Retry-After": "5" },
        },
      );
    }
    let isDone = false;
    const done = (): void => {
      if (!isDone) running -= 1;
      isDone = true;
    };
    running += 1;
    try {
      const { count, bytes } = await exportRecords(store, usageFilter(catalog, given), format);
      const headers = {
        "Content-Type": contentTypes[format],
        "Content-Disposition": `attachment; filename="metering-records.${format}"`,
        [recordsHeader]: String(count),
      };
      if (context.req.method === "HEAD") {
        await bytes[Symbol.asyncIterator]().return?.();
        done();
        return context.body(null, 200, headers);
      }
      const cut = (error: unknown): boolean => {
        log.warn({ err: error, format, count }, "an export of metering records broke off");
        return outgoingOf(context)?.destroy() !== undefined;
      };
      const outgoing = outgoingOf(context);
      const sent = outgoing === undefined ? bytes : freedWhenWritten(bytes, outgoing);
      return context.body(streamOf(sent, { cut, done }), 200, headers);
    } catch (error) {
      done();
      throw error;
    }
  });
};

/** undefined: not over a socket. */
export function outgoingOf(context: Context): HttpBindings["outgoing"] | undefined {
  return (context.env as Partial<HttpBindings> | undefined)?.outgoing;
}

/**
 * Gives the memory of each chunk back once the socket is done with it. Left to the garbage collector, 50 MB of them wait:
 * next to nothing else is made here that would call it.
 */
function freedWhenWritten(
  bytes: AsyncIterable<Uint8Array>,
  outgoing: HttpBindings["outgoing"],
): AsyncIterable<Uint8Array> {
  const own = new WeakSet<object>();
  const write = outgoing.write.bind(outgoing) as (data: unknown, written: () => void) => boolean;
  outgoing.write = ((data: unknown) =>
    write(data, () => {
      if (!(data instanceof Uint8Array && own.delete(data) && data.buffer instanceof ArrayBuffer)) return;
      // Parts of Node's pool are too small to matter, and belong to others, too.
      if (data.byteLength === data.buffer.byteLength) data.buffer.transfer(0);
    })) as typeof outgoing.write;
  return {
    [Symbol.asyncIterator]: () => {
      const iterator = bytes[Symbol.asyncIterator]();
      return {
        next: async () => {
          const next = await iterator.next();
          if (next.done !== true) own.add(next.value);
          return next;
        },
        return: async () => (await iterator.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}

/**
 * One chunk for each that is asked for. `cut` ends the connection, and false means that there is none. The error itself is
 * kept from the stream: its reader answers one by a message and the end of the body, which looks like a whole file.
 */
export function streamOf(
  bytes: AsyncIterable<Uint8Array>,
  { cut, done }: { readonly cut: (error: unknown) => boolean; readonly done: () => void },
): ReadableStream<Uint8Array> {
  const iterator = bytes[Symbol.asyncIterator]();
  let isStopped = false;
  const stop = (): void => {
    isStopped = true;
    clearTimeout(timer);
    done();
    iterator.return?.().catch(() => undefined);
  };
  const timer = setTimeout(() => {
    cut(new Error(`nobody took its bytes for ${stallMaxMs / 1_000} s`));
    stop();
  }, stallMaxMs).unref();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { done: isEnd, value } = await iterator.next();
          // Its client went away meanwhile.
          if (isStopped) return;
          timer.refresh();
          if (isEnd !== true) return controller.enqueue(value);
          stop();
          controller.close();
        } catch (error) {
          const isCut = cut(error);
          stop();
          if (!isCut) controller.error(error);
        }
      },
      cancel: stop,
    },
    // Nothing is made before it is asked for.
    { highWaterMark: 0 },
  );
}
