/** The clients that the scenario runs with, and what each takes to run. */
import { existsSync } from "node:fs";
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

/** Into an environment of its own, from the folder's requirements.txt. */
const pipInstall: Client["prepare"] = [
  ["python3", "-m", "venv", ".venv"],
  [".venv/bin/pip", "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"],
];

/** Where packages put version 2; what else is called `aws` on a PATH is version 1, from pip. */
const awsV2 = ["/usr/local/bin/aws", "/usr/bin/aws"].find((path) => existsSync(path)) ?? "/usr/bin/aws";

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
  {
    id: "aws-cli-v2",
    title: "AWS CLI v2",
    needs: ["node", awsV2],
    prepare: [],
    program: ["node", "program.mjs", awsV2],
    first: ["env", `AWS=${awsV2}`, "sh", "first.sh"],
  },
  {
    id: "aws-cli-v1",
    title: "AWS CLI v1",
    needs: ["node", "python3"],
    prepare: pipInstall,
    program: ["node", "../aws-cli-v2/program.mjs", ".venv/bin/aws"],
    first: ["env", "AWS=.venv/bin/aws", "sh", "first.sh"],
  },
  java("java-v2", "AWS SDK for Java 2"),
  java("java-v1", "AWS SDK for Java 1"),
  {
    id: "go-v2",
    title: "AWS SDK for Go v2",
    needs: ["go", "/usr/share/gocode/src/github.com/aws/aws-sdk-go-v2/service/marketplacemetering"],
    prepare: [["go", "build", "-o", "build/", "./..."]],
    program: ["build/go-v2"],
    first: ["build/first"],
  },
  {
    id: "go-v1",
    title: "AWS SDK for Go v1",
    needs: ["go"],
    prepare: [["go", "build", "-o", "build/", "./..."]],
    program: ["build/go-v1"],
    first: ["build/first"],
  },
  {
    id: "rust",
    title: "AWS SDK for Rust",
    needs: ["cargo"],
    prepare: [["cargo", "build", "--quiet", "--locked", "--target-dir", "target"]],
    program: ["target/debug/program"],
    first: ["target/debug/first"],
  },
];

/** One program for both versions, each with an environment of its own. */
function boto3(id: string, title: string): Client {
  return {
    id,
    title,
    needs: ["python3"],
    prepare: pipInstall,
    program: [".venv/bin/python", "../boto3/program.py"],
    first: [".venv/bin/python", "first.py"],
  };
}

/** Compiled with what `../jvm` has for all of them; the jars that it takes go to `target/dependency`. */
function java(id: string, title: string): Client {
  const run = ["java", "-cp", "target/classes:target/dependency/*"];
  return {
    id,
    title,
    needs: ["java", "javac", "mvn"],
    prepare: [["mvn", "-q", "-B", "compiler:compile", "dependency:copy-dependencies"]],
    program: [...run, "Program"],
    first: [...run, "First"],
  };
}
