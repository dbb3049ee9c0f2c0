/**
 * The five verbs on Jobs of one namespace: create, get, list, watch, delete. Nothing else is asked of a cluster, so a
 * Role needs no more.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import type { ApiPlace } from "./api-place.ts";

/** What the API server answered, or why none came (`status` 0). */
export class KubernetesProblem extends Error {
  readonly status: number;
  /** Such as `AlreadyExists` or `Conflict`; empty: it said none. */
  readonly reason: string;
  /** It asked to be left alone for so long. */
  readonly retryAfterSeconds: number | null;

  constructor(
    message: string,
    {
      status,
      reason = "",
      retryAfterSeconds = null,
    }: { status: number; reason?: string; retryAfterSeconds?: number | null },
    cause?: unknown,
  ) {
    super(message, cause === undefined ? {} : { cause });
    this.status = status;
    this.reason = reason;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

interface ApiCall {
  readonly method: "GET" | "POST" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly signal: AbortSignal;
}

interface ApiReply {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: AsyncIterable<Uint8Array>;
}

/** How a request gets to an API server: a test has one without a network. */
export type ApiTransport = (call: ApiCall) => Promise<ApiReply>;

/** `batch/v1 Job`, as far as it is looked at; what an API server sends is not believed to be so. */
export interface JobObject {
  readonly metadata?: {
    readonly name?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly status?: {
    readonly active?: number;
    readonly ready?: number;
    readonly conditions?: readonly {
      readonly type?: string;
      readonly status?: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

interface WatchEvent {
  readonly type: string;
  readonly object: JobObject;
}

const PATIENCE_MS = 15_000;
const WATCH_SECONDS = 300;
const PAGE = 500;
/** Pages of one list. */
const PAGES_MAX = 100;
/** An answer, or one event of a watch: etcd keeps no object above 1.5 MiB, a page may have 500. */
const BODY_BYTES_MAX = 64 << 20;
const LINE_BYTES_MAX = 4 << 20;
const RETRY_AFTER_MAX = 600;

export class JobClient {
  readonly #place: ApiPlace;
  readonly #transport: ApiTransport;

  constructor(place: ApiPlace, transport: ApiTransport = httpTransport(place)) {
    this.#place = place;
    this.#transport = transport;
  }

  get namespace(): string {
    return this.#place.namespace;
  }

  get server(): string {
    return this.#place.server;
  }

  /** Unknown fields are refused (422 or 400), not dropped: they are slips in a template. */
  create(job: unknown): Promise<JobObject> {
    return this.#call("create", "POST", "?fieldValidation=Strict", job);
  }

  get(name: string): Promise<JobObject> {
    return this.#call("get", "GET", `/${encodeURIComponent(name)}`);
  }

  /** At the newest state (no resourceVersion is given). */
  async list(selector: string): Promise<{ readonly items: readonly JobObject[]; readonly resourceVersion: string }> {
    const items: JobObject[] = [];
    let from = "";
    for (let page = 0; page < PAGES_MAX; page++) {
      const query = new URLSearchParams({ labelSelector: selector, limit: String(PAGE) });
      if (from !== "") query.set("continue", from);
      const list = await this.#call<{
        items?: JobObject[];
        metadata?: { resourceVersion?: string; continue?: string };
      }>("list", "GET", `?${query}`);
      if (!Array.isArray(list.items)) throw this.#lost("its list of jobs is none");
      items.push(...list.items);
      from = list.metadata?.continue ?? "";
      if (from === "") return { items, resourceVersion: list.metadata?.resourceVersion ?? "" };
    }
    throw this.#lost(`there are more than ${PAGE * PAGES_MAX} jobs of ${selector}`);
  }

  /** Its pods go as well, after it; only the Job of that `uid` is meant. */
  async delete(name: string, uid: string): Promise<void> {
    await this.#call("delete", "DELETE", `/${encodeURIComponent(name)}`, {
      apiVersion: "v1",
      kind: "DeleteOptions",
      propagationPolicy: "Background",
      preconditions: { uid },
    });
  }

  /** Changes since `resourceVersion`, until the server ends it, after some minutes. @throws KubernetesProblem */
  async *watch(selector: string, resourceVersion: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const query = new URLSearchParams({ labelSelector: selector, watch: "true", resourceVersion });
    query.set("allowWatchBookmarks", "true");
    query.set("timeoutSeconds", String(WATCH_SECONDS));
    // A connection that died without a word ends so.
    const patience = AbortSignal.any([signal, AbortSignal.timeout((WATCH_SECONDS + 30) * 1_000)]);
    const reply = await this.#ask("GET", `?${query}`, null, patience);
    if (reply.status !== 200) throw await this.#problem("watch", reply);
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const bytes of reply.body) {
        const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
        rest = lines.pop()!;
        if (rest.length > LINE_BYTES_MAX) throw this.#lost("one event of its watch has no end");
        for (const line of lines) if (line.trim() !== "") yield this.#event(line);
      }
    } catch (error) {
      throw error instanceof KubernetesProblem ? error : this.#lost((error as Error).message, error);
    }
  }

  #event(line: string): WatchEvent {
    let event: { type?: unknown; object?: unknown };
    try {
      event = JSON.parse(line) as typeof event;
    } catch (error) {
      throw this.#lost("an event of its watch is no JSON", error);
    }
    const { type, object } = event;
    if (typeof type !== "string" || typeof object !== "object" || object === null)
      throw this.#lost("an event of its watch is none");
    if (type !== "ERROR") return { type, object };
    const { code = 500, reason = "", message = "" } = object as { code?: number; reason?: string; message?: string };
    throw new KubernetesProblem(this.#words("watch", code, message), { status: code, reason });
  }

  async #call<Answer>(verb: string, method: ApiCall["method"], rest: string, body?: unknown): Promise<Answer> {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const reply = await this.#ask(method, rest, body === undefined ? null : JSON.stringify(body), patience);
    if (reply.status < 200 || reply.status > 299) throw await this.#problem(verb, reply);
    const text = await this.#text(reply);
    try {
      return JSON.parse(text) as Answer;
    } catch (error) {
      throw this.#lost(`its answer to ${verb} is no JSON`, error);
    }
  }

