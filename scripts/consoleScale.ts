/**
 * How long the server takes to answer what each page of the console asks, over five million records, 2,000 agreements and
 * half a million calls: first with a server that was just started, then again and again. Prints a table, and ends with
 * code 1 where an answer takes longer than its bound. The server's CPU time of the first answer stands beside it: on a
 * machine that others use, too, it is what an idle one would take.
 *
 *     node scripts/consoleScale.ts [--records 5000000] [--customers 2000] [--times 7] [--only TEXT] [--ready-ms 60000] [--data DIR]
 *
 * `--data` is a folder that an earlier run filled (its files stay), or a new one that is filled and kept. `--only`: pages
 * with this text in their names. `--ready-ms`: so long a server is left alone with a folder that was just filled, to sum
 * hours up that are over, as one that ran all the time would have. The file system's cache is not emptied.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { killAll, startMeterhouse } from "../bench/processes.ts";
import { type Range, ranges, spanOf } from "../src/console/pages/overview/range.ts";
import { buyerOf, fill, productOf } from "./consoleScaleData.ts";

/** Business time, for all runs: the same folder gives the same answers. */
const now = "2026-08-15T10:20:00Z";
const adminToken = "scale-scale-scale-scale-scale-scale-scale";
const pageBoundMs = 1_000;
const chartBoundMs = 300;
const dayMs = 86_400_000;

type Query = Readonly<Record<string, string | number>>;

/** One look at a page: what it asks for when it opens. */
interface Look {
  readonly page: string;
  readonly boundMs: number;
  readonly questions: readonly (readonly [path: string, query?: Query])[];
}

const daysAgo = (days: number): string => new Date(Date.parse(now) - days * dayMs).toISOString();
const dayStart = (days: number): string => `${daysAgo(days).slice(0, 10)}T00:00:00.000Z`;
const list = (query: Query = {}): Query => ({ ...query, limit: 50 });

/** What of the folder is asked for by its name. */
interface Names {
  readonly buyer: string;
  readonly product: string;
  readonly agreement: string;
  readonly notification: string;
  readonly request: string;
}

function overviewLooks(): readonly Look[] {
  const charts = (range: Range, member: string): Look => {
    const span: Query = { ...spanOf(range, now) };
    return {
      page: `Overview, ${range.text}, by ${member}`,
      boundMs: chartBoundMs,
      questions: [
        ["/calls/summary", span],
        ["/usage/summary", { ...span, member, measure: "quantity", top: 6 }],
      ],
    };
  };
  return [
    {
      page: "Overview, beside the charts",
      boundMs: chartBoundMs,
      questions: [
        ["/clock"],
        ["/calls", { limit: 1 }],
        ["/calls", { limit: 10 }],
        ["/clock/due", { limit: 5 }],
        ["/products", { limit: 50 }],
      ],
    },
    ...ranges.flatMap((range) => [charts(range, "dimension"), charts(range, "customer")]),
  ];
}

function usageLooks({ buyer, product }: Names): readonly Look[] {
  const week: Query = { from: dayStart(6) };
  const records = (query: Query): readonly [string, Query] => [
    "/metering-records",
    list({ ...query, order: "newest-first" }),
  ];
  const sums = (query: Query): Look["questions"] => [
    ["/usage", { ...query, limit: 1_000 }],
    ["/usage", list(query)],
    ["/metering-records", { order: "newest-first", limit: 200 }],
  ];
  const look = (page: string, questions: Look["questions"]): Look => ({ page, boundMs: pageBoundMs, questions });
  return [
    look("Usage, records", [records({}), records({ customer: buyer }), records({ product, dimension: "dimension_3" })]),
    look("Usage, records, a week", [records(week), records({ ...week, status: "not-billable" })]),
    look("Usage, totals as they open", sums({ groupBy: "day,dimension" })),
    look("Usage, totals, a week by customer", sums({ ...week, groupBy: "day,customer" })),
    look("Usage, totals, all by customer", sums({ groupBy: "customer" })),
    look("Usage, totals, by month", sums({ groupBy: "month,product" })),
    look("Usage, totals of a customer", sums({ customer: buyer, groupBy: "day,dimension" })),
    look("Usage, heat map", [["/usage/hours"]]),
    look("Usage, heat map of a customer", [["/usage/hours", { customer: buyer }]]),
  ];
}

