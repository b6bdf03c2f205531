/**
 * What the form alone cannot tell: keys that occur twice, references that lead nowhere, members that do not go together.
 * A document must be complete in itself: its references are looked up in it, never in what is stored already, so that
 * every fault has a line.
 */
import { licenseTail } from "../api/identifiers.ts";
import type { CredentialKind } from "../api/types.ts";
import { maskedUrl } from "../api/urls.ts";
import { type AgreementIndex, accessKeyIdFor, agreementIdentities, indexAgreements, pairKey } from "./derive.ts";
import { privateKeyFault } from "./keys.ts";
import type { CatalogPath, CatalogProblem } from "./problems.ts";
import { pathText, shown } from "./problems.ts";
import type { AgreementEntry, AgreementStateName, CatalogDocument, CredentialEntry, ProductEntry } from "./schema.ts";
import { dimensionForm } from "./schema.ts";
import { buyersFormsFault, targetKey } from "./targets.ts";
import { isSurelyAfter } from "./times.ts";

/** C-22 */
export const DIMENSIONS_MAX = 24;

type Report = (path: CatalogPath, message: string) => void;

/** The document with what its references are looked up in. */
interface Facts {
  readonly document: CatalogDocument;
  readonly products: ReadonlyMap<string, ProductEntry>;
  readonly agreements: AgreementIndex;
  readonly report: Report;
}

/** Expects a document of the right form. */
export function crossProblems(document: CatalogDocument): CatalogProblem[] {
  const problems: CatalogProblem[] = [];
  const facts: Facts = {
    document,
    products: new Map((document.products ?? []).map((entry) => [entry.code, entry])),
    agreements: indexAgreements(document, agreementIdentities(document)),
    report: (path, message) => problems.push({ path, message }),
  };
  checkAccounts(facts);
  checkCredentials(facts);
  checkProducts(facts);
  checkAgreements(facts);
  checkTokens(facts);
  checkEntitlements(facts);
  checkOffers(facts);
  checkRoles(facts);
  checkSimulatedCompute(facts);
  checkTargets(facts);
  return problems;
}

/** Reports a key that was seen before, with the place where. */
function uniqueness(report: Report) {
  const firstAt = new Map<string, CatalogPath>();
  return (key: string, path: CatalogPath, what: string): void => {
    const first = firstAt.get(key);
    if (first) report(path, `${what} is there twice; first at ${pathText(first)}`);
    else firstAt.set(key, path);
  };
}

function checkAccounts(facts: Facts): void {
  const { document, report } = facts;
  const uniqueId = uniqueness(report);
  const uniqueCustomer = uniqueness(report);
  for (const [index, entry] of (document.accounts ?? []).entries()) {
    const at = ["accounts", index];
    uniqueId(entry.id, [...at, "id"], `account ${entry.id}`);
    const customer = entry.customerIdentifier;
    if (customer !== undefined) {
      uniqueCustomer(customer, [...at, "customerIdentifier"], `CustomerIdentifier ${shown(customer)}`);
    }
  }
}

/** Kinds whose keys belong to something that runs somewhere (M-1, R-1). */
const WORKLOADS: Readonly<Record<CredentialKind, boolean>> = {
  "iam-user": false,
  "assumed-role": false,
  ec2: true,
  "ecs-task": true,
  "eks-irsa": true,
  "eks-pod-identity": true,
  agentcore: true,
};
const WORKLOAD_MEMBERS = ["resource", "region", "products", "launchedAt", "stoppedAt"] as const;

function checkCredentials(facts: Facts): void {
  const { document, report } = facts;
  const unique = uniqueness(report);
  for (const [index, entry] of (document.credentials ?? []).entries()) {
    const at = ["credentials", index];
    if (entry.accessKeyId === undefined) {
      unique(
        accessKeyIdFor(entry),
        at,
        "a credential of this account, kind and name without accessKeyId (give another name)",
      );
    } else {
      unique(entry.accessKeyId, [...at, "accessKeyId"], `accessKeyId ${entry.accessKeyId}`);
    }
    checkWorkload(entry, at, report);
    for (const [place, code] of (entry.products ?? []).entries()) {
      checkProduct(facts, code, [...at, "products", place]);
    }
  }
}

