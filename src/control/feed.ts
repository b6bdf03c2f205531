/**
 * What happens, told to whoever looks on: calls as they are answered. Nothing is kept; with nobody looking on, telling
 * costs one comparison.
 */
export interface CallTold {
  readonly requestId: string;
  readonly operation: string;
  readonly status: number;
  /** Absent: the call was accepted. */
  readonly error?: string;
}

export interface Feed {
  readonly hasListeners: boolean;
  tell(call: CallTold): void;
  /** Returns what ends it. */
  listen(listener: (call: CallTold) => void): () => void;
}

export function createFeed(): Feed {
  const listeners = new Set<(call: CallTold) => void>();
  return {
    get hasListeners() {
      return listeners.size > 0;
    },
    tell: (call) => {
      for (const listener of listeners) listener(call);
    },
    listen: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}

interface Asked {
  readonly rawHeaders: readonly string[];
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** The service plane, whose answers are told as well. */
export function toldTo<Request extends Asked, Answer extends Answered>(
  feed: Feed,
  endpoint: (request: Request) => Promise<Answer>,
): (request: Request) => Promise<Answer> {
  const answerAndTell = async (request: Request): Promise<Answer> => {
    const answer = await endpoint(request);
    feed.tell(callOf(request, answer));
    return answer;
  };
  return (request) => (feed.hasListeners ? answerAndTell(request) : endpoint(request));
}

function callOf({ rawHeaders }: Asked, { status, headers }: Answered): CallTold {
  const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === "x-amz-target");
  const error = headers["x-amzn-ErrorType"];
  return {
    requestId: headers["x-amzn-RequestId"] ?? "",
    // Targets are the caller's text: what is shown of them is bounded.
    operation: (rawHeaders[at + 1] ?? "").split(".").at(-1)?.slice(0, 64) ?? "",
    status,
    ...(error === undefined ? {} : { error }),
  };
}
