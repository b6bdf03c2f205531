/** How to call this server for a product. */
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { CopyBlock } from "../../parts/copy.tsx";
import { To } from "../../parts/link.tsx";
import { useParams } from "../../parts/params.ts";
import { environment, type SnippetLanguage, snippetsOf } from "./snippets.ts";
import { isSaas, type ProductView } from "./types.ts";

const languages: readonly { readonly id: SnippetLanguage; readonly text: string }[] = [
  { id: "cli", text: "AWS CLI" },
  { id: "javascript", text: "JavaScript" },
  { id: "python", text: "Python" },
];

export function SnippetsTab({ product }: { readonly product: ProductView }): ReactNode {
  const [{ language: given }, setParams] = useParams(["language"]);
  const language = languages.find(({ id }) => id === given)?.id ?? "cli";
  const snippets = snippetsOf(product, language);
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">Point your software here</Header>}>
        <SpaceBetween size="m">
          <CopyBlock
            text={environment(window.location.origin, product.enabledRegions[0] ?? "us-east-1")}
            what="Endpoint and Region"
          />
          <Box>
            {isSaas(product.type) ? (
              <>
                Sign calls with a key of the seller’s account: make one under{" "}
                <To to={`/credentials?account=${product.seller}`}>Credentials</To>.
              </>
            ) : (
              <>
                Calls are signed by the workload, in the buyer’s account: start one under{" "}
                <To to="/workloads">Workloads</To>, or make keys for your own under{" "}
                <To to="/credentials">Credentials</To>.
              </>
            )}
          </Box>
        </SpaceBetween>
      </Container>
      <Container
        header={
          <Header
            variant="h2"
            actions={
              <SegmentedControl
                label="Language"
                selectedId={language}
                options={[...languages]}
                onChange={({ detail }) => setParams({ language: detail.selectedId === "cli" ? "" : detail.selectedId })}
              />
            }
          >
            Calls
          </Header>
        }
      >
        {snippets.length === 0 ? (
          <Box>Products of this type call nothing: AWS itself meters them.</Box>
        ) : (
          <SpaceBetween size="l">
            {snippets.map(({ title, text }) => (
              <div key={title}>
                <Box variant="h3" padding={{ bottom: "xs" }}>
                  {title}
                </Box>
                <CopyBlock text={text} what={title} />
              </div>
            ))}
          </SpaceBetween>
        )}
      </Container>
    </SpaceBetween>
  );
}
