import type { Command } from "commander";
import type { CredentialKind } from "../api/types.ts";
import { at } from "./api.ts";
import { addLeaf, addList, addNoun, arg, done, instants, picked, say, show, text } from "./command.ts";
import type { CliContext } from "./context.ts";
import { readText } from "./files.ts";
import { choice, instant, many, option } from "./options.ts";

const kinds = [
  "iam-user",
  "assumed-role",
  "ec2",
  "ecs-task",
  "eks-irsa",
  "eks-pod-identity",
  "agentcore",
] as const satisfies readonly CredentialKind[];

export function registerCredentials(program: Command, context: CliContext): void {
  const credential = addNoun(program, "credential", "the keys that calls are signed with");
  addList(credential, context, {
    description: "list credentials, without their secrets",
    examples: ["credential list --account 111122223333", "credential list --kind ecs-task"],
    options: [option("--account <id>", "of this account"), choice("--kind <kind>", "of this kind", kinds)],
    path: () => "/credentials",
    query: ["account", "kind"],
    columns: [
      "accessKeyId",
      "account",
      "kind",
      { title: "NAME", value: "name", isFlexible: true },
      { title: "ALLOW", value: "allow", isFlexible: true, isExtra: true },
      { title: "EXPIRES AT", value: "expiresAt", isExtra: true },
    ],
    what: "credentials",
  });
  addLeaf(credential, context, {
    name: "get <access-key-id>",
    description: "show a credential, without its secrets",
    examples: ["credential get AKIAEXAMPLE"],
    run: async (call) => show(call, await call.api.json("GET", at("credentials", arg(call, 0)))),
  });
  addCreation(credential, context);
  addLeaf(credential, context, {
    name: "delete <access-key-id>",
    description: "delete a credential: calls signed with it are refused",
    examples: ["credential delete AKIAEXAMPLE"],
    run: async (call) => {
      await call.api.json("DELETE", at("credentials", arg(call, 0)));
      await done(call, `Credential ${arg(call, 0)} is deleted.`);
    },
  });
}

function addCreation(credential: Command, context: CliContext): void {
  addLeaf(credential, context, {
    name: "create",
    description: "create a credential; its secrets are shown this once",
    examples: [
      "credential create --account 111122223333 --kind iam-user --name metering-service",
      "credential create --account 444455556666 --kind ecs-task --region us-east-1 \\\n    --resource arn:aws:ecs:us-east-1:444455556666:task/web/0123456789abcdef --product myproduct",
    ],
    options: [
      option("--account <id>", "whose it is").makeOptionMandatory(),
      choice("--kind <kind>", "what signs with it", kinds).makeOptionMandatory(),
      option("--name <name>", "user or role name"),
      option("--access-key-id <id>", "instead of a drawn one"),
      option("--secret-file <file>", "file with the secret access key, instead of a drawn one; - is stdin"),
      option("--session-token-file <file>", "file with the session token"),
      many("--allow <action>", "IAM action pattern (default aws-marketplace:*)"),
      instant("--expires-at <time>", "end of its life, by the wall clock", "future"),
      option("--resource <id>", "workloads: instance id, task ARN, pod id or runtime ARN"),
      option("--region <region>", "workloads: where it runs"),
      many("--product <code>", "workloads: product code of the image"),
      instant("--launched-at <time>", "workloads: when it was launched", "past"),
      instant("--stopped-at <time>", "workloads: when it was stopped", "past"),
    ],
    run: async (call) => {
      const { flags } = call;
      const secretFile = text(flags, "secretFile");
      const tokenFile = text(flags, "sessionTokenFile");
      const body = {
        ...picked(flags, ["account", "kind", "name", "accessKeyId", "allow", "resource", "region"]),
        ...(flags.product === undefined ? {} : { products: flags.product }),
        ...(await instants(call, ["launchedAt", "stoppedAt"])),
        ...(await instants(call, ["expiresAt"], "wall")),
        ...(secretFile === undefined ? {} : { secretAccessKey: (await readText(secretFile, context)).trim() }),
        ...(tokenFile === undefined ? {} : { sessionToken: (await readText(tokenFile, context)).trim() }),
      };
      await show(call, await call.api.json("POST", "/credentials", { body }));
      await say(call, "Keep the secret access key (and the session token): they are not shown again.");
    },
  });
}