function checkWorkload(entry: CredentialEntry, at: CatalogPath, report: Report): void {
  if (!WORKLOADS[entry.kind]) {
    for (const member of WORKLOAD_MEMBERS) {
      if (entry[member] !== undefined) report([...at, member], `a credential of kind ${entry.kind} has no ${member}`);
    }
    return;
  }
  for (const member of ["resource", "region"] as const) {
    if (entry[member] === undefined) report([...at, member], `missing; a credential of kind ${entry.kind} needs it`);
  }
  if (isSurelyAfter(entry.launchedAt, entry.stoppedAt)) report([...at, "stoppedAt"], "is before launchedAt");
}

function checkProducts(facts: Facts): void {
  const { document, report } = facts;
  const uniqueCode = uniqueness(report);
  const uniqueEntity = uniqueness(report);
  for (const [index, entry] of (document.products ?? []).entries()) {
    const at = ["products", index];
    uniqueCode(entry.code, [...at, "code"], `product ${shown(entry.code)}`);
    const { entityId } = entry;
    if (entityId !== undefined) uniqueEntity(entityId, [...at, "entityId"], `entityId ${entityId}`);
    checkDimensions(entry, at, report);
    checkKeys(entry, at, report);
  }
}

function checkDimensions(entry: ProductEntry, at: CatalogPath, report: Report): void {
  // One space of names: a name that took usage and was an entitlement too could mean either (B-43).
  const unique = uniqueness(report);
  let count = 0;
  for (const list of ["dimensions", "entitlementDimensions"] as const) {
    for (const [index, dimension] of (entry[list] ?? []).entries()) {
      const path = typeof dimension === "string" ? [...at, list, index] : [...at, list, index, "name"];
      const { name } = dimensionForm(dimension);
      unique(name, path, `dimension ${shown(name)}`);
      count += 1;
      if (count === DIMENSIONS_MAX + 1) report(path, `a product has at most ${DIMENSIONS_MAX} dimensions`);
    }
  }
}

function checkKeys(entry: ProductEntry, at: CatalogPath, report: Report): void {
  const unique = uniqueness(report);
  for (const [index, key] of (entry.publicKeys ?? []).entries()) {
    const path = [...at, "publicKeys", index];
    unique(String(key.version), [...path, "version"], `key version ${key.version}`);
    const fault = key.privateKeyPem === undefined ? undefined : privateKeyFault(key.privateKeyPem);
    if (fault !== undefined) report([...path, "privateKeyPem"], fault);
  }
}

/** Times that an agreement in a state can have, beside acceptedAt and agreementEndedAt. */
const STATE_TIMES: Readonly<Record<AgreementStateName, readonly string[]>> = {
  pending: [],
  active: ["since"],
  "unsubscribe-pending": ["since", "pendingAt"],
  ended: ["since", "pendingAt", "endedAt"],
  "payment-failed": ["failedAt"],
};

function checkAgreements(facts: Facts): void {
  const { document, report } = facts;
  const uniqueId = uniqueness(report);
  const byLicense = new Map<string, number[]>();
  for (const [index, entry] of (document.agreements ?? []).entries()) {
    const at = ["agreements", index];
    const identity = facts.agreements.identities[index];
    if (identity) uniqueId(identity.id, [...at, "id"], `agreement ${identity.id}`);
    if (entry.license !== undefined) {
      const tail = licenseTail(entry.license);
      const others = byLicense.get(tail) ?? [];
      checkLicense(facts, others, entry, [...at, "license"]);
      byLicense.set(tail, [...others, index]);
    }
    checkProduct(facts, entry.product, [...at, "product"]);
    checkAgreementTimes(entry, at, report);
  }
}

