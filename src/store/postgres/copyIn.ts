/** COPY … FROM STDIN over the driver, whose own queries cannot send rows. */
import pg from "pg";

/** What the driver's connection has besides what its types tell. */
interface CopyConnection extends Pick<pg.Connection, "query" | "stream"> {
  sendCopyFromChunk(rows: Uint8Array): void;
  endCopyFrom(): void;
}

/**
 * A query as the driver takes it. The rows follow the statement at once: a server that refuses the statement lets them
 * pass by, as the protocol has it, and so the answer is one round trip away. It is the driver's Query since no other may go
 * out behind one that is not answered yet; what keeps something open on the server must not, and this keeps nothing.
 */
class CopyIn extends pg.Query {
  /** Replaced by the driver, which puts its time limit around it. */
  callback: (error: Error | null) => void;

  constructor(text: string, rows: readonly Uint8Array[], callback: (error: Error | null) => void) {
    super(text);
    this.callback = callback;
    this.submit = (connection) => send(connection as unknown as CopyConnection, text, rows);
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

function send(connection: CopyConnection, text: string, rowsOfEach: readonly Uint8Array[]): void {
  connection.stream.cork();
  try {
    connection.query(text);
    for (const rows of rowsOfEach) {
      connection.sendCopyFromChunk(rows);
      connection.endCopyFrom();
    }
  } finally {
    connection.stream.uncork();
  }
}

/** Statements without parameters, and the rows of each COPY among them. Rejects with what the server or the driver says. */
export function copyIn(client: Pick<pg.PoolClient, "query">, text: string, rows: readonly Uint8Array[]): Promise<void> {
  return new Promise((resolve, reject) => {
    client.query(new CopyIn(text, rows, (error) => (error === null ? resolve() : reject(error))));
  });
}
