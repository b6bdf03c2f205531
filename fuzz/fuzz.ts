/**
 * What a service must hold whatever it is sent: an answer, never one of 5xx, never a secret, and it goes on serving.
 * fast-check makes the inputs and, when one fails, looks for a smaller one that fails too.
 */
import * as fc from "fast-check";
import { demoCatalog } from "../src/catalog/demo.ts";
import type { CatalogDocument } from "../src/catalog/schema.ts";
import { type Answer, exchange } from "./connection.ts";
import { controlBytes, controlInputs, type OpenApi, streams } from "./control.ts";
import { type FuzzKey, serviceBytes, serviceInputs } from "./service.ts";

export type Plane = "service" | "control";

export interface Target {
  readonly url: URL;
  readonly key: FuzzKey;
  readonly adminToken: string;
}

export interface FuzzJob {
  readonly plane: Plane;
  readonly inputs: number;
  readonly seed: number;
  /** Told of each answer. */
  readonly answered?: (status: number) => void;
}

export interface Counterexample {
  readonly seed: number;
  readonly path: string;
  readonly text: string;
}

export const fuzzSecret = "FuzzSecretFuzzSecretFuzzSecretFuzzSecret";

/** The demo's, with one secret for all keys, which no answer may show. */
export function fuzzCatalog(): CatalogDocument {
  const document = demoCatalog();
  const credentials = (document.credentials ?? []).map((one) => ({ ...one, secretAccessKey: fuzzSecret }));
  return { ...document, credentials };
}

/** undefined = every input was answered as it should be. */
export async function fuzz(target: Target, job: FuzzJob): Promise<Counterexample | undefined> {
  const property = job.plane === "service" ? serviceProperty(target, job) : await controlProperty(target, job);
  const result = await fc.check<unknown[]>(property as fc.IAsyncProperty<unknown[]>, {
    numRuns: job.inputs,
    seed: job.seed,
  });
  if (!result.failed) return undefined;
  const { seed, counterexamplePath, counterexample, errorInstance } = result;
  const why = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return { seed, path: counterexamplePath ?? "", text: `${why}\n${readable(counterexample)}` };
}

/** Bodies as text: bytes as numbers tell nobody anything. */
function readable(value: unknown): string {
  return JSON.stringify(value, (_, member) =>
    member?.type === "Buffer" && Array.isArray(member.data) ? Buffer.from(member.data).toString("latin1") : member,
  );
}

function serviceProperty(target: Target, { answered }: FuzzJob) {
  return fc.asyncProperty(serviceInputs, async (input) => {
    // A request that was cut off, or whose length is wrong, has no rightful answer: to close is one.
    const isWhole =
      input.form !== "raw" && !input.after.some(([name]) => /^(?:content-length|transfer-encoding)$/.test(name));
    const answer = await exchange(target.url, serviceBytes(input, target.url.host, target.key), {
      ends: !isWhole,
      headOnly: input.method === "HEAD",
    });
    answered?.(answer.status);
    requireSound(answer, isWhole);
  });
}

async function controlProperty(target: Target, { answered }: FuzzJob) {
  const get = async (path: string): Promise<Answer> =>
    exchange(
      target.url,
      controlBytes(
        { method: "GET", path, contentType: "", body: undefined, token: "admin" },
        target.url.host,
        target.adminToken,
      ),
    );
  const document = JSON.parse((await get("/api/v1/openapi.json")).body) as OpenApi;
  const lists = await Promise.all(
    Object.keys(document.paths)
      .filter((path) => !/[{]|stream|metrics|export|catalog/.test(path))
      .map(get),
  );
  const known = identifiersIn(lists.map(({ body }) => body).join("\n"));
  return fc.asyncProperty(controlInputs(document, known), async (input) => {
    const answer = await exchange(target.url, controlBytes(input, target.url.host, target.adminToken), {
      headOnly: streams(input.path),
    });
    answered?.(answer.status);
    // The one that is asked for secrets.
    if (!/^\/api\/v1\/catalog\?.*secrets=true/.test(input.path)) requireSound(answer, true);
    if (
      answer.status >= 400 &&
      input.method !== "HEAD" &&
      !/^content-type: application\/problem\+json/im.test(answer.head)
    ) {
      throw new Error(`a refusal that is no problem+json: ${answer.head}\n${answer.body.slice(0, 400)}`);
    }
  });
}

/** Every short text that lists of this server hold: identifiers, names, states. */
function identifiersIn(text: string): readonly string[] {
  const found = [...text.matchAll(/"([\w:./@-]{1,120})"/g)].map(([, one = ""]) => one);
  return [...new Set(found)].slice(0, 400);
}

function requireSound({ status, head, body }: Answer, mustAnswer: boolean): void {
  if (status === 0 && mustAnswer) throw new Error("the connection was closed without an answer");
  if (status >= 500) throw new Error(`${status}: ${body.slice(0, 600)}`);
  if (head.includes(fuzzSecret) || body.includes(fuzzSecret)) throw new Error("an answer shows a secret");
}
