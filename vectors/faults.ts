/** The faults that a case plans for a call of its own (SPEC B-92). */
import type { Fault } from "../src/index.ts";
import { Fields, FormatError, type Json, show } from "./values.ts";

/** Planned for the one call that follows. */
export function readFault(value: Json, where: string, operation: string): Fault {
  const kind = new Fields(value, where, ["kind", "records", "status", "phase", "ms"]).text("kind");
  switch (kind) {
    case "unprocessed": {
      const fields = new Fields(value, where, ["kind", "records"]);
      const records = fields.list("records").map((record) => {
        if (typeof record === "number" && Number.isSafeInteger(record) && record >= 0) return record;
        throw new FormatError(`${where}: records: expected positions from 0, got ${show(record)}`);
      });
      return { kind, records, operation, times: 1 };
    }
    case "error": {
      const fields = new Fields(value, where, ["kind", "status", "phase"]);
      const status = fields.optionalNumber("status");
      return { kind, ...(status === undefined ? {} : { status }), ...phaseOf(fields), operation, times: 1 };
    }
    case "throttle":
      new Fields(value, where, ["kind"]);
      return { kind, operation, times: 1 };
    case "delay": {
      const fields = new Fields(value, where, ["kind", "ms", "phase"]);
      return { kind, ms: fields.number("ms"), ...phaseOf(fields), operation, times: 1 };
    }
    default:
      throw new FormatError(`${where}: unknown kind ${show(kind)} (known: unprocessed, error, throttle, delay)`);
  }
}

function phaseOf(fields: Fields): { readonly phase?: "before-commit" | "after-commit" } {
  const phase = fields.optionalText("phase");
  if (phase === undefined) return {};
  if (phase === "before-commit" || phase === "after-commit") return { phase };
  throw new FormatError(`${fields.where}: phase: expected before-commit or after-commit, got ${show(phase)}`);
}