function listLooks({ buyer, product, agreement, notification, request }: Names): readonly Look[] {
  const look = (page: string, questions: Look["questions"]): Look => ({ page, boundMs: pageBoundMs, questions });
  const newest = { order: "newest-first" };
  return [
    look("Requests", [["/calls", list()], ["/errors"]]),
    look("Requests, filtered", [
      ["/calls", list({ outcome: "refused" })],
      ["/calls", list({ outcome: "InvalidProductCodeException", product })],
      ["/calls", list({ product, from: dayStart(3), to: dayStart(2) })],
      ["/calls", list({ operation: "ResolveCustomer" })],
      ["/calls", list({ accessKeyId: "AKIAUNKNOWN000000000" })],
      ["/calls", list({ fault: "true" })],
    ]),
    look("Requests, one", [[`/calls/${request}`]]),
    look("Requests, without a trail", [["/calls/untraced", list()]]),
    look("Products", [["/products", list()], ["/products", list({ search: "scale" })], [`/products/${product}`]]),
    look("Agreements", [
      ["/agreements", list(newest)],
      ["/agreements", list({ ...newest, buyer })],
      ["/agreements", list({ ...newest, product, state: "active" })],
    ]),
    look("Agreement", [
      [`/agreements/${agreement}`],
      [`/agreements/${agreement}/timeline`, list(newest)],
      [`/agreements/${agreement}/timeline`, list({ order: "oldest-first" })],
      ["/metering-records", list({ product, customer: buyer })],
      ["/events", list({ target: agreement })],
    ]),
    look("Customers", [
      ["/accounts", list()],
      ["/accounts", list({ search: buyer })],
    ]),
    look("Customer", [
      [`/accounts/${buyer}`],
      ["/agreements", list({ buyer, ...newest })],
      ...[6, 30, 91].map(
        (days) =>
          ["/usage", list({ customer: buyer, from: dayStart(days), groupBy: "day,product,dimension,status" })] as const,
      ),
      ["/calls", list({ account: buyer })],
      ["/licenses", list({ buyer })],
      ["/entitlements", list({ buyer })],
    ]),
    look("Workloads", [["/workloads", list()]]),
    look("Credentials", [["/credentials", list()]]),
    look("Notifications", [
      ["/notifications", list(newest)],
      ["/notifications", list({ ...newest, product, state: "dead" })],
      [`/notifications/${notification}`],
    ]),
    look("Clock", [["/clock"], ["/clock/due", { limit: 100 }]]),
    look("Faults", [["/faults"], ["/calls", list({ fault: "true", from: dayStart(7) })]]),
    look("Settings", [["/settings"], ["/admin-tokens", list()], ["/events", list()]]),
    look("Reports, bill", [
      ["/reports/bill", list({ month: "2026-07" })],
      ["/reports/bill", list({ month: "2026-08" })],
      ["/reports/bill", list({ month: "2026-07", customer: buyer })],
    ]),
    // On request, and beside a progress bar: told, not held to the bound.
    { page: "Doctor, 24 hours", boundMs: Number.POSITIVE_INFINITY, questions: [["/doctor", { from: daysAgo(1) }]] },
  ];
}

function textOf([path, query = {}]: Look["questions"][number]): string {
  // Colons and commas may stand in a query as they are, which is easier to read.
  const members = Object.entries(query).map(([name, value]) => `${name}=${value}`);
  return encodeURI(members.length === 0 ? path : `${path}?${members.join("&")}`);
}

