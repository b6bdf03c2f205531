/** The generated parts of `docs/scale.md`: each stands between two comments that name it. */
import {
  type AssumptionName,
  assumed,
  assumptions,
  hoursPerMonth,
  recordsPerHour,
  recordsPerSecond,
} from "./assumptions.ts";
import type { Costs } from "./costs.ts";
import { duration, money, number, percent, table } from "./format.ts";
import { measured } from "./measuredReport.ts";
import { singleServer } from "./plant.ts";
import { zipf } from "./random.ts";
import type { Results, Scenario } from "./scenarios.ts";
import type { Fault, Result } from "./simulate.ts";
import { seriesSeconds } from "./simulationTally.ts";
import { dollars, gigabyte, regionShares, type Sizing, type SizingOptions, sizingOf, walBytes } from "./sizing.ts";

export type Blocks = ReadonlyMap<string, string>;

export function blocksOf(costs: Costs, scenarios: readonly Scenario[], results: Results): Blocks {
  const sizing = sizingOf(costs);
  return new Map([
    ["answers", answers(costs, sizing, scenarios, results)],
    ["measured", measured(costs)],
    ["simulation", simulation(scenarios, results)],
    ["distribution", distribution(results)],
    ["quota", quota()],
    ["single", single(costs)],
    ["machines", machines(sizing)],
    ["disks", disks(costs, sizing)],
    ["money", moneyTable(sizing)],
    ["regions", regions(costs)],
    ["sensitivity", sensitivity(costs)],
    ["assumptions", assumptionTable()],
  ]);
}

/** The document with its parts anew. Throws where a part has no place in it, or a place has no part. */
export function withBlocks(document: string, blocks: Blocks): string {
  const seen = new Set<string>();
  const filled = document.replaceAll(
    /<!-- scale:(\w+) -->\n[\s\S]*?<!-- \/scale:\1 -->/g,
    (_, name: string): string => {
      const text = blocks.get(name);
      if (text === undefined) throw new Error(`docs/scale.md has a place for '${name}', which nothing fills`);
      seen.add(name);
      return `<!-- scale:${name} -->\n${text}\n<!-- /scale:${name} -->`;
    },
  );
  const missing = [...blocks.keys()].filter((name) => !seen.has(name));
  if (missing.length > 0) throw new Error(`docs/scale.md has no place for ${missing.join(", ")}`);
  return filled;
}

function resultOf(results: Results, id: string): Result {
  const result = results.get(id);
  if (result === undefined) throw new Error(`there is no run '${id}'`);
  return result;
}

function answers(costs: Costs, sizing: Sizing, scenarios: readonly Scenario[], results: Results): string {
  const usual = resultOf(results, "usual");
  const { plant } = sizing;
  const lostNowhere = scenarios.filter(({ id }) => id !== "async").every(({ id }) => resultOf(results, id).lost === 0);
  const region = resultOf(results, "region");
  const recovery = recoverySeconds(region, usual, faultOf(scenarios, "region"));
  return table(
    ["Question", "Answer"],
    [
      [
        "How much is it?",
        `${number(sizing.recordsPerSecond)} records a second, ${number(sizing.recordsPerMonth / 1e9)} billion a month, ` +
          `${number(sizing.recordsPerYear / 1e9)} billion a year. (90 billion a year would be a tenth of it, see "What if".)`,
      ],
      [
        "And at the worst second?",
        `${number(usual.peakRecordsPerSecond)} records a second, ${number(usual.peakRecordsPerSecond / recordsPerSecond())} ` +
          "times the mean: most jobs start at the full hour.",
      ],
      [
        "Machines",
        `${plant.nodes} nodes of ${assumed("nodeVcpus")} vCPUs; ${plant.shards} shards of ${plant.vcpusPerShard} vCPUs, ` +
          `each with ${assumed("copies") - 1} standbys`,
      ],
      [
        "Money",
        `${money(dollars(sizing.money))} a month, ${number((dollars(sizing.money) / sizing.recordsPerMonth) * 1e6)} dollars a million records`,
      ],
      [
        "What it is spent on",
        `disks and objects ${percent(shareOf(sizing, ["Disks", "Object"]))}, processors ${percent(shareOf(sizing, ["Nodes", "Shards"]))}`,
      ],
      [
        "What is waited for",
        `p99 ${duration(usual.p99Ms / 1_000)} while nothing breaks; after 10 minutes without a Region all is caught up in ${duration(recovery)}`,
      ],
      [
        "Lost records",
        lostNowhere
          ? `none that could be sent, in any run whose commits wait for a standby (see Quotas for those that could not); ${number(resultOf(results, "async").lost)} where they do not and a primary dies`
          : "SOME: see the runs below",
      ],
      [
        "What breaks first, once nodes write to shards directly",
        `the catalogue in each node's memory: ${number(sizing.catalogNodeGb)} GB and ${number(sizing.catalogStartSeconds)} s of CPU at each start (${number(
          costs.catalog.nodeBytesPerAgreement,
        )} bytes an agreement)`,
      ],
    ],
  );
}

