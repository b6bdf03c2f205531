/** A key that was just made: the only time its secret can be seen. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import Modal from "@cloudscape-design/components/modal";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useState } from "react";
import { CopyBlock, CopyValue } from "../../parts/copy.tsx";
import type { NewCredentialView } from "./types.ts";

interface NewCredentialProps {
  readonly credential: NewCredentialView;
  readonly onClose: () => void;
}

export function NewCredential({ credential, onClose }: NewCredentialProps): ReactNode {
  const [shell, setShell] = useState("bash");
  const { accessKeyId, secretAccessKey, sessionToken } = credential;
  const lines = shell === "powershell" ? powershellLines : shell === "profile" ? profileLines : bashLines;
  return (
    <Modal
      visible
      size="large"
      header="The credential is there"
      onDismiss={onClose}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={onClose}>
            I have copied it
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="l">
        <Alert type="warning">The secret is shown now and never again. Copy it before you close this.</Alert>
        <KeyValuePairs
          columns={1}
          items={[
            { label: "Access key id", value: <CopyValue value={accessKeyId} what="the access key id" /> },
            { label: "Secret access key", value: <CopyValue value={secretAccessKey} what="the secret access key" /> },
            ...(sessionToken === undefined
              ? []
              : [
                  {
                    label: "Session token",
                    value: (
                      <div className="long-word">
                        <CopyValue value={sessionToken} what="the session token" />
                      </div>
                    ),
                  },
                ]),
          ]}
        />
        <SegmentedControl
          label="For"
          selectedId={shell}
          options={[
            { id: "bash", text: "Shell" },
            { id: "powershell", text: "PowerShell" },
            { id: "profile", text: "AWS profile" },
          ]}
          onChange={({ detail }) => setShell(detail.selectedId)}
        />
        <CopyBlock text={lines(credential)} what="Lines to paste" />
      </SpaceBetween>
    </Modal>
  );
}

/** Members of the environment; undefined: it must not be set, or an older one would go along. */
function variablesOf(credential: NewCredentialView): readonly (readonly [string, string | undefined])[] {
  return [
    ["AWS_ACCESS_KEY_ID", credential.accessKeyId],
    ["AWS_SECRET_ACCESS_KEY", credential.secretAccessKey],
    ["AWS_SESSION_TOKEN", credential.sessionToken],
    ["AWS_REGION", regionOf(credential)],
    ["AWS_ENDPOINT_URL", window.location.origin],
  ];
}

function regionOf({ region = "us-east-1" }: NewCredentialView): string {
  return region;
}

function bashLines(credential: NewCredentialView): string {
  const line = ([name, value]: readonly [string, string | undefined]): string =>
    value === undefined ? `unset ${name}` : `export ${name}='${value.replaceAll("'", "'\\''")}'`;
  return variablesOf(credential).map(line).join("\n");
}

function powershellLines(credential: NewCredentialView): string {
  const line = ([name, value]: readonly [string, string | undefined]): string =>
    value === undefined
      ? `Remove-Item Env:${name} -ErrorAction SilentlyContinue`
      : `$Env:${name} = '${value.replaceAll("'", "''")}'`;
  return variablesOf(credential).map(line).join("\n");
}

/** For `~/.aws/config`, whose profiles can name an endpoint. */
function profileLines(credential: NewCredentialView): string {
  const { accessKeyId, secretAccessKey, sessionToken } = credential;
  return [
    "[profile meterhouse]",
    `aws_access_key_id = ${accessKeyId}`,
    `aws_secret_access_key = ${secretAccessKey}`,
    ...(sessionToken === undefined ? [] : [`aws_session_token = ${sessionToken}`]),
    `region = ${regionOf(credential)}`,
    `endpoint_url = ${window.location.origin}`,
  ].join("\n");
}
