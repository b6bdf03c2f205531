/** Metrics for Prometheus. `/metrics` is the same without a token, where the server listens on loopback alone. */
import { createRoute, z } from "@hono/zod-openapi";
import { type AddResource, problems } from "./app.ts";
import { notFound } from "./problems.ts";

const metricsRoute = createRoute({
  method: "get",
  path: "/metrics",
  tags: ["Operations"],
  summary: "Read the metrics, in Prometheus' text form",
  responses: {
    200: { description: "The metrics", content: { "text/plain": { schema: z.string() } } },
    ...problems,
  },
});

export const addMetrics: AddResource = (app, { metrics }) => {
  app.openapi(metricsRoute, async (context) => {
    if (metrics === undefined) throw notFound("metrics of", "this server");
    return context.text(await metrics.text(), 200, { "Content-Type": metrics.contentType });
  });
};
