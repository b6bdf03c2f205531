/** A button that changes something: a session that may only read sees it, and why it cannot be pressed. */
import Button, { type ButtonProps } from "@cloudscape-design/components/button";
import type { ReactNode } from "react";
import { useSession } from "../session.tsx";

export const readOnlyReason =
  "This session may only read. Sign in with an admin token of the role “full” to change things.";

export function ChangeButton({ disabled, disabledReason, ...props }: ButtonProps): ReactNode {
  const { canChange } = useSession();
  const reason = canChange ? disabledReason : readOnlyReason;
  return (
    <Button
      {...props}
      disabled={!canChange || disabled === true}
      {...(reason === undefined ? {} : { disabledReason: reason })}
    />
  );
}
