/** Request and answer as memory holds them, for whoever opens a call. */
import { z } from "@hono/zod-openapi";
import type { Exchanges } from "../protocol/exchanges.ts";
import type { Store } from "../store/store.ts";

const message = { headers: z.array(z.object({ name: z.string(), value: z.string() })), body: z.string() };
export const exchangeSchema = z
  .object({
    request: z.object({ method: z.string(), url: z.string(), ...message }),
    response: z.object({
      status: z.int().openapi({ description: "0: nothing was answered, a planned fault cut the connection" }),
      ...message,
    }),
  })
  .openapi({ description: "What was sent and answered, to the byte but for secrets, while memory still holds it" });

export const exchangeNoteSchema = z.string().openapi({ description: "Why there is no exchange" });

const notKept = "The exact request and answer are not in this server's memory: it keeps the newest until it stops.";

/** What is in the memory of one node: said where another one may have what this one has not. */
export function nodesNote({ shared }: Pick<Store, "shared">): string {
  return shared === undefined ? "" : " Each node keeps those that it answered itself; another one may have these.";
}

/** To be spread into an answer: in words where memory does not have it. */
export function exchangeView(
  exchanges: Pick<Exchanges, "find"> | undefined,
  requestId: string,
  store: Pick<Store, "shared">,
): { exchange?: z.infer<typeof exchangeSchema>; exchangeNote?: string } {
  const kept = exchanges?.find(requestId);
  if (kept === undefined) return { exchangeNote: `${notKept}${nodesNote(store)}` };
  return {
    exchange: {
      request: { ...kept.request, headers: kept.request.headers.map(([name, value]) => ({ name, value })) },
      response: {
        ...kept.response,
        headers: Object.entries(kept.response.headers).map(([name, value]) => ({ name, value })),
      },
    },
  };
}
