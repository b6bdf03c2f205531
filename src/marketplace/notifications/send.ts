/** One attempt to bring a message to its target: an HTTP POST, or SendMessage to a queue. */
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { SQSClient } from "@aws-sdk/client-sqs";
import type { NotificationTarget } from "../../api/types.ts";

/** `error` absent: it arrived. */
export interface Attempt {
  readonly status?: number;
  readonly error?: string;
}

/** Of an answer this much is read and thrown away; its status is what counts. */
const answerMaxBytes = 64 * 1024;
const errorMaxLength = 500;

export interface HttpPost {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Never rejects. Redirects are not followed: a POST must not reach a host that nobody configured. */
export function postHttp(
  { url, body, headers }: HttpPost,
  timeoutMs: number,
  cutOff: AbortSignal = new AbortController().signal,
): Promise<Attempt> {
  return new Promise((resolve) => {
    const within = AbortSignal.any([cutOff, AbortSignal.timeout(timeoutMs)]);
    const fail = (error: Error): void => {
      const isLate = within.aborted && !cutOff.aborted;
      resolve({ error: isLate ? `No answer within ${timeoutMs / 1_000} s` : shortened(describe(error)) });
    };
    try {
      const send = new URL(url).protocol === "https:" ? requestHttps : requestHttp;
      const request = send(url, {
        method: "POST",
        headers: { ...headers, "Content-Length": Buffer.byteLength(body) },
        signal: within,
        // A kept connection may die just as it is used again, which would look like a failure of the target.
        agent: false,
      });
      request.once("error", fail);
      request.once("response", (response) => {
        const status = response.statusCode ?? 0;
        const answer = (): void => resolve(judged(status, response.headers.location));
        let bytes = 0;
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes <= answerMaxBytes) return;
          answer();
          request.destroy();
        });
        response.once("end", answer);
        response.once("error", fail);
      });
      request.end(body);
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error))); // Such as a URL that is none.
    }
  });
}

function judged(status: number, location: string | undefined): Attempt {
  if (status >= 200 && status < 300) return { status };
  if (status < 300 || status >= 400) return { status, error: `The endpoint answered ${status}` };
  const to = location === undefined ? "" : ` to ${location}`;
  return { status, error: shortened(`The endpoint answered ${status}${to}; redirects are not followed`) };
}

export interface QueueMessage {
  readonly body: string;
  /** FIFO queues: what keeps its order, and what is sent once. */
  readonly groupId: string;
  readonly deduplicationId: string;
}

export interface QueueSender {
  /** Never rejects. */
  send(target: NotificationTarget, message: QueueMessage, timeoutMs: number, signal: AbortSignal): Promise<Attempt>;
  close(): void;
}

/** Clients are made when a queue is first sent to, and the SDK is loaded then: a server without queues starts without it. */
export function createQueueSender(): QueueSender {
  const clients = new Map<string, SQSClient>();

  const clientOf = async (target: NotificationTarget): Promise<SQSClient> => {
    const key = JSON.stringify([target.url, target.sqs]);
    const known = clients.get(key);
    if (known !== undefined) return known;
    const { SQSClient } = await import("@aws-sdk/client-sqs");
    const { endpoint, accessKeyId, secretAccessKey } = target.sqs ?? {};
    const region = target.sqs?.region ?? regionOf(target.url);
    const client = new SQSClient({
      maxAttempts: 1, // The outbox does the retries.
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(region === undefined ? {} : { region }),
      ...(accessKeyId === undefined || secretAccessKey === undefined
        ? {}
        : { credentials: { accessKeyId, secretAccessKey } }),
    });
    clients.set(key, client);
    return client;
  };

  return {
    send: async (target, { body, groupId, deduplicationId }, timeoutMs, signal) => {
      const within = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
      try {
        const { SendMessageCommand } = await import("@aws-sdk/client-sqs");
        const client = await clientOf(target);
        const fifo = { MessageGroupId: groupId, MessageDeduplicationId: deduplicationId };
        const command = new SendMessageCommand({
          QueueUrl: target.url,
          MessageBody: body,
          ...(target.url.endsWith(".fifo") ? fifo : {}),
        });
        const { $metadata } = await client.send(command, { abortSignal: within });
        return $metadata.httpStatusCode === undefined ? {} : { status: $metadata.httpStatusCode };
      } catch (error) {
        if (within.aborted && !signal.aborted) return { error: `No answer within ${timeoutMs / 1_000} s` };
        const status = statusOf(error);
        const text = shortened(error instanceof Error ? `${error.name}: ${describe(error)}` : String(error));
        return status === undefined ? { error: text } : { status, error: text };
      }
    },
    close: () => {
      for (const client of clients.values()) client.destroy();
      clients.clear();
    },
  };
}

/** Of a queue at AWS: `https://sqs.eu-west-1.amazonaws.com/…`. */
function regionOf(queueUrl: string): string | undefined {
  return /^https?:\/\/sqs\.([a-z0-9-]+)\./.exec(queueUrl)?.[1];
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return undefined;
  const { $metadata } = error;
  if (typeof $metadata !== "object" || $metadata === null || !("httpStatusCode" in $metadata)) return undefined;
  return typeof $metadata.httpStatusCode === "number" ? $metadata.httpStatusCode : undefined;
}

/** A refused connection to a name with several addresses has its reasons inside and no message of its own. */
function describe(error: Error): string {
  if (error.message !== "") return error.message;
  if (error instanceof AggregateError) return error.errors.map((one: unknown) => String(one)).join("; ");
  return error.name;
}

function shortened(text: string): string {
  return text.length <= errorMaxLength ? text : `${text.slice(0, errorMaxLength - 1)}…`;
}
