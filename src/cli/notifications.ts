import type { Command } from "commander";
import { at, isRow, type Row, rowsOf } from "./api.ts";
import { addLeaf, addList, addNoun, arg, type Call, done, isJson, picked, say, show, text } from "./command.ts";
import { type CliContext, write } from "./context.ts";
import { readText } from "./files.ts";
import { choice, manyChoices, option } from "./options.ts";
import { visible } from "./output.ts";

const forms = ["sns", "eventbridge"] as const;

export function registerNotifications(program: Command, context: CliContext): void {
  const notification = addNoun(program, "notification", "what the marketplace told sellers and buyers");
  addList(notification, context, {
    description: "list notifications in order of publication",
    examples: ["notification list --product myproduct", "notification list --state dead --order newest-first"],
    options: [
      option("--seller <id>", "to this seller"),
      option("--buyer <id>", "to this buyer: Acceptor events"),
      option("--product <code>", "about this product"),
      option("--agreement <id>", "about this agreement"),
      choice("--form <form>", "of this form", forms),
      option("--name <name>", "action of an SNS message, detail type of an event"),
      choice("--state <state>", "with a delivery in this state", ["pending", "delivered", "dead"]),
      choice("--order <order>", "default oldest-first", ["oldest-first", "newest-first"]),
    ],
    path: () => "/notifications",
    query: ["seller", "buyer", "product", "agreement", "form", "name", "state", "order"],
    columns: [
      "at",
      "form",
      { title: "NAME", value: "name", isFlexible: true },
      { title: "TO", value: ownerText },
      { title: "PRODUCT", value: "product", isFlexible: true, isExtra: true },
      { title: "AGREEMENT", value: "agreement", isExtra: true },
      "id",
    ],
    what: "notifications",
  });
  addLeaf(notification, context, {
    name: "get <id>",
    description: "show a notification with its text and its deliveries",
    examples: ["notification get 01234567-89ab-cdef-0123-456789abcdef"],
    run: async (call) => showDetail(call, await call.api.json("GET", at("notifications", arg(call, 0)))),
  });
  addLeaf(notification, context, {
    name: "resend <id>",
    description: "send a notification again, to all targets it went to or to one",
    examples: ["notification resend 01234567-89ab-cdef-0123-456789abcdef"],
    options: [option("--target <id>", "to this target only")],
    run: async (call) => {
      const body = picked(call.flags, ["target"]);
      await showDetail(call, await call.api.json("POST", at("notifications", arg(call, 0), "resend"), { body }));
    },
  });
}

/** Whose it is: a notification has the seller of its product also where it is told to the buyer. */
function ownerText({ seller, buyer }: Row): string {
  return buyer === undefined ? String(seller) : `buyer ${String(buyer)}`;
}

async function showDetail(call: Call, row: Row): Promise<void> {
  const { body, deliveries, ...rest } = row;
  const shown = rowsOf(deliveries).map((one) => {
    const attempts = rowsOf(one.attempts);
    const last = attempts.at(-1);
    return {
      target: one.target,
      state: one.state,
      attempts: attempts.length,
      last: last === undefined ? undefined : (last.error ?? last.status),
      nextAttemptAt: one.nextAttemptAt,
    };
  });
  await show(call, row, shown.length === 0 ? rest : { ...rest, deliveries: shown });
  if (!isJson(call)) await write(call.context.stdout, `\nbody:\n${bodyText(String(body))}\n`);
}

function bodyText(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    return visible(isRow(parsed) ? JSON.stringify(parsed, null, 2) : body);
  } catch {
    return visible(body);
  }
}