/** A licence is of one agreement, but for a renewal that kept it (N-25): same product and buyer, the one before it over. */
function checkLicense(facts: Facts, others: readonly number[], entry: AgreementEntry, at: CatalogPath): void {
  const clash = others.find((place) => {
    const other = facts.document.agreements?.[place];
    return other && !(pairKey(other) === pairKey(entry) && (isOver(other) || isOver(entry)));
  });
  if (clash === undefined) return;
  const first = pathText(["agreements", clash, "license"]);
  facts.report(at, `licence ${entry.license} is there twice; first at ${first}`);
}

function isOver(entry: AgreementEntry): boolean {
  return entry.state === "ended" || entry.agreementEndedAt !== undefined;
}

function checkAgreementTimes(entry: AgreementEntry, at: CatalogPath, report: Report): void {
  const allowed = STATE_TIMES[entry.state];
  for (const member of ["since", "pendingAt", "endedAt", "failedAt"] as const) {
    if (entry[member] !== undefined && !allowed.includes(member)) {
      report([...at, member], `an agreement in state ${entry.state} has no ${member}`);
    }
  }
  for (const [earlier, later] of [
    ["since", "pendingAt"],
    ["since", "endedAt"],
    ["pendingAt", "endedAt"],
  ] as const) {
    if (isSurelyAfter(entry[earlier], entry[later])) report([...at, later], `is before ${earlier}`);
  }
}

function checkTokens(facts: Facts): void {
  const { document, report } = facts;
  const unique = uniqueness(report);
  for (const [index, entry] of (document.tokens ?? []).entries()) {
    const at = ["tokens", index];
    unique(entry.value, [...at, "value"], "this token");
    checkProduct(facts, entry.product, [...at, "product"]);
    if (entry.agreement !== undefined && entry.license !== undefined) {
      report([...at, "license"], "a token names an agreement or a license, not both");
    }
    if (entry.agreement !== undefined) {
      const place = facts.agreements.byId.get(entry.agreement);
      checkOwner(facts, entry, place, [...at, "agreement"], `agreement ${entry.agreement}`);
    }
    if (entry.license !== undefined) {
      const place = facts.agreements.byLicense.get(licenseTail(entry.license));
      checkOwner(facts, entry, place, [...at, "license"], `agreement with licence ${entry.license}`);
    }
  }
}

function checkEntitlements(facts: Facts): void {
  const { document, report } = facts;
  const unique = uniqueness(report);
  for (const [index, entry] of (document.entitlements ?? []).entries()) {
    const at = ["entitlements", index];
    const tail = entry.license === undefined ? "" : licenseTail(entry.license);
    const what = `the entitlement of ${entry.buyer} to ${shown(entry.dimension)} of ${shown(entry.product)}`;
    unique(JSON.stringify([entry.product, entry.buyer, entry.dimension, tail]), at, what);
    const product = checkProduct(facts, entry.product, [...at, "product"]);
    if (product) checkEntitlementDimension(product, entry.dimension, [...at, "dimension"], report);
    // A contract's licence need not have an agreement here; one that has must be of the same product and buyer.
    const place = facts.agreements.byLicense.get(tail);
    if (place !== undefined) {
      checkOwner(facts, entry, place, [...at, "license"], `agreement with licence ${entry.license}`);
    }
  }
}

function checkEntitlementDimension(product: ProductEntry, dimension: string, at: CatalogPath, report: Report): void {
  const names = (product.entitlementDimensions ?? []).map((entry) => dimensionForm(entry).name);
  if (names.includes(dimension)) return;
  const known = names.length === 0 ? "it has none" : `it has ${names.join(", ")}`;
  report(at, `product ${shown(product.code)} has no entitlement dimension ${shown(dimension)}; ${known}`);
}

function checkProduct(facts: Facts, code: string, at: CatalogPath): ProductEntry | undefined {
  const product = facts.products.get(code);
  if (!product) facts.report(at, `there is no product ${shown(code)} in this document`);
  return product;
}

