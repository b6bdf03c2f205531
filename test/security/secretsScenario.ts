/**
 * One day of a server, in which every secret it can know is made, used rightly and used wrongly; and the texts that it
 * left behind, to be searched. Each secret says where alone it is shown by design.
 */
import type { CatalogDocument } from "../../src/catalog/schema.ts";
import { testCatalog } from "../support/catalog.ts";
import { adminTokens, browsers, credentials, registration, signatures } from "./secretsCallers.ts";
import { faults, reads, targets, workloads } from "./secretsMachines.ts";
import { awsSecret, clientOf, exportPlace, followStream, type Parts } from "./secretsParts.ts";
import type { Place, Secret } from "./secretsSearch.ts";

/** The test catalogue with secrets nobody could guess, so that none of them is found by chance. */
export function secretCatalog(): CatalogDocument {
  const catalog = testCatalog();
  return {
    ...catalog,
    credentials: (catalog.credentials ?? []).map((entry) => ({
      ...entry,
      secretAccessKey: awsSecret(),
      ...(entry.sessionToken === undefined ? {} : { sessionToken: awsSecret() }),
    })),
    roles: [{ account: "210000000001", name: "metering", allow: ["aws-marketplace:*"], trusts: ["210000000001"] }],
  };
}

export interface Scenario {
  readonly secrets: readonly Secret[];
  /** Every answer of every plane, with its headers. */
  readonly answers: readonly Place[];
}

/** Does everything; `catalog` is what the server started with. */
export async function liveThrough(endpoint: string, adminToken: string, catalog: CatalogDocument): Promise<Scenario> {
  const secrets: Secret[] = [];
  const answers: Place[] = [];
  const secret = (name: string, value: string, ...shownIn: readonly RegExp[]): void => {
    if (typeof value !== "string" || value.length < 12) throw new Error(`${name} is no secret to look for: ${value}`);
    secrets.push({ name, value, shownIn });
  };
  const parts: Parts = { ...clientOf(endpoint, adminToken, catalog, answers), endpoint, catalog, secret };

  const stream = await followStream(endpoint, adminToken);
  secret("root admin token", adminToken, /^file .*admin\.token$/);
  for (const { accessKeyId = "", secretAccessKey = "", sessionToken } of catalog.credentials ?? []) {
    secret(`secret of ${accessKeyId}`, secretAccessKey, exportPlace);
    if (sessionToken !== undefined) secret(`session token of ${accessKeyId}`, sessionToken, exportPlace);
  }
  const pem = catalog.products?.flatMap(({ publicKeys = [] }) => publicKeys)[0]?.privateKeyPem ?? "";
  for (const line of pem.split("\n").slice(2, 6)) secret("a line of a private key", line, exportPlace);

  await adminTokens(parts);
  await credentials(parts);
  await registration(parts);
  await signatures(parts);
  await browsers(parts);
  await targets(parts);
  await workloads(parts);
  await faults(parts);
  await reads(parts);
  answers.push({ name: "the stream of events", text: await stream.end() });
  return { secrets, answers };
}
