/** What runs by itself: notification targets, workloads, planned faults; and everything that can be read. */
import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { AssumeRoleCommand, AssumeRoleWithWebIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import { keys, products } from "../support/catalog.ts";
import { awsSecret, exportPlace, type Json, key, type Parts, roleArn, word } from "./secretsParts.ts";

export async function targets({ secret, admin, send }: Parts): Promise<void> {
  const [password, queueSecret] = [word(), awsSecret()];
  secret("password of an endpoint", password, exportPlace);
  secret("secret key of a queue", queueSecret, exportPlace);
  const owner = { seller: "210000000001" };
  const endpoint = await startEndpoint();
  try {
    const url = `http://seller:${password}@${endpoint.host}/sns`;
    const http = await admin("creation of an HTTP target", "POST", "/notification-targets", {
      ...owner,
      kind: "http",
      url,
    });
    // Nobody listens on port 9: deliveries fail, and say why.
    await admin("creation of a queue's target", "POST", "/notification-targets", {
      ...{ ...owner, kind: "sqs", url: "http://127.0.0.1:9/queue" },
      sqs: {
        endpoint: "http://127.0.0.1:9",
        region: "us-east-1",
        accessKeyId: "AKIAQUEUE",
        secretAccessKey: queueSecret,
      },
    });
    await admin("a queue of a wrong form", "POST", "/notification-targets", {
      ...{ ...owner, kind: "http", url: `http://x:${password}@127.0.0.1:9/`, sqs: { secretAccessKey: queueSecret } },
    });
    const wrongUrl = `ftp://x:${password}@h/`;
    await admin("a URL that is none", "POST", "/notification-targets", { ...owner, kind: "http", url: wrongUrl });
    const exported = await admin("export", "GET", "/catalog");
    await admin("import of an export without secrets", "POST", "/catalog", exported.text);
    await admin("asking to confirm", "POST", `/notification-targets/${http.json.id}/confirm`, {});
    const asked = await endpoint.next();
    const basic = `Basic ${Buffer.from(`seller:${password}`).toString("base64")}`;
    if (asked.authorization !== basic) throw new Error("the endpoint was not shown its password");
    const subscription = JSON.parse(asked.body) as { readonly Token: string; readonly SubscribeURL: string };
    secret("subscription token", subscription.Token);
    const confirmed = await send(
      "confirming",
      new URL(subscription.SubscribeURL).pathname + new URL(subscription.SubscribeURL).search,
    );
    if (confirmed.json.confirmed !== true) throw new Error("the subscription was not confirmed");
    const agreement = await admin("an agreement", "POST", "/agreements", {
      product: products.safe,
      buyer: "310000000008",
    });
    await admin("its end", "POST", `/agreements/${agreement.json.id}/cancel`, {});
    await admin("export with secrets", "GET", "/catalog?secrets=true");
  } finally {
    endpoint.close();
  }
  const guess = word();
  secret("wrong subscription token", guess);
  await send("a wrong subscription token", `/sns/confirm?token=${guess}`);
}

interface Posted {
  readonly authorization: string | undefined;
  readonly body: string;
}

/** A seller's endpoint. */
async function startEndpoint() {
  const posts: Posted[] = [];
  const told = new EventEmitter();
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk) => {
      body += chunk;
    });
    request.on("end", () => {
      posts.push({ authorization: request.headers.authorization, body });
      told.emit("post");
      response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: async (): Promise<Posted> => {
      for (;;) {
        const post = posts.shift();
        if (post !== undefined) return post;
        await once(told, "post");
      }
    },
    close: () => server.close().closeAllConnections(),
  };
}

