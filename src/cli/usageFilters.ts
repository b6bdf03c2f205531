/** Which metering records a command is about. */
import { InvalidArgumentError, type Option } from "commander";
import { type Call, type Flags, instants, picked, text } from "./command.ts";
import { choice, instant, option } from "./options.ts";

export const usageFilters = (): readonly Option[] => [
  option("--product <code>", "of this product"),
  option("--customer <id>", "of this buyer: account id or CustomerIdentifier"),
  option("--license <arn>", "of this licence"),
  option("--resource <id>", "of this workload"),
  option("--dimension <name>", "of this dimension"),
  option("--region <region>", "of this Region"),
  instant("--from <time>", "hours that start then or later", "past"),
  instant("--to <time>", "hours that start before then", "past"),
  choice("--status <status>", "billed, or accepted without a price", ["billable", "not-billable"]),
];
export const usageQuery = ["product", "customer", "license", "resource", "dimension", "region", "status"];
export const usageTimes = ["from", "to"];

/** Instead of `--from` and `--to`. */
export function month(): Option {
  const made = option("--month <month>", 'hours of this UTC month: "2026-08"').argParser(checkedMonth);
  return made.conflicts(["from", "to"]);
}

export function checkedMonth(given: string): string {
  if (/^\d{4}-(?:0[1-9]|1[0-2])$/.test(given)) return given;
  throw new InvalidArgumentError('It is not a month; write it like "2026-08".');
}

/** The query of the API: the flags that were given, with a month as its two ends. */
export async function usageFilterOf(call: Call): Promise<Flags> {
  const { flags } = call;
  const given = text(flags, "month");
  const times = given === undefined ? await instants(call, usageTimes) : endsOf(given);
  return { ...picked(flags, usageQuery), ...times };
}

function endsOf(given: string): Flags {
  const [year = 0, one = 0] = given.split("-").map(Number);
  const iso = (place: number): string => new Date(Date.UTC(year, place)).toISOString();
  return { from: iso(one - 1), to: iso(one) };
}
