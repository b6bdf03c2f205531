/** A call to the service plane as bytes, and its answer, whichever protocol it speaks. */

/** An HTTP request whose body has been read, or was too long to be. */
export interface WireRequest {
  readonly method: string;
  /** As on the request line. */
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly isTooLarge: boolean;
  readonly remoteAddress: string | undefined;
  /** What the call says, where it is spoken in another protocol than AWS JSON. */
  readonly spoken?: Spoken;
}

export interface Spoken {
  /** As in X-Amz-Target. */
  readonly target: string;
  /** Throws SerializationException. */
  readonly parse: () => Record<string, unknown>;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** What goes out in place of the body, where that is no text. */
  readonly bytes?: Buffer;
  /** Absent: whole and at once. */
  readonly delivery?: Delivery;
}

/** How an answer goes out where a planned fault says so (B-92). */
export type Delivery =
  /** Not at all: the connection is reset. Status and body of the answer are sent to nobody. */
  | { readonly kind: "cut" }
  /** The head at once, the body in pieces of this size over this time; what is left when `until` aborts goes at once. */
  | { readonly kind: "trickle"; readonly overMs: number; readonly pieceBytes: number; readonly until: AbortSignal };

/** The value of a header, by its lower-case name. */
export function header(request: WireRequest, name: string): string | undefined {
  const { rawHeaders } = request;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index];
    if (candidate !== undefined && isNamed(candidate, name)) return rawHeaders[index + 1];
  }
  return undefined;
}

/** Whether a header's name, as it was sent, is this lower-case one. Most are sent in lower case. */
export function isNamed(sent: string, name: string): boolean {
  return sent.length === name.length && (sent === name || sent.toLowerCase() === name);
}

/** `/`, with or without a query; or, from a client that takes us for its proxy, `http://host/`. */
export function isServicePath(url: string): boolean {
  return url === "/" || /^(?:https?:\/\/[^/?]*)?(?:\/?$|\/?\?)/i.test(url);
}