/** The agreement at `place` must exist and be of the same product and buyer as what refers to it. */
function checkOwner(
  facts: Facts,
  entry: { readonly product: string; readonly buyer: string },
  place: number | undefined,
  at: CatalogPath,
  what: string,
): void {
  const agreement = place === undefined ? undefined : facts.document.agreements?.[place];
  if (!agreement) facts.report(at, `there is no ${what} in this document`);
  else if (pairKey(agreement) !== pairKey(entry)) {
    facts.report(at, `the ${what} is of product ${shown(agreement.product)} and buyer ${agreement.buyer}`);
  }
}

function checkOffers(facts: Facts): void {
  const uniqueId = uniqueness(facts.report);
  for (const [index, entry] of (facts.document.offers ?? []).entries()) {
    const at = ["offers", index];
    uniqueId(entry.id, [...at, "id"], `offer ${entry.id}`);
    if (!facts.products.has(entry.product)) {
      facts.report([...at, "product"], `there is no product with the code ${shown(entry.product)} in the document`);
    }
  }
}

function checkRoles(facts: Facts): void {
  const uniqueRole = uniqueness(facts.report);
  for (const [index, entry] of (facts.document.roles ?? []).entries()) {
    uniqueRole(`${entry.account}/${entry.name}`, ["roles", index, "name"], `role ${entry.name} of ${entry.account}`);
  }
}

function checkSimulatedCompute(facts: Facts): void {
  const { document, report } = facts;
  const uniqueId = uniqueness(report);
  const uniqueResource = uniqueness(report);
  for (const [index, entry] of (document.workloads ?? []).entries()) {
    const at = ["workloads", index];
    const { id, resource } = entry;
    uniqueId(id, [...at, "id"], `workload ${id}`);
    if (resource !== undefined) uniqueResource(resource, [...at, "resource"], `resource ${shown(resource)}`);
    for (const [place, code] of (entry.products ?? []).entries()) checkProduct(facts, code, [...at, "products", place]);
    for (const member of ["cluster", "namespace", "serviceAccount"] as const) {
      // ECS tasks are in a cluster too.
      const fits = entry.kind === "eks" || (member === "cluster" && (entry.kind === "ecs" || entry.kind === "fargate"));
      if (entry[member] !== undefined && !fits) {
        report([...at, member], `a workload of kind ${entry.kind} has no ${member}`);
      }
    }
    if (isSurelyAfter(entry.launchedAt, entry.stoppedAt)) report([...at, "stoppedAt"], "is before launchedAt");
  }
}

function checkTargets(facts: Facts): void {
  const { document, report } = facts;
  const uniqueId = uniqueness(report);
  const uniqueKey = uniqueness(report);
  for (const [index, entry] of (document.notificationTargets ?? []).entries()) {
    const at = ["notificationTargets", index];
    const { id, seller, buyer, product: code } = entry;
    if (id === undefined)
      uniqueKey(targetKey(entry), at, `a target without an id of ${seller ?? buyer} at ${maskedUrl(entry.url)}`);
    else uniqueId(id, [...at, "id"], `target ${id}`);
    if (seller === undefined && buyer === undefined) report(at, "missing; a target has a seller or a buyer");
    if (seller !== undefined && buyer !== undefined)
      report([...at, "buyer"], "a target has a seller or a buyer, not both");
    if (buyer !== undefined && entry.forms?.includes("sns") === true) report([...at, "forms"], buyersFormsFault);
    if (entry.sqs !== undefined && entry.kind !== "sqs") report([...at, "sqs"], "goes with the kind sqs only");
    const product = code === undefined ? undefined : checkProduct(facts, code, [...at, "product"]);
    if (product !== undefined && seller !== undefined && product.seller !== seller) {
      report([...at, "product"], `product ${shown(product.code)} is one of account ${product.seller}`);
    }
  }
}
