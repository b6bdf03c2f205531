/**
 * The switches of SPEC section J: each name, its values and its default in one table. A rule that AWS's sources do not
 * settle sits behind one of these.
 */
import { z } from "zod";

const rates = z.partialRecord(
  z.enum(["BatchMeterUsage", "MeterUsage", "RegisterUsage", "ResolveCustomer", "GetEntitlements"]),
  z.number().positive().max(1_000_000),
);

export const settingsSchema = z.strictObject({
  /** C.1, B-50, J-1, J-10: selects window, allocation limit, patterns and which members are known. */
  revision: z.enum(["2026", "2024", "2021"]).default("2026"),
  /** W-52: accept application/json and application/x-amz-json-1.0. */
  lenientContentType: z.boolean().default(false),
  /** W-57: floor fractional integers instead of refusing them. */
  lenientNumbers: z.boolean().default(false),
  /** B-20, J-4. */
  unknownCustomer: z.enum(["status", "exception"]).default("status"),
  /** B-61, J-5. */
  identicalResend: z.enum(["success", "duplicate"]).default("success"),
  /** B-52, J-2. */
  windowRounding: z.enum(["exact", "hour"]).default("exact"),
  /** B-55, M-10. */
  futureToleranceSec: z.number().min(0).max(86_400).default(300),
  /** B-53, J-30. */
  monthEndGrace: z.enum(["cutoff", "extend"]).default("cutoff"),
  /** B-56. */
  subscriptionStartRounding: z.enum(["hour", "exact"]).default("hour"),
  /** J-19. */
  strictIdentifiers: z.boolean().default(false),
  /** M-41, J-9. */
  dryRun: z.enum(["ok", "error"]).default("ok"),
  /** J-6. */
  idempotencyConflictStatus: z.union([z.literal(409), z.literal(400)]).default(409),
  /** T-2, J-3. */
  "token.ttlSec": z.number().positive().max(31_536_000).default(14_400),
  /** T-4, J-31. */
  "token.singleUse": z.boolean().default(false),
  /** R-21, J-7. */
  jwtClaims: z.enum(["camel", "both"]).default("camel"),
  /** N-25, J-16. */
  licenseOnRenewal: z.enum(["keep", "new"]).default("keep"),
  /** B-82 to B-86. */
  finalHourSec: z.number().min(0).max(604_800).default(3_600),
  /** L-6, S-29: false skips the Region lists and accepts any scope Region. */
  enforceRegions: z.boolean().default(true),
  /** C-30, J-20: AWS's rates, none, or own rates per second, for everyone and per account. */
  quotas: z
    .union([
      z.enum(["aws", "off"]),
      z.strictObject({ default: rates.optional(), accounts: z.record(z.string(), rates).optional() }),
    ])
    .default("aws"),
  /** */
  meteredFrom: z.enum(["launch", "registration"]).default("launch"),
});

export type Settings = Readonly<z.infer<typeof settingsSchema>>;
export type SettingsInput = z.input<typeof settingsSchema>;

export const defaultSettings: Settings = settingsSchema.parse({});
