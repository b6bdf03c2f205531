/** The clients that the scenario runs with, and what each takes to run. */
import { join } from "node:path";

export interface Client {
  /** Name of its folder; what `--only` takes. */
  readonly id: string;
  readonly title: string;
  /** Commands that must be on the PATH; without one of them the client is skipped. */
  readonly needs: readonly string[];
  /** Commands that install and build it, in its folder, each with its arguments. */
  readonly prepare: readonly (readonly string[])[];
  /** The program; the path of the run is added as its last argument. */
  readonly program: readonly string[];
  /** The snippet of docs/clients, run with the environment variables that it says. */
  readonly first: readonly string[];
}

/** Where the folders of the clients are. */
export const folder = import.meta.dirname;

export function folderOf(client: Client): string {
  return join(folder, client.id);
}

export const clients: readonly Client[] = [
  {
    id: "javascript-v3",
    title: "AWS SDK for JavaScript v3",
    needs: ["node"],
    prepare: [],
    program: ["node", "program.mjs"],
    first: ["node", "first.mjs"],
  },
  {
    id: "javascript-v2",
    title: "AWS SDK for JavaScript v2",
    needs: ["node", "npm"],
    prepare: [["npm", "ci", "--no-audit", "--no-fund"]],
    program: ["node", "program.mjs"],
    first: ["node", "first.cjs"],
  },
  boto3("boto3", "boto3"),
  boto3("boto3-2022", "boto3 of 2022"),
];

/** One program for both versions, each with an environment of its own. */
function boto3(id: string, title: string): Client {
  return {
    id,
    title,
    needs: ["python3"],
    prepare: [
      ["python3", "-m", "venv", ".venv"],
      [".venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"],
    ],
    program: [".venv/bin/python", "../boto3/program.py"],
    first: [".venv/bin/python", "first.py"],
  };
}
