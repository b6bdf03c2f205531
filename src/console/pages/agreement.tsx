/** One agreement, by its id. */
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import type { ReactNode } from "react";
import { useParams as usePathParams } from "wouter";
import { useParams } from "../parts/params.ts";
import { useApi } from "../parts/query.ts";
import { Sought } from "../parts/sought.tsx";
import { AgreementActions } from "./agreement/actions.tsx";
import { Changes } from "./agreement/changes.tsx";
import { Entitlements } from "./agreement/entitlements.tsx";
import { Facts } from "./agreement/facts.tsx";
import { Records } from "./agreement/records.tsx";
import { Registration } from "./agreement/registration.tsx";
import { Timeline } from "./agreement/timeline.tsx";
import { type AgreementView, agreementPath, isContract, productPath } from "./agreement/types.ts";
import { isSaas, type ProductView } from "./product/types.ts";

export function AgreementDetail(): ReactNode {
  const { id = "" } = usePathParams<{ id: string }>();
  const found = useApi<AgreementView>("agreements", agreementPath(id));
  if (found.data?.id === id) return <Shown agreement={found.data} />;
  return (
    <Sought title={id} what="agreement" list="/agreements" error={found.error} again={() => void found.refetch()} />
  );
}

function Shown({ agreement }: { readonly agreement: AgreementView }): ReactNode {
  const [{ tab }, set] = useParams(["tab", "kinds", "order"]);
  const { data } = useApi<ProductView>("products", productPath(agreement.product));
  const product = data?.code === agreement.product ? data : undefined;
  return (
    <ContentLayout
      header={
        <Header
          variant="h1"
          description={`${agreement.productTitle ?? agreement.product}, bought by ${agreement.buyerName ?? agreement.buyer}`}
          actions={<AgreementActions agreement={agreement} product={product} />}
        >
          {agreement.id}
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Facts agreement={agreement} product={product} />
        <Tabs
          ariaLabel="Parts of the agreement"
          activeTabId={tab === "" ? "timeline" : tab}
          onChange={({ detail }) =>
            set({ tab: detail.activeTabId === "timeline" ? "" : detail.activeTabId, kinds: "", order: "" })
          }
          tabs={tabsOf(agreement, product)}
        />
      </SpaceBetween>
    </ContentLayout>
  );
}

function tabsOf(agreement: AgreementView, product: ProductView | undefined) {
  const { id, buyer, license, product: code } = agreement;
  const isMeteredByLicense = product?.concurrentAgreementsOnly === true && license !== undefined;
  const query = isMeteredByLicense ? { product: code, license } : { product: code, customer: buyer };
  const description = isMeteredByLicense ? "By the licence of this agreement" : "Of this product and buyer";
  return [
    // Another agreement's time line starts at its own first page.
    { id: "timeline", label: "Time line", content: <Timeline key={id} id={id} /> },
    ...(product !== undefined && isSaas(product.type)
      ? [
          {
            id: "registration",
            label: "Registration",
            content: <Registration key={id} agreement={agreement} product={product} />,
          },
        ]
      : []),
    ...(product !== undefined && isContract(product)
      ? [
          {
            id: "entitlements",
            label: "Entitlements",
            content: <Entitlements agreement={agreement} product={product} />,
          },
        ]
      : []),
    { id: "usage", label: "Usage", content: <Records query={query} description={description} /> },
    { id: "changes", label: "Changes", content: <Changes target={id} /> },
  ];
}
