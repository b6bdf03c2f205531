/** The server's switches, its admin tokens, what was changed, and the whole catalogue as a file. */
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Tabs from "@cloudscape-design/components/tabs";
import type { ReactNode } from "react";
import { useParams } from "../parts/params.ts";
import { CatalogueTab } from "./settings/catalogueTab.tsx";
import { ChangesTab } from "./settings/changesTab.tsx";
import { SwitchesTab } from "./settings/switchesTab.tsx";
import { TokensTab } from "./settings/tokensTab.tsx";

export function Settings(): ReactNode {
  const [{ tab }, setParams] = useParams(["tab"]);
  return (
    <ContentLayout
      header={
        <Header variant="h1" description="How this server behaves, who may administer it, and what was changed.">
          Settings
        </Header>
      }
    >
      <Tabs
        activeTabId={tab === "" ? "switches" : tab}
        onChange={({ detail }) => setParams({ tab: detail.activeTabId === "switches" ? "" : detail.activeTabId })}
        ariaLabel="Parts of the settings"
        tabs={[
          { id: "switches", label: "Switches", content: <SwitchesTab /> },
          { id: "tokens", label: "Admin tokens", content: <TokensTab /> },
          { id: "changes", label: "Changes", content: <ChangesTab /> },
          { id: "catalogue", label: "Catalogue", content: <CatalogueTab /> },
        ]}
      />
    </ContentLayout>
  );
}
