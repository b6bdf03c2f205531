/** Every check that the doctor makes, in the order of the report. */
import type { Check } from "../observed.ts";

export const checks: readonly Check[] = [];
