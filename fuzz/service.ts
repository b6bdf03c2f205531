/** Calls on the service plane: nearly right, wrong in one place, or not HTTP at all. */
import { encode } from "cborg";
import * as fc from "fast-check";
import { demoAccounts, demoProducts } from "../src/catalog/demo.ts";
import { signRequest } from "../test/support/signer.ts";
import { damaged, edited, type Json, nasty, nastyText } from "./values.ts";

export interface FuzzKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What to send, but for what hangs on the time at which it goes out. */
export interface ServiceInput {
  readonly form: "json" | "damaged" | "unsigned" | "query" | "cbor" | "sts" | "raw";
  readonly target: string;
  readonly path: string;
  readonly method: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly service: string;
  /** Changes to the head after it was signed. */
  readonly after: readonly (readonly [string, string])[];
}

const nowSeconds = (): number => Math.floor(Date.now() / 1_000);
const buyer = demoAccounts.buyer;

function usageRecord(index: number): Json {
  return {
    Timestamp: nowSeconds() - 3_600,
    CustomerAWSAccountId: buyer,
    Dimension: "ingested_gb",
    Quantity: index,
    UsageAllocations: [
      { AllocatedUsageQuantity: index, Tags: [{ Key: "team", Value: "a" }] },
      { AllocatedUsageQuantity: 0, Tags: [{ Key: "team", Value: "b" }] },
    ],
  };
}

/** One right request for each operation. */
const requests: Readonly<Record<string, fc.Arbitrary<Json>>> = {
  "AWSMPMeteringService.BatchMeterUsage": fc.integer({ min: 1, max: 4 }).map((count) => ({
    ProductCode: demoProducts.legacySaas,
    UsageRecords: Array.from({ length: count }, (_, index) => usageRecord(index)),
  })),
  "AWSMPMeteringService.MeterUsage": fc.constant({
    ProductCode: demoProducts.containerUsage,
    Timestamp: 1_786_788_000,
    UsageDimension: "requests",
    UsageQuantity: 3,
    DryRun: false,
    ClientToken: "client-token-0001",
    UsageAllocations: [{ AllocatedUsageQuantity: 3, Tags: [{ Key: "team", Value: "a" }] }],
  }),
  "AWSMPMeteringService.RegisterUsage": fc.constant({
    ProductCode: demoProducts.containerHourly,
    PublicKeyVersion: 1,
    Nonce: "nonce",
  }),
  "AWSMPMeteringService.ResolveCustomer": fc.constant({ RegistrationToken: "dG9rZW4=".repeat(12) }),
  "AWSMPEntitlementService.GetEntitlements": fc.constant({
    ProductCode: demoProducts.contract,
    Filter: { CUSTOMER_AWS_ACCOUNT_ID: [buyer], DIMENSION: ["users"] },
    MaxResults: 5,
  }),
  "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents": fc.constant({
    LookupAttributes: [{ AttributeKey: "EventName", AttributeValue: "BatchMeterUsage" }],
    StartTime: 1_786_000_000,
    MaxResults: 10,
    EventCategory: "insight",
  }),
};

const target = fc.constantFrom(...Object.keys(requests));
const plain = { path: "/", method: "POST", contentType: "application/x-amz-json-1.1", headers: {}, after: [] };
const serviceOf = (name: string): string => (name.includes("cloudtrail") ? "cloudtrail" : "aws-marketplace");

const json: fc.Arbitrary<ServiceInput> = target.chain((name) =>
  edited(requests[name] ?? nasty).map((body) => ({
    ...plain,
    form: "json",
    target: name,
    service: serviceOf(name),
    body: Buffer.from(body),
  })),
);

const damagedBody: fc.Arbitrary<ServiceInput> = target.chain((name) =>
  damaged((requests[name] ?? nasty).map((one) => Buffer.from(JSON.stringify(one)))).map((body) => ({
    ...plain,
    form: "damaged",
    target: name,
    service: serviceOf(name),
    body,
  })),
);

/** Deeper than anything of ours could be walked by recursion. */
const abyss: fc.Arbitrary<ServiceInput> = fc
  .tuple(target, fc.constantFrom("[", '{"a":', '[{"a":'), fc.integer({ min: 1_000, max: 100_000 }))
  .map(([name, open, depth]) => ({
    ...plain,
    form: "damaged",
    target: name,
    service: serviceOf(name),
    body: Buffer.from(`{"UsageRecords":${open.repeat(depth)}`),
  }));

