import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import type { ReactNode } from "react";

export function Notifications(): ReactNode {
  return <ContentLayout header={<Header variant="h1">Notifications</Header>} />;
}
