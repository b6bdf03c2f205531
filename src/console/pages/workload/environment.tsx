/** What gives a program the workload's identity: variables to paste, in the form of a shell, of Docker, of Kubernetes. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useState } from "react";
import { ChangeButton, readOnlyReason } from "../../parts/changeButton.tsx";
import { CopyBlock } from "../../parts/copy.tsx";
import { Failed, Nothing } from "../../parts/list.tsx";
import { useParams } from "../../parts/params.ts";
import { useApi } from "../../parts/query.ts";
import { useSession } from "../../session.tsx";
import { type EnvironmentView, forms, isForm, textOf } from "./environmentText.ts";
import { type WorkloadView, workloadPath } from "./types.ts";

export function Environment({ workload }: { readonly workload: WorkloadView }): ReactNode {
  const { canChange } = useSession();
  const [{ form: given, url }, set] = useParams(["form", "url"]);
  const form = isForm(given) ? given : "shell";
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="AWS’s SDKs find credentials, Region and this server by these variables. They hold secrets."
          actions={
            <SegmentedControl
              label="Form"
              selectedId={form}
              options={forms.map(({ id, text }) => ({ id, text }))}
              onChange={({ detail }) => set({ form: detail.selectedId === "shell" ? "" : detail.selectedId })}
            />
          }
        >
          Environment
        </Header>
      }
    >
      {workload.state === "stopped" ? (
        <Nothing title="The workload is stopped" text="It has no credentials. Start it, or run another one." />
      ) : canChange ? (
        <SpaceBetween size="m">
          <ServerUrl value={url} onChange={(value) => set({ url: value })} />
          <Variables workload={workload} form={form} url={url} />
        </SpaceBetween>
      ) : (
        <Alert type="info" header="The environment is not shown">
          {readOnlyReason} An environment holds secrets.
        </Alert>
      )}
    </Container>
  );
}

function ServerUrl({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (url: string) => void;
}): ReactNode {
  const [text, setText] = useState(value);
  return (
    <FormField
      label="This server, as the program reaches it"
      constraintText="Empty: as it listens. From a container, such as http://host.docker.internal:4016"
      secondaryControl={<ChangeButton onClick={() => onChange(text.trim())}>Use it</ChangeButton>}
    >
      <Input
        value={text}
        inputMode="url"
        spellcheck={false}
        placeholder={window.location.origin}
        onChange={({ detail }) => setText(detail.value)}
      />
    </FormField>
  );
}

interface VariablesProps {
  readonly workload: WorkloadView;
  readonly form: (typeof forms)[number]["id"];
  readonly url: string;
}

function Variables({ workload, form, url }: VariablesProps): ReactNode {
  const { data, error, refetch } = useApi<EnvironmentView>("environment", `${workloadPath(workload.id)}/environment`, {
    url,
  });
  if (error !== null) return <Failed error={error} again={() => void refetch()} />;
  if (data === undefined) return null;
  return (
    <SpaceBetween size="m">
      <CopyBlock text={textOf(data, form, workload.id)} what="Environment" />
      {data.webIdentityToken !== undefined && (
        <div>
          <Box variant="h3" padding={{ bottom: "xs" }}>
            Web identity token
          </Box>
          <Box padding={{ bottom: "xs" }}>
            The content of the file that AWS_WEB_IDENTITY_TOKEN_FILE names. Outside of a pod, write it to a file of your
            own and name that.
          </Box>
          <CopyBlock text={data.webIdentityToken} what="Web identity token" />
        </div>
      )}
    </SpaceBetween>
  );
}
