/** One product, by its code. */
import Button from "@cloudscape-design/components/button";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Spinner from "@cloudscape-design/components/spinner";
import Tabs from "@cloudscape-design/components/tabs";
import { type ReactNode, useState } from "react";
import { useLocation, useParams as usePathParams } from "wouter";
import { ApiProblem } from "../api.ts";
import { ChangeButton } from "../parts/changeButton.tsx";
import { ConfirmDialog } from "../parts/dialogs.tsx";
import { To } from "../parts/link.tsx";
import { Failed, Nothing } from "../parts/list.tsx";
import { useParams } from "../parts/params.ts";
import { send, useApi, useChange } from "../parts/query.ts";
import { DimensionsTab } from "./product/dimensionsTab.tsx";
import { KeysTab } from "./product/keysTab.tsx";
import { OffersTab } from "./product/offersTab.tsx";
import { OverviewTab } from "./product/overviewTab.tsx";
import { RegionsTab } from "./product/regionsTab.tsx";
import { SnippetsTab } from "./product/snippetsTab.tsx";
import { TargetsTab } from "./product/targetsTab.tsx";
import { type ProductView, typeName } from "./product/types.ts";

export function ProductDetail(): ReactNode {
  const { code = "" } = usePathParams<{ code: string }>();
  const { data, error, refetch } = useApi<ProductView>("products", `/products/${encodeURIComponent(code)}`);
  if (error instanceof ApiProblem && error.status === 404) {
    return (
      <ContentLayout header={<Header variant="h1">{code}</Header>}>
        <Nothing
          title="There is no such product"
          text={error.message}
          action={<To to="/products">See all products</To>}
        />
      </ContentLayout>
    );
  }
  const product = data?.code === code ? data : undefined;
  if (product !== undefined) return <Shown product={product} />;
  return (
    <ContentLayout header={<Header variant="h1">{code}</Header>}>
      {error === null ? <Spinner size="large" /> : <Failed error={error} again={() => void refetch()} />}
    </ContentLayout>
  );
}

function Shown({ product }: { readonly product: ProductView }): ReactNode {
  const [{ tab }, setParams] = useParams(["tab"]);
  const [isDeleting, setIsDeleting] = useState(false);
  const { code } = product;
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description={`${typeName(product.type)}, product code ${code}`}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button
                href={`/marketplace/${encodeURIComponent(code)}`}
                target="_blank"
                iconName="external"
                iconAlign="right"
                ariaLabel="Open the buyer’s listing in a new tab"
              >
                Buyer’s listing
              </Button>
              <ChangeButton onClick={() => setIsDeleting(true)}>Delete</ChangeButton>
            </SpaceBetween>
          }
        >
          {product.title}
        </Header>
      }
    >
      <Tabs
        activeTabId={tab === "" ? "overview" : tab}
        onChange={({ detail }) => setParams({ tab: detail.activeTabId === "overview" ? "" : detail.activeTabId })}
        ariaLabel="Parts of the product"
        tabs={[
          { id: "overview", label: "Overview", content: <OverviewTab product={product} /> },
          {
            id: "dimensions",
            label: `Dimensions (${product.dimensions.length})`,
            content: <DimensionsTab product={product} />,
          },
          { id: "offers", label: "Offers", content: <OffersTab product={product} /> },
          { id: "notifications", label: "Notifications", content: <TargetsTab owner={product} /> },
          {
            id: "regions",
            label: `Regions (${product.enabledRegions.length})`,
            content: <RegionsTab product={product} />,
          },
          {
            id: "keys",
            label: `Public keys (${product.keyVersions.length})`,
            content: <KeysTab product={product} />,
          },
          { id: "use", label: "Use it", content: <SnippetsTab product={product} /> },
        ]}
      />
      {isDeleting && <Deletion product={product} onClose={() => setIsDeleting(false)} />}
    </ContentLayout>
  );
}

function Deletion({ product, onClose }: { readonly product: ProductView; readonly onClose: () => void }): ReactNode {
  const [, navigate] = useLocation();
  const deletion = useChange<void>({
    run: async () => {
      await send("DELETE", `/products/${encodeURIComponent(product.code)}`);
      // Before anything is asked again: the product is not there any more.
      navigate("/products");
    },
    done: () => `Product “${product.title}” was deleted.`,
    isQuiet: true,
  });
  return (
    <ConfirmDialog
      title={`Delete ${product.title}?`}
      confirmText="Delete"
      word={product.code}
      isSending={deletion.isPending}
      error={deletion.error}
      onClose={onClose}
      onConfirm={() => deletion.mutate()}
    >
      Its dimensions and keys go with it; signatures of RegisterUsage that were made with them can no longer be checked
      here. A product that has usage, agreements, offers, entitlements or targets cannot be deleted.
    </ConfirmDialog>
  );
}
