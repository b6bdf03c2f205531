/** What a product is, and where its agreements, usage and calls are. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { type ReactNode, useState } from "react";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { CopyValue } from "../../parts/copy.tsx";
import { errorAt, FormDialog } from "../../parts/dialogs.tsx";
import { To } from "../../parts/link.tsx";
import { send, useChange } from "../../parts/query.ts";
import { TimeInFull } from "../../parts/time.tsx";
import { isSaas, operationsOf, type ProductView, productTypes } from "./types.ts";

export function OverviewTab({ product }: { readonly product: ProductView }): ReactNode {
  const [isEditing, setIsEditing] = useState(false);
  const filter = `?product=${encodeURIComponent(product.code)}`;
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header variant="h2" actions={<ChangeButton onClick={() => setIsEditing(true)}>Edit</ChangeButton>}>
            Details
          </Header>
        }
      >
        <KeyValuePairs columns={3} items={itemsOf(product)} />
      </Container>
      <Container header={<Header variant="h2">What happens with it</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Usage", value: <To to={`/usage${filter}`}>Usage of this product</To> },
            { label: "Agreements", value: <To to={`/agreements${filter}`}>Agreements on it</To> },
            { label: "Requests", value: <To to={`/requests${filter}`}>Calls that name it</To> },
            { label: "Notifications", value: <To to={`/notifications${filter}`}>What its seller was told</To> },
          ]}
        />
      </Container>
      {isEditing && <Edit product={product} onClose={() => setIsEditing(false)} />}
    </SpaceBetween>
  );
}

function itemsOf(product: ProductView): KeyValuePairsProps["items"] {
  const { code, entityId, seller, type } = product;
  return [
    { label: "Product code", value: <CopyValue value={code} what="the product code" /> },
    { label: "Entity id", value: <CopyValue value={entityId} what="the entity id" /> },
    {
      label: "Seller",
      value: (
        <>
          <CopyValue value={seller} what="the seller’s account id" />{" "}
          <To to={`/products?seller=${seller}`}>Its products</To>
        </>
      ),
    },
    {
      label: "Type",
      value: (
        <>
          {productTypes[type].name}
          <Box color="text-body-secondary" fontSize="body-s">
            {productTypes[type].meaning}
          </Box>
        </>
      ),
    },
    { label: "Operations", value: operationsOf(type).join(", ") || "None: AWS itself meters it" },
    { label: "Created", value: <TimeInFull at={product.createdAt} /> },
    ...(isSaas(type)
      ? [
          {
            label: "Concurrent agreements",
            value: product.concurrentAgreementsOnly
              ? "Yes: meters by licence, without CustomerIdentifier"
              : "No: CustomerIdentifier is taken too",
          },
          { label: "Registration URL", value: product.registrationUrl ?? "The sample page of this server" },
        ]
      : []),
    { label: "SNS messages", value: snsText(product) },
    { label: "Description", value: product.description ?? "–" },
  ];
}

function snsText({ sendsSns, concurrentAgreementsOnly }: ProductView): string {
  if (sendsSns !== undefined) return sendsSns ? "Yes, beside EventBridge events" : "No, EventBridge events only";
  return concurrentAgreementsOnly
    ? "No, EventBridge events only (the default for concurrent agreements)"
    : "Yes, beside EventBridge events (the default)";
}

interface EditForm {
  readonly title: string;
  readonly description: string;
  readonly registrationUrl: string;
  readonly sns: string;
}

function Edit({ product, onClose }: { readonly product: ProductView; readonly onClose: () => void }): ReactNode {
  const [form, setForm] = useState<EditForm>({
    title: product.title,
    description: product.description ?? "",
    registrationUrl: product.registrationUrl ?? "",
    sns: product.sendsSns === undefined ? "default" : String(product.sendsSns),
  });
  const set = (changed: Partial<EditForm>): void => setForm((before) => ({ ...before, ...changed }));
  const change = useChange<EditForm>({
    run: ({ title, description, registrationUrl, sns }) =>
      send("PATCH", `/products/${encodeURIComponent(product.code)}`, {
        title: title.trim(),
        description: description === "" ? null : description,
        registrationUrl: registrationUrl.trim() === "" ? null : registrationUrl.trim(),
        sendsSns: sns === "default" ? null : sns === "true",
      }),
    done: () => "The product was changed.",
    isQuiet: true,
  });
  const { error } = change;
  return (
    <FormDialog
      title="Edit product"
      submitText="Save"
      isSending={change.isPending}
      error={error}
      fields={["title", "description", "registrationUrl", "sendsSns"]}
      onClose={onClose}
      onSubmit={() => change.mutate(form, { onSuccess: onClose })}
    >
      <FormField label="Title" errorText={errorAt(error, "title")}>
        <Input value={form.title} onChange={({ detail }) => set({ title: detail.value })} />
      </FormField>
      <FormField label="Description" errorText={errorAt(error, "description")}>
        <Textarea value={form.description} rows={3} onChange={({ detail }) => set({ description: detail.value })} />
      </FormField>
      {isSaas(product.type) && (
        <FormField
          label="Registration URL"
          description="Where the buyer’s browser posts the registration token; empty: the sample page."
          errorText={errorAt(error, "registrationUrl")}
        >
          <Input
            value={form.registrationUrl}
            inputMode="url"
            onChange={({ detail }) => set({ registrationUrl: detail.value })}
          />
        </FormField>
      )}
      <FormField label="SNS messages" errorText={errorAt(error, "sendsSns")}>
        <RadioGroup
          value={form.sns}
          onChange={({ detail }) => set({ sns: detail.value })}
          items={[
            { value: "default", label: "The default: yes, unless for concurrent agreements" },
            { value: "true", label: "Yes, beside EventBridge events" },
            { value: "false", label: "No, EventBridge events only" },
          ]}
        />
      </FormField>
    </FormDialog>
  );
}
