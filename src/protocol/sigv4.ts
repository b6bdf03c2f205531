/**
 * Verifies AWS Signature Version 4, as header and as query string. The checks run in the order AWS's front end was
 * seen to use (W-60): form → date → `Host` signed → algorithm → credential → scope → key → signature → token. The texts
 * are AWS's, word for word; what follows in parentheses is help of ours (SPEC section K.3).
 * Source: SPEC B; https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
import { ServiceError } from "../api/errors.ts";
import { isKnownRegion, partitionOf } from "../api/regions.ts";
import type { Account, Credential } from "../api/types.ts";
import { remembering } from "./remembering.ts";
import { canonicalRequest, type Headers, joinHeaders, type Query, sha256, splitTarget } from "./sigv4Canonical.ts";
import { createSigningKeys, sameBytes } from "./sigv4Keys.ts";

const algorithm = "AWS4-HMAC-SHA256"; // S-1
const marketplaceSigningName = "aws-marketplace"; // S-1
const scopeTerminator = "aws4_request"; // S-1
const skewMaxSeconds = 900; // S-4
const presignedLifetimeMaxSeconds = 604_800;
const echoMaxChars = 2_048;

const mismatch =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."; // S-32
const notRegistration = "This is about the credentials that sign the call, not about a registration token";

export interface SignedRequest {
  readonly method: string;
  /** The raw request target, such as `/?X-Amz-…`. */
  readonly url: string;
  /** Names and values in turn, as Node's `rawHeaders`. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface Authenticated {
  readonly credential: Credential;
  /** Region of the credential scope: the Region the client believes to talk to (W-7). */
  readonly region: string;
  /** The time the signature was made, wall-clock epoch milliseconds. */
  readonly signedAt: number;
}

export interface VerifierOptions {
  credential(accessKeyId: string): Credential | undefined;
  account(id: string): Account | undefined;
  /** Epoch milliseconds. Never the business clock: a client told of a wrong clock adopts the server's (W-41). */
  wallClock: () => number;
  /** false also accepts scope Regions nobody knows (S-29, L-6). */
  enforceRegions: () => boolean;
  /** The service that the credential scope must name. Default `aws-marketplace` (S-1). */
  readonly signingName?: string;
}

export interface Verifier {
  /**
   * Tells who signed the request. Throws ServiceError: MissingAuthenticationTokenException, IncompleteSignatureException,
   * InvalidSignatureException, UnrecognizedClientException or ExpiredTokenException (S-20 to S-32).
   */
  verify(request: SignedRequest): Authenticated;
}

/** Creates a verifier with its own cache of signing keys. */
export function createVerifier(options: VerifierOptions): Verifier {
  const keys = createSigningKeys();
  return {
    verify(request) {
      const headers = joinHeaders(request.rawHeaders);
      const target = splitTarget(request.url);
      const parts = readSignature(headers, target.query);
      const now = options.wallClock();
      const date = readDate(parts);
      checkWindow(date, parts.lifetimeSeconds, now);
      checkHostSigned(parts.signedHeaders);
      checkAlgorithm(parts.algorithm);
      const scope = readCredential(parts.credential);
      checkScope(scope, date, options.enforceRegions(), options.signingName ?? marketplaceSigningName);
      const credential = findKey(scope, options);
      const payloadHash = readPayloadHash(headers, parts.signedHeaders, request.body);
      const canonical = canonicalRequest(request.method, target, headers, parts.signedHeaders, payloadHash);
      const toSign = `${algorithm}\n${date.iso}\n${scope.path}\n${sha256(canonical)}`;
      if (!keys.signs(credential, scope.path, toSign, parts.signature)) throw signatureMismatch(canonical, toSign);
      checkSession(credential, parts.sessionToken, now);
      return { credential, region: scope.region, signedAt: date.at };
    },
  };
}

// --- The form of the signature: S-20 to S-23 ---

interface SignatureParts {
  readonly algorithm: string;
  readonly credential: string;
  /** Lower-case, each name once: a name repeated a thousand times must not repeat its value in the canonical request. */
  readonly signedHeaders: ReadonlySet<string>;
  readonly signature: string;
  readonly date: string;
  /** Whether the date came in a `Date` header, where HTTP's own format is right too. */
  readonly httpDate: boolean;
  readonly sessionToken: string | undefined;
  /** How long a presigned request lives; absent = as long as any other. */
  readonly lifetimeSeconds: number | undefined;
}

