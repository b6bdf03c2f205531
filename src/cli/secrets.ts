import type { Command } from "commander";
import type { Reissued } from "../moving/reissue.ts";
import type { Rotated } from "../moving/rotate.ts";
import { addLocalLeaf, addNoun, type Flags, say } from "./command.ts";
import { type CliContext, write } from "./context.ts";
import { CliError, usageError } from "./errors.ts";
import { option } from "./options.ts";
import { printJson, printRow, printTable } from "./output.ts";
import { databaseOf, dataDirOf, errorLog, placeOptions } from "./places.ts";

export function registerSecrets(program: Command, context: CliContext): void {
  const secrets = addNoun(program, "secrets", "the master key, and what is sealed under it");
  addLocalLeaf(
    secrets,
    {
      name: "rotate",
      description: "replace the master key and seal everything anew; all servers over the store must be stopped",
      examples: ["secrets rotate --data ./meterhouse-data"],
      options: [...placeOptions, option("--json", "print what was sealed anew as JSON")],
    },
    (flags) => rotate(flags, context),
  );
  addLocalLeaf(
    secrets,
    {
      name: "reissue",
      description: "when the master key is lost: new secrets in the place of those that nobody can read any more",
      examples: ["secrets reissue --yes --data ./meterhouse-data"],
      options: [
        option("--yes", "the old secrets are given up: whoever uses them needs the new ones"),
        ...placeOptions,
        option("--json", "print the new secrets as JSON"),
      ],
    },
    (flags) => reissue(flags, context),
  );
}

async function rotate(flags: Flags, context: CliContext): Promise<void> {
  const { rotateMasterKey } = await import("../moving/rotate.ts");
  const rotated = await asCliErrors(async () => rotateMasterKey(await placeOf(flags, context)));
  if (flags.json === true) return printJson(context, rotated);
  await printRow(context, rotated.resealed);
  for (const line of adviceOn(rotated)) await say({ context }, line);
}

function adviceOn({ oldKey, newKey, keyFile, oldKeyFile }: Rotated): readonly string[] {
  const made =
    keyFile === undefined
      ? [`Start the server with the new key in METERHOUSE_MASTER_KEY (fingerprint ${newKey}, before ${oldKey}).`]
      : [
          `The new master key is in ${keyFile} (fingerprint ${newKey}).`,
          `The old one is in ${oldKeyFile ?? "-"}: backups of before need it. Keep it with them, and away from here.`,
        ];
  return [...made, "Other nodes over the same database need the new key, too."];
}

async function reissue(flags: Flags, context: CliContext): Promise<void> {
  if (flags.yes !== true) {
    throw usageError(
      "reissue gives up every secret that is sealed under the lost key; say so with --yes.",
      "Where the key is known, 'meterhouse secrets rotate' keeps the secrets.",
    );
  }
  const { reissueSecrets } = await import("../moving/reissue.ts");
  const done = await asCliErrors(async () => reissueSecrets(await placeOf(flags, context)));
  if (flags.json === true) return printJson(context, done);
  if (done.credentials.length > 0) {
    await printTable(context, done.credentials, ["accessKeyId", "accountId", "name", "secretAccessKey"]);
  }
  for (const line of lossesOf(done)) await write(context.stderr, `${line}\n`);
}

function lossesOf({ credentials, ended, productKeys, workloads, targets, masterKey }: Reissued): readonly string[] {
  const some = (list: readonly string[], text: string): readonly string[] =>
    list.length === 0 ? [] : [`${text}: ${list.join(", ")}.`];
  return [
    `Everything is sealed under the master key of ${masterKey} now.`,
    ...(credentials.length === 0 ? [] : ["Keep the secret access keys: they are not shown again."]),
    ...some(ended, "Temporary credentials that are gone"),
    ...some(productKeys, "Products' keys that are new, so that who verifies signatures needs the public keys again"),
    ...some(workloads, "Workloads whose environment is new (meterhouse workload env)"),
    ...some(
      targets,
      "Notification targets to be made anew, because the key of their queue, or the password in their address, is gone",
    ),
  ];
}

async function placeOf(flags: Flags, context: CliContext) {
  return {
    dataDir: dataDirOf(flags, context),
    database: databaseOf(flags, context),
    env: context.env,
    log: await errorLog(),
  };
}

/** What a store refuses is told in its own words. */
export async function asCliErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CliError || error instanceof TypeError || error instanceof RangeError) throw error;
    throw error instanceof Error ? new CliError(error.message) : error;
  }
}
