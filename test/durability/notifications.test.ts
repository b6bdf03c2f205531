/** A change and its announcement are one commit: a server that is killed between the two still delivers. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { endProcesses, launch, makePlace, type Place } from "../support/serverProcess.ts";

let receiver: Server | undefined;
afterEach(async () => {
  await endProcesses();
  receiver?.closeAllConnections();
  await new Promise((resolve) => (receiver === undefined ? resolve(undefined) : receiver.close(resolve)));
  receiver = undefined;
});

/** An endpoint of the seller's; `answers` says which status it gives now. */
async function receive(answers: { status: number }, bodies: string[]): Promise<string> {
  receiver = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("end", () => {
      if (answers.status === 200) bodies.push(body);
      response.writeHead(answers.status).end();
    });
  });
  await new Promise<void>((resolve) => receiver?.listen(0, "127.0.0.1", () => resolve()));
  return `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/events`;
}

async function post(endpoint: string, place: Place, path: string, body: object): Promise<void> {
  const token = readFileSync(join(place.dataDir, "admin.token"), "utf8").trim();
  const answer = await fetch(`${endpoint}/api/v1${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  expect(answer.status, await answer.clone().text()).toBe(201);
}

test("SIGKILL between a purchase and its delivery: the events arrive after the restart, each of them", async () => {
  const place = makePlace({
    accounts: [{ id: "333333333333" }],
    products: [
      {
        code: "saas",
        seller: "111111111111",
        type: "saas-subscription",
        dimensions: ["requests"],
        createdAt: "2024-01-01T00:00:00Z",
      },
    ],
  });
  const answers = { status: 500 };
  const bodies: string[] = [];
  const url = await receive(answers, bodies);
  const first = launch(place);
  const before = await first.ready;
  if (before === undefined) throw new Error((await first.exit).stderr);
  await post(before.endpoint, place, "/notification-targets", {
    seller: "111111111111",
    forms: ["eventbridge"],
    kind: "http",
    url,
  });
  await post(before.endpoint, place, "/agreements", { product: "saas", buyer: "333333333333" });
  await first.kill();
  expect(bodies).toEqual([]);

  answers.status = 200;
  const second = launch(place);
  if ((await second.ready) === undefined) throw new Error((await second.exit).stderr);
  await vi.waitFor(() => expect(bodies.length).toBeGreaterThanOrEqual(2), { timeout: 20_000, interval: 50 });
  const kinds = bodies.map((body) => (JSON.parse(body) as Record<string, unknown>)["detail-type"]);
  expect(new Set(kinds)).toEqual(new Set(["Purchase Agreement Created - Proposer", "License Updated - Manufacturer"]));
});