/** Of a header: no line ends, which would make it another header; `raw` has those. */
const headerText = nastyText.map((text) =>
  Buffer.from(text)
    .toString("latin1")
    .replace(/[\r\n\0]/g, "?")
    .slice(0, 3_000),
);
const headerName = fc.constantFrom(
  "authorization",
  "x-amz-date",
  "x-amz-content-sha256",
  "x-amz-security-token",
  "x-amz-target",
  "x-amz-user-agent",
  "content-type",
  "content-encoding",
  "transfer-encoding",
  "expect",
  "host",
  "date",
  "content-length",
  "accept-encoding",
  "smithy-protocol",
  "origin",
);

const unsigned: fc.Arbitrary<ServiceInput> = fc
  .tuple(json, fc.array(fc.tuple(headerName, headerText), { minLength: 1, maxLength: 3 }))
  .map(([input, after]) => ({ ...input, form: "unsigned", after }));

const query: fc.Arbitrary<ServiceInput> = fc
  .tuple(
    json,
    fc.string({ unit: "grapheme-ascii", maxLength: 40 }),
    fc.constantFrom("GET", "POST", "PUT", "HEAD", "OPTIONS"),
  )
  .map(([input, extra, method]) => ({
    ...input,
    form: "query",
    method,
    path: `/?${encodeURIComponent(extra)}=${extra.replace(/[^\w%&=.-]/g, "")}`,
  }));

const cbor: fc.Arbitrary<ServiceInput> = fc
  .tuple(
    fc.constantFrom(
      "AWSMPEntitlementService/operation/GetEntitlements",
      "AWSMPMeteringService/operation/BatchMeterUsage",
    ),
    edited(requests["AWSMPEntitlementService.GetEntitlements"] ?? nasty),
    fc.boolean(),
    fc.infiniteStream(fc.nat({ max: 255 })),
  )
  .map(([name, text, isDamaged, noise]) => {
    const body = Buffer.from(encode(JSON.parse(text)));
    if (isDamaged) for (let place = 0; place < body.length; place += 7) body[place] = noise.next().value as number;
    return {
      ...plain,
      form: "cbor",
      target: "",
      path: `/service/${name}`,
      contentType: "application/cbor",
      headers: { "smithy-protocol": "rpc-v2-cbor" },
      service: "aws-marketplace",
      body,
    };
  });

const sts: fc.Arbitrary<ServiceInput> = fc
  .record({
    Action: fc.oneof(fc.constantFrom("GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity"), nastyText),
    Version: fc.oneof(fc.constant("2011-06-15"), nastyText),
    RoleArn: nastyText,
    RoleSessionName: nastyText,
    DurationSeconds: nastyText,
    WebIdentityToken: nastyText,
  })
  .map((members) => ({
    ...plain,
    form: "sts",
    target: "",
    contentType: "application/x-www-form-urlencoded; charset=utf-8",
    service: "sts",
    body: Buffer.from(new URLSearchParams(members).toString()),
  }));

const raw: fc.Arbitrary<ServiceInput> = fc
  .tuple(
    fc.constantFrom(
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{}",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
      "GET /api/v1/products HTTP/1.0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET http://elsewhere.example/ HTTP/1.1\r\nHost: x\r\n\r\n",
      "CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\u0016\u0003\u0001\u0002\u0000\u0001\u0000",
    ),
    fc.boolean(),
  )
  .chain(([text, isWhole]) =>
    isWhole ? fc.constant(Buffer.from(text, "latin1")) : damaged(fc.constant(Buffer.from(text, "latin1"))),
  )
  .map((body) => ({ ...plain, form: "raw", target: "", service: "", body }));

export const serviceInputs: fc.Arbitrary<ServiceInput> = fc.oneof(
  { weight: 8, arbitrary: json },
  { weight: 4, arbitrary: damagedBody },
  { weight: 3, arbitrary: unsigned },
  { weight: 1, arbitrary: query },
  { weight: 2, arbitrary: cbor },
  { weight: 2, arbitrary: sts },
  { weight: 2, arbitrary: raw },
  { weight: 1, arbitrary: abyss },
);

/** The bytes to write, signed at this moment. */
export function serviceBytes(input: ServiceInput, host: string, key: FuzzKey): Buffer {
  if (input.form === "raw") return input.body;
  const named = input.target === "" ? {} : { "x-amz-target": input.target };
  const { path, headers } = signRequest({
    host,
    method: input.method,
    path: input.path,
    headers: { "content-type": input.contentType, ...named, ...input.headers },
    body: input.body,
    service: input.service,
    form: input.form === "query" ? "query" : "header",
    ...key,
  });
  const lines = Object.entries({
    ...headers,
    "content-length": String(input.body.length),
    ...Object.fromEntries(input.after),
  });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([Buffer.from(`${input.method} ${path} HTTP/1.1\r\n${head}\r\n`, "latin1"), input.body]);
}