function shareOf({ money: lines }: Sizing, starts: readonly string[]): number {
  return dollars(lines.filter(({ what }) => starts.some((start) => what.startsWith(start)))) / dollars(lines);
}

function faultOf(scenarios: readonly Scenario[], id: string): Fault | undefined {
  return scenarios.find((scenario) => scenario.id === id)?.run.faults?.[0];
}

/** After the fault has ended: until no more waits than without it, to a thousandth of an hour's records. */
export function recoverySeconds(result: Result, usual: Result, fault: Fault | undefined): number {
  if (fault === undefined) return 0;
  const end = Math.ceil((fault.at + fault.seconds) / seriesSeconds);
  const spare = recordsPerHour() / 1_000;
  const { backlog } = result.series;
  for (let step = end; step < backlog.length; step += 1) {
    if ((backlog[step] ?? 0) <= (usual.series.backlog[step] ?? 0) + spare) return (step - end) * seriesSeconds;
  }
  return (backlog.length - end) * seriesSeconds;
}

function simulation(scenarios: readonly Scenario[], results: Results): string {
  const usual = resultOf(results, "usual");
  return table(
    [
      "Run",
      "Wait p50",
      "p99",
      "most",
      "Refused: quota",
      "full",
      "Sent again",
      "Busiest shard",
      "Nodes",
      "Most waiting, million",
      "Caught up after",
      "Lost",
    ],
    scenarios.map(({ id, title, run }) => {
      const result = resultOf(results, id);
      return [
        title,
        ...[result.p50Ms, result.p99Ms, result.maxMs].map((ms) => duration(ms / 1_000)),
        ...[result.throttledShare, result.overloadShare, result.againShare].map(percent),
        percent(Math.max(...result.shardPeak)),
        percent(result.nodePeak),
        number(result.backlogMax / 1e6),
        result.waiting > 0
          ? `never: ${number(result.waiting / 1e6)} million left`
          : run.faults === undefined
            ? "–"
            : duration(recoverySeconds(result, usual, run.faults[0])),
        number(result.lost),
      ];
    }),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
  );
}

function distribution(results: Results): string {
  const rows = (
    [
      ["usual", "customer's account"],
      ["product", "product"],
      ["hour", "hour"],
    ] as const
  ).map(([id, name]) => {
    const { shardMean, shardPeak, p99Ms, nodePeak } = resultOf(results, id);
    const mean = shardMean.reduce((sum, share) => sum + share, 0) / shardMean.length;
    return [
      name,
      `${number(Math.max(...shardMean) / mean)} times`,
      percent(Math.max(...shardPeak)),
      percent(shardMean.reduce((sum, share) => sum + share, 0) / shardMean.length),
      percent(nodePeak),
      duration(p99Ms / 1_000),
    ];
  });
  return table(
    [
      "Distributed by",
      "Busiest shard against the mean",
      "its busiest second",
      "All shards, mean of the hour",
      "Nodes, busiest second",
      "Wait p99",
    ],
    rows,
    [1, 2, 3, 4, 5],
  );
}

