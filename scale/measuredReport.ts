/** What was measured, as tables. */
import { type Costs, split } from "./costs.ts";
import { number, table } from "./format.ts";

export function measured(costs: Costs): string {
  const { machine, groups, calls, bytes, catalog, cold } = costs;
  const postgres = split(groups, ({ postgresMicros }) => postgresMicros);
  const node = split(groups, ({ nodeMicros }) => nodeMicros);
  const one = (value: number): string => number(value);
  const rows = groups.map(
    ({ calls: count, recordsPerCall, roundTrips, postgresMicros, nodeMicros, walBytes: wal, walImageBytes }) => {
      const records = count * recordsPerCall;
      return [
        `${count} × ${recordsPerCall}`,
        one(roundTrips),
        ...[postgresMicros, nodeMicros, postgresMicros / records, nodeMicros / records].map(one),
        ...[(wal - walImageBytes) / records, walImageBytes / records].map(one),
      ];
    },
  );
  const overHttp = calls.map((call) =>
    [call.recordsPerCall, call.nodeMicros, call.postgresMicros, call.requestBytes, call.answerBytes].map(one),
  );
  return [
    `Measured ${costs.date.slice(0, 10)} on ${machine.cores} cores (${machine.cpu}), Node ${machine.node}, PostgreSQL ` +
      `${machine.postgres}; load average ${machine.loadBefore} before and ${machine.loadAfter} after${machine.isQuick ? "; QUICK RUN, ROUGH FIGURES" : ""}. ` +
      "CPU time, not time on the clock.",
    "",
    table(
      [
        "Calls × records in a transaction",
        "Round trips",
        "PostgreSQL µs",
        "Node µs (store only)",
        "PostgreSQL µs a record",
        "Node µs a record",
        "WAL bytes a record",
        "and of page images",
      ],
      rows,
      [1, 2, 3, 4, 5, 6, 7],
    ),
    "",
    `By least squares PostgreSQL takes ${one(postgres.transaction)} µs a transaction, ${one(postgres.call)} a call and ` +
      `${one(postgres.record)} a record; the store's part in the node ${one(node.transaction)}, ${one(node.call)} and ${one(node.record)}.`,
    "",
    table(
      ["Records in a call over HTTP", "Node µs", "PostgreSQL µs", "Request bytes", "Answer bytes"],
      overHttp,
      [0, 1, 2, 3, 4],
    ),
    "",
    table(
      ["Kept", "Bytes"],
      [
        ["a record's row", one(bytes.usageHeapPerRecord)],
        ["a record's key in the index", one(bytes.usageIndexPerRecord)],
        ["a call in the audit trail, indexes included", one(bytes.auditPerCall)],
        ["a customer of a product", one(bytes.perSubject)],
        ["a record as Parquet", one(bytes.parquetPerRecord)],
        ["an agreement in a node's heap", one(catalog.nodeBytesPerAgreement)],
      ],
      [1],
    ),
    "",
    `A group that has to look up customers costs PostgreSQL ${one(cold.lookPostgresMicros)} µs more, and the node ` +
      `${one(cold.lookNodeMicros)} µs. A customer that a node does not have in memory costs PostgreSQL ${one(cold.knownPostgresMicros)} µs and the node ` +
      `${one(cold.knownNodeMicros)} µs more; one that was never metered ${one(cold.newPostgresMicros)} and ${one(cold.newNodeMicros)} µs. ` +
      `Vacuum takes ${one(costs.vacuumMicros)} µs a record, once. Sizes were taken at ${bytes.records.toLocaleString("en-US")} records.`,
  ].join("\n");
}
