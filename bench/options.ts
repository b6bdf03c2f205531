/** What a run is asked to do. */
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { recordsPerPastHour } from "./workload.ts";

export const help = `Measures Meterhouse with everything on (signatures, checks, audit, fsync; quotas off) beside a bare node:http server:
embedded store, PostgreSQL with one process and with two, and the request path without its store.

  --records 1M,5M     also with so many records held (rounded up to 5,000; "none" for none)
  --seconds 10        of each measurement
  --connections 64
  --buyers 20000      with an agreement on the one product
  --dir DIR           where the temporary data folder is made; its disk is what is measured (default: the system's)
  --mixed-hours       load of all open hours at once instead of one hour after the other
  --skip LIST         of withoutStore, postgres (and with it twoProcesses)
  --peer moto         the same requests to moto's server, from PyPI, in the same run
  --cpu-prof DIR      profiles of the measured servers
  --quick             a few seconds in all, 100k records: does it work?
  --json              one line of JSON instead of the table
  --record            everything, up to 20M records held; keeps the results under bench/results/ and draws
                      docs/performance.md anew from them
  --page              draws docs/performance.md anew from what is kept, and measures nothing
`;

export interface Options {
  readonly records: readonly number[];
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly connections: number;
  readonly buyers: number;
  readonly mixedHours: boolean;
  readonly dir: string;
  readonly skip: readonly string[];
  readonly peer: "moto" | undefined;
  readonly profileDir: string | undefined;
  readonly json: boolean;
  readonly record: boolean;
}

const skippable = ["withoutStore", "postgres"];

const flags = {
  records: { type: "string" },
  seconds: { type: "string" },
  connections: { type: "string" },
  buyers: { type: "string" },
  dir: { type: "string" },
  skip: { type: "string", default: "" },
  peer: { type: "string" },
  "mixed-hours": { type: "boolean", default: false },
  "cpu-prof": { type: "string" },
  quick: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  record: { type: "boolean", default: false },
  page: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

/** Throws an Error that says what cannot be read. */
export function readOptions(): Options | "help" | "page" {
  const { values } = parseArgs({ options: flags });
  if (values.help) return "help";
  if (values.page) return "page";
  const { quick, record, peer } = values;
  if (peer !== undefined && peer !== "moto") throw new Error(`--peer takes moto, not "${peer}".`);
  const skip = values.skip.split(",").filter((name) => name !== "");
  const odd = skip.find((name) => !skippable.includes(name));
  if (odd !== undefined) throw new Error(`--skip takes ${skippable.join(" and ")}, not "${odd}".`);
  return {
    records: (values.records ?? (quick ? "100k" : record ? "1M,5M,20M" : "1M,5M"))
      .split(",")
      .filter((text) => text !== "none")
      .map((text) => Math.ceil(readCount(text, "--records") / recordsPerPastHour) * recordsPerPastHour)
      .sort((a, b) => a - b),
    seconds: values.seconds === undefined ? (quick ? 1 : 10) : readNumber(values.seconds, "--seconds"),
    warmUpSeconds: quick ? 0.5 : 2,
    connections: readCount(values.connections ?? "64", "--connections"),
    buyers: readCount(values.buyers ?? (quick ? "5000" : "20000"), "--buyers"),
    mixedHours: values["mixed-hours"],
    dir: resolve(values.dir ?? tmpdir()),
    skip,
    peer,
    profileDir: values["cpu-prof"] === undefined ? undefined : resolve(values["cpu-prof"]),
    json: values.json,
    record,
  };
}

function readNumber(text: string, option: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${option} takes a number above 0, not "${text}".`);
  return number;
}

/** `500`, `100k`, `5M`. */
function readCount(text: string, option: string): number {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)([kM]?)$/.exec(text) ?? [];
  const count = Number(digits) * (unit === "M" ? 1e6 : unit === "k" ? 1e3 : 1);
  if (!Number.isInteger(count) || count < 1)
    throw new Error(`${option} takes counts such as 500, 100k or 5M, not "${text}".`);
  return count;
}
