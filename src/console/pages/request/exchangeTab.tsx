/** What came over the wire and what went back, as far as memory still has it. */
import Alert from "@cloudscape-design/components/alert";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import SpaceBetween from "@cloudscape-design/components/space-between";
import type { ReactNode } from "react";
import { CopyBlock } from "../../parts/copy.tsx";
import type { ExchangeView, HeaderView } from "./types.ts";

export function ExchangeTab({ exchange }: { readonly exchange: ExchangeView | undefined }): ReactNode {
  if (exchange === undefined) {
    return (
      <Alert type="info" header="Memory no longer has the bytes of this call">
        Exact requests and answers are kept in memory alone: the last 256 MB unless set otherwise, and none over a
        restart. Of many nodes over one database, each keeps those that it answered itself. What the audit trail and the
        ledger hold is under “CloudTrail record”.
      </Alert>
    );
  }
  const { request, response } = exchange;
  return (
    <ColumnLayout columns={2}>
      <Message
        title="Request"
        line={`${request.method} ${request.url}`}
        headers={request.headers}
        body={request.body}
        note="Signatures, session tokens and registration tokens are hidden."
      />
      <Message
        title="Answer"
        line={response.status === 0 ? "Nothing: a planned fault cut the connection" : `HTTP ${response.status}`}
        headers={response.headers}
        body={response.body}
      />
    </ColumnLayout>
  );
}

interface MessageProps {
  readonly title: string;
  readonly line: string;
  readonly headers: readonly HeaderView[];
  readonly body: string;
  readonly note?: string;
}

function Message({ title, line, headers, body, note }: MessageProps): ReactNode {
  return (
    <Container
      header={
        <Header variant="h2" description={note ?? line}>
          {title}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <CopyBlock
          text={[line, ...headers.map(({ name, value }) => `${name}: ${value}`)].join("\n")}
          what={`${title}: headers`}
        />
        {body !== "" && <CopyBlock text={pretty(body)} what={`${title}: body`} />}
      </SpaceBetween>
    </Container>
  );
}

/** JSON with line breaks; anything else as it came. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2);
  } catch {
    return text;
  }
}
