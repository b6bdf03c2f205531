import Badge from "@cloudscape-design/components/badge";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { ReactNode } from "react";

/** Long names break where a word does. */
export function ErrorName({ name }: { readonly name: string }): ReactNode {
  const tail = "Exception";
  if (!name.endsWith(tail)) return name;
  return (
    <>
      {name.slice(0, -tail.length)}
      <wbr />
      {tail}
    </>
  );
}

/** `Success`, or the error's name; a fault that was planned shows, because the answer is not the service's own then. */
export function Outcome({
  outcome,
  isFaulted = false,
}: {
  readonly outcome: string;
  readonly isFaulted?: boolean;
}): ReactNode {
  const isAccepted = outcome === "Success";
  const status = (
    <StatusIndicator type={isAccepted ? "success" : "error"}>
      {isAccepted ? "Accepted" : <ErrorName name={outcome} />}
    </StatusIndicator>
  );
  if (!isFaulted) return status;
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {status}
      <Badge>planned fault</Badge>
    </SpaceBetween>
  );
}
