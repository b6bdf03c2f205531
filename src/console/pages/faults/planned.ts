/** A planned fault as the control plane shows it, in words. */
import { kinds } from "./form.ts";

export interface PlannedFault {
  readonly id: string;
  readonly left?: number;
  readonly matched: number;
  readonly hits: number;
  readonly fault: {
    readonly kind: string;
    readonly phase?: string;
    readonly status?: number;
    readonly ms?: number;
    readonly bytes?: number;
    readonly records?: readonly number[];
    readonly recordShare?: number;
    readonly operation?: string;
    readonly product?: string;
    readonly customer?: string;
    readonly accessKeyId?: string;
    readonly times?: number;
    readonly untilRemoved?: boolean;
    readonly share?: number;
    readonly seed?: number;
  };
}

export function kindText(kind: string): string {
  return kinds.find(({ value }) => value === kind)?.label ?? kind;
}

/** Of the members that are special to the kind. */
export function membersText({ fault }: PlannedFault): string {
  const { phase, status, ms, bytes, records, recordShare } = fault;
  const parts = [
    status !== undefined && `status ${status}`,
    ms !== undefined && `${ms} ms`,
    bytes !== undefined && `${bytes} bytes a piece`,
    records !== undefined && `records ${records.join(", ")}`,
    recordShare !== undefined && `${recordShare} of the records`,
    phase?.replace("-", " the "),
  ];
  return parts.filter((part) => part !== false && part !== undefined).join(", ") || "–";
}

export function matchText({ fault }: PlannedFault): string {
  const { operation, product, customer, accessKeyId } = fault;
  const parts = [
    operation,
    product !== undefined && `product ${product}`,
    customer !== undefined && `customer ${customer}`,
    accessKeyId !== undefined && `key ${accessKeyId}`,
  ];
  return parts.filter((part) => part !== false && part !== undefined).join(", ") || "Any call";
}

export function durationText({ fault, left }: PlannedFault): string {
  const { share, seed } = fault;
  const drawn = share === undefined ? "" : `, ${share} of the calls`;
  const sown = seed === undefined ? "" : `, seed ${seed}`;
  return `${left === undefined ? "Until it is lifted" : `${left} more`}${drawn}${sown}`;
}
