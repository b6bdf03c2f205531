/** The whole catalogue as a file: taken out, and read in. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import Container from "@cloudscape-design/components/container";
import FileUpload from "@cloudscape-design/components/file-upload";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";
import { type ReactNode, useState } from "react";
import { ApiProblem, getText, sendText } from "../../api.ts";
import { ProblemText, useFlash } from "../../flash.tsx";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { useChange } from "../../parts/query.ts";
import { useSession } from "../../session.tsx";

const types = { json: "application/json", yaml: "application/yaml" } as const;

export function CatalogueTab(): ReactNode {
  return (
    <SpaceBetween size="l">
      <Export />
      <Import />
    </SpaceBetween>
  );
}

function Export(): ReactNode {
  const [format, setFormat] = useState<keyof typeof types>("yaml");
  const [secrets, setSecrets] = useState(false);
  const [isLoading, setIsLoading] = useState(false);
  const { canChange } = useSession();
  const flash = useFlash();
  const download = async (): Promise<void> => {
    setIsLoading(true);
    try {
      save(await getText("/catalog", { secrets }, types[format]), `catalog.${format}`, types[format]);
    } catch (error) {
      flash.failed(error);
    } finally {
      setIsLoading(false);
    }
  };
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Accounts, credentials, products, agreements, offers, settings and the rest, without usage. Another server can be started with it."
          actions={
            <Button iconName="download" loading={isLoading} onClick={() => void download()}>
              Download
            </Button>
          }
        >
          Export
        </Header>
      }
    >
      <SpaceBetween size="l">
        <FormField label="Format">
          <RadioGroup
            value={format}
            onChange={({ detail }) => setFormat(detail.value === "json" ? "json" : "yaml")}
            items={[
              { value: "yaml", label: "YAML", description: "For people, and for version control" },
              { value: "json", label: "JSON", description: "For programs, and for large catalogues" },
            ]}
          />
        </FormField>
        <Checkbox
          checked={secrets}
          disabled={!canChange}
          onChange={({ detail }) => setSecrets(detail.checked)}
          description={
            canChange
              ? "Secret access keys and private keys, readable by whoever gets the file. The export is written to the changes."
              : "Secrets need an admin token of the role “full”."
          }
        >
          With secrets
        </Checkbox>
      </SpaceBetween>
    </Container>
  );
}

function save(text: string, name: string, type: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

interface Imported {
  readonly entries: Readonly<Record<string, number>>;
}

function Import(): ReactNode {
  const [file, setFile] = useState<File>();
  const change = useChange<File, Imported>({
    run: async (given) =>
      sendText<Imported>("POST", "/catalog", await given.text(), /\.json$/i.test(given.name) ? types.json : types.yaml),
    done: ({ entries }) => `The catalogue was read: ${entriesText(entries)}.`,
    isQuiet: true,
  });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="What is in the file is made or changed; nothing is ever deleted. The same file can be read again. docs/catalog.md describes it."
        >
          Import
        </Header>
      }
    >
      <SpaceBetween size="l">
        <FormField label="File" constraintText="YAML, or JSON where its name ends in .json">
          <FileUpload
            value={file === undefined ? [] : [file]}
            accept=".yaml,.yml,.json"
            showFileSize
            onChange={({ detail }) => {
              change.reset();
              setFile(detail.value[0]);
            }}
            i18nStrings={{
              uploadButtonText: () => "Choose a file",
              dropzoneText: () => "Drop the file here",
              removeFileAriaLabel: () => "Take the file out",
              errorIconAriaLabel: "Error",
            }}
          />
        </FormField>
        <ChangeButton
          variant="primary"
          loading={change.isPending}
          disabled={file === undefined}
          disabledReason="Choose a file first."
          onClick={() => {
            if (file !== undefined) change.mutate(file, { onSuccess: () => setFile(undefined) });
          }}
        >
          Import
        </ChangeButton>
        {change.error !== null && <Problems error={change.error} />}
      </SpaceBetween>
    </Container>
  );
}

function entriesText(entries: Imported["entries"]): string {
  const parts = Object.entries(entries).map(([section, count]) => `${count} ${section}`);
  return parts.join(", ") || "it was empty";
}

const shownMax = 200;

function Problems({ error }: { readonly error: unknown }): ReactNode {
  if (!(error instanceof ApiProblem) || error.errors.length === 0) {
    return (
      <Alert type="error" header="Nothing was imported">
        <ProblemText error={error} />
      </Alert>
    );
  }
  const more = error.errors.length - shownMax;
  return (
    <SpaceBetween size="s">
      <Alert type="error" header="Nothing was imported">
        Correct the file where the list says, and import it again.
      </Alert>
      <Table
        variant="embedded"
        wrapLines
        items={error.errors.slice(0, shownMax)}
        ariaLabels={{ tableLabel: "Problems of the file" }}
        columnDefinitions={[
          { id: "place", header: "Place", cell: ({ pointer = "" }) => <Box variant="code">{pointer || "/"}</Box> },
          { id: "message", header: "What is wrong", cell: ({ message }) => message, isRowHeader: true },
        ]}
        footer={more > 0 ? `And ${more} more.` : undefined}
      />
    </SpaceBetween>
  );
}
