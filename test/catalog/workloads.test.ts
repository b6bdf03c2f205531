/** The section `workloads` of a catalogue document: defaults, idempotence, export, what is refused. */
import { beforeEach, expect, test } from "vitest";
import { CatalogFileError, catalogText, exportCatalog, parseCatalog } from "../../src/catalog/file.ts";
import { MemoryCatalog } from "../support/memoryCatalog.ts";
import { loadInto } from "./documents.ts";

const now = Date.parse("2026-08-15T10:20:00Z");
const account = "444455556666";

let catalog: MemoryCatalog;
beforeEach(() => {
  catalog = new MemoryCatalog();
});

const kinds = ["ecs", "fargate", "eks", "ec2", "agentcore"] as const;
const document = { workloads: kinds.map((kind) => ({ id: `one-${kind}`, kind, account, launchedAt: "now-2h" })) };

test("what is left out is in AWS's forms, and the same wherever it is loaded", async () => {
  await loadInto(catalog, document, now);
  const resources = catalog.all().workloads.map((one) => one.resource);
  expect(resources).toEqual([
    expect.stringMatching(/^arn:aws:ecs:us-east-1:444455556666:task\/demo\/[0-9a-f]{32}$/),
    expect.stringMatching(/^arn:aws:ecs:us-east-1:444455556666:task\/demo\/[0-9a-f]{32}$/),
    expect.stringMatching(/^arn:aws:eks:us-east-1:444455556666:pod\/demo\/default\/one-eks-[0-9a-f]{10}$/),
    expect.stringMatching(/^i-[0-9a-f]{17}$/),
    expect.stringMatching(/^arn:aws:bedrock-agentcore:us-east-1:444455556666:runtime\/one_agentcore-[0-9a-f]{10}$/),
  ]);
  const elsewhere = new MemoryCatalog();
  await loadInto(elsewhere, document, now);
  expect(elsewhere.all().workloads.map((one) => one.resource)).toEqual(resources);
  expect(catalog.workload("one-ecs")).toMatchObject({ launchedAt: now - 7_200_000, allow: ["aws-marketplace:*"] });
  expect(catalog.account(account)).toBeDefined();
});

test("a second load writes nothing; what it leaves out stays", async () => {
  await loadInto(catalog, document, now);
  expect(await loadInto(catalog, document, now + 60_000)).toEqual({});
  await loadInto(catalog, { workloads: [{ id: "one-ec2", kind: "ec2", account, role: "another" }] }, now);
  expect(catalog.workload("one-ec2")).toMatchObject({ launchedAt: now - 7_200_000, roleName: "another" });
});

test("export and import; tokens only where secrets are asked for, keys of workloads never", async () => {
  await loadInto(catalog, document, now);
  const key = { accessKeyId: "ASIAOFATASK", secretAccessKey: "secret", accountId: account, kind: "ecs-task" } as const;
  await catalog.apply({ credentials: [{ ...key, name: "r", allow: [], workloadId: "one-ecs", createdAt: now }] });
  expect(catalogText(exportCatalog(catalog), "json")).not.toContain("authorizationToken");
  const exported = exportCatalog(catalog, { secrets: true });
  expect(exported.credentials).toBeUndefined();
  const copy = new MemoryCatalog();
  await loadInto(copy, parseCatalog(catalogText(exported, "yaml"), "export.yaml"), now);
  expect(copy.all().workloads).toEqual(catalog.all().workloads);
});

test.each<readonly [object, string]>([
  [{ kind: "lambda" }, "one of ecs, fargate, eks, ec2, agentcore"],
  [{ id: "Web_1" }, "is not a workload id"],
  [{ authorizationToken: "short" }, "not an authorization token"],
  [{ products: ["nothing"] }, 'there is no product "nothing"'],
  [{ namespace: "shop" }, "a workload of kind ecs has no namespace"],
  [{ launchedAt: "now", stoppedAt: "now-1h" }, "is before launchedAt"],
])("refused: %j", (more, message) => {
  const text = JSON.stringify({ workloads: [{ id: "w", kind: "ecs", account, ...more }] });
  expect(() => parseCatalog(text, "doc")).toThrow(message);
});

test("refused: an id twice, a workload that becomes another one, one that runs and would be stopped", async () => {
  const one = { id: "w", kind: "ecs", account };
  expect(() => parseCatalog(JSON.stringify({ workloads: [one, one] }), "doc")).toThrow("workload w is there twice");
  await loadInto(catalog, { workloads: [one] }, now);
  for (const change of [{ kind: "ec2" }, { account: "777788889999" }, { stoppedAt: "now" }]) {
    await expect(loadInto(catalog, { workloads: [{ ...one, ...change }] }, now)).rejects.toThrow(CatalogFileError);
  }
});