export function registerTargets(program: Command, context: CliContext): void {
  const target = addNoun(program, "target", "where notifications of a seller or a buyer go");
  addList(target, context, {
    description: "list notification targets",
    examples: ["target list --seller 111122223333", "target list --buyer 444455556666"],
    options: [option("--seller <id>", "of this seller"), option("--buyer <id>", "of this buyer")],
    path: () => "/notification-targets",
    query: ["seller", "buyer"],
    columns: [
      "id",
      { title: "OF", value: ownerText },
      { title: "PRODUCT", value: ({ product }) => product ?? "all" },
      "forms",
      "kind",
      { title: "URL", value: "url", isFlexible: true },
      "state",
    ],
    what: "notification targets",
  });
  addTargetCreation(target, context);
  addLeaf(target, context, {
    name: "delete <id>",
    description: "delete a target; what is on its way to it becomes dead",
    examples: ["target delete 01234567-89ab-cdef-0123-456789abcdef"],
    run: async (call) => {
      await call.api.json("DELETE", at("notification-targets", arg(call, 0)));
      await done(call, `Target ${arg(call, 0)} is deleted.`);
    },
  });
  addLeaf(target, context, {
    name: "confirm <id>",
    description: "ask an HTTP endpoint once more to confirm its subscription",
    examples: [
      "target confirm 01234567-89ab-cdef-0123-456789abcdef",
      "target confirm 01234567-89ab-cdef-0123-456789abcdef --force",
    ],
    options: [option("--force", "confirm it here, without asking the endpoint")],
    run: async (call) => {
      const answer = await call.api.json("POST", at("notification-targets", arg(call, 0), "confirm"), {
        body: picked(call.flags, ["force"]),
      });
      const { attempt, target: row } = answer;
      await show(call, answer, { ...(isRow(row) ? row : {}), ...(isRow(attempt) ? { attempt } : {}) });
    },
  });
}

function addTargetCreation(target: Command, context: CliContext): void {
  addLeaf(target, context, {
    name: "create",
    description: "create a target: an HTTP endpoint, which for SNS messages is asked to confirm, or an SQS queue",
    examples: [
      "target create --seller 111122223333 --endpoint https://example.com/sns --form sns",
      "target create --buyer 444455556666 --endpoint https://example.com/events",
      "target create --seller 111122223333 --kind sqs --endpoint http://127.0.0.1:9324/000000000000/events \\\n    --sqs-endpoint http://127.0.0.1:9324 --sqs-region us-east-1",
    ],
    options: [
      option("--seller <id>", "whose notifications; this or --buyer"),
      option("--buyer <id>", "whose Acceptor events"),
      option("--endpoint <url>", "where it is posted to, or URL of the queue").makeOptionMandatory(),
      choice("--kind <kind>", "http (default) or sqs", ["http", "sqs"]),
      option("--product <code>", "of this product only"),
      manyChoices("--form <form>", "default both; of a buyer only eventbridge", forms),
      option("--raw-delivery", "SNS messages without their envelope"),
      option("--sqs-endpoint <url>", "where the queue's server is, if it is not AWS"),
      option("--sqs-region <region>", "of the queue"),
      option("--access-key-id <id>", "who sends to the queue"),
      option("--secret-file <file>", "file with the secret access key; - is stdin"),
    ],
    members: { url: "--endpoint", sqs: "--sqs", forms: "--form" },
    run: async (call) => {
      const { flags } = call;
      const secretFile = text(flags, "secretFile");
      const sqs = {
        ...(flags.sqsEndpoint === undefined ? {} : { endpoint: flags.sqsEndpoint }),
        ...(flags.sqsRegion === undefined ? {} : { region: flags.sqsRegion }),
        ...picked(flags, ["accessKeyId"]),
        ...(secretFile === undefined ? {} : { secretAccessKey: (await readText(secretFile, context)).trim() }),
      };
      const body = {
        ...picked(flags, ["seller", "buyer", "product", "rawDelivery"]),
        url: flags.endpoint,
        kind: text(flags, "kind") ?? "http",
        ...(flags.form === undefined ? {} : { forms: flags.form }),
        ...(Object.keys(sqs).length === 0 ? {} : { sqs }),
      };
      const made = await call.api.json("POST", "/notification-targets", { body });
      await show(call, made);
      if (made.state === "unconfirmed") {
        await say(call, `The endpoint is asked to confirm; 'meterhouse target confirm ${String(made.id)}' asks again.`);
      }
    },
  });
}
