/** Live updates as server-sent events, so that a page need not ask again and again. */

import { createRoute, z } from "@hono/zod-openapi";
import { streamSSE } from "hono/streaming";
import { type AddResource, problems } from "./app.ts";
import type { CallTold } from "./feed.ts";
import { Problem } from "./problems.ts";

/** Browsers that look on at once. */
const streamsMax = 64;
/** Calls that wait for a slow reader; what is beyond is counted and told as a number. */
const waitingMax = 500;
const lookEveryMs = 500;
/** Something is sent at least so often, so that whatever is in between keeps the connection. */
const beatEveryMs = 15_000;

const streamRoute = createRoute({
  method: "get",
  path: "/stream",
  tags: ["Console"],
  summary: "Follow what happens, as server-sent events",
  description:
    "Events: `call` (a call was answered), `change` (something in the catalogue changed), `clock` (the business clock was moved or changes its pace), `missed` (so many calls came too fast for this reader).",
  responses: {
    200: { description: "The stream", content: { "text/event-stream": { schema: z.string() } } },
    ...problems,
  },
});

export const addStream: AddResource = (app, { feed, catalog, clock, stopping }) => {
  let open = 0;
  app.openapi(streamRoute, (context) => {
    if (open >= streamsMax) {
      throw new Problem(429, `${streamsMax} browsers follow already; close one.`, { headers: { "Retry-After": "10" } });
    }
    open += 1;
    return streamSSE(context, async (stream) => {
      let waiting: CallTold[] = [];
      let missed = 0;
      const unlisten = feed.listen((call) => {
        if (waiting.length < waitingMax) waiting.push(call);
        else missed += 1;
      });
      stream.onAbort(unlisten);
      let version = catalog.version;
      let pace = clock.state();
      let beatAt = performance.now();
      try {
        while (!stream.aborted && !stopping.aborted) {
          const calls = waiting;
          waiting = [];
          for (const call of calls) await stream.writeSSE({ event: "call", data: JSON.stringify(call) });
          if (missed > 0) {
            await stream.writeSSE({ event: "missed", data: String(missed) });
            missed = 0;
          }
          if (catalog.version !== version) {
            version = catalog.version;
            await stream.writeSSE({ event: "change", data: String(version) });
          }
          const newPace = clock.state();
          if (newPace !== pace) {
            pace = newPace;
            await stream.writeSSE({ event: "clock", data: JSON.stringify({ now: clock.now() }) });
          }
          if (performance.now() - beatAt > beatEveryMs) {
            beatAt = performance.now();
            await stream.write(": still here\n\n");
          }
          await stream.sleep(lookEveryMs);
        }
      } finally {
        unlisten();
        open -= 1;
      }
    });
  });
};
