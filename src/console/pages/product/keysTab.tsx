/** The keys that sign the answers of RegisterUsage: their public halves, new versions, and rotating out. */
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import Textarea from "@cloudscape-design/components/textarea";
import { type ReactNode, useState } from "react";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { CopyBlock, CopyValue } from "../../parts/copy.tsx";
import { ConfirmDialog, errorAt, FormDialog } from "../../parts/dialogs.tsx";
import { Failed, Nothing } from "../../parts/list.tsx";
import { send, useApi, useChange } from "../../parts/query.ts";
import { Time } from "../../parts/time.tsx";
import { useSession } from "../../session.tsx";
import { type ProductView, signs } from "./types.ts";

interface KeyVersionView {
  readonly version: number;
  readonly publicKeyPem: string;
  readonly rotatedAt?: string;
  readonly url: string;
}

export function KeysTab({ product }: { readonly product: ProductView }): ReactNode {
  const [isAdding, setIsAdding] = useState(false);
  const [rotating, setRotating] = useState<number>();
  const path = `/products/${encodeURIComponent(product.code)}/key-versions`;
  const { data, error, isPending } = useApi<{ readonly items: readonly KeyVersionView[] }>("products", path);
  return (
    <>
      <Table
        items={data?.items ?? []}
        trackBy={({ version }) => String(version)}
        loading={isPending && error === null}
        loadingText="Loading"
        enableKeyboardNavigation
        wrapLines
        ariaLabels={{ tableLabel: "Key versions" }}
        header={
          <Header
            variant="h2"
            description="Answers of RegisterUsage are signed (PS256) with the version that the call names. Private keys never leave the server."
            actions={<ChangeButton onClick={() => setIsAdding(true)}>Add key version</ChangeButton>}
          >
            Public keys
          </Header>
        }
        empty={error === null ? <NoKeys product={product} /> : <Failed error={error} />}
        columnDefinitions={columnsOf(useSession().canChange ? setRotating : undefined)}
      />
      {isAdding && <Add path={path} onClose={() => setIsAdding(false)} />}
      {rotating !== undefined && <Rotation path={path} version={rotating} onClose={() => setRotating(undefined)} />}
    </>
  );
}

function NoKeys({ product }: { readonly product: ProductView }): ReactNode {
  return (
    <Nothing
      title="No keys"
      text={
        signs(product.type)
          ? "RegisterUsage cannot sign its answers for this product. Add a key version."
          : "Products of this type do not call RegisterUsage, so nothing is signed for them."
      }
    />
  );
}

function columnsOf(rotate: ((version: number) => void) | undefined) {
  return [
    { id: "version", header: "Version", cell: ({ version }: KeyVersionView) => version, isRowHeader: true },
    {
      id: "state",
      header: "State",
      cell: ({ rotatedAt }: KeyVersionView) =>
        rotatedAt === undefined ? (
          <StatusIndicator>Current</StatusIndicator>
        ) : (
          <StatusIndicator type="stopped">
            Rotated out <Time at={rotatedAt} to="minute" />
          </StatusIndicator>
        ),
    },
    {
      id: "pem",
      header: "Public key",
      cell: ({ version, publicKeyPem, url }: KeyVersionView) => (
        <SpaceBetween size="xs">
          <CopyValue value={url} what={`the address of version ${version}`} />
          <ExpandableSection headerText="Show PEM" headerAriaLabel={`Show PEM of version ${version}`}>
            <CopyBlock text={publicKeyPem.trim()} what={`Public key, version ${version}`} />
          </ExpandableSection>
        </SpaceBetween>
      ),
    },
    ...(rotate === undefined
      ? []
      : [
          {
            id: "actions",
            header: "Actions",
            cell: ({ version, rotatedAt }: KeyVersionView) =>
              rotatedAt === undefined ? (
                <Button
                  variant="inline-link"
                  ariaLabel={`Rotate out version ${version}`}
                  onClick={() => rotate(version)}
                >
                  Rotate out
                </Button>
              ) : (
                "–"
              ),
          },
        ]),
  ];
}

interface KeyForm {
  readonly version: string;
  readonly privateKeyPem: string;
}

function Add({ path, onClose }: { readonly path: string; readonly onClose: () => void }): ReactNode {
  const [form, setForm] = useState<KeyForm>({ version: "", privateKeyPem: "" });
  const change = useChange<KeyForm, KeyVersionView>({
    run: ({ version, privateKeyPem }) =>
      send("POST", path, {
        ...(version.trim() === "" ? {} : { version: Number(version) }),
        ...(privateKeyPem.trim() === "" ? {} : { privateKeyPem }),
      }),
    done: ({ version }) => `Key version ${version} was added.`,
    isQuiet: true,
  });
  const { error } = change;
  return (
    <FormDialog
      title="Add key version"
      submitText="Add"
      isSending={change.isPending}
      error={error}
      fields={["version", "privateKeyPem"]}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: onClose })}
    >
      <FormField
        label="Version"
        constraintText="Empty: one after the newest. Your software sends it as PublicKeyVersion."
        errorText={errorAt(error, "version")}
      >
        <Input
          value={form.version}
          inputMode="numeric"
          onChange={({ detail }) => setForm({ ...form, version: detail.value })}
        />
      </FormField>
      <FormField
        label="Private key"
        constraintText="PEM of an RSA key of 2048 bits or more, without a passphrase. Empty: the server makes one."
        errorText={errorAt(error, "privateKeyPem")}
      >
        <Textarea
          value={form.privateKeyPem}
          rows={6}
          spellcheck={false}
          autoComplete={false}
          onChange={({ detail }) => setForm({ ...form, privateKeyPem: detail.value })}
        />
      </FormField>
    </FormDialog>
  );
}

interface RotationProps {
  readonly path: string;
  readonly version: number;
  readonly onClose: () => void;
}

function Rotation({ path, version, onClose }: RotationProps): ReactNode {
  const change = useChange<void>({
    run: () => send("POST", `${path}/${version}/rotate`),
    done: () => `Key version ${version} was rotated out.`,
    isQuiet: true,
  });
  return (
    <ConfirmDialog
      title={`Rotate version ${version} out?`}
      confirmText="Rotate out"
      isSending={change.isPending}
      error={change.error}
      onClose={onClose}
      onConfirm={() => change.mutate(undefined, { onSuccess: onClose })}
    >
      <Box variant="p">
        From now on the business clock, RegisterUsage tells callers of version {version} when it was rotated; it still
        signs for them. This cannot be taken back. Add a newer version first, so that there is a current one.
      </Box>
    </ConfirmDialog>
  );
}
