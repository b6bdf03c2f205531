/** In place of a page whose thing is on its way, is not there, or cannot be asked for. */
import ContentLayout from "@cloudscape-design/components/content-layout";
import Header from "@cloudscape-design/components/header";
import Spinner from "@cloudscape-design/components/spinner";
import type { ReactNode } from "react";
import { ApiProblem } from "../api.ts";
import { To } from "./link.tsx";
import { Failed, Nothing } from "./list.tsx";

interface SoughtProps {
  readonly title: string;
  /** Such as agreement. */
  readonly what: string;
  /** View of all of them. */
  readonly list: string;
  readonly error: unknown;
  readonly again: () => void;
}

export function Sought({ title, what, list, error, again }: SoughtProps): ReactNode {
  return (
    <ContentLayout header={<Header variant="h1">{title}</Header>}>
      {error === null ? (
        <Spinner size="large" />
      ) : error instanceof ApiProblem && error.status === 404 ? (
        <Nothing title={`There is no such ${what}`} text={error.message} action={<To to={list}>See all {what}s</To>} />
      ) : (
        <Failed error={error} again={again} />
      )}
    </ContentLayout>
  );
}
