import { resolve } from "node:path";
import type { Command } from "commander";
import type { WorkloadKind } from "../api/types.ts";
import { at, isRow, type Row } from "./api.ts";
import { addLeaf, addList, addNoun, arg, type Call, instants, isJson, picked, say, show, text } from "./command.ts";
import { type CliContext, write } from "./context.ts";
import { CliError, usageError } from "./errors.ts";
import { writeTo } from "./files.ts";
import { choice, instant, many, oneOf, option } from "./options.ts";
import { printJson } from "./output.ts";

const kinds = ["ecs", "fargate", "eks", "ec2", "agentcore"] as const satisfies readonly WorkloadKind[];
/** The SDKs look at these first: keys in them would hide the workload's own. */
const hiding = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"];
const secretMode = 0o600;

export function registerWorkloads(program: Command, context: CliContext): void {
  const workload = addNoun(program, "workload", "simulated tasks, pods, instances and agents that meter themselves");
  addRun(workload, context);
  addList(workload, context, {
    description: "list workloads",
    examples: ["workload list --state running", "workload list --kind ecs --account 444455556666"],
    options: [
      option("--account <id>", "of this account"),
      choice("--kind <kind>", "of this kind", kinds),
      choice("--state <state>", "of this state", ["running", "stopped"]),
    ],
    path: () => "/workloads",
    query: ["account", "kind", "state"],
    columns: ["id", "kind", "account", "region", "state", { title: "RESOURCE", value: "resource", isFlexible: true }],
    what: "workloads",
  });
  addLeaf(workload, context, {
    name: "get <id>",
    description: "show a workload",
    examples: ["workload get web-1"],
    run: async (call) => show(call, await call.api.json("GET", at("workloads", arg(call, 0)))),
  });
  addLeaf(workload, context, {
    name: "env <id>",
    description: "print the environment that gives a program the workload's identity",
    examples: ["workload env web-1", "workload env web-1 --output web-1.env"],
    options: environmentOptions(),
    run: (call) => giveEnvironment(call, arg(call, 0)),
  });
  addLeaf(workload, context, {
    name: "stop <id>",
    description: "stop a workload: its credentials stop working and its metering ends",
    examples: ["workload stop web-1"],
    options: [instant("--at <time>", "when it stopped, on the business clock (default now)", "past")],
    run: async (call) => {
      const body = await instants(call, ["at"]);
      await show(call, await call.api.json("POST", at("workloads", arg(call, 0), "stop"), { body }));
    },
  });
  addLeaf(workload, context, {
    name: "start <id>",
    description: "start a stopped EC2 instance again",
    examples: ["workload start ec2-0a1b2c3d"],
    run: async (call) => show(call, await call.api.json("POST", at("workloads", arg(call, 0), "start"))),
  });
}

function environmentOptions() {
  return [
    // Not --env-file: Node takes an option of that name for itself, wherever it stands.
    option("-o, --output <file>", "write NAME=value lines to this file, for docker run --env-file"),
    option("--token-file <file>", "EKS: where the web identity token is written (default ./<id>.token)"),
    option("--server-url <url>", "the server as the workload reaches it (default: --url)"),
  ];
}

function addRun(workload: Command, context: CliContext): void {
  addLeaf(workload, context, {
    name: "run <kind>",
    description: `run a workload (${kinds.join(", ")}) and print its environment`,
    examples: [
      "workload run ecs --product myproduct --region us-east-1",
      "workload run fargate --account 444455556666 --product myproduct --output web.env",
      "workload run eks --account 444455556666 --namespace shop --service-account web --token-file ./web.token",
    ],
    options: [
      option("--account <id>", "account that it runs in (default: the buyer with an active agreement on the product)"),
      option("--region <region>", "where it runs (default us-east-1)"),
      many("--product <code>", "product code of its image (default any)"),
      option("--id <id>", "instead of a drawn one"),
      option("--role <name>", "name of its IAM role"),
      many("--allow <action>", "IAM action pattern of the role (default aws-marketplace:*)"),
      option("--resource <id>", "task ARN, pod ARN, instance id or runtime ARN (default drawn)"),
      option("--cluster <name>", "ECS, EKS: its cluster"),
      option("--namespace <name>", "EKS: its namespace"),
      option("--service-account <name>", "EKS: its service account"),
      instant("--launched-at <time>", "when it was launched, on the business clock (default now)", "past"),
      ...environmentOptions(),
    ],
    run: async (call) => {
      const { flags } = call;
      const members = [
        "account",
        "region",
        "id",
        "role",
        "allow",
        "resource",
        "cluster",
        "namespace",
        "serviceAccount",
      ];
      const body = {
        kind: oneOf(arg(call, 0), kinds),
        ...picked(flags, members),
        ...(flags.product === undefined ? {} : { products: flags.product }),
        ...(await instants(call, ["launchedAt"])),
        ...(flags.account === undefined ? { account: await soleBuyer(call) } : {}),
      };
      const made = await call.api.json("POST", "/workloads", { body });
      await say(call, `Workload ${String(made.id)} runs as ${String(made.resource)}.`);
      await giveEnvironment(call, String(made.id), made);
    },
  });
}

/** Who runs a product's image, where there is one who may: several buyers, or none, must be chosen from by a person. */
async function soleBuyer({ api, flags }: Call): Promise<string> {
  const products = Array.isArray(flags.product) ? flags.product.map(String) : [];
  const pages = await Promise.all(
    products.map((product) => api.json("GET", "/agreements", { query: { product, state: "active", limit: "100" } })),
  );
  const rows = pages.flatMap(({ items }) => (Array.isArray(items) ? items.filter(isRow) : []));
  const [buyer, ...others] = new Set(rows.map((row) => String(row.buyer)));
  if (buyer !== undefined && others.length === 0) return buyer;
  const why =
    buyer === undefined
      ? "no buyer has an active agreement on a product named with --product"
      : `${others.length + 1} buyers have one: ${[buyer, ...others].slice(0, 5).join(", ")}`;
  throw usageError(`Name the account with --account ID: ${why}.`);
}

/** Prints the variables, or writes them to a file; the token of a pod always becomes a file, as in a pod. */
async function giveEnvironment(call: Call, id: string, workload?: Row): Promise<void> {
  const { api, flags, context } = call;
  const envFile = text(flags, "output");
  if (envFile === "-") throw usageError("--output names a file; without it the variables are printed.");
  const url = text(flags, "serverUrl") ?? api.url;
  const answer = await api.json("GET", at("workloads", id, "environment"), { query: { url } });
  if (!isRow(answer.variables)) throw new CliError("the server's answer has no variables.");
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.variables)) variables[name] = String(value);
  if (typeof answer.webIdentityToken === "string") {
    const tokenFile = resolve(text(flags, "tokenFile") ?? `${id}.token`);
    const token = answer.webIdentityToken;
    await writeTo(tokenFile, context, secretMode, (print) => print(token));
    variables.AWS_WEB_IDENTITY_TOKEN_FILE = tokenFile;
    await say(call, `Its token is in ${tokenFile}; mount it where AWS_WEB_IDENTITY_TOKEN_FILE says.`);
  }
  if (envFile !== undefined) {
    const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
    await writeTo(envFile, context, secretMode, (print) => print(lines.join("")));
    await say(call, `Its environment is in ${envFile}.`);
  }
  if (isJson(call)) return printJson(context, { ...(workload ?? { id }), variables });
  if (envFile !== undefined) return;
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
  await write(context.stdout, `unset ${hiding.join(" ")}\n${lines.join("")}`);
}

/** For a POSIX shell. */
function quoted(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
