/** The state of an agreement, with its colour. */
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { ReactNode } from "react";
import { type AgreementState, states } from "../pages/agreement/types.ts";

export function StateIndicator({ state }: { readonly state: AgreementState }): ReactNode {
  return <StatusIndicator type={states[state].type}>{states[state].name}</StatusIndicator>;
}
