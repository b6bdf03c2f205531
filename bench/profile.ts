/** Where the time of the request path goes: a CPU profile, added up by part of the work. */
import { readFileSync } from "node:fs";

/** Microseconds of a request, by part, in the order of `partNames`. */
export type Parts = Readonly<Record<string, number>>;

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface Part {
  readonly name: string;
  /** Of the file's address. */
  readonly files?: RegExp;
  /** Of the function's name; both, where both are given. */
  readonly functions?: RegExp;
}

/** The first that fits counts. */
const parts: readonly Part[] = [
  { name: "garbage collection", functions: /^\(garbage collector\)$/ },
  {
    name: "SigV4",
    files: /protocol\/(?:sigv4|remembering)|internal\/crypto\/(?:hash|util)/,
  },
  { name: "SigV4", functions: /^(?:oneShotDigest|timingSafeEqual)$/ },
  { name: "JSON in", files: /protocol\/awsJson/, functions: /^parseBody$/ },
  { name: "members: types and constraints", files: /protocol\/constraints|api\/shapes/ },
  { name: "JSON out", files: /protocol\/awsJson/ },
  { name: "customers: look-ups", files: /operations\/(?:customers|nameTable)|store\/catalog/ },
  { name: "decision", files: /src\/rules\// },
  { name: "claims, audit event, results", files: /src\/operations\// },
  { name: "ring of exact bytes", files: /protocol\/(?:byteRing|exchanges)/ },
  { name: "metrics", files: /metrics|prom-client/ },
  { name: "ladder", files: /src\/(?:protocol|control|faults|api)/ },
  { name: "the ledger that keeps nothing", files: /bench\// },
  { name: "socket write, waking the client", functions: /^(?:write(?:Utf8|Latin1)String|writeBuffer|writev)$/ },
  { name: "HTTP and sockets", files: /src\/(?:server|admission|delivery)|^node:/ },
];
/** Builtins and native functions that have no file: of regular expressions, maps, arrays, promises, libuv. */
const rest = "native code, not told apart";

/** In the order in which a call comes by them. */
export const partNames: readonly string[] = [
  "HTTP and sockets",
  "socket write, waking the client",
  "SigV4",
  "ladder",
  "JSON in",
  "members: types and constraints",
  "customers: look-ups",
  "decision",
  "claims, audit event, results",
  "JSON out",
  "ring of exact bytes",
  "metrics",
  "native code, not told apart",
  "garbage collection",
  "the ledger that keeps nothing",
];

/** Each part's share of the samples, as part of `micros`; what waits for work, or belongs to the profiler, is left out. */
export function partsOf(profileFile: string, micros: number): Parts {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(profileFile, "utf8")) as Profile;
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const sums = new Map<string, number>();
  let total = 0;
  for (let index = 0; index < samples.length; index += 1) {
    const frame = frames.get(samples[index] ?? 0);
    if (frame === undefined || frame.functionName === "(idle)" || frame.url === "node:inspector") continue;
    const name = partOf(frame);
    const time = timeDeltas[index] ?? 0;
    sums.set(name, (sums.get(name) ?? 0) + time);
    total += time;
  }
  return Object.fromEntries(partNames.map((name) => [name, round(((sums.get(name) ?? 0) / total) * micros)]));
}

function partOf({ functionName, url }: { readonly functionName: string; readonly url: string }): string {
  const found = parts.find(({ files, functions }) => {
    return (files?.test(url) ?? true) && (functions?.test(functionName) ?? true);
  });
  return found?.name ?? rest;
}

function round(value: number): number {
  return Number(value.toFixed(1));
}
