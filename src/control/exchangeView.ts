/** Request and answer as memory holds them, for whoever opens a call. */
import { z } from "@hono/zod-openapi";
import type { Exchanges } from "../protocol/exchanges.ts";

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

/** To be spread into an answer: nothing where memory has let go of it. */
export function exchangeView(
  exchanges: Pick<Exchanges, "find"> | undefined,
  requestId: string,
): { exchange?: z.infer<typeof exchangeSchema> } {
  const kept = exchanges?.find(requestId);
  if (kept === undefined) return {};
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