export async function workloads({ endpoint, secret, admin, send }: Parts): Promise<void> {
  const run = async (kind: string) => {
    const { id } = (await admin(`running ${kind}`, "POST", "/workloads", { kind, account: "310000000001" })).json;
    const name = `environment of ${kind}`;
    const { variables, webIdentityToken } = (await admin(name, "GET", `/workloads/${id}/environment`)).json;
    return {
      id: id as string,
      variables: variables as Record<string, string>,
      webIdentityToken: webIdentityToken as string,
    };
  };
  const task = await run("ecs");
  const authorization = task.variables.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? "";
  secret("authorization token of a task", authorization, /^environment of ecs$/, exportPlace);
  const credentialsOf = (name: string, token: string) =>
    send(name, `/workloads/${task.id}/ecs/credentials`, { headers: { authorization: token } });
  const fetched = (await credentialsOf("credentials of a task", authorization)).json;
  secret("secret key of a task", fetched.SecretAccessKey, /^credentials of a task$/);
  secret("session token of a task", fetched.Token, /^credentials of a task$/);
  const guess = word();
  secret("wrong authorization token", guess);
  await credentialsOf("credentials by a wrong token", guess);

  const instance = await run("ec2");
  const imds = `/workloads/${instance.id}/imds/latest`;
  const token = await send("metadata token", `${imds}/api/token`, {
    ...{ method: "PUT", headers: { "x-aws-ec2-metadata-token-ttl-seconds": "60" } },
  });
  secret("metadata token", token.text, /^metadata token$/);
  await send("metadata", `${imds}/meta-data/instance-id`, { headers: { "x-aws-ec2-metadata-token": token.text } });
  await send("metadata by a wrong token", `${imds}/meta-data/`, { headers: { "x-aws-ec2-metadata-token": guess } });

  const pod = await run("eks");
  secret("web identity token", pod.webIdentityToken, /^environment of eks$/);
  const sts = new STSClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "none", secretAccessKey: "none" },
    maxAttempts: 1,
  });
  const assume = (WebIdentityToken: string) =>
    sts.send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: pod.variables.AWS_ROLE_ARN,
        RoleSessionName: "pod",
        WebIdentityToken,
      }),
    );
  const { Credentials } = await assume(pod.webIdentityToken);
  secret("secret key of a pod", Credentials?.SecretAccessKey ?? "");
  secret("session token of a pod", Credentials?.SessionToken ?? "");
  const [head = "", payload = "", proof = ""] = pod.webIdentityToken.split(".");
  secret("proof of a web identity token", proof, /^environment of eks$/);
  await assume(`${head}.${payload}.${proof.slice(0, -4)}AAAA`).catch(() => {});
  await assume(`${word()}`).catch(() => {});
  const body = `Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=x&RoleSessionName=pod&WebIdentityToken=${pod.webIdentityToken}`;
  await send("AssumeRoleWithWebIdentity of a wrong form", "/", {
    ...{ method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body },
  });
  sts.destroy();
}

export async function faults({ endpoint, catalog, secret, admin, aws, send }: Parts): Promise<void> {
  const sts = new STSClient({ endpoint, region: "us-east-1", credentials: key(catalog, keys.seller), maxAttempts: 1 });
  const { Credentials } = await sts.send(new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: "nightly" }));
  sts.destroy();
  const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = Credentials ?? {};
  secret("secret key by AssumeRole", SecretAccessKey, exportPlace);
  secret("session token by AssumeRole", SessionToken, exportPlace);
  const session = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  const record = {
    ...{
      Timestamp: Math.floor(Date.now() / 1_000),
      CustomerAWSAccountId: "310000000001",
      Dimension: "searches",
      Quantity: 1,
    },
  };
  const batch = { ProductCode: products.logs, UsageRecords: [record] };
  for (const phase of ["before-commit", "after-commit"]) {
    await admin("planning a fault", "POST", "/faults", { kind: "error", status: 503, phase });
    await aws(`a fault ${phase}`, "BatchMeterUsage", batch, session);
  }
  await admin("planning a proxy's fault", "POST", "/faults", { kind: "proxy-503" });
  await aws("a proxy's fault", "BatchMeterUsage", batch, session);
  await aws("usage", "BatchMeterUsage", batch, session);
  await send("a path that makes no sense", `/%zz/${word()}`);
}

/** Whatever can be read at all. */
export async function reads({ admin, send }: Parts): Promise<void> {
  const document = (await send("the OpenAPI document", "/api/v1/openapi.json")).json;
  const [from, to] = [new Date(Date.now() - 3_600_000), new Date(Date.now() + 60_000)].map((at) => at.toISOString());
  const query = `?from=${from}&to=${to}&month=2026-08&date=2026-08-15`;
  for (const [path, methods] of Object.entries<Json>(document.paths)) {
    if (methods.get === undefined || path.endsWith("/stream") || path.includes("{")) continue;
    const own = path.slice("/api/v1".length);
    const wanted = (methods.get.parameters ?? []).filter((one: Json) => one.in === "query" && one.required);
    await admin(`GET ${own}`, "GET", wanted.length === 0 ? own : queryOf(own, wanted, query));
  }
  for (const [list, member] of [
    ["calls", "requestId"],
    ["calls/untraced", "requestId"],
    ["notifications", "id"],
    ["credentials", "accessKeyId"],
    ["workloads", "id"],
    ["products", "code"],
  ] as const) {
    const { items } = (await admin(`all ${list}`, "GET", `/${list}?limit=1000`)).json;
    for (const one of items) await admin(`one of ${list}`, "GET", `/${list}/${one[member]}`);
  }
  for (const path of ["/", "/healthz", "/metrics", "/console/", "/marketplace", "/marketplace/subscriptions"]) {
    await send(`GET ${path}`, path);
  }
}

function queryOf(path: string, wanted: readonly Json[], query: string): string {
  const given = new URLSearchParams(query);
  return `${path}?${wanted.map(({ name }) => `${name}=${encodeURIComponent(given.get(name) ?? "x")}`).join("&")}`;
}
