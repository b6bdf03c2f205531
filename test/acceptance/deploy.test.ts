/** What lies in deploy/, the Dockerfile and compose.yaml speak of what this server has. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { startMeterhouse } from "../../src/index.ts";

const root = join(import.meta.dirname, "..", "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

type Probe = { readonly httpGet: { readonly path: string } };
interface Pod {
  readonly securityContext: { readonly runAsNonRoot: boolean; readonly runAsUser: number };
  readonly containers: readonly [
    {
      readonly args: readonly string[];
      readonly startupProbe: Probe;
      readonly readinessProbe: Probe;
      readonly livenessProbe: Probe;
      readonly securityContext: { readonly readOnlyRootFilesystem: boolean };
      readonly volumeMounts: readonly { readonly mountPath: string }[];
    },
  ];
}

function pod(): Pod {
  const documents = parseAllDocuments(read("deploy/kubernetes.yaml")).map((one) => one.toJS());
  return documents.find((one) => one.kind === "Deployment").spec.template.spec as Pod;
}

test("dashboard and alerts name metrics of this server", async () => {
  const meterhouse = await startMeterhouse({});
  try {
    const text = await (await fetch(`${meterhouse.endpoint}/metrics`)).text();
    const there = new Set([...text.matchAll(/^# TYPE (\w+) /gm)].map(([, name]) => name));
    for (const file of ["grafana-dashboard.json", "alerts.yaml"]) {
      const named = read(`deploy/${file}`).matchAll(/\b((?:meterhouse|process|nodejs)_\w+)/g);
      const names = new Set([...named].map(([, name = ""]) => name.replace(/_(?:bucket|sum|count)$/, "")));
      expect(names.size).toBeGreaterThan(0);
      expect([...names].filter((name) => !there.has(name))).toEqual([]);
    }
    const { startupProbe, readinessProbe, livenessProbe } = pod().containers[0];
    for (const { httpGet } of [startupProbe, readinessProbe, livenessProbe]) {
      expect((await fetch(`${meterhouse.endpoint}${httpGet.path}`)).status, httpGet.path).toBe(200);
    }
  } finally {
    await meterhouse.close();
  }
});

test("containers set variables that the server reads", () => {
  const source = globSync("src/**/*.ts", { cwd: root }).map(read).join("\n");
  const known = new Set(source.match(/\bMETERHOUSE_[A-Z_]+\b/g));
  for (const file of ["Dockerfile", "compose.yaml", "deploy/kubernetes.yaml"]) {
    for (const name of read(file).match(/\bMETERHOUSE_[A-Z_]+\b/g) ?? [])
      expect(known, `${file}: ${name}`).toContain(name);
  }
});

test("containers run as the image's user, write to their data folder alone, and start as the command line knows", () => {
  const [, user] = /^USER (\d+):/m.exec(read("Dockerfile")) ?? [];
  expect(Number(user)).toBeGreaterThan(0);
  const [, data] = /^VOLUME (\S+)/m.exec(read("Dockerfile")) ?? [];

  const { securityContext, containers } = pod();
  expect(securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: Number(user) });
  expect(containers[0].securityContext.readOnlyRootFilesystem).toBe(true);
  expect(containers[0].volumeMounts.map(({ mountPath }) => mountPath)).toContain(data);

  const { services } = parse(read("compose.yaml"), { merge: true });
  for (const node of [services["node-1"], services["node-2"]]) {
    expect(node).toMatchObject({ user: `${user}:${user}`, read_only: true });
    expect(node.tmpfs[0]).toMatch(new RegExp(`^${data}:uid=${user},`));
  }

  const known = read("src/commandLine.ts");
  for (const option of containers[0].args.filter((arg) => arg.startsWith("--")))
    expect(known).toContain(`"${option} <`);
});
