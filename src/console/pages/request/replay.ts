/** A call as a command that makes it again. Credentials come from the environment, and so does a registration token. */
import type { Members, OpenedCall } from "./types.ts";

export type ReplayLanguage = "cli" | "javascript" | "python";

export interface Replayable {
  readonly operation: string;
  readonly region: string;
  readonly endpoint: string;
  readonly members: Members;
  /** Whether the members are those that came over the wire; else they are told again from the trail. */
  readonly isExact: boolean;
}

/** What the server shows in place of a secret. */
const hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
const tokenVariable = "REGISTRATION_TOKEN";

/** undefined, where nothing of the request is left or an SDK could not send it. */
export function replayableOf({ call, record, exchange }: OpenedCall, endpoint: string): Replayable | undefined {
  const { operation, region = "us-east-1" } = call;
  if (operation === undefined) return undefined;
  const common = { operation, region, endpoint };
  if (exchange !== undefined) {
    const members = objectIn(exchange.request.body);
    return members && { ...common, members, isExact: true };
  }
  const { requestParameters } = record ?? {};
  if (requestParameters === null || requestParameters === undefined || "omitted" in requestParameters) return undefined;
  return { ...common, members: fromTrail(requestParameters), isExact: false };
}

function objectIn(body: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
  } catch {
    return undefined;
  }
}

/** The trail's members begin with a small letter, and its timestamps are texts such as `Aug 15, 2026 10:20:00 AM`, UTC. */
function fromTrail(members: Members): Members {
  return Object.fromEntries(
    Object.entries(members).map(([name, value]) => {
      const isTime = /^(?:timestamp|publicKeyRotationTimestamp)$/.test(name) && typeof value === "string";
      const inner = name === "filter" ? value : isTime ? Date.parse(`${value} UTC`) / 1_000 : upper(value);
      return [name.charAt(0).toUpperCase() + name.slice(1), inner];
    }),
  );
}

function upper(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(upper);
  return typeof value === "object" && value !== null ? fromTrail(value as Members) : value;
}

export function commandOf(replay: Replayable, language: ReplayLanguage): string {
  return writers[language](replay);
}

const kebab = (name: string): string => name.replace(/(?<!^)([A-Z])/g, "-$1").toLowerCase();
const serviceOf = (operation: string): string =>
  operation === "GetEntitlements" ? "marketplace-entitlement" : "meteringmarketplace";

type Writer = (replay: Replayable) => string;

/** For POSIX shells. */
const shellQuoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const cli: Writer = ({ operation, region, endpoint, members }) => {
  const json = shellQuoted(JSON.stringify(members, undefined, 2)).replaceAll(
    `"RegistrationToken": "${hidden}"`,
    `"RegistrationToken": "'"$${tokenVariable}"'"`,
  );
  return [
    `aws ${serviceOf(operation)} ${kebab(operation)}`,
    `--endpoint-url ${shellQuoted(endpoint)}`,
    `--region ${shellQuoted(region)}`,
    `--cli-input-json ${json}`,
  ].join(" \\\n  ");
};

const javascript: Writer = ({ operation, region, endpoint, members }) => {
  const isOther = operation === "GetEntitlements";
  const name = isOther ? "client-marketplace-entitlement-service" : "client-marketplace-metering";
  const client = isOther ? "MarketplaceEntitlementServiceClient" : "MarketplaceMeteringClient";
  const input = literal(members, {
    indent: "  ",
    words: { true: "true", false: "false", null: "null" },
    key: (key) => (/^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key)),
    time: (seconds) => `new Date(${Math.round(seconds * 1_000)})`,
    token: `process.env.${tokenVariable}`,
  });
  return `import { ${client}, ${operation}Command } from "@aws-sdk/${name}";

const client = new ${client}({ endpoint: ${JSON.stringify(endpoint)}, region: ${JSON.stringify(region)} });
console.log(await client.send(new ${operation}Command(${input})));`;
};

const python: Writer = ({ operation, region, endpoint, members }) => {
  const input = literal(members, {
    indent: "    ",
    words: { true: "True", false: "False", null: "None" },
    key: (key) => JSON.stringify(key),
    time: String,
    token: `os.environ["${tokenVariable}"]`,
  });
  const imports = input.includes("os.environ[") ? "import os\n\nimport boto3" : "import boto3";
  return `${imports}

client = boto3.client("${serviceOf(operation)}", endpoint_url=${JSON.stringify(endpoint)}, region_name=${JSON.stringify(region)})
print(client.${kebab(operation).replaceAll("-", "_")}(**${input}))`;
};

interface Style {
  readonly indent: string;
  readonly words: Readonly<Record<"true" | "false" | "null", string>>;
  readonly key: (name: string) => string;
  /** Of epoch seconds. */
  readonly time: (seconds: number) => string;
  readonly token: string;
}

function literal(value: unknown, style: Style, depth = 0): string {
  if (value === null || value === undefined) return style.words.null;
  if (typeof value === "boolean") return style.words[value ? "true" : "false"];
  if (typeof value !== "object") return JSON.stringify(value);
  const within = `\n${style.indent.repeat(depth + 1)}`;
  const end = `\n${style.indent.repeat(depth)}`;
  const items = Array.isArray(value)
    ? value.map((item) => literal(item, style, depth + 1))
    : Object.entries(value).map(([name, inner]) => `${style.key(name)}: ${memberLiteral(name, inner, style, depth)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return items.length === 0 ? `${open}${close}` : `${open}${within}${items.join(`,${within}`)}${end}${close}`;
}

function memberLiteral(name: string, value: unknown, style: Style, depth: number): string {
  if (name === "Timestamp" && typeof value === "number") return style.time(value);
  if (name === "RegistrationToken" && value === hidden) return style.token;
  return literal(value, style, depth + 1);
}

const writers: Readonly<Record<ReplayLanguage, Writer>> = { cli, javascript, python };
