/** Containers and AMIs: what runs in the buyer's account. */
import { Evidence, entryOf } from "../checks/evidence.ts";
import { isAccepted } from "../checks/usage.ts";
import type { Knowledge, ObservedCall } from "../observed.ts";
import { named, type Row, seen, type Told, toldBy, type Watch } from "./watch.ts";

export const workloadRows: readonly Row[] = [
  {
    id: "every-dimension-metered",
    area: "Containers",
    text: "Every dimension of the product was metered at least once.",
    hint: "Meter at least one unit of each dimension.",
    watch: everyDimension,
  },
  {
    id: "register-usage-at-start",
    area: "Containers",
    text: "Containers billed by the hour call RegisterUsage when they start.",
    hint: "Start a task of the container; RegisterUsage is for containers billed by the hour.",
    watch: seen(({ operation, outcome }) => operation === "RegisterUsage" && outcome === "Success"),
  },
  {
    id: "start-fails-when-not-entitled",
    area: "Containers",
    text: "The container does not start where the buyer is not entitled.",
    hint: "Start the container in an account without a subscription, and see that it exits.",
    watch: seen(({ outcome }) => outcome === "CustomerNotEntitledException"),
  },
  {
    id: "region-from-task",
    area: "Containers",
    text: "The Region is taken from the task, and never written into the image.",
    hint: "Start the container in a second Region, from the same image and configuration.",
    watch: regionOfWorkload,
  },
  {
    id: "meter-usage-with-role",
    area: "AMI",
    text: "MeterUsage is called with the instance's role; no keys are in the image.",
    hint: "Start an instance from the image with an instance profile, and let it meter.",
    watch: withRole,
  },
  {
    id: "every-region-offered",
    area: "AMI",
    text: "Metering works in every Region in which the product is offered.",
    hint: "Start the image in each Region in which it is offered.",
    watch: regionsMetered,
  },
];

interface Metered {
  readonly names: Set<string>;
  readonly requestId: string;
}

function everyDimension(known: Knowledge): Watch {
  const byProduct = new Map<string, Metered>();
  return {
    see: ({ productCode, records, requestId }) => {
      if (productCode === undefined) return;
      for (const record of records) {
        if (!isAccepted(record)) continue;
        const metered = entryOf(byProduct, productCode, () => ({ names: new Set<string>(), requestId }));
        metered.names.add(record.dimension);
      }
    },
    told: () => toldOfDimensions(byProduct, known),
  };
}

function toldOfDimensions(byProduct: ReadonlyMap<string, Metered>, known: Knowledge): Told {
  if (byProduct.size === 0) return { state: "never" };
  const evidence = new Evidence();
  const missing: string[] = [];
  let isUnknown = false;
  for (const [productCode, { names, requestId }] of byProduct) {
    const all = known.dimensionsOf(productCode);
    if (all === undefined) isUnknown = true;
    else missing.push(...all.filter((name) => !names.has(name)).map((name) => `${name} (${productCode})`));
    evidence.add(requestId);
  }
  if (missing.length > 0) return { state: "never", hint: `Not metered yet: ${named(missing)}.` };
  if (isUnknown) return { state: "cannot-tell", hint: "These calls do not tell which dimensions the product has." };
  return toldBy(evidence);
}

function isByWorkload({ operation }: ObservedCall): boolean {
  return operation === "MeterUsage" || operation === "RegisterUsage";
}

/** R-3, M-4: one Region proves nothing, and a call from the wrong one proves the contrary. */
function regionOfWorkload(): Watch {
  const firsts = new Map<string, string>();
  let wrong = 0;
  return {
    see: (call) => {
      if (!isByWorkload(call)) return;
      if (call.outcome === "Success" && !firsts.has(call.region)) firsts.set(call.region, call.requestId);
      const isWrong = call.outcome === "InvalidRegionException" || call.outcome === "InvalidEndpointRegionException";
      if (isWrong) wrong += 1;
    },
    told: () => {
      if (wrong > 0) return { state: "never", hint: `${wrong} calls went to the endpoint of another Region.` };
      if (firsts.size === 1) return { state: "cannot-tell", hint: `All calls were of ${[...firsts.keys()][0]}.` };
      const evidence = new Evidence();
      for (const id of firsts.values()) evidence.add(id);
      return toldBy(evidence);
    },
  };
}

function withRole(): Watch {
  const byRole = new Evidence();
  const others = new Set<string>();
  return {
    see: ({ operation, outcome, caller, requestId }) => {
      if (operation !== "MeterUsage") return;
      if (/^arn:[^/]*:assumed-role\//.test(caller)) {
        if (outcome === "Success") byRole.add(requestId);
      } else if (caller.startsWith("arn:")) others.add(caller);
    },
    told: () =>
      others.size > 0
        ? { state: "never", hint: `MeterUsage was called by ${named([...others].toSorted())}.` }
        : toldBy(byRole),
  };
}

/** Which Regions a product is offered in is not known here: calls show only where it was tried. */
function regionsMetered(): Watch {
  const regions = new Set<string>();
  return {
    see: ({ operation, outcome, region }) => {
      if (operation === "MeterUsage" && outcome === "Success") regions.add(region);
    },
    told: () =>
      regions.size === 0
        ? { state: "never" }
        : { state: "cannot-tell", hint: `MeterUsage was accepted in ${named([...regions].toSorted())}.` },
  };
}
