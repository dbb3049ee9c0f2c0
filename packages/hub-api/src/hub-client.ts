/** A client of the hub's API over a `fetch` that it is given. */
import type { Problem } from "./task-views.ts";

export interface HubClientOptions {
  /** `http://127.0.0.1:7470`. */
  readonly url: string;
  /** Null: its `fetch` shows who it is. */
  readonly token: string | null;
  readonly fetch: (request: string, init: RequestInit) => Promise<Response>;
}

/** The hub refused, in its words. */
export class HubProblem extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }
}

interface CallOptions {
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface StreamEvent {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

export class HubClient {
  readonly url: string;
  readonly #options: HubClientOptions;

  constructor(options: HubClientOptions) {
    this.#options = options;
    this.url = options.url.replace(/\/+$/, "");
  }

  /** @throws HubProblem when the hub refuses; TypeError, as fetch does, when it cannot be reached */
  async call<Answer>(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<Answer> {
    const isBytes = body instanceof Uint8Array;
    const response = await this.raw(method, path, {
      ...options,
      headers: {
        ...(body === undefined ? {} : { "content-type": isBytes ? "application/octet-stream" : "application/json" }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: isBytes ? body : JSON.stringify(body) }),
    });
    return (response.status === 204 ? undefined : await response.json()) as Answer;
  }

  /** The answer as it comes, when it is a good one. */
  async raw(
    method: string,
    path: string,
    options: CallOptions & { readonly body?: string | Uint8Array | ReadableStream<Uint8Array> },
  ): Promise<Response> {
    const response = await this.#options.fetch(`${this.url}/v1${path}`, {
      method,
      headers: {
        ...(this.#options.token === null ? {} : { authorization: `Bearer ${this.#options.token}` }),
        ...options.headers,
      },
      ...(options.body === undefined
        ? {}
        : {
            body: options.body as NonNullable<RequestInit["body"]>,
            ...(options.body instanceof ReadableStream ? { duplex: "half" } : {}),
          }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    if (!response.ok) throw new HubProblem(await readProblem(response));
    return response;
  }

  /** Events of a stream until it ends, or breaks off: a caller goes on with the last one's id. */
  async *stream(
    path: string,
    { signal, lastId = "" }: { readonly signal?: AbortSignal; readonly lastId?: string } = {},
  ): AsyncGenerator<StreamEvent> {
    const response = await this.raw("GET", path, {
      headers: { accept: "text/event-stream", ...(lastId === "" ? {} : { "last-event-id": lastId }) },
      ...(signal === undefined ? {} : { signal }),
    });
    let text = "";
    const decoder = new TextDecoder();
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(piece, { stream: true });
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const event = parseEvent(text.slice(0, end));
        text = text.slice(end + 2);
        if (event !== null) yield event;
      }
    }
  }
}

async function readProblem(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    const problem = JSON.parse(text) as Problem;
    if (typeof problem.detail === "string") return problem;
  } catch {
    // Something between us and the hub answered.
  }
  return {
    type: "about:blank",
    title: response.statusText,
    status: response.status,
    detail: `HTTP ${response.status} ${response.statusText}`,
  };
}

function parseEvent(text: string): StreamEvent | null {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
  }
  const data = fields.get("data");
  return data === undefined
    ? null
    : { id: fields.get("id") ?? "", event: fields.get("event") ?? "message", data: JSON.parse(data) as unknown };
}