function readSignature(headers: Headers, query: Query): SignatureParts {
  const authorization = headers.get("authorization");
  const presigned = query.some(([name]) => name === "X-Amz-Algorithm");
  if (authorization && presigned)
    throw new ServiceError(
      "InvalidSignatureException", // S-21
      "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.",
    );
  if (presigned) return readQueryForm(new Map([...query].reverse()), headers); // reversed: of repeated members the first counts
  if (!authorization?.startsWith("AWS4-"))
    throw new ServiceError(
      "MissingAuthenticationTokenException", // S-20
      `Missing Authentication Token (the call carries no AWS signature: sign it with Signature Version 4. ${notRegistration})`,
    );
  return readHeaderForm(authorization, headers);
}

/** As the AWS SDKs write the header: what is read of it does not differ from what `splitAuthorization` reads. */
const commonForm = /^(AWS4-[^, \t]+) Credential=([^, \t]+), SignedHeaders=([^, \t]+), Signature=([^, \t]+)$/;

interface AuthorizationParts {
  readonly scheme: string;
  readonly credential: string | undefined;
  readonly signedHeaders: string | undefined;
  readonly signature: string | undefined;
}

function splitAuthorization(authorization: string): AuthorizationParts {
  const common = commonForm.exec(authorization);
  if (common !== null) {
    return { scheme: common[1] ?? "", credential: common[2], signedHeaders: common[3], signature: common[4] };
  }
  // S-2: commas or spaces or both separate the parts, in any order.
  const [scheme = "", ...pairs] = authorization.split(/[, \t]+/);
  const values = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    if (equals > 0) values.set(pair.slice(0, equals), pair.slice(equals + 1));
  }
  return {
    scheme,
    credential: values.get("Credential"),
    signedHeaders: values.get("SignedHeaders"),
    signature: values.get("Signature"),
  };
}

function readHeaderForm(authorization: string, headers: Headers): SignatureParts {
  const { scheme, credential, signedHeaders, signature } = splitAuthorization(authorization);
  const amzDate = headers.get("x-amz-date");
  const date = amzDate || headers.get("date");
  if (!credential || !signature || !signedHeaders || !date) {
    const sentences = [
      credential ? "" : "Authorization header requires 'Credential' parameter. ",
      signature ? "" : "Authorization header requires 'Signature' parameter. ",
      signedHeaders ? "" : "Authorization header requires 'SignedHeaders' parameter. ",
      date ? "" : "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
    ];
    throw new ServiceError(
      "IncompleteSignatureException", // S-22
      `${sentences.join("")}Authorization=${echo(authorization)}`,
    );
  }
  return {
    algorithm: scheme,
    credential,
    signedHeaders: splitSignedHeaders(signedHeaders),
    signature,
    date,
    httpDate: !amzDate,
    sessionToken: headers.get("x-amz-security-token") || undefined,
    lifetimeSeconds: undefined,
  };
}

function readQueryForm(query: ReadonlyMap<string, string>, headers: Headers): SignatureParts {
  const required = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"];
  const missing = required.filter((name) => !query.get(name));
  if (missing.length > 0) {
    const sentences = missing.map((name) => `AWS query-string parameters must include '${name}'. `);
    throw new ServiceError(
      "IncompleteSignatureException", // S-23
      `${sentences.join("")}Re-examine the query-string parameters.`,
    );
  }
  const member = (name: string) => query.get(name) ?? "";
  return {
    algorithm: member("X-Amz-Algorithm"),
    credential: member("X-Amz-Credential"),
    signedHeaders: splitSignedHeaders(member("X-Amz-SignedHeaders")),
    signature: member("X-Amz-Signature"),
    date: member("X-Amz-Date"),
    httpDate: false,
    sessionToken: query.get("X-Amz-Security-Token") || headers.get("x-amz-security-token") || undefined, // S-5
    lifetimeSeconds: readLifetime(query.get("X-Amz-Expires")),
  };
}

function readLifetime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= presignedLifetimeMaxSeconds) return seconds;
  throw new ServiceError(
    "IncompleteSignatureException",
    `'X-Amz-Expires' must be a whole number of seconds from 1 to ${presignedLifetimeMaxSeconds}, got '${echo(text)}'. Re-examine the query-string parameters.`,
  );
}

