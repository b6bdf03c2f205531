/** Where usage of a product is accepted. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import TokenGroup from "@cloudscape-design/components/token-group";
import { type ReactNode, useState } from "react";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { errorAt, FormDialog } from "../../parts/dialogs.tsx";
import { send, useChange } from "../../parts/query.ts";
import type { ProductView } from "./types.ts";
import { RegionsField } from "./wizardSteps.tsx";

export function RegionsTab({ product }: { readonly product: ProductView }): ReactNode {
  const [isEditing, setIsEditing] = useState(false);
  const { enabledRegions } = product;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Usage that is sent to the endpoint of another Region is refused with DisabledApiException."
          actions={<ChangeButton onClick={() => setIsEditing(true)}>Edit</ChangeButton>}
        >
          Enabled Regions
        </Header>
      }
    >
      {enabledRegions.length === 0 ? (
        <Box>None: every call for this product is refused. Enable us-east-1 to begin with.</Box>
      ) : (
        <TokenGroup readOnly items={enabledRegions.map((region) => ({ label: region }))} />
      )}
      {isEditing && <Edit product={product} onClose={() => setIsEditing(false)} />}
    </Container>
  );
}

function Edit({ product, onClose }: { readonly product: ProductView; readonly onClose: () => void }): ReactNode {
  const [regions, setRegions] = useState(product.enabledRegions);
  const change = useChange<readonly string[]>({
    run: (enabledRegions) => send("PATCH", `/products/${encodeURIComponent(product.code)}`, { enabledRegions }),
    done: () => "The Regions were changed.",
    isQuiet: true,
  });
  return (
    <FormDialog
      title="Enabled Regions"
      submitText="Save"
      isSending={change.isPending}
      error={change.error}
      fields={["enabledRegions"]}
      onClose={onClose}
      onSubmit={() => change.mutate(regions, { onSuccess: onClose })}
    >
      <SpaceBetween size="s">
        <FormField label="Regions" errorText={errorAt(change.error, "enabledRegions")}>
          <RegionsField value={regions} onChange={setRegions} />
        </FormField>
      </SpaceBetween>
    </FormDialog>
  );
}
