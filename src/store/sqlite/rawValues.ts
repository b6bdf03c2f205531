/** Values of raw rows as the embedded store keeps them, and back. */
import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import { MovingError } from "../raw.ts";
import type { RawColumn } from "../rawTables.ts";
import { uuidBytes, uuidText } from "../recordIds.ts";

export function columnOf({ name, sqlite }: RawColumn): string {
  return sqlite ?? name;
}

export function fromStored({ type, name }: RawColumn, value: SQLOutputValue | undefined): string | number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "bigint") throw new MovingError(`A value of ${name} is larger than any that is written.`);
  if (!(value instanceof Uint8Array)) return value;
  return type === "hex" ? Buffer.from(value).toString("hex") : uuidText(value);
}

export function toStored({ type, name }: RawColumn, value: string | number | null): SQLInputValue {
  if (typeof value !== "string") return value;
  if (type === "hex") return Buffer.from(value, "hex");
  if (type === "request") return uuidBytes(value) ?? value;
  if (type !== "uuid") return value;
  const bytes = uuidBytes(value);
  if (bytes === undefined) throw new MovingError(`'${value}' of ${name} is no id of a record.`);
  return bytes;
}
