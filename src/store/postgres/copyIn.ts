/** COPY … FROM STDIN over the driver, whose own queries cannot send rows. */
import type pg from "pg";

/** What the driver's connection has besides what its types tell. */
interface CopyConnection extends Pick<pg.Connection, "query" | "stream"> {
  sendCopyFromChunk(rows: Uint8Array): void;
  endCopyFrom(): void;
}

/**
 * A query as the driver takes it. The rows follow the statement at once: a server that refuses the statement lets them
 * pass by, as the protocol has it, and so the answer is one round trip away.
 */
class CopyIn implements pg.Submittable {
  readonly #text: string;
  readonly #rows: readonly Uint8Array[];
  /** Replaced by the driver, which puts its time limit around it. */
  callback: (error: Error | null) => void;

  constructor(text: string, rows: readonly Uint8Array[], callback: (error: Error | null) => void) {
    this.#text = text;
    this.#rows = rows;
    this.callback = callback;
  }

  submit(connection: pg.Connection): void {
    const target = connection as unknown as CopyConnection;
    target.stream.cork();
    try {
      target.query(this.#text);
      for (const rows of this.#rows) {
        target.sendCopyFromChunk(rows);
        target.endCopyFrom();
      }
    } finally {
      target.stream.uncork();
    }
  }

  handleError(error: Error): void {
    this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback(null);
  }

  handleCopyInResponse(): void {}
  handleCommandComplete(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
}

/** Statements without parameters, and the rows of each COPY among them. Rejects with what the server or the driver says. */
export function copyIn(client: Pick<pg.PoolClient, "query">, text: string, rows: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(new CopyIn(text, rows, (error) => (error === null ? resolve() : reject(error))));
  });
}
