/**
 * AWS JSON 1.1, as text: parsing with the errors that AWS answers, and answers written by hand where they are long.
 * Every answer is JSON, errors too: SDKs choke on anything else (W-39).
 */
import { isUtf8 } from "node:buffer";
import { ServiceError } from "../api/errors.ts";
import type { OperationName, UsageRecord } from "../api/types.ts";
import type { BatchMeterUsageResult } from "../operations/BatchMeterUsage.ts";
import { RecentNames } from "../store/recentNames.ts";

export const contentType = "application/x-amz-json-1.1";

/** Throws SerializationException for anything but a JSON object (W-54, W-55). */
export function parseBody(body: Buffer): Record<string, unknown> {
  if (body.length === 0) {
    throw new ServiceError("SerializationException", "The body is empty; send a JSON object, at least {}.");
  }
  if (!isUtf8(body)) throw new ServiceError("SerializationException", "The body is not UTF-8 text.");
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString("utf8"));
  } catch (error) {
    const why = error instanceof SyntaxError ? error.message : "it cannot be parsed";
    throw new ServiceError("SerializationException", `The body is not JSON: ${why}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    const got = Array.isArray(parsed) ? "an array" : parsed === null ? "null" : `a ${typeof parsed}`;
    throw new ServiceError("SerializationException", `The body is ${got}; send a JSON object.`);
  }
  return parsed as Record<string, unknown>;
}

/** `__type` and `message`; serialisation faults carry `Message` too, as AWS sends it (W-36, W-37, W-56). */
export function errorBody(error: ServiceError): string {
  const { name, message } = error;
  return JSON.stringify(
    name === "SerializationException" ? { __type: name, Message: message, message } : { __type: name, message },
  );
}

/** The answer's text. The batch is written by hand: that halves the cost of the longest answer. */
export function resultBody(operation: OperationName, result: object): string {
  return operation === "BatchMeterUsage" ? batchBody(result as BatchMeterUsageResult) : JSON.stringify(result);
}

function batchBody({ Results: results, UnprocessedRecords: unprocessed }: BatchMeterUsageResult): string {
  // One text that grows: each text that is made on its own and then added is one more to be put together in the end.
  let text = '{"Results":[';
  for (let index = 0; index < results.length; index += 1) {
    const result = results[index];
    if (result === undefined) continue;
    const { UsageRecord: record, MeteringRecordId: id, Status: status } = result;
    text = withRecord(text + (index === 0 ? '{"UsageRecord":' : ',{"UsageRecord":'), record);
    text += id === undefined ? ',"Status":"' : `,"MeteringRecordId":"${id}","Status":"`;
    text += `${status}"}`;
  }
  text += '],"UnprocessedRecords":[';
  for (let index = 0; index < unprocessed.length; index += 1) {
    const record = unprocessed[index];
    if (record !== undefined) text = withRecord(index === 0 ? text : `${text},`, record);
  }
  return `${text}]}`;
}

/** The record as it was received: members that were not sent are absent (B-4, W-33). */
function withRecord(start: string, record: UsageRecord): string {
  let text = `${start}{"Timestamp":`;
  text += record.Timestamp;
  text += ',"Dimension":';
  text += quoted(record.Dimension);
  if (record.CustomerIdentifier !== undefined) text += `,"CustomerIdentifier":${quoted(record.CustomerIdentifier)}`;
  if (record.CustomerAWSAccountId !== undefined) text += `,"CustomerAWSAccountId":"${record.CustomerAWSAccountId}"`;
  if (record.LicenseArn !== undefined) text += `,"LicenseArn":"${record.LicenseArn}"`;
  if (record.Quantity !== undefined) text += `,"Quantity":${record.Quantity}`;
  if (record.UsageAllocations !== undefined) text += `,"UsageAllocations":${JSON.stringify(record.UsageAllocations)}`;
  return `${text}}`;
}

const quotedLengthMax = 256;
const lastQuoted = new RecentNames<string>();

/** As JSON. Batches name the same few dimensions again and again. */
function quoted(text: string): string {
  const last = lastQuoted.get(text);
  if (last !== undefined) return last;
  const json = JSON.stringify(text);
  if (text.length <= quotedLengthMax) lastQuoted.keep(text, json);
  return json;
}
