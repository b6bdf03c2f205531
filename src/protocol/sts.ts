/**
 * STS on the same endpoint, Query protocol: `POST /` with a form body. So much of it as sellers' cross-account code
 * needs: GetCallerIdentity and AssumeRole; and AssumeRoleWithWebIdentity, by which EKS pods get their keys.
 * Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and API_GetCallerIdentity.html
 */
import { randomBytes, randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { ServiceError } from "../api/errors.ts";
import { principalId, sessionNameOf } from "../api/identity.ts";
import { partitionOf } from "../api/regions.ts";
import type { Credential, Role } from "../api/types.ts";
import type { Store } from "../store/store.ts";
import { callerArn, isAllowed } from "./authorise.ts";
import { errorXml, resultXml, type XmlMembers } from "./queryXml.ts";
import { createVerifier } from "./sigv4.ts";
import { parameterFault, QueryError, required, roleArnPattern, sessionNamePattern } from "./stsParameters.ts";
import { header, type WireAnswer, type WireRequest } from "./wire.ts";

const namespace = "https://sts.amazonaws.com/doc/2011-06-15/";
const version = "2011-06-15";
const sessionDefaultSec = 3_600;
const sessionMinSec = 900;

/** The names that the same faults have in the Query protocol; its authentication faults are 403. */
const queryNames: Readonly<Record<string, readonly [string, number]>> = {
  InvalidSignatureException: ["SignatureDoesNotMatch", 403],
  UnrecognizedClientException: ["InvalidClientTokenId", 403],
  ExpiredTokenException: ["ExpiredToken", 403],
  MissingAuthenticationTokenException: ["MissingAuthenticationToken", 403],
  IncompleteSignatureException: ["IncompleteSignature", 400],
  AccessDeniedException: ["AccessDenied", 403],
};

/** Whether a request to the service plane speaks the Query protocol: a form body that names no JSON operation. */
export function isQueryCall(request: WireRequest): boolean {
  const type = header(request, "content-type") ?? "";
  return /^application\/x-www-form-urlencoded\b/i.test(type) && header(request, "x-amz-target") === undefined;
}

export interface StsOptions {
  readonly store: Store;
  readonly wallClock: () => number;
  readonly enforceRegions: () => boolean;
  readonly log: Logger;
  /** Who checks the tokens of AssumeRoleWithWebIdentity and makes the session. Absent: the action is not served. */
  readonly webIdentity?: WebIdentity;
}

export interface WebIdentityRequest {
  readonly token: string;
  readonly roleArn: string;
  readonly sessionName: string;
  readonly durationSec: number | undefined;
}

export interface WebIdentitySession {
  readonly credential: Credential;
  readonly subject: string;
  readonly audience: string;
  readonly provider: string;
}

/** Throws QueryError: InvalidIdentityToken, ExpiredTokenException, AccessDenied. */
export type WebIdentity = (request: WebIdentityRequest) => Promise<WebIdentitySession>;

interface StsCall {
  readonly parameters: URLSearchParams;
  readonly credential: Credential;
  readonly region: string;
}

export function createSts(options: StsOptions): (request: WireRequest) => Promise<WireAnswer> {
  const { store, wallClock, log } = options;
  const { catalog } = store;
  const verifier = createVerifier({
    credential: (accessKeyId) => catalog.credential(accessKeyId),
    account: (id) => catalog.account(id),
    wallClock,
    enforceRegions: options.enforceRegions,
    signingName: "sts",
  });

  const callerIdentity = ({ credential, region }: StsCall): XmlMembers => ({
    Arn: callerArn(credential, region),
    UserId: userId(credential),
    Account: credential.accountId,
  });

  const assumeRole = async (call: StsCall): Promise<XmlMembers> => {
    const { parameters, region } = call;
    const arn = required(parameters, "RoleArn", roleArnPattern);
    const sessionName = required(parameters, "RoleSessionName", sessionNamePattern);
    const role = requireRole(call, arn);
    const seconds = sessionSeconds(parameters, role);
    const now = wallClock();
    const session: Credential = {
      accessKeyId: `ASIA${base32(16)}`,
      secretAccessKey: randomBytes(30).toString("base64"),
      sessionToken: `IQoJb3JpZ2luX2Vj${randomBytes(150).toString("base64")}`,
      accountId: role.accountId,
      kind: "assumed-role",
      name: role.name,
      sessionName,
      allow: role.allow,
      expiresAt: now + seconds * 1_000,
      createdAt: now,
    };
    await catalog.apply({ credentials: [session], remove: { credentials: expiredSessions(now) } });
    return {
      Credentials: sessionXml(session),
      AssumedRoleUser: { AssumedRoleId: userId(session), Arn: callerArn(session, region) },
      PackedPolicySize: "0",
    };
  };

  const requireRole = ({ parameters, credential, region }: StsCall, arn: string): Role => {
    const [, , , , accountId = "", path = ""] = arn.split(":");
    const role = catalog.role(accountId, path.split("/").at(-1) ?? "");
    const isRightPartition = arn.split(":")[1] === (partitionOf(region) ?? "aws");
    const isTrusted = role?.trustedAccountIds.includes(credential.accountId) === true;
    const hasExternalId = role?.externalId === undefined || role.externalId === parameters.get("ExternalId");
    // In its own account a role's trust is enough; from another one the caller must be allowed to assume as well.
    const mayAssume = credential.accountId === accountId || isAllowed(credential.allow, "sts:AssumeRole");
    if (role !== undefined && isRightPartition && isTrusted && hasExternalId && mayAssume) return role;
    const why =
      role === undefined
        ? "no such role exists"
        : !isTrusted
          ? `the role does not trust account ${credential.accountId}`
          : !hasExternalId
            ? "the ExternalId is missing or another one"
            : !mayAssume
              ? "the caller's key does not allow sts:AssumeRole"
              : "the role is in another partition";
    throw new QueryError(
      "AccessDenied",
      `User: ${callerArn(credential, region)} is not authorized to perform: sts:AssumeRole on resource: ${arn} (${why})`,
      403,
    );
  };

  /** Sessions of ours that ended an hour ago or more: kept so long, so that clients read ExpiredToken and not a riddle. */
  const expiredSessions = (now: number): readonly string[] =>
    catalog
      .all()
      .credentials.filter((one) => one.sessionName !== undefined && (one.expiresAt ?? now) < now - 3_600_000)
      .map((one) => one.accessKeyId);

  const actions: Readonly<Record<string, (call: StsCall) => XmlMembers | Promise<XmlMembers>>> = {
    GetCallerIdentity: callerIdentity,
    AssumeRole: assumeRole,
  };

  return async (request) => {
    const requestId = randomUUID();
    const headers = { "x-amzn-RequestId": requestId, "Content-Type": "text/xml" };
    try {
      if (request.isTooLarge) throw new QueryError("RequestEntityTooLarge", "The request body is too large.", 413);
      const parameters = new URLSearchParams(request.body.toString("utf8"));
      const action = parameters.get("Action") ?? "";
      // The one action that nobody signs: the token is the proof.
      if (action === webIdentityAction && options.webIdentity !== undefined && parameters.get("Version") === version) {
        const result = await assumeWithWebIdentity(parameters, options.webIdentity);
        return { status: 200, headers, body: resultXml(action, namespace, result, requestId) };
      }
      const { credential, region } = verifier.verify(request);
      const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
      if (run === undefined || parameters.get("Version") !== version) {
        throw new QueryError(
          "InvalidAction",
          `Could not find operation ${action} for version ${parameters.get("Version") ?? "NO_VERSION_SPECIFIED"}. Served here: ${Object.keys(actions).join(", ")}, version ${version}.`,
        );
      }
      const result = await run({ parameters, credential, region });
      return { status: 200, headers, body: resultXml(action, namespace, result, requestId) };
    } catch (thrown) {
      const { code, status, message } = refusalOf(thrown, requestId, log);
      return { status, headers, body: errorXml(code, message, namespace, requestId, status < 500) };
    }
  };
}

function refusalOf(thrown: unknown, requestId: string, log: Logger) {
  if (thrown instanceof QueryError) return thrown;
  if (thrown instanceof ServiceError) {
    const [code, status] = queryNames[thrown.name] ?? [thrown.name, thrown.status];
    return { code, status, message: thrown.message };
  }
  log.error({ err: thrown, requestId }, "STS call failed");
  return {
    code: "InternalFailure",
    status: 500,
    message: "The request processing has failed because of an unknown error.",
  };
}

const webIdentityAction = "AssumeRoleWithWebIdentity";

/** Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
async function assumeWithWebIdentity(parameters: URLSearchParams, webIdentity: WebIdentity): Promise<XmlMembers> {
  const roleArn = required(parameters, "RoleArn", roleArnPattern);
  const sessionName = required(parameters, "RoleSessionName", sessionNamePattern);
  const token = required(parameters, "WebIdentityToken", /^\S{4,20000}$/, "a token of 4 to 20,000 characters");
  const seconds = parameters.get("DurationSeconds");
  if (seconds !== null && !/^\d{3,5}$/.test(seconds)) {
    throw parameterFault("durationSeconds", seconds, "have value greater than or equal to 900");
  }
  const session = await webIdentity({
    ...{ token, roleArn, sessionName },
    durationSec: seconds === null ? undefined : Number(seconds),
  });
  const { credential, subject, audience, provider } = session;
  return {
    SubjectFromWebIdentityToken: subject,
    Audience: audience,
    Provider: provider,
    Credentials: sessionXml(credential),
    AssumedRoleUser: { AssumedRoleId: userId(credential), Arn: callerArn(credential, credential.region ?? "") },
    PackedPolicySize: "0",
  };
}

function sessionXml({ accessKeyId, secretAccessKey, sessionToken, expiresAt = 0 }: Credential): XmlMembers {
  return {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: new Date(expiresAt).toISOString().replace(/\.\d+Z$/, "Z"),
  };
}

function sessionSeconds(parameters: URLSearchParams, role: Role): number {
  const text = parameters.get("DurationSeconds");
  if (text === null) return Math.min(sessionDefaultSec, role.sessionMaxSec ?? sessionDefaultSec);
  const seconds = Number(text);
  const max = role.sessionMaxSec ?? sessionDefaultSec;
  if (!/^\d{1,9}$/.test(text) || seconds < sessionMinSec) {
    throw new QueryError(
      "ValidationError",
      `1 validation error detected: Value '${text.slice(0, 32)}' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to ${sessionMinSec}`,
    );
  }
  if (seconds > max) {
    throw new QueryError(
      "ValidationError",
      `The requested DurationSeconds exceeds the MaxSessionDuration set for this role (${max} s).`,
    );
  }
  return seconds;
}

/** So many random characters of base32. */
function base32(length: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  return [...randomBytes(length)].map((byte) => alphabet[byte % 32]).join("");
}

/** The unique id of a user, or of a role with its session. */
function userId(credential: Credential): string {
  const id = principalId(credential, credential.accountId);
  return credential.kind === "iam-user" ? id : `${id}:${sessionNameOf(credential)}`;
}
