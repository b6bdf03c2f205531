/**
 * `npm run soak`: a server with everything on for 20 minutes, watched from outside. Fails when a call fails, or when
 * memory, handles or files do not stay level. docs/torture.md holds the last result.
 */
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { soak, verdictTable } from "./soak/soak.ts";
import { recordResult } from "./torture/record.ts";

const help = `Runs a server with everything on and looks whether what it takes stays level.

  --minutes 20      how long
  --calls 80        calls of BatchMeterUsage a second, of 25 records: in half the time they fill the memory of exchanges
  --record          write the result into docs/torture.md
`;

const samplesWanted = 120;
const sampleMinMs = 1_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "20" },
    calls: { type: "string", default: "80" },
    record: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

async function run(): Promise<boolean> {
  const [minutes, callsPerSecond] = [Number(values.minutes), Number(values.calls)];
  if (!(minutes > 0) || !(callsPerSecond > 0)) throw new Error("--minutes and --calls take numbers above 0.");
  const seconds = minutes * 60;
  const sampleEveryMs = Math.max(sampleMinMs, (seconds * 1_000) / samplesWanted);
  const { done, faults, verdicts, stderr } = await soak({
    ...{ seconds, sampleEveryMs, callsPerSecond, haste: 1 },
    tell: (line) => console.log(line),
  });
  const table = verdictTable(verdicts);
  const rows: [string, string][] = [
    ["duration", `${minutes} minutes`],
    ...Object.entries(done).map(([name, count]): [string, string] => [name, String(count)]),
    ["faults", String(faults.length)],
  ];
  console.log(`\n${rows.map(([what, value]) => `${what}: ${value}`).join("\n")}\n\n${table}`);
  for (const fault of faults) console.error(fault);
  if (stderr !== "") console.error(stderr);
  if (values.record) recordResult("soak", rows, tmpdir(), `\n${table}\n`);
  return faults.length === 0 && stderr === "" && verdicts.every(({ isLevel }) => isLevel);
}

if (values.help) console.log(help);
else {
  try {
    process.exit((await run()) ? 0 : 1);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}