/** Whom AWS's quota leaves behind: what does not go out within the hour never does. */
function quota(): string {
  const most = assumed("quotaCalls") * assumed("recordsPerCall") * 3_600;
  const all = recordsPerHour();
  const shares = zipf(assumed("sellers"), assumed("sellerExponent")).map((share) => share * all);
  const over = shares.filter((records) => records > most);
  const behind = over.reduce((sum, records) => sum + records - most, 0);
  return (
    `${assumed("quotaCalls")} calls of ${assumed("recordsPerCall")} records a second are ${number(most)} records an hour for an account in a Region. ` +
    `${over.length} of the ${number(shares.length)} sellers have more; ${percent(behind / all)} of all records would never go out, and be lost ` +
    `${assumed("windowHours")} hours later. With one record a call an account has ${number(most / assumed("recordsPerCall"))} records an hour.`
  );
}

function single(costs: Costs): string {
  const wal = walBytes(costs, assumed("recordsPerCall"));
  const bytes = costs.bytes.usageHeapPerRecord + costs.bytes.usageIndexPerRecord;
  const rows = [true, false].flatMap((knowsNames) =>
    [4, 8, 16].map((vcpus) => {
      const { nodes, recordsPerSecond: most } = singleServer(costs, vcpus, knowsNames);
      const mean = most / assumed("peakFactor");
      const month = mean * 3_600 * hoursPerMonth;
      return [
        ...[knowsNames ? "yes" : "no", String(vcpus), String(nodes)],
        ...[most, mean, (mean * 3_600) / assumed("dimensions")].map(number),
        number((month * bytes * assumed("hotMonths")) / gigabyte / 1e3),
        number((most * (wal.rows + wal.images)) / 1e6),
      ];
    }),
  );
  const head = ["Customers in the nodes' memory", "vCPUs of PostgreSQL", "Nodes", "Records/s, busiest second"];
  const more = [
    "mean",
    "Customers of 10 dimensions",
    `TB in ${assumed("hotMonths")} months`,
    "WAL MB/s, busiest second",
  ];
  return table([...head, ...more], rows, [1, 2, 3, 4, 5, 6, 7]);
}

function machines({ plant, callsPerSecond, connectionsPerShard, catalogNodeGb, catalogStartSeconds }: Sizing): string {
  return table(
    ["What", "How many"],
    [
      ["Calls a second, mean", number(callsPerSecond)],
      ["Nodes", `${plant.nodes} of ${assumed("nodeVcpus")} vCPUs`],
      ["Node's CPU a call, without its transactions", `${number(plant.nodeMicros)} µs`],
      ["Shards", `${plant.shards} of ${plant.vcpusPerShard} vCPUs, ${assumed("copies")} copies each`],
      ["Connections at a shard, if each node has its pool to each", number(connectionsPerShard)],
      [
        "Catalogue in each node",
        `${number(catalogNodeGb)} GB, ${number(catalogStartSeconds)} s of CPU to read it at a start`,
      ],
    ],
    [1],
  );
}

