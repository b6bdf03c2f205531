/**
 * A group in one round trip: its transaction goes out as one message with the rows of its records and its events,
 * on the assumption that their keys are free. Where that is wrong the database undoes it, and the group goes the long way.
 */
import type { ClaimOutcome, ClaimUnit } from "../ledger.ts";
import { allHolders, type ClaimParts, callsOf, eventOf, noHolders, publicHolder, sortOut } from "./claims.ts";
import type { Connections } from "./connection.ts";
import { isFactsMoved, isKeyTaken } from "./errors.ts";
import { eventColumns, eventRows, type StoredEvent } from "./events.ts";
import { type Claiming, usageColumns, usageRows } from "./usageRows.ts";

/** undefined, with nothing kept: the group is for `writeClaims`. Rejects as a transaction does. `left`: milliseconds. */
export async function claimAtOnce(
  connections: Connections,
  units: readonly ClaimUnit[],
  parts: ClaimParts,
  left: () => number,
): Promise<readonly ClaimOutcome[] | undefined> {
  const version = parts.factsVersion();
  if (!units.every((unit) => isPlain(unit) && (unit.factsVersion ?? version) === version)) return undefined;
  const calls = await callsOf(units, () => false, parts);
  const claims = calls.flatMap((call) => call.claims);
  // Who holds a key holds it for good, so that can be asked before.
  const sorted = await sortOut(connections, claims, parts.expected);
  const holders = allHolders(sorted, noHolders);
  const outcomes: ClaimOutcome[] = [];
  const events: StoredEvent[] = [];
  for (const call of calls) {
    const outcome: ClaimOutcome = { holders: call.claims.map((claim) => publicHolder(claim, holders)) };
    outcomes.push(outcome);
    const event = eventOf(call, outcome);
    // It may be refused for a holder that was not looked for; if not, the long way tells what is wrong with it.
    if (event === "owed") return undefined;
    if (event !== undefined) events.push(event);
  }
  const isCompared = units.some(({ factsVersion }) => factsVersion !== undefined);
  const { text, rows } = await transactionOf(sorted.left, events, isCompared ? version : undefined, parts);
  try {
    await connections.atOnce(text, rows, left());
  } catch (error) {
    if (isKeyTaken(error)) parts.expected.learn(true);
    if (isKeyTaken(error) || isFactsMoved(error)) return undefined;
    throw error;
  }
  if (claims.length > 0) parts.expected.learn(sorted.before.size > 0);
  return outcomes;
}

/** Records without client tokens, and an event. */
export function isPlain({ records, workload, resolveToken }: ClaimUnit): boolean {
  if (workload !== undefined || resolveToken !== undefined) return false;
  return records.every(({ clientToken }) => clientToken === undefined);
}

interface WholeTransaction {
  readonly text: string;
  readonly rows: readonly Uint8Array[];
}

async function transactionOf(
  claims: readonly Claiming[],
  events: readonly StoredEvent[],
  version: number | undefined,
  { interner }: ClaimParts,
): Promise<WholeTransaction> {
  const statements: string[] = [];
  const rows: Uint8Array[] = [];
  // Fails where memory is behind.
  if (version !== undefined) statements.push(`SELECT 1 / (version = ${version})::integer FROM catalog_version`);
  if (claims.length > 0) {
    statements.push(`COPY usage (${usageColumns}) FROM STDIN (FORMAT binary)`);
    rows.push(usageRows(claims));
  }
  if (events.length > 0) {
    const callers = await interner.callers(events.map(({ event }) => event));
    statements.push(`COPY audit (${eventColumns}) FROM STDIN (FORMAT binary)`);
    rows.push(eventRows(events, callers));
  }
  // The statements of one message are one transaction, and one that failed leaves nothing open for the message behind it.
  return { text: statements.join("; "), rows };
}
