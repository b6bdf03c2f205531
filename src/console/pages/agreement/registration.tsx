/** Registration: the token that a buyer's browser takes to the seller's page, and the way there. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { type ReactNode, useId } from "react";
import { ChangeButton } from "../../parts/changeButton.tsx";
import { CopyBlock } from "../../parts/copy.tsx";
import { To } from "../../parts/link.tsx";
import { send, useChange } from "../../parts/query.ts";
import { Time } from "../../parts/time.tsx";
import type { ProductView } from "../product/types.ts";
import { type AgreementView, productPath } from "./types.ts";

interface IssuedToken {
  readonly token: string;
  readonly issuedAt: string;
  readonly expiresAt: string;
}

export function Registration({
  agreement,
  product,
}: {
  readonly agreement: AgreementView;
  readonly product: ProductView;
}): ReactNode {
  const issue = useChange<void, IssuedToken>({
    run: () => send("POST", "/registration-tokens", { agreement: agreement.id }),
  });
  const { data: issued } = issue;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="After subscribing, the buyer’s browser posts a registration token to the seller, who resolves it by ResolveCustomer."
          actions={
            <ChangeButton
              {...(issued === undefined ? { variant: "primary" } : {})}
              loading={issue.isPending}
              onClick={() => issue.mutate()}
            >
              {issued === undefined ? "Issue a token" : "Issue another token"}
            </ChangeButton>
          }
        >
          Registration
        </Header>
      }
    >
      <SpaceBetween size="l">
        <KeyValuePairs
          columns={2}
          items={[
            {
              label: "Registration URL",
              value:
                product.registrationUrl ??
                "None: the sample page of this server stands in. It calls ResolveCustomer as a seller would.",
            },
            {
              label: "Set it",
              value: <To to={productPath(product.code)}>On the product’s page</To>,
            },
          ]}
        />
        {issued !== undefined && <Issued issued={issued} />}
      </SpaceBetween>
    </Container>
  );
}

function Issued({ issued }: { readonly issued: IssuedToken }): ReactNode {
  const id = useId();
  return (
    <Alert type="success" header="A registration token was issued">
      <SpaceBetween size="s">
        <Box color="inherit">
          It is shown here once. It can be resolved until <Time at={issued.expiresAt} /> on the business clock.
        </Box>
        <CopyBlock text={issued.token} what="Registration token" />
        {/* To a page of the buyer's side, whose own form goes on to the seller: forms of the console leave it nowhere. */}
        <form id={id} method="post" action="/marketplace/handover" target="_blank" rel="noopener">
          <input type="hidden" name="x-amzn-marketplace-token" value={issued.token} />
          <Button form={id} formAction="submit" iconName="external" iconAlign="right">
            Open the registration page with it
          </Button>
        </form>
      </SpaceBetween>
    </Alert>
  );
}
