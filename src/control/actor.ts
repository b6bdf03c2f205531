/**
 * Who is acting, carried along the asynchronous call instead of through every signature: the services of the
 * marketplace write their changes without knowing who asked, and `auditedCatalog` adds the event to each of them in the
 * same transaction. The store below holds a value of one call only, so that several servers in a process do not meet.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { ControlEvent } from "../api/types.ts";
import type { Catalog, CatalogChange } from "../store/catalog.ts";

/** What is being done, and by whom. What is absent is told from the change itself. */
export interface Deed {
  /** Name of an admin token, or what in the server acts: `clock`, `buyer`, `catalog file`. */
  readonly actor: string;
  /** Such as `agreement.cancel`. */
  readonly action?: string;
  /** Id of what is changed. */
  readonly target?: string;
  /** Text for people; never a secret. */
  readonly summary?: string;
  /** Of the request to the control plane that asked for it. */
  readonly requestId?: string;
}

/** Changes that nobody announced, such as those of a test that uses the library. */
export const serverActor = "server";
const clockActor = "clock";
/** Names that tokens cannot have, or an event would not say who it was. */
export const reservedActors: readonly string[] = ["root", clockActor, "buyer", "catalog file", serverActor];

const summaryMaxLength = 500;
const deeds = new AsyncLocalStorage<Deed>();

/** Runs `body` as that deed; members that are not given are those of the deed around it. */
export function acting<T>(deed: Partial<Deed>, body: () => T): T {
  return deeds.run({ actor: serverActor, ...deeds.getStore(), ...deed }, body);
}

/** The event of the deed under way, over what the change tells. `at` is wall time. */
export function eventOf(at: number, fallback: { readonly action: string; readonly target: string }): ControlEvent {
  const { actor, action, target, summary } = deeds.getStore() ?? { actor: serverActor };
  return {
    id: randomUUID(),
    at,
    actor,
    action: action ?? fallback.action,
    target: target ?? fallback.target,
    ...(summary === undefined ? {} : { summary: summary.slice(0, summaryMaxLength) }),
  };
}

/** The catalogue whose every change carries an event, and is logged. A change that writes nothing has none. */
export function auditedCatalog(
  catalog: Catalog,
  wallClock: () => number,
  log?: Pick<Logger, "info" | "debug">,
): Catalog {
  const apply = async (change: CatalogChange): Promise<void> => {
    const told = change.event === undefined ? describe(change) : undefined;
    const event = told === undefined ? change.event : eventOf(wallClock(), told);
    await catalog.apply(event === undefined ? change : { ...change, event });
    if (event === undefined) return;
    const { id, actor, action, target } = event;
    // A move of the clock over a year changes more than anyone reads.
    const level = actor === clockActor ? "debug" : "info";
    log?.[level]({ requestId: deeds.getStore()?.requestId, actor, action, target, event: id }, "changed");
  };
  // A proxy, so that reads go through unchanged whatever the port comes to offer; engines keep private members, which
  // only their own `this` reaches.
  return new Proxy(catalog, {
    get: (inner, member) => {
      if (member === "apply") return apply;
      const value: unknown = Reflect.get(inner, member, inner);
      return typeof value === "function" ? value.bind(inner) : value;
    },
  });
}

/** What a change is about, by the row that weighs most; undefined = it writes nothing. */
function describe(change: CatalogChange): { readonly action: string; readonly target: string } | undefined {
  const { agreements, products, accounts, credentials, offers, roles, targets, tokens, entitlements, workloads } =
    change;
  const counts = Object.values({ ...change, ...change.remove }).filter(
    (rows) => Array.isArray(rows) && rows.length > 0,
  );
  if (counts.length === 0 && change.settings === undefined) return undefined;
  const told = [
    ["agreement.change", agreements?.at(-1)?.id],
    ["product.change", products?.[0]?.code],
    ["credential.change", credentials?.[0]?.accessKeyId],
    ["workload.change", workloads?.[0]?.id],
    ["offer.change", offers?.[0]?.id],
    ["role.change", roles?.[0]?.name],
    ["account.change", accounts?.[0]?.id],
    ["registration-token.issue", tokens?.[0]?.agreementId ?? tokens?.[0]?.productCode],
    ["entitlement.change", entitlements?.[0]?.productCode],
    ["notification-target.change", targets?.[0]?.id],
    ["settings.change", change.settings && "settings"],
  ] as const;
  const found = told.find(([, target]) => target !== undefined);
  return { action: found?.[0] ?? "catalog.change", target: found?.[1] ?? "catalog" };
}
