/** Downloads that the page takes itself, so that it can show how far they are and say why one failed. */
import Box from "@cloudscape-design/components/box";
import Button, { type ButtonProps } from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { ApiProblem, apiPath, problemOf, type Query } from "../api.ts";
import { ProblemText } from "../flash.tsx";

/** Chunks are made blobs of about this size: the browser may keep those on disk. */
const blobBytes = 8_388_608;

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly bytes: number }
  | { readonly kind: "done"; readonly bytes: number; readonly name: string }
  | { readonly kind: "failed"; readonly error: unknown };

interface DownloadProps {
  /** Below `/api/v1`. */
  readonly path: string;
  readonly query: Query;
  readonly children: string;
  readonly variant?: ButtonProps.Variant;
  /** Why it cannot be done now. */
  readonly disabledReason?: string | undefined;
}

/** What became of one file says nothing about another: a different question begins anew. */
export function Download(props: DownloadProps): ReactNode {
  return <DownloadOf key={apiPath(props.path, props.query)} {...props} />;
}

function DownloadOf({ path, query, children, variant = "normal", disabledReason }: DownloadProps): ReactNode {
  const [state, setState] = useState<State>({ kind: "idle" });
  const abort = useRef<AbortController>(undefined);
  useEffect(() => () => abort.current?.abort(), []);
  const run = async (): Promise<void> => {
    const controller = new AbortController();
    abort.current = controller;
    setState({ kind: "running", bytes: 0 });
    try {
      const { blob, name } = await fetched(apiPath(path, query), controller.signal, (bytes) =>
        setState({ kind: "running", bytes }),
      );
      save(blob, name);
      setState({ kind: "done", bytes: blob.size, name });
    } catch (error) {
      setState(controller.signal.aborted ? { kind: "idle" } : { kind: "failed", error });
    }
  };
  return (
    <SpaceBetween size="xs">
      <SpaceBetween direction="horizontal" size="xs">
        <Button
          variant={variant}
          iconName="download"
          loading={state.kind === "running"}
          loadingText={`${children}: running`}
          disabled={disabledReason !== undefined}
          {...(disabledReason === undefined ? {} : { disabledReason })}
          onClick={() => void run()}
        >
          {children}
        </Button>
        {state.kind === "running" && <Button onClick={() => abort.current?.abort()}>Stop</Button>}
      </SpaceBetween>
      <div role="status">
        <Progress state={state} />
      </div>
    </SpaceBetween>
  );
}

function Progress({ state }: { readonly state: State }): ReactNode {
  if (state.kind === "running") {
    return <StatusIndicator type="in-progress">{`${bytesText(state.bytes)} so far`}</StatusIndicator>;
  }
  if (state.kind === "done") {
    return <StatusIndicator type="success">{`${state.name} is whole: ${bytesText(state.bytes)}`}</StatusIndicator>;
  }
  if (state.kind === "idle") return null;
  return (
    <Box color="text-status-error">
      <ProblemText error={state.error} />
    </Box>
  );
}

export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

async function fetched(
  url: string,
  signal: AbortSignal,
  progress: (bytes: number) => void,
): Promise<{ readonly blob: Blob; readonly name: string }> {
  const response = await fetch(url, { credentials: "same-origin", signal }).catch((error: unknown) => {
    if (signal.aborted) throw error;
    throw new ApiProblem(0, "No answer", "The server cannot be reached. Is it running? Try again when it is.");
  });
  if (!response.ok || response.body === null) throw problemOf(response.status, await response.text());
  const name = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? "download";
  const type = response.headers.get("content-type") ?? "application/octet-stream";
  const blobs: Blob[] = [];
  let pending: BlobPart[] = [];
  let [bytes, held] = [0, 0];
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pending.push(value);
      bytes += value.byteLength;
      held += value.byteLength;
      if (held >= blobBytes) {
        blobs.push(new Blob(pending));
        pending = [];
        held = 0;
      }
      progress(bytes);
    }
  } catch (error) {
    if (signal.aborted) throw error;
    const after = `The connection was cut after ${bytesText(bytes)}, so the file is not whole and was not saved.`;
    throw new ApiProblem(0, "Cut off", `${after} Try again; the server's log says why.`);
  }
  return { blob: new Blob([...blobs, ...pending], { type }), name };
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it over by then.
  window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
