/** Instants, in UTC and in the reader's own time. */
import type { ReactNode } from "react";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

/** `2026-08-15 10:20:00` */
export function utcText(iso: string, to: "second" | "minute" | "day" = "second"): string {
  const length = { second: 19, minute: 16, day: 10 }[to];
  return iso.slice(0, length).replace("T", " ");
}

/** UTC, with the reader's own time on hovering and for screen readers. */
export function Time({
  at,
  to = "second",
}: {
  readonly at: string | undefined;
  readonly to?: "second" | "minute";
}): ReactNode {
  if (at === undefined) return "–";
  const own = `${local.format(new Date(at))} (${zone})`;
  return (
    <time dateTime={at} title={own}>
      {utcText(at, to)} UTC
    </time>
  );
}

/** Both, one below the other: for details. */
export function TimeInFull({ at }: { readonly at: string | undefined }): ReactNode {
  if (at === undefined) return "–";
  return (
    <time dateTime={at}>
      {utcText(at)} UTC
      <br />
      {local.format(new Date(at))}
    </time>
  );
}
