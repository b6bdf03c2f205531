/** What an agreement is now, and what that means for metering. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs, { type KeyValuePairsProps } from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { StateIndicator } from "../../parts/agreementState.tsx";
import { CopyValue } from "../../parts/copy.tsx";
import { To } from "../../parts/link.tsx";
import { useApi } from "../../parts/query.ts";
import { Time, TimeInFull } from "../../parts/time.tsx";
import { useTicking } from "../clock/ticking.ts";
import type { AccountView } from "../customer/types.ts";
import { isSaas, type ProductView } from "../product/types.ts";
import type { TimelineAnswer } from "./timelineRows.tsx";
import { type AgreementView, agreementPath, customerPath, productPath, states } from "./types.ts";

interface FactsProps {
  readonly agreement: AgreementView;
  readonly product: ProductView | undefined;
}

export function Facts({ agreement, product }: FactsProps): ReactNode {
  const { data: buyer } = useApi<AccountView>("accounts", `/accounts/${encodeURIComponent(agreement.buyer)}`);
  return (
    <SpaceBetween size="l">
      {agreement.state === "final-hour" && <FinalHour agreement={agreement} />}
      {buyer?.suspended === true && (
        <Alert type="warning" header="The buyer’s account is suspended">
          AWS does not bill it: usage is refused whatever the state of the agreement.{" "}
          <To to={customerPath(agreement.buyer)}>Resume it on the customer’s page</To>.
        </Alert>
      )}
      <Container header={<Header variant="h2">Details</Header>}>
        <KeyValuePairs columns={4} items={itemsOf(agreement, product)} />
      </Container>
    </SpaceBetween>
  );
}

const secondMs = 1_000;

/** Counts down by the business clock. */
function FinalHour({ agreement }: { readonly agreement: AgreementView }): ReactNode {
  const { businessAt, clock } = useTicking(false);
  const { data } = useApi<TimelineAnswer>("timeline", `${agreementPath(agreement.id)}/timeline`, { limit: 1 });
  const end = data?.due.find(({ what }) => what === "final-hour-end")?.at;
  const left = end === undefined ? undefined : Math.max(0, Math.ceil((Date.parse(end) - businessAt) / secondMs));
  return (
    <Alert type="warning" header="The final hour runs">
      {left !== undefined && clock !== undefined && (
        <>
          <span role="timer" aria-label="Left of the final hour">
            <b>
              {Math.floor(left / 60)} min {String(left % 60).padStart(2, "0")} s
            </b>
          </span>{" "}
          left on the business clock, until <Time at={end} />.
          {clock.mode === "standing" && (
            <>
              {" "}
              The clock stands; <To to="/clock">move it</To> to see what follows.
            </>
          )}
        </>
      )}
    </Alert>
  );
}

function itemsOf(agreement: AgreementView, product: ProductView | undefined): KeyValuePairsProps["items"] {
  const { state, startedAt, failedAt, endingAt, endedAt, previousAgreement, license } = agreement;
  const side = product === undefined || isSaas(product.type) ? "saas" : "compute";
  const time = (label: string, at: string | undefined): KeyValuePairsProps["items"] =>
    at === undefined ? [] : [{ label, value: <TimeInFull at={at} /> }];
  return [
    {
      label: "State",
      value: (
        <>
          <StateIndicator state={state} />
          <Box color="text-body-secondary" fontSize="body-s">
            {states[state][side]}
          </Box>
        </>
      ),
    },
    {
      label: "Product",
      value: <To to={productPath(agreement.product)}>{agreement.productTitle ?? agreement.product}</To>,
    },
    {
      label: "Buyer",
      value: <To to={customerPath(agreement.buyer)}>{agreement.buyerName ?? agreement.buyer}</To>,
    },
    { label: "Agreement id", value: <CopyValue value={agreement.id} what="the agreement id" /> },
    {
      label: "Licence",
      value: license === undefined ? "None until it starts" : <CopyValue value={license} what="the licence ARN" />,
    },
    { label: "Offer", value: offerText(agreement) },
    { label: "Term", value: <Term agreement={agreement} /> },
    { label: "Accepted", value: <TimeInFull at={agreement.acceptedAt} /> },
    ...time("Started", startedAt),
    ...time("Payment failed", startedAt === undefined ? failedAt : undefined),
    ...time("Cancelled", endingAt),
    ...time("Ended", endedAt),
    ...(previousAgreement === undefined
      ? []
      : [{ label: "Follows on", value: <To to={agreementPath(previousAgreement)}>{previousAgreement}</To> }]),
  ];
}

function offerText({ offer, privateOffer, freeTrial }: AgreementView): ReactNode {
  const marks = [...(privateOffer ? ["private"] : []), ...(freeTrial ? ["free trial"] : [])];
  return (
    <>
      {offer ?? "None"}
      {marks.length > 0 && (
        <Box color="text-body-secondary" fontSize="body-s">
          {marks.join(", ")}
        </Box>
      )}
    </>
  );
}

function Term({ agreement: { endsAt, autoRenew } }: { readonly agreement: AgreementView }): ReactNode {
  if (endsAt === undefined) return "Until cancelled";
  return (
    <>
      <TimeInFull at={endsAt} />
      <Box color="text-body-secondary" fontSize="body-s">
        {autoRenew === true ? "Renews by itself" : "Ends then"}
      </Box>
    </>
  );
}