/** Made once a text: clients sign the same headers in all their calls. */
const splitSignedHeaders = remembering((text: string): ReadonlySet<string> => new Set(text.toLowerCase().split(";")));

// --- Date, algorithm, credential, scope: S-24 to S-30 ---

interface SignedDate {
  readonly at: number;
  /** As it stands in the string to sign. */
  readonly iso: string;
}

/** Epoch milliseconds of a date in the basic format: made once a text, since a busy second has many calls. */
const isoDateAt = remembering((date: string): number | undefined => {
  const iso = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (iso !== null) {
    const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = iso.slice(1).map(Number);
    const at = Date.UTC(year, month - 1, day, hour, minute, second);
    if (isoBasic(at) === date) return at; // else a day or hour that does not exist
  }
  return undefined;
});

function readDate({ date, httpDate }: SignatureParts): SignedDate {
  const isoAt = isoDateAt(date);
  if (isoAt !== undefined) return { at: isoAt, iso: date };
  if (httpDate && date.length === 29) {
    const at = Date.parse(date);
    if (new Date(at).toUTCString() === date) return { at, iso: isoBasic(at) };
  }
  throw new ServiceError(
    "IncompleteSignatureException", // S-24
    `Date must be in ISO-8601 'basic format'. Got '${echo(date)}'. See http://en.wikipedia.org/wiki/ISO_8601`,
  );
}

function checkWindow(date: SignedDate, lifetimeSeconds: number | undefined, now: number): void {
  const nowAt = Math.floor(now / 1000) * 1000; // whole seconds, or the text could call a time earlier than itself
  const pastSeconds = lifetimeSeconds ?? skewMaxSeconds;
  const help = "(compared with this server's wall clock; set the client's clock, or sign again)";
  const earliest = nowAt - pastSeconds * 1000;
  if (date.at < earliest) {
    const span = pastSeconds % 60 === 0 ? `${pastSeconds / 60} min.` : `${pastSeconds} sec.`;
    throw new ServiceError(
      "InvalidSignatureException", // S-25
      `Signature expired: ${date.iso} is now earlier than ${isoBasic(earliest)} (${isoBasic(nowAt)} - ${span}) ${help}`,
    );
  }
  const latest = nowAt + skewMaxSeconds * 1000;
  if (date.at > latest)
    throw new ServiceError(
      "InvalidSignatureException", // S-26
      `Signature not yet current: ${date.iso} is still later than ${isoBasic(latest)} (${isoBasic(nowAt)} + ${skewMaxSeconds / 60} min.) ${help}`,
    );
}

function checkHostSigned(signedHeaders: ReadonlySet<string>): void {
  if (!signedHeaders.has("host"))
    throw new ServiceError(
      "InvalidSignatureException", // S-7, S-30
      "'Host' must be a 'SignedHeader' in the AWS Authorization.",
    );
}

function checkAlgorithm(name: string): void {
  if (name !== algorithm)
    throw new ServiceError(
      "IncompleteSignatureException", // S-27
      `Unsupported AWS 'algorithm': '${echo(name)}' (only ${algorithm} for now). `,
    );
}

interface Scope {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly terminator: string;
  /** Without the access key id, as it stands in the string to sign. */
  readonly path: string;
}

/** Made once a text: a key has one a day and Region. Throws IncompleteSignatureException. */
const readCredential = remembering((text: string): Scope => {
  let end = text.length;
  while (text[end - 1] === "/") end--; // AWS ignores slashes at the end
  const elements = text.slice(0, end).split("/");
  const [accessKeyId = "", date = "", region = "", service = "", terminator = ""] = elements;
  if (elements.length !== 5)
    throw new ServiceError(
      "IncompleteSignatureException", // S-28
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${echo(text)}'`,
    );
  return { accessKeyId, date, region, service, terminator, path: `${date}/${region}/${service}/${terminator}` };
});