async function ask(port: number, question: string): Promise<{ readonly ms: number; readonly body: string }> {
  const startedAt = performance.now();
  const response = await fetch(`http://127.0.0.1:${port}/api/v1${question}`, {
    headers: { authorization: `Bearer ${adminToken}` },
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`${question} was answered with ${response.status}: ${body}`);
  return { ms: performance.now() - startedAt, body };
}

async function namesIn(dataDir: string): Promise<Names> {
  const server = await startMeterhouse(dataDir, [], ["--now", now]);
  const first = async (path: string): Promise<Readonly<Record<string, string>>> => {
    const { items } = JSON.parse((await ask(server.port, path)).body) as { items: Record<string, string>[] };
    return items[0] ?? {};
  };
  try {
    const buyer = buyerOf(7);
    return {
      ...{ buyer, product: productOf(7), agreement: (await first(`/agreements?buyer=${buyer}`)).id ?? "" },
      notification: (await first("/notifications?limit=1")).id ?? "",
      request: (await first("/calls?limit=1")).requestId ?? "",
    };
  } finally {
    await server.stop();
  }
}

/** Milliseconds that all threads of the process have computed for, to 10; 0 where /proc does not tell. */
function cpuMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return 0;
  }
}

interface Row {
  readonly question: string;
  readonly first: number;
  readonly firstCpu: number;
}

/** Prints a row a question; resolves with how many took too long. */
async function measure(dataDir: string, look: Look, times: number): Promise<number> {
  const server = await startMeterhouse(dataDir, [], ["--now", now]);
  let late = 0;
  try {
    const rows: Row[] = [];
    for (const question of look.questions.map(textOf)) {
      const before = cpuMs(server.pid);
      const { ms } = await ask(server.port, question);
      rows.push({ question, first: ms, firstCpu: cpuMs(server.pid) - before });
    }
    for (const { question, first, firstCpu } of rows) {
      const again: number[] = [];
      for (let time = 0; time < times; time += 1) again.push((await ask(server.port, question)).ms);
      again.sort((a, b) => a - b);
      const most = again.at(-1) ?? 0;
      const isLate = Math.max(first, most) > look.boundMs;
      late += Number(isLate);
      const figures = [first, firstCpu, again[Math.floor(again.length / 2)] ?? 0, most].map((ms) => ms.toFixed(0));
      print(`| ${look.page} | \`${question}\` | ${figures.join(" | ")} | ${isLate ? `over ${look.boundMs}` : ""} |`);
    }
  } finally {
    await server.stop();
  }
  return late;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "5000000" },
    customers: { type: "string", default: "2000" },
    times: { type: "string", default: "7" },
    "ready-ms": { type: "string", default: "60000" },
    only: { type: "string", default: "" },
    data: { type: "string" },
  },
});
const root = mkdtempSync(join(tmpdir(), "meterhouse-console-"));
process.once("exit", killAll);
process.env.METERHOUSE_ADMIN_TOKEN = adminToken;
try {
  const dataDir = values.data ?? join(root, "data");
  if (!existsSync(join(dataDir, "meterhouse.db"))) {
    const filling = {
      dataDir,
      records: Number(values.records),
      customers: Number(values.customers),
      now: Date.parse(now),
    };
    const { records, calls } = await fill(filling, () => undefined);
    print(`filled: ${records} records, ${calls} calls, ${values.customers} agreements`);
    const server = await startMeterhouse(dataDir, [], ["--now", now]);
    await delay(Number(values["ready-ms"]));
    await server.stop();
  }
  const names = await namesIn(dataDir);
  const looks = [...overviewLooks(), ...usageLooks(names), ...listLooks(names)];
  print(
    `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(1)}; Node ${process.version}`,
  );
  print("| Page | Request | First, ms | of it CPU | Again, median | Again, most | |\n|---|---|--:|--:|--:|--:|---|");
  let late = 0;
  for (const look of looks.filter(({ page }) => page.includes(values.only))) {
    late += await measure(dataDir, look, Number(values.times));
  }
  print(late === 0 ? "every answer is within its bound" : `${late} answers took too long`);
  process.exitCode = late === 0 ? 0 : 1;
} finally {
  rmSync(root, { recursive: true, force: true });
}
