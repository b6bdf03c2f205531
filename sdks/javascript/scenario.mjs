// What both programs of JavaScript share: the cases, the control plane, the comparison. Each brings the calls of its SDK.
import { verify } from "node:crypto";
import { readFileSync } from "node:fs";

/**
 * `has`: what the client can say. `send(step, input, endpoint)` sends one call and resolves to `{ answer }` or to
 * `{ error }`, the SDK's own, in both cases with `attempts`. `checkError(step, error)` throws where it is another than
 * the step's. Returns nothing; the exit code tells.
 */
export async function runScenario({ has, name, version, run, scenario, send, checkError }) {
  let passed = 0;
  let failed = 0;
  for (const one of scenario.cases) {
    const missing = (one.needs ?? []).find((need) => !has.has(need));
    if (missing !== undefined) {
      console.log(`skip ${one.id}: this client has no ${missing}`);
      continue;
    }
    console.log(`\n# ${one.id}: ${one.title}`);
    try {
      const endpoint = one.server === "skewed" ? run.skewedEndpoint : run.endpoint;
      const saved = {};
      for (const step of one.steps) {
        if (step.control !== undefined) await control(step, endpoint, saved, run.adminToken);
        else await call(step, endpoint, saved, { send, checkError });
      }
      passed += 1;
      console.log(`ok ${one.id}`);
    } catch (error) {
      failed += 1;
      console.log(`not ok ${one.id}: ${error.message}`);
    }
  }
  console.log(`\nclient: ${name} ${version}`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

export function readRun() {
  const run = JSON.parse(readFileSync(process.argv[2], "utf8"));
  return { run, scenario: JSON.parse(readFileSync(run.scenario, "utf8")) };
}

async function control({ control: method, path, body, expect }, endpoint, saved, adminToken) {
  const answer = await fetch(endpoint + path, {
    method,
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${text}`);
  if (expect !== undefined) match(JSON.parse(text), expect, saved, "");
}

async function call(step, endpoint, saved, { send, checkError }) {
  const input = typed(step.input, saved);
  console.log(`> ${step.call} ${JSON.stringify(input)}`);
  const { answer: output, error, attempts } = await send(step, input, endpoint);
  if (error !== undefined) {
    console.log(`< ${error.name}: ${error.message} (attempts: ${attempts})`);
    if (step.error === undefined) throw error;
    checkError(step, error);
    if (step.message !== undefined && !error.message.toLowerCase().includes(step.message.toLowerCase())) {
      throw new Error(`expected a message with "${step.message}", got "${error.message}"`);
    }
    return;
  }
  const answer = wire(output);
  console.log(`< ${JSON.stringify(answer)} (attempts: ${attempts})`);
  if (step.error !== undefined) throw new Error(`expected ${step.error}, got an answer`);
  match(answer, step.expect ?? {}, saved, "");
  for (const [name, path] of Object.entries(step.save ?? {})) {
    saved[name] = path.split(".").reduce((part, key) => part?.[key], answer);
  }
  if (step.jwt !== undefined) await verifyJwt(answer.Signature, step.jwt, endpoint);
}

/** The SDK's types: dates for timestamps. */
function typed(value, saved, name = "") {
  if (name === "Timestamp") return new Date(value * 1_000);
  if (typeof value === "string" && value.startsWith("$")) return saved[value.slice(1)];
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => typed(item, saved));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, typed(inner, saved, key)]));
}

/** Back to the wire's form; what the SDK leaves undefined is absent. */
function wire(value) {
  if (value instanceof Date) return value.getTime() / 1_000;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(wire);
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, wire(inner)]])),
  );
}

function match(got, expected, saved, path) {
  const wrong = (what) => {
    throw new Error(`expected ${path || "the answer"} to be ${what}, got ${JSON.stringify(got)}`);
  };
  const want = typeof expected === "string" && expected.startsWith("$") ? saved[expected.slice(1)] : expected;
  if (want === null) return got === undefined || wrong("absent");
  if (want === "*") return (got !== undefined && got !== null && got !== "") || wrong("there");
  if (Array.isArray(want)) {
    if ((got ?? []).length !== want.length) wrong(`a list of ${want.length}`);
    for (const [index, item] of want.entries()) match(got[index], item, saved, path ? `${path}.${index}` : `${index}`);
    return;
  }
  if (typeof want === "object") {
    for (const [key, inner] of Object.entries(want)) match(got?.[key], inner, saved, path ? `${path}.${key}` : key);
    return;
  }
  if (got !== want) wrong(JSON.stringify(want));
}

async function verifyJwt(jwt, claims, endpoint) {
  const [head, payload, signature] = jwt.split(".");
  const { alg } = JSON.parse(Buffer.from(head, "base64url"));
  if (alg !== "PS256") throw new Error(`expected a JWT of PS256, got ${alg}`);
  const { productCode, publicKeyVersion } = claims;
  const pem = await (await fetch(`${endpoint}/keys/${productCode}/${publicKeyVersion}.pem`)).text();
  // 6 is RSA_PKCS1_PSS_PADDING; PS256 has a salt of the length of its hash.
  const pss = { key: pem, padding: 6, saltLength: 32 };
  if (!verify("sha256", Buffer.from(`${head}.${payload}`), pss, Buffer.from(signature, "base64url"))) {
    throw new Error("the JWT's signature does not verify");
  }
  match(JSON.parse(Buffer.from(payload, "base64url")), claims, {}, "jwt");
}