  async #ask(method: ApiCall["method"], rest: string, body: string | null, signal: AbortSignal): Promise<ApiReply> {
    const path = `/apis/batch/v1/namespaces/${this.#place.namespace}/jobs${rest}`;
    const headers: Record<string, string> = { Accept: "application/json" };
    if (body !== null) headers["Content-Type"] = "application/json";
    try {
      const token = this.#place.token();
      if (token !== null) headers["Authorization"] = `Bearer ${token}`;
      return await this.#transport({ method, path, headers, body, signal });
    } catch (error) {
      throw this.#lost((error as Error).message, error);
    }
  }

  async #text(reply: ApiReply): Promise<string> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    try {
      for await (const piece of reply.body) {
        length += piece.length;
        if (length > BODY_BYTES_MAX) throw new Error(`an answer has more than ${BODY_BYTES_MAX} bytes`);
        pieces.push(piece);
      }
    } catch (error) {
      throw this.#lost((error as Error).message, error);
    }
    return Buffer.concat(pieces).toString("utf8");
  }

  #lost(why: string, cause?: unknown): KubernetesProblem {
    return new KubernetesProblem(`the API server ${this.server} cannot be asked: ${why}`, { status: 0 }, cause);
  }

  /** A `Status`, as the API server puts failures; a proxy before it may say something else. */
  async #problem(verb: string, reply: ApiReply): Promise<KubernetesProblem> {
    let [reason, message] = ["", ""];
    let asked = Number(reply.retryAfter ?? NaN);
    try {
      const status = JSON.parse(await this.#text(reply)) as Record<string, unknown>;
      if (typeof status["reason"] === "string") reason = status["reason"];
      if (typeof status["message"] === "string") message = status["message"];
      const details = status["details"] as { retryAfterSeconds?: unknown } | undefined;
      if (Number.isNaN(asked)) asked = Number(details?.retryAfterSeconds ?? NaN);
    } catch {
      // The status says enough.
    }
    return new KubernetesProblem(this.#words(verb, reply.status, message), {
      status: reply.status,
      reason,
      retryAfterSeconds: Number.isFinite(asked) && asked > 0 ? Math.min(asked, RETRY_AFTER_MAX) : null,
    });
  }

  #words(verb: string, status: number, message: string): string {
    const what: Readonly<Record<number, string>> = {
      401: "does not know who asks; the token or certificate is no good",
      403: `does not permit to ${verb} jobs in the namespace ${this.namespace}`,
      429: "asks to come less often",
    };
    const said = message === "" ? "" : `: ${message.slice(0, 1_000)}`;
    return `the API server ${this.server} ${what[status] ?? `could not ${verb} jobs`} (${status})${said}`;
  }
}

/** Over HTTP; TLS by what the place says. Redirects are not followed: a token goes to its server alone. */
function httpTransport({ server, ca, client, serverName }: ApiPlace): ApiTransport {
  const isTls = server.startsWith("https:");
  const agent = isTls ? new TlsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const tls = {
    ...(ca === null ? {} : { ca }),
    ...(client ?? {}),
    ...(serverName === null ? {} : { servername: serverName }),
  };
  return ({ method, path, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const length = body === null ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
      const options = { method, headers: { ...headers, ...length }, signal, agent };
      const url = new URL(server + path);
      const answered = (message: IncomingMessage): void =>
        resolve({ status: message.statusCode!, retryAfter: message.headers["retry-after"] ?? null, body: message });
      const request = isTls ? tlsRequest(url, { ...options, ...tls }, answered) : httpRequest(url, options, answered);
      request.once("error", reject);
      request.end(body ?? undefined);
    });
}
