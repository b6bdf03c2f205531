import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { CopyBlock } from "../../parts/copy.tsx";
import { To } from "../../parts/link.tsx";
import { Nothing } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { commandOf, type ReplayLanguage, replayableOf } from "./replay.ts";
import type { OpenedCall } from "./types.ts";

const languages = [
  { id: "cli", text: "AWS CLI" },
  { id: "javascript", text: "JavaScript (SDK v3)" },
  { id: "python", text: "Python (boto3)" },
] as const satisfies readonly { readonly id: ReplayLanguage; readonly text: string }[];

export function ReplayTab({ opened }: { readonly opened: OpenedCall }): ReactNode {
  const [{ language }, set] = useParams(["language"]);
  const chosen = languages.find(({ id }) => id === language) ?? languages[0];
  const replay = replayableOf(opened, window.location.origin);
  if (replay === undefined) {
    return (
      <Container>
        <Nothing
          title="This call cannot be made again from here"
          text="Too little of the request is left, or an SDK could not send it: its body is no JSON object, or the operation is unknown."
        />
      </Container>
    );
  }
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Sends the same members again, signed anew."
          actions={
            <SegmentedControl
              label="Language"
              selectedId={chosen.id}
              options={[...languages]}
              onChange={({ detail }) => set({ language: detail.selectedId === "cli" ? "" : detail.selectedId })}
            />
          }
        >
          Make this call again
        </Header>
      }
    >
      <SpaceBetween size="m">
        <Box>
          Credentials come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, for temporary keys,
          AWS_SESSION_TOKEN) or a profile. The key was <Box variant="code">{opened.call.accessKeyId ?? "not told"}</Box>
          ; make others under <To to="/credentials">Credentials</To>.
          {replay.operation === "ResolveCustomer" && " The registration token comes from REGISTRATION_TOKEN."}
        </Box>
        {!replay.isExact && (
          <Alert type="info">
            Memory no longer has the request itself. This is told again from the trail and the ledger; timestamps are
            cut to the second.
          </Alert>
        )}
        <CopyBlock text={commandOf(replay, chosen.id)} what={`Command for ${chosen.text}`} />
      </SpaceBetween>
    </Container>
  );
}
