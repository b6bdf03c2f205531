/** The steps of the wizard that makes a product. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Multiselect from "@cloudscape-design/components/multiselect";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Tiles from "@cloudscape-design/components/tiles";
import type { ReactNode } from "react";
import { AccountField } from "../../parts/accountField.tsx";
import { errorAt } from "../../parts/dialogs.tsx";
import { type ProductDraft, withType } from "./draft.ts";
import { regionOptions } from "./regions.ts";
import { isSaas, operationsOf, productTypeNames, productTypes, signs } from "./types.ts";

const optional = <i>- optional</i>;

export interface StepProps {
  readonly draft: ProductDraft;
  readonly set: (changed: Partial<ProductDraft>) => void;
  /** Of the last try. */
  readonly error: unknown;
}

export function TypeStep({ draft, set }: StepProps): ReactNode {
  return (
    <Container header={<Header variant="h2">Type of product</Header>}>
      <FormField
        label="Type"
        description="It says which operations your software may call. It cannot be changed later."
        stretch
      >
        <Tiles
          value={draft.type}
          columns={3}
          onChange={({ detail }) => {
            const type = productTypeNames.find((one) => one === detail.value);
            if (type !== undefined) set(withType(draft, type));
          }}
          items={productTypeNames.map((type) => ({
            value: type,
            label: productTypes[type].name,
            description: (
              <>
                {productTypes[type].meaning}
                <Box padding={{ top: "xxs" }} color="inherit" fontSize="body-s">
                  <b>{operationsOf(type).join(", ") || "No operation: AWS meters it"}</b>
                </Box>
              </>
            ),
          }))}
        />
      </FormField>
    </Container>
  );
}

export function SellerContainer({ draft, set, error }: StepProps): ReactNode {
  return (
    <Container header={<Header variant="h2">Seller</Header>}>
      <SpaceBetween size="l">
        <FormField
          label="Who publishes it"
          description="Calls of BatchMeterUsage, ResolveCustomer and GetEntitlements must be signed by this account."
        >
          <RadioGroup
            value={draft.sellerIs}
            onChange={({ detail }) => set({ sellerIs: detail.value === "new" ? "new" : "known", seller: "" })}
            items={[
              { value: "known", label: "An account that is there" },
              { value: "new", label: "A new account" },
            ]}
          />
        </FormField>
        {draft.sellerIs === "known" ? (
          <FormField label="Account" errorText={errorAt(error, "seller")}>
            <AccountField value={draft.seller} onChange={(seller) => set({ seller })} />
          </FormField>
        ) : (
          <SpaceBetween size="l">
            <FormField label="Name of the account" errorText={errorAt(error, "name")}>
              <Input value={draft.sellerName} onChange={({ detail }) => set({ sellerName: detail.value })} />
            </FormField>
            <FormField
              label={<>Account id {optional}</>}
              constraintText="12 digits; drawn where it is left empty."
              errorText={errorAt(error, "id")}
            >
              <Input
                value={draft.seller}
                inputMode="numeric"
                onChange={({ detail }) => set({ seller: detail.value.trim() })}
              />
            </FormField>
          </SpaceBetween>
        )}
      </SpaceBetween>
    </Container>
  );
}

export function DetailsContainer({ draft, set, error }: StepProps): ReactNode {
  return (
    <Container header={<Header variant="h2">Details</Header>}>
      <SpaceBetween size="l">
        <FormField label="Title" errorText={errorAt(error, "title")}>
          <Input value={draft.title} onChange={({ detail }) => set({ title: detail.value })} />
        </FormField>
        <FormField
          label={<>Product code {optional}</>}
          constraintText="Drawn where it is left empty: 25 lower-case letters and digits, as AWS does. Give your real one to use your software unchanged."
          errorText={errorAt(error, "code")}
        >
          <Input
            value={draft.code}
            spellcheck={false}
            autoComplete={false}
            onChange={({ detail }) => set({ code: detail.value.trim() })}
          />
        </FormField>
        <FormField label={<>Description {optional}</>} errorText={errorAt(error, "description")}>
          <Textarea value={draft.description} rows={3} onChange={({ detail }) => set({ description: detail.value })} />
        </FormField>
        {signs(draft.type) && (
          <Alert type="info" header="An RSA key is made with it">
            Answers of RegisterUsage are signed with it. The public key is on the product’s page; your software checks
            signatures by it. You can import a key of your own there.
          </Alert>
        )}
      </SpaceBetween>
    </Container>
  );
}

export function SaasContainer({ draft, set, error }: StepProps): ReactNode {
  if (!isSaas(draft.type)) return null;
  return (
    <Container header={<Header variant="h2">Buyers</Header>}>
      <SpaceBetween size="l">
        <FormField
          label={<>Registration URL {optional}</>}
          description="The buyer’s browser posts the registration token there after subscribing. A sample page stands in while it is empty."
          errorText={errorAt(error, "registrationUrl")}
        >
          <Input
            value={draft.registrationUrl}
            type="url"
            inputMode="url"
            placeholder="https://example.com/register"
            onChange={({ detail }) => set({ registrationUrl: detail.value })}
          />
        </FormField>
        <FormField
          label="Concurrent agreements"
          description="Whether a buyer may have several agreements at once. Such products meter by licence, without CustomerIdentifier."
          errorText={errorAt(error, "concurrentAgreementsOnly")}
        >
          <RadioGroup
            value={draft.concurrent}
            onChange={({ detail }) =>
              set({ concurrent: detail.value === "yes" ? "yes" : detail.value === "no" ? "no" : "default" })
            }
            items={[
              {
                value: "default",
                label: "As on AWS",
                description: "Yes if the business clock stands at 1 June 2026 or later",
              },
              { value: "yes", label: "Yes" },
              { value: "no", label: "No", description: "CustomerIdentifier and CustomerAWSAccountId are taken too" },
            ]}
          />
        </FormField>
      </SpaceBetween>
    </Container>
  );
}

export function RegionsStep({ draft, set, error }: StepProps): ReactNode {
  return (
    <Container header={<Header variant="h2">Regions</Header>}>
      <FormField
        label="Enabled Regions"
        description="Usage that is sent to another Region is refused with DisabledApiException. AWS enables us-east-1; others after a request."
        errorText={errorAt(error, "enabledRegions")}
      >
        <RegionsField value={draft.regions} onChange={(regions) => set({ regions })} />
      </FormField>
    </Container>
  );
}

export function RegionsField({
  value,
  onChange,
}: {
  readonly value: readonly string[];
  readonly onChange: (regions: readonly string[]) => void;
}): ReactNode {
  return (
    <Multiselect
      selectedOptions={value.map((region) => ({ label: region, value: region }))}
      options={regionOptions}
      filteringType="auto"
      placeholder="Choose Regions"
      deselectAriaLabel={(option) => `Take ${option.label} out`}
      onChange={({ detail }) => onChange(detail.selectedOptions.flatMap((option) => option.value ?? []))}
    />
  );
}
