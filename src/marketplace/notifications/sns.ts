/**
 * Messages in the form of Amazon SNS (SPEC N-7), signed over SNS's canonical string, so that the validators of AWS's
 * SDKs accept them when they trust our certificate's host.
 */
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import type { Notification } from "../../api/types.ts";

/** "1" is SHA1 with RSA, what a topic signs with unless it is set otherwise; "2" is SHA256 with RSA. */
export type SnsSignatureVersion = "1" | "2";

export interface SnsSignerOptions {
  /** PKCS#8 PEM of an RSA key. */
  readonly privateKeyPem: string;
  /** What is served at `certUrl`. */
  readonly certificatePem: string;
  /** `SigningCertURL`: https, and its path ends with `.pem`, or validators refuse it. */
  readonly certUrl: string;
  /** Default "1". */
  readonly signatureVersion?: SnsSignatureVersion;
}

/** What SNS POSTs, as JSON text, with the headers that repeat its members. */
export interface SnsPost {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SnsSigner {
  readonly certUrl: string;
  readonly certificatePem: string;
  /** The envelope around a notification of the form `sns`. */
  notification(notification: Notification, unsubscribeUrl: string): SnsPost;
  /** Asks the owner of an endpoint whether they want the messages. */
  confirmation(input: {
    readonly topicArn: string;
    readonly token: string;
    readonly subscribeUrl: string;
    /** Epoch milliseconds. */
    readonly at: number;
  }): SnsPost;
}

/** Members that the signature covers, in the order in which it covers them. */
const signedMembers = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
} as const;

const algorithms: Readonly<Record<SnsSignatureVersion, string>> = { "1": "RSA-SHA1", "2": "RSA-SHA256" };

export function createSnsSigner(options: SnsSignerOptions): SnsSigner {
  const { certUrl, certificatePem, signatureVersion = "1" } = options;
  const privateKey = createPrivateKey(options.privateKeyPem);
  if (privateKey.asymmetricKeyType !== "rsa") throw new TypeError("SNS messages are signed with an RSA key.");

  const signature = (type: keyof typeof signedMembers, message: Readonly<Record<string, string>>) => {
    const text = canonicalText(type, message);
    return {
      SignatureVersion: signatureVersion,
      Signature: sign(algorithms[signatureVersion], Buffer.from(text), privateKey).toString("base64"),
      SigningCertURL: certUrl,
    };
  };

  return {
    certUrl,
    certificatePem,
    notification: ({ id, topicArn = "", body, at }, unsubscribeUrl) => {
      const message = {
        Type: "Notification",
        MessageId: id,
        TopicArn: topicArn,
        Message: body,
        Timestamp: new Date(at).toISOString(),
      };
      const envelope = { ...message, ...signature("Notification", message), UnsubscribeURL: unsubscribeUrl };
      return { body: JSON.stringify(envelope), headers: snsHeaders("Notification", id, topicArn) };
    },
    confirmation: ({ topicArn, token, subscribeUrl, at }) => {
      const id = randomUUID();
      const message = {
        Type: "SubscriptionConfirmation",
        MessageId: id,
        Token: token,
        TopicArn: topicArn,
        Message: `You have chosen to subscribe to the topic ${topicArn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`,
        SubscribeURL: subscribeUrl,
        Timestamp: new Date(at).toISOString(),
      };
      const envelope = { ...message, ...signature("SubscriptionConfirmation", message) };
      return { body: JSON.stringify(envelope), headers: snsHeaders("SubscriptionConfirmation", id, topicArn) };
    },
  };
}

/** The headers of a message, with or without its envelope. */
export function snsHeaders(type: string, messageId: string, topicArn: string): Readonly<Record<string, string>> {
  return {
    "x-amz-sns-message-type": type,
    "x-amz-sns-message-id": messageId,
    "x-amz-sns-topic-arn": topicArn,
  };
}

/** Name and value on a line each; members that are absent are left out. */
function canonicalText(type: keyof typeof signedMembers, message: Readonly<Record<string, string>>): string {
  return signedMembers[type]
    .flatMap((name) => (message[name] === undefined ? [] : [`${name}\n${message[name]}\n`]))
    .join("");
}