function disks(costs: Costs, sizing: Sizing): string {
  const { plant, partitionRows, partitionGb, usageGb, auditGb, diskGb } = sizing;
  const wal = walBytes(costs, plant.recordsPerCall);
  return table(
    ["What", "How much"],
    [
      ["A partition: one month of one shard", `${number(partitionRows / 1e6)} million rows, ${number(partitionGb)} GB`],
      ["A shard: usage that is hot", `${number(usageGb)} GB in ${assumed("hotMonths")} months`],
      ["A shard: audit trail", `${number(auditGb)} GB in ${assumed("auditDays")} days`],
      ["A shard's disk, with its room", `${number(diskGb)} GB`],
      [
        "Parquet",
        `${number(sizing.parquetGb / 1e3)} TB a month, ${number(sizing.coldGb / 1e3)} TB after ${assumed("coldMonths")} months`,
      ],
      ["WAL a record", `${number(wal.rows)} bytes, and at most ${number(wal.images)} of page images`],
      ["WAL of all shards", `${number(sizing.walMbps)} MB/s, ${percent(sizing.walImageShare)} page images`],
      ["Replication", `${number(sizing.replicationMbps)} MB/s to ${assumed("copies") - 1} standbys`],
      ["Base backup of a shard", `${number(sizing.backupMinutes)} min`],
      ["Restore of a shard, with half a week of WAL", `${number(sizing.restoreMinutes)} min`],
      ["Export of a partition", `${number(sizing.exportHours)} h`],
      ["Backups kept", `${number(sizing.backupGb / 1e3)} TB`],
      ["Customers' names, on each shard", `${number((assumed("customers") * costs.bytes.perSubject) / gigabyte)} GB`],
    ],
    [1],
  );
}

function moneyTable(sizing: Sizing): string {
  const rows = sizing.money.map(({ what, quantity, dollars: each }) => [what, quantity, money(each)]);
  return table(
    ["What", "How much", "Dollars a month"],
    [...rows, ["**Together**", "", `**${money(dollars(sizing.money))}**`]],
    [1, 2],
  );
}

function regions(costs: Costs): string {
  const rows = regionShares.flatMap((shares) => {
    const sizings = shares.map((share) => sizingOf(costs, { share }));
    const all = sizings.reduce((sum, sizing) => sum + dollars(sizing.money), 0);
    return [
      [
        shares.map(percent).join(" / "),
        sizings.map(({ recordsPerSecond: rate }) => number(rate)).join(" / "),
        sizings.map(({ plant }) => plant.nodes).join(" / "),
        sizings.map(({ plant }) => `${plant.shards} × ${plant.vcpusPerShard}`).join(" / "),
        money(all),
      ],
    ];
  });
  return table(["Share of each Region", "Records a second", "Nodes", "Shards × vCPUs", "Dollars a month"], rows, [4]);
}

function sensitivity(costs: Costs): string {
  const cases: readonly (readonly [string, SizingOptions])[] = [
    ["As assumed", {}],
    ...[2, 4, 20].map((peakFactor) => [`Busiest second ${peakFactor} times the mean`, { peakFactor }] as const),
    ["All CPU costs twice as high", { costFactor: 2 }],
    ["One record a call", { recordsPerCall: 1 }],
    ["25 customers in each call", { customersPerCall: 25 }],
    ["Groups gather for 20 ms", { groupMs: 20 }],
    ["Groups gather for 50 ms", { groupMs: 50 }],
    ["Nodes have their customers in memory", { knowsNames: true }],
    ["The same, and distributed by product", { knowsNames: true, distribution: "product" }],
    ["Distributed by product", { distribution: "product" }],
    ["One month hot", { hotMonths: 1 }],
    ["Six months hot", { hotMonths: 6 }],
    ["A tenth of the usage: 88 billion a year", { share: 0.1 }],
  ];
  return table(
    ["If", "Nodes", "Shards × vCPUs", "Disk of a shard, GB", "Dollars a month"],
    cases.map(([name, options]) => {
      const sizing = sizingOf(costs, options);
      const { plant } = sizing;
      return [
        name,
        String(plant.nodes),
        `${plant.shards} × ${plant.vcpusPerShard}`,
        number(sizing.diskGb),
        money(dollars(sizing.money)),
      ];
    }),
    [1, 2, 3, 4],
  );
}

function assumptionTable(): string {
  const names = Object.keys(assumptions) as AssumptionName[];
  return table(
    ["Name in `scale/assumptions.ts`", "Value", "Unit", "Why"],
    names.map((name) => {
      const { value, unit, why } = assumptions[name];
      return [`\`${name}\``, value.toLocaleString("en-US"), unit, why];
    }),
    [1],
  );
}