function checkScope(scope: Scope, date: SignedDate, enforceRegions: boolean, signingName: string): void {
  const { region, service, terminator } = scope;
  // Even where the lists are skipped a Region becomes part of the ledger's keys: it has to look like a name.
  const regionValid = enforceRegions ? isKnownRegion(region) : /^[\w-]{1,64}$/.test(region);
  const day = date.iso.slice(0, 8);
  if (regionValid && service === signingName && terminator === scopeTerminator && scope.date === day) return;
  const sentences = [
    regionValid ? "" : `Credential should be scoped to a valid region, not '${echo(region)}'. `,
    service === signingName ? "" : `Credential should be scoped to correct service: '${signingName}'. `,
    terminator === scopeTerminator
      ? ""
      : `Credential should be scoped with a valid terminator: '${scopeTerminator}', not '${echo(terminator)}'. `,
    scope.date === day
      ? ""
      : `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${echo(scope.date)}' != '${day}', from '${date.iso}'.`,
  ];
  const text = sentences.join("");
  const help = regionValid ? "" : " (the Region comes from the client's configuration, for example us-east-1)";
  throw new ServiceError("InvalidSignatureException", help === "" ? text : `${text.trimEnd()}${help}`); // S-29
}

// --- Key, signature, session token: S-31, S-32, S-5, S-6 ---

function findKey({ accessKeyId, region }: Scope, options: VerifierOptions): Credential {
  const credential = options.credential(accessKeyId);
  const partition = credential && options.account(credential.accountId)?.partition;
  const scopePartition = partitionOf(region);
  const foreign = partition !== undefined && scopePartition !== undefined && scopePartition !== partition; // L-4
  if (credential !== undefined && !foreign) return credential;
  const where = foreign ? ` in partition ${scopePartition}` : "";
  // Temporary keys go with the workload that they were given to.
  const gone = !foreign && accessKeyId.startsWith("ASIA") ? ", or its workload was stopped" : "";
  throw new ServiceError(
    "UnrecognizedClientException", // S-31
    `The security token included in the request is invalid. (the access key id '${echo(accessKeyId)}' is not known${where}${gone}; use AWS credentials this server knows. ${notRegistration})`,
  );
}

/** The body's hash as the canonical request has it. */
function readPayloadHash(headers: Headers, signedHeaders: ReadonlySet<string>, body: Buffer): string {
  const declared = signedHeaders.has("x-amz-content-sha256") ? (headers.get("x-amz-content-sha256") ?? "") : undefined;
  if (declared === "UNSIGNED-PAYLOAD") return declared; // S-3
  const actual = sha256(body);
  if (declared === undefined || declared === actual) return actual;
  throw new ServiceError(
    "InvalidSignatureException", // S-32
    `${mismatch} (the signed header x-amz-content-sha256 is '${echo(declared)}', but the body that arrived hashes to '${actual}')`,
  );
}

function signatureMismatch(canonical: string, toSign: string): ServiceError {
  // The caller's session token stands in the canonical request, and error texts are logged.
  const shown = canonical.replace(/(?<=^x-amz-security-token:).+|(?<=X-Amz-Security-Token=)[^&\n]+/gm, "(not shown)");
  return new ServiceError(
    "InvalidSignatureException", // S-32
    `${mismatch}\n\nThe Canonical String for this request should have been\n'${echo(shown)}'\n\nThe String-to-Sign should have been\n'${echo(toSign)}'\n`,
  );
}

function checkSession(credential: Credential, sessionToken: string | undefined, now: number): void {
  const { accessKeyId, expiresAt } = credential;
  const refuse = (why: string) =>
    new ServiceError(
      "UnrecognizedClientException", // S-5, S-31
      `The security token included in the request is invalid (${why}. ${notRegistration})`,
    );
  if (credential.sessionToken === undefined) {
    if (sessionToken !== undefined)
      throw refuse(`the access key id '${accessKeyId}' is a long-term key, which takes no session token`);
  } else if (sessionToken === undefined) {
    throw refuse(`the access key id '${accessKeyId}' is temporary: send its session token as X-Amz-Security-Token`);
  } else if (!sameBytes(Buffer.from(credential.sessionToken), Buffer.from(sessionToken, "latin1"))) {
    throw refuse(`the session token is not the one of the access key id '${accessKeyId}'`);
  }
  if (expiresAt !== undefined && now >= expiresAt)
    throw new ServiceError(
      "ExpiredTokenException", // S-5, S-6
      `The security token included in the request is expired (the AWS credentials '${accessKeyId}' ended at ${new Date(expiresAt).toISOString()}; fetch new ones. ${notRegistration})`,
    );
}

/** `20260815T102000Z` for epoch milliseconds. */
function isoBasic(at: number): string {
  return new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, "");
}

/** Caller's text for an error message, cut where it gets long. */
function echo(text: string): string {
  return text.length <= echoMaxChars ? text : `${text.slice(0, echoMaxChars)}… (${text.length} characters)`;
}
