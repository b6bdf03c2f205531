/** Why the call was refused: what the service said, the rule behind it, and what to change. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { To } from "../../parts/link.tsx";
import { useApi } from "../../parts/query.ts";
import type { ErrorHelpList } from "../requests/types.ts";
import type { OpenedCall } from "./types.ts";

export function Explanation({ opened }: { readonly opened: OpenedCall }): ReactNode {
  const { outcome, errorMessage, faults = [] } = opened.call;
  const { data } = useApi<ErrorHelpList>("errors", "/errors");
  const help = data?.errors.find(({ name }) => name === outcome);
  const isRefused = outcome !== "Success";
  if (!isRefused && faults.length === 0) return null;
  return (
    <SpaceBetween size="m">
      {faults.length > 0 && (
        <Alert type="warning" header="A planned fault made or changed this answer">
          {faults.map(({ id, kind, phase }) => (
            <div key={id}>
              {kind}
              {phase === undefined ? "" : `, ${phase.replace("-", " the ")}`} (fault {id})
            </div>
          ))}
          The outcome below is what the service had decided. See <To to="/faults">Faults</To>.
        </Alert>
      )}
      {isRefused && (
        <Alert type="error" header={outcome}>
          <SpaceBetween size="xs">
            {errorMessage !== undefined && errorMessage !== "" && <Box variant="code">{errorMessage}</Box>}
            {help !== undefined && (
              <Box>
                {help.meaning}
                <br />
                <b>What to do:</b> {help.fix} {help.canRetry ? "" : "Sent again unchanged it fails again."}
              </Box>
            )}
            <Skew skewMs={opened.skewMs} />
            <Box>
              {help !== undefined && <>Rules {help.rules.join(", ")} · </>}
              <To to={`/requests?tab=errors&error=${encodeURIComponent(outcome)}`}>{outcome} explained</To>
            </Box>
          </SpaceBetween>
        </Alert>
      )}
    </SpaceBetween>
  );
}

const noticeableMs = 60_000;

function Skew({ skewMs }: { readonly skewMs: number | undefined }): ReactNode {
  if (skewMs === undefined || Math.abs(skewMs) < noticeableMs) return null;
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  return (
    <Box>
      The request was dated {minutes} {minutes === 1 ? "minute" : "minutes"} {skewMs < 0 ? "before" : "after"} this
      server's wall clock.
    </Box>
  );
}
