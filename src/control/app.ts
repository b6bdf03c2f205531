/** What the resources of the control plane are made with: the parts they act on, and the forms their routes share. */
import type { OpenAPIHono, z } from "@hono/zod-openapi";
import type { Logger } from "pino";
import type { Settings, SettingsInput } from "../api/settings.ts";
import type { NotificationTarget } from "../api/types.ts";
import type { CatalogDocument } from "../catalog/file.ts";
import type { SettableClock } from "../clock.ts";
import type { Diagnosis } from "../doctor/diagnose.ts";
import type { CallFilter } from "../doctor/stored.ts";
import type { Faults } from "../faults.ts";
import type { Agreements } from "../marketplace/agreements.ts";
import type { Workloads } from "../marketplace/workloads/workloads.ts";
import type { Exchanges } from "../protocol/exchanges.ts";
import type { Throttle } from "../protocol/throttle.ts";
import type { Catalog, CatalogChange } from "../store/catalog.ts";
import type { Store } from "../store/store.ts";
import type { Timekeeper } from "../timekeeper.ts";
import type { Deed } from "./actor.ts";
import type { Caller } from "./caller.ts";
import type { Feed } from "./feed.ts";
import { problemSchema } from "./problems.ts";
import type { Sessions } from "./sessions.ts";

export interface ControlOptions {
  readonly store: Store;
  readonly clock: SettableClock;
  readonly settings: () => Settings;
  /** Sets the switches that are named; `undefined` puts one back to its default. */
  readonly changeSettings: (overrides: Partial<SettingsInput>) => Promise<void>;
  readonly throttle: Throttle;
  readonly faults: Faults;
  /** Made over `auditedCatalog`, as `loadCatalog` and `changeSettings` are: that is what puts events into their changes. */
  readonly agreements: Agreements;
  readonly loadCatalog: (document: CatalogDocument) => Promise<void>;
  /** The root token. */
  readonly adminToken: string;
  readonly wallClock: () => number;
  readonly log: Logger;
  readonly version: string;
  /** Such as http://127.0.0.1:4016 */
  readonly publicUrl: () => string;
  /** Moves the business clock, and does what is due on the way. */
  readonly timekeeper: Timekeeper;
  /** Simulated compute; made over `auditedCatalog` too. */
  readonly workloads?: Omit<Workloads, "endpoints">;
  /** Absent: nothing is measured. */
  readonly metrics?: { text(): Promise<string>; readonly contentType: string };
  /** Browsers of the console. */
  readonly sessions: Sessions;
  /** Calls as they are answered. */
  readonly feed: Feed;
  /** Aborted when the server stops: streams end then. */
  readonly stopping: AbortSignal;
  /** Exact bytes of the last calls, and those that left no trail. */
  readonly exchanges?: Pick<Exchanges, "find" | "untraced">;
  /** The doctor over this server's trail. */
  readonly diagnose?: (filter: CallFilter, signal: AbortSignal) => Promise<Diagnosis>;
  /** Sends a notification again: to all its targets, or to one. */
  readonly resend?: (notificationId: string, targetId?: string) => Promise<unknown>;
  /** Sends the SubscriptionConfirmation of an HTTP target, and tells how the endpoint took it. */
  readonly confirmTarget?: (target: NotificationTarget) => Promise<ConfirmationAttempt | undefined>;
}

export interface ConfirmationAttempt {
  readonly status?: number;
  readonly error?: string;
}

// A type, since Hono's environments are records.
export type ControlEnv = { Variables: { caller: Caller; requestId: string } };
export type ControlApp = OpenAPIHono<ControlEnv>;

export type DeedOf = Pick<Deed, "summary"> & { readonly action: string; readonly target: string };

export interface ControlParts extends ControlOptions {
  /** Audited. */
  readonly catalog: Catalog;
  /** Writes a change with its event. */
  readonly change: (deed: DeedOf, change: CatalogChange) => Promise<void>;
  /** An event alone, for what is not in the catalogue. */
  readonly note: (deed: DeedOf) => Promise<void>;
}

export type AddResource = (app: ControlApp, parts: ControlParts) => void;

export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { "application/json": { schema } } };
}

export function body<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { "application/json": { schema } } };
}

/** Of every route: what it may answer besides its success. */
export const problems = {
  default: { description: "What was wrong", content: { "application/problem+json": { schema: problemSchema } } },
};

export const noContent = { description: "Done" };

/** The members of a body as text for an event; callers leave secrets out. */
export function summaryOf(members: object): string {
  return JSON.stringify(members);
}
