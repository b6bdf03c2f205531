/** Making a product, step by step. */
import Alert from "@cloudscape-design/components/alert";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Wizard from "@cloudscape-design/components/wizard";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { ApiProblem, send } from "../api.ts";
import type { AccountView } from "../parts/accountField.tsx";
import { readOnlyReason } from "../parts/changeButton.tsx";
import { filled } from "../parts/dialogs.tsx";
import { useParams } from "../parts/params.ts";
import { useChange } from "../parts/query.ts";
import { useSession } from "../session.tsx";
import { DimensionsStep } from "./product/dimensionFields.tsx";
import { creationOf, emptyDraft, type ProductDraft } from "./product/draft.ts";
import type { ProductView } from "./product/types.ts";
import { ReviewStep } from "./product/wizardReview.tsx";
import { DetailsContainer, RegionsStep, SaasContainer, SellerContainer, TypeStep } from "./product/wizardSteps.tsx";

/** Which step has the field of a member. */
const stepOfMember: Readonly<Record<string, number>> = {
  type: 0,
  ...{ seller: 1, id: 1, name: 1, title: 1, code: 1, description: 1, registrationUrl: 1, concurrentAgreementsOnly: 1 },
  dimensions: 2,
  enabledRegions: 3,
};
const reviewStep = 4;

export function ProductWizard(): ReactNode {
  const [, navigate] = useLocation();
  const [{ seller }] = useParams(["seller"]);
  const [draft, setDraft] = useState<ProductDraft>(() => emptyDraft(seller));
  const [step, setStep] = useState(0);
  const [error, setError] = useState<unknown>();
  const set = (changed: Partial<ProductDraft>): void => setDraft((before) => ({ ...before, ...changed }));
  const { canChange } = useSession();
  const creation = useChange<ProductDraft, ProductView>({
    run: async (made) => {
      const account = await sellerOf(made);
      // Should the product not come about, the next try takes the account that is there now.
      if (made.sellerIs === "new") set({ sellerIs: "known", seller: account });
      return atCode(send<ProductView>("POST", "/products", creationOf(made, account)));
    },
    done: ({ title }) => `Product “${title}” is there. Its keys, offers and lines to paste are below.`,
    isQuiet: true,
  });
  const submit = (): void => {
    setError(undefined);
    creation.mutate(draft, {
      onSuccess: ({ code }) => navigate(`/products/${encodeURIComponent(code)}`),
      onError: (found) => {
        setError(found);
        setStep(stepOf(found));
      },
    });
  };
  const go = (to: number): void => {
    const fault = to > 1 && to > step ? sellerFault(draft) : undefined;
    setError(fault ?? (error instanceof ApiProblem && step < to ? undefined : error));
    setStep(fault === undefined ? to : 1);
  };
  const props = { draft, set, error };
  return (
    <Wizard
      activeStepIndex={step}
      submitButtonText="Create product"
      isLoadingNextStep={creation.isPending}
      onNavigate={({ detail }) => go(detail.requestedStepIndex)}
      onCancel={() => navigate("/products")}
      onSubmit={submit}
      steps={[
        { title: "Choose the type", content: <TypeStep {...props} /> },
        {
          title: "Seller and details",
          content: (
            <SpaceBetween size="l">
              <SellerContainer {...props} />
              <DetailsContainer {...props} />
              <SaasContainer {...props} />
            </SpaceBetween>
          ),
        },
        { title: "Add dimensions and prices", content: <DimensionsStep {...props} /> },
        { title: "Choose Regions", content: <RegionsStep {...props} /> },
        {
          title: "Review and create",
          content: (
            <SpaceBetween size="l">
              {!canChange && <Alert type="warning">{readOnlyReason}</Alert>}
              <ReviewStep draft={draft} goTo={setStep} />
            </SpaceBetween>
          ),
        },
      ].map((one, index) => ({ ...one, errorText: index === step ? stepError(error, step) : undefined }))}
    />
  );
}

async function sellerOf({ sellerIs, seller, sellerName }: ProductDraft): Promise<string> {
  if (sellerIs === "known") return seller;
  const made = await send<AccountView>("POST", "/accounts", filled({ id: seller, name: sellerName.trim() })).catch(
    (error: unknown) => Promise.reject(conflictAt(error, "id")),
  );
  return made.id;
}

function atCode(sent: Promise<ProductView>): Promise<ProductView> {
  return sent.catch((error: unknown) => Promise.reject(conflictAt(error, "code")));
}

/** A conflict names no member; here it can only be that of the id that was given. */
function conflictAt(error: unknown, member: string): unknown {
  if (!(error instanceof ApiProblem) || error.status !== 409) return error;
  return new ApiProblem(409, error.title, error.message, [{ pointer: `/${member}`, message: error.message }]);
}

function sellerFault({ sellerIs, seller }: ProductDraft): ApiProblem | undefined {
  if (sellerIs === "new" || seller !== "") return undefined;
  const message = "Choose the account that publishes the product, or make a new one.";
  return new ApiProblem(0, "", message, [{ pointer: "/seller", message }]);
}

function stepOf(error: unknown): number {
  if (!(error instanceof ApiProblem)) return reviewStep;
  const steps = error.errors.map(({ pointer = "" }) => stepOfMember[pointer.split("/")[1] ?? ""] ?? reviewStep);
  return Math.min(reviewStep, ...steps);
}

/** What no field of the step tells. */
function stepError(error: unknown, step: number): string | undefined {
  if (error === undefined) return undefined;
  const isAtField = stepOf(error) === step && step !== reviewStep;
  if (isAtField) return "Some fields are not right; each says what is wrong.";
  return step === reviewStep && error instanceof Error ? error.message : undefined;
}
