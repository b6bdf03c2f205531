/** The switches in words: what each is called, and what its values mean. */
import type { Settings } from "../../../api/settings.ts";

/** As the control plane tells it. */
export interface SettingView {
  readonly name: keyof Settings;
  readonly value: unknown;
  readonly default: unknown;
  readonly isDefault: boolean;
  /** `B-20, J-4: what it changes.` */
  readonly rule: string;
  /** JSON Schema of its values. */
  readonly form: {
    readonly type?: string;
    readonly enum?: readonly string[];
    readonly anyOf?: readonly { readonly const?: number; readonly enum?: readonly string[] }[];
    readonly minimum?: number;
    readonly maximum?: number;
  };
}

interface Words {
  readonly label: string;
  /** Of values whose name does not say enough. */
  readonly values?: Readonly<Record<string, string>>;
  readonly unit?: string;
}

/** A new switch does not compile without its words. */
export const switchWords: Readonly<Record<keyof Settings, Words>> = {
  revision: {
    label: "Revision of the API",
    values: {
      "2026": "Usage of the last 24 hours, licences, client tokens: AWS as of July 2026.",
      "2024": "Usage of the last 6 hours; no licences and no client tokens.",
      "2021": "Usage of the last hour and the smaller limits of then: at most 500 allocations a record.",
    },
  },
  lenientContentType: { label: "Lenient content types" },
  lenientNumbers: { label: "Lenient numbers" },
  unknownCustomer: {
    label: "Unknown customer",
    values: { status: "Status of the record", exception: "Exception of the call" },
  },
  identicalResend: {
    label: "Identical resend",
    values: { success: "Success, same record id", duplicate: "DuplicateRecord" },
  },
  windowRounding: { label: "Edge of the usage window", values: { exact: "Exact", hour: "Rounded to the hour" } },
  futureToleranceSec: { label: "Tolerance for the future", unit: "seconds" },
  monthEndGrace: {
    label: "End of the month",
    values: { cutoff: "The past month closes at 06:00 UTC", extend: "Its last day is taken until 06:00 UTC" },
  },
  subscriptionStartRounding: {
    label: "Start of a subscription",
    values: { hour: "From the hour it began in", exact: "From its instant" },
  },
  strictIdentifiers: { label: "One kind of identifier a request" },
  dryRun: { label: "Dry runs", values: { ok: "Answered with 200", error: "DryRunOperation, as an error" } },
  idempotencyConflictStatus: { label: "Status of IdempotencyConflictException" },
  "token.ttlSec": { label: "Life of a registration token", unit: "seconds" },
  "token.singleUse": { label: "Registration tokens resolve once" },
  jwtClaims: {
    label: "Claims of RegisterUsage’s signature",
    values: { camel: "camelCase", both: "camelCase and PascalCase" },
  },
  licenseOnRenewal: { label: "Licence on renewal", values: { keep: "Stays", new: "A new one" } },
  finalHourSec: { label: "Final hour", unit: "seconds" },
  enforceRegions: { label: "Refuse unknown Regions" },
  quotas: { label: "Rates", values: { aws: "AWS’s rates", off: "No limits" } },
  meteredFrom: {
    label: "A task is billed from",
    values: { launch: "Its launch", registration: "Its registration" },
  },
};

/** The rule's ids apart from its words. */
export function ruleParts(rule: string): { readonly ids: string; readonly text: string } {
  const at = rule.indexOf(": ");
  return { ids: rule.slice(0, at), text: rule.slice(at + 2) };
}

export function valueText(name: keyof Settings, value: unknown): string {
  const { values = {}, unit } = switchWords[name];
  if (typeof value === "boolean") return value ? "On" : "Off";
  if (typeof value === "object") return "Own rates";
  return values[String(value)] ?? (unit === undefined ? String(value) : `${String(value)} ${unit}`);
}

/** What can be chosen; undefined: it is switched, or typed. */
export function choicesOf({ form }: SettingView): readonly (string | number)[] | undefined {
  if (form.enum !== undefined) return form.enum;
  const constants = form.anyOf?.flatMap(({ const: value }) => value ?? []) ?? [];
  return constants.length > 0 ? constants : undefined;
}
