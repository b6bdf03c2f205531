/** What to do first, while nothing was metered yet. */

import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import type { ReactNode } from "react";
import { useLocation } from "wouter";
import type { Page } from "../../api.ts";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { CopyBlock } from "../../parts/copy.tsx";
import { To } from "../../parts/link.tsx";
import { useApi } from "../../parts/query.ts";
import { environment, snippetsOf } from "../product/snippets.ts";
import { operationsOf, type ProductView } from "../product/types.ts";

interface AgreementView {
  readonly id: string;
  readonly buyer: string;
  readonly license?: string;
}

interface ClockView {
  readonly now: string;
  readonly wall: string;
}

/** `product`: one that can be metered, where there is one. */
export function FirstSteps({ product }: { readonly product: ProductView | undefined }): ReactNode {
  const [, navigate] = useLocation();
  const { data: agreements } = useApi<Page<AgreementView>>(
    "agreements",
    "/agreements",
    { product: product?.code, state: "active", limit: 1 },
    { enabled: product !== undefined },
  );
  const agreement = product === undefined ? undefined : agreements?.items[0];
  const { data: clock } = useApi<ClockView>("clock", "/clock");
  const { data: keys } = useApi<Page<unknown>>("credentials", "/credentials", { limit: 1 });
  return (
    <Container
      header={
        <Header variant="h2" description="Nothing has been metered yet. Four steps to the first record:">
          First steps
        </Header>
      }
    >
      <SpaceBetween size="l">
        <Step number={1} isDone={product !== undefined} title="Create a product">
          {product === undefined ? (
            <ChangeButton variant="primary" onClick={() => navigate("/products/new")}>
              Create product
            </ChangeButton>
          ) : (
            <To to={`/products/${encodeURIComponent(product.code)}`}>{product.title}</To>
          )}
        </Step>
        <Step number={2} isDone={agreement !== undefined} title="Subscribe a customer to it">
          {agreement === undefined ? (
            <To to="/agreements">Agreements</To>
          ) : (
            <To to={`/agreements/${encodeURIComponent(agreement.id)}`}>{agreement.id}</To>
          )}
        </Step>
        <Step number={3} isDone={keys !== undefined && keys.items.length > 0} title="Have an access key">
          <To to="/credentials">Credentials</To>
        </Step>
        <Step number={4} isDone={false} title="Meter usage">
          <SpaceBetween size="s">
            <Box>Put the key into the environment, and paste:</Box>
            <CopyBlock text={commandOf(product, agreement, clock)} what="a command that meters usage" />
          </SpaceBetween>
        </Step>
      </SpaceBetween>
    </Container>
  );
}

interface StepProps {
  readonly number: number;
  readonly isDone: boolean;
  readonly title: string;
  readonly children: ReactNode;
}

function Step({ number, isDone, title, children }: StepProps): ReactNode {
  return (
    <SpaceBetween size="xxs">
      <Box variant="h3">
        {number}. {title} {isDone && <StatusIndicator type="success">done</StatusIndicator>}
      </Box>
      {children}
    </SpaceBetween>
  );
}

const metering = ["BatchMeterUsage", "MeterUsage", "RegisterUsage"] as const;

export function isMeterable({ type }: ProductView): boolean {
  return operationsOf(type).some((operation) => metering.some((one) => one === operation));
}

/** Stands in for a product until there is one. */
const example: ProductView = {
  code: "YOUR_PRODUCT_CODE",
  entityId: "",
  title: "",
  seller: "",
  type: "saas-subscription",
  createdAt: "",
  concurrentAgreementsOnly: false,
  enabledRegions: ["us-east-1"],
  dimensions: [],
  keyVersions: [],
};

const noticeableMs = 60_000;

function commandOf(
  product: ProductView = example,
  agreement: AgreementView | undefined,
  clock: ClockView | undefined,
): string {
  const [region = "us-east-1"] = product.enabledRegions;
  const snippet = snippetsOf(product, "cli").find(({ title }) => metering.some((one) => one === title));
  let text = snippet?.text ?? "";
  if (agreement !== undefined) {
    text = text.replace("BUYER_ACCOUNT_ID", agreement.buyer).replace("LICENSE_ARN", agreement.license ?? "LICENSE_ARN");
  }
  // The shell's own time is of no use where the business clock tells another.
  if (clock !== undefined && Math.abs(Date.parse(clock.now) - Date.parse(clock.wall)) > noticeableMs) {
    text = text.replace(`'"$(date +%s)"'`, String(Math.floor(Date.parse(clock.now) / 1_000)));
  }
  return `${environment(window.location.origin, region)}\n${text}`;
}
