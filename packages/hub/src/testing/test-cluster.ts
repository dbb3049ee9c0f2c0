/**
 * An API server of Kubernetes with Jobs alone, which holds requests against Kubernetes' rules: paths and verbs, what a
 * Role permits, label selectors, versions, pages, watches as lines of JSON, names that exist, preconditions. It makes
 * no pods: a test says what becomes of a Job.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/
 * @see https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/job-v1/
 */
import { randomUUID } from "node:crypto";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ApiTransport } from "../scale/kubernetes/job-client.ts";

export interface TestJob {
  readonly apiVersion: "batch/v1";
  readonly kind: "Job";
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    creationTimestamp: string;
    labels: Record<string, string>;
  };
  readonly spec: {
    readonly backoffLimit?: number;
    readonly ttlSecondsAfterFinished?: number;
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: { readonly restartPolicy: string; readonly containers: readonly TestContainer[] };
    };
  };
  status: Record<string, unknown>;
}

interface TestContainer {
  readonly name: string;
  readonly image?: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
}

interface Watcher {
  readonly selector: readonly Requirement[];
  readonly send: (line: string) => void;
  readonly end: () => void;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string | null;
  /** The name in a client's certificate that the server's authority signed. */
  readonly certificate: string | null;
  readonly ended: AbortSignal;
}

interface Given {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly watch?: { readonly lines: readonly string[]; readonly selector: readonly Requirement[] };
}

interface Requirement {
  readonly key: string;
  readonly value: string | null;
  readonly isNegated: boolean;
}

const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

export class TestCluster {
  readonly namespace: string;
  /** By the Role: verbs on jobs. */
  verbs: readonly string[];
  /** Bearer tokens, and names of certificates, that are somebody. */
  readonly known = new Set<string>();
  readonly jobs = new Map<string, TestJob>();
  /** Each verb that was asked for, in order. */
  readonly asked: string[] = [];
  /** The next answers, instead of what would be; `null`: the connection breaks. */
  readonly faults: (Given | null)[] = [];
  /** What a cluster does with a Job, and with its pods when it goes. */
  onCreate: (job: TestJob) => void = () => {};
  onDelete: (job: TestJob) => void = () => {};
  /** Versions at or below it are forgotten. */
  compacted = 0;
  #version = 100;
  readonly #history: { readonly version: number; readonly type: string; readonly object: TestJob }[] = [];
  readonly #watchers = new Set<Watcher>();
  readonly #pages = new Map<string, { readonly items: TestJob[]; readonly version: string }>();
  #server: Server | null = null;

  constructor({ namespace, verbs }: { readonly namespace: string; readonly verbs: readonly string[] }) {
    this.namespace = namespace;
    this.verbs = verbs;
  }

  get watching(): number {
    return this.#watchers.size;
  }

  /** What the Job's controller would write. */
  setStatus(name: string, status: Record<string, unknown>): void {
    const job = this.jobs.get(name)!;
    this.#change("MODIFIED", { ...job, status });
  }

  endWatches(): void {
    for (const { end } of this.#watchers) end();
    this.#watchers.clear();
  }

  /** Somebody else's change. */
  remove(name: string): void {
    this.#change("DELETED", this.jobs.get(name)!);
  }

  add(job: TestJob): void {
    this.#change("ADDED", job);
  }

  bookmark(): void {
    const metadata = { resourceVersion: String(this.#version) };
    for (const { send } of this.#watchers)
      send(JSON.stringify({ type: "BOOKMARK", object: { kind: "Job", apiVersion: "batch/v1", metadata } }));
  }

  #change(type: "ADDED" | "MODIFIED" | "DELETED", job: TestJob): TestJob {
    const version = ++this.#version;
    const object = structuredClone({ ...job, metadata: { ...job.metadata, resourceVersion: String(version) } });
    if (type === "DELETED") this.jobs.delete(object.metadata.name);
    else this.jobs.set(object.metadata.name, object);
    this.#history.push({ version, type, object });
    for (const { selector, send } of this.#watchers)
      if (selects(selector, object)) send(JSON.stringify({ type, object }));
    return object;
  }

  /** As a transport without a network. */
  readonly transport: ApiTransport = async ({ method, path, headers, body, signal }) => {
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    const given = this.#answer({ method, path, headers: lower, body, certificate: null, ended: signal });
    if (given === null) throw new Error("socket hang up");
    return {
      status: given.status,
      retryAfter: given.headers?.["Retry-After"] ?? null,
      body: this.#lines(given, signal),
    };
  };

  async *#lines(given: Given, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (given.watch === undefined) return yield Buffer.from(JSON.stringify(given.body));
    const queue: string[] = [];
    let wake = (): void => {};
    let isOver = false;
    const end = (): void => {
      isOver = true;
      wake();
    };
    signal.addEventListener("abort", end, { once: true });
    const close = this.#open(given.watch, {
      send: (line) => {
        queue.push(line);
        wake();
      },
      end,
    });
    try {
      for (;;) {
        const line = queue.shift();
        if (line !== undefined) yield Buffer.from(`${line}\n`);
        else if (isOver) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      close();
    }
  }

  #open(
    { lines, selector }: NonNullable<Given["watch"]>,
    { send, end }: { readonly send: (line: string) => void; readonly end: () => void },
  ): () => void {
    const watcher = { selector, send, end };
    for (const line of lines) send(line);
    // What a server has to say against a version ends the watch.
    if (lines.at(-1)?.startsWith('{"type":"ERROR"') === true) end();
    else this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  async listen(tls: { readonly cert: string; readonly key: string; readonly ca: string } | null): Promise<string> {
    const handle = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    this.#server =
      tls === null
        ? createHttpServer(handle)
        : createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: false }, handle);
    await new Promise<void>((resolve) => this.#server!.listen(0, "127.0.0.1", resolve));
    return `http${tls === null ? "" : "s"}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.endWatches();
    this.#server?.closeAllConnections();
    if (this.#server !== null) await new Promise((resolve) => this.#server!.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const socket = request.socket as TLSSocket;
    const subject = socket.authorized === true ? socket.getPeerCertificate().subject?.CN : undefined;
    const ended = new AbortController();
    response.once("close", () => ended.abort());
    const given = this.#answer({
      method: request.method!,
      path: request.url!,
      headers: request.headers as Record<string, string | undefined>,
      body: pieces.length === 0 ? null : Buffer.concat(pieces).toString(),
      certificate: typeof subject === "string" ? subject : null,
      ended: ended.signal,
    });
    if (given === null) return void socket.destroy();
    response.writeHead(given.status, { "Content-Type": "application/json", ...given.headers });
    response.flushHeaders();
    for await (const bytes of this.#lines(given, ended.signal)) response.write(bytes);
    response.end();
  }

  #answer(asked: Asked): Given | null {
    const url = new URL(asked.path, "http://cluster");
    const match = /^\/apis\/batch\/v1\/namespaces\/([^/]+)\/jobs(?:\/([^/]+))?$/.exec(url.pathname);
    const isWatch = ["1", "true"].includes(url.searchParams.get("watch") ?? "");
    const verb = verbOf(asked.method, match?.[2] !== undefined, isWatch);
    this.asked.push(verb);
    const fault = this.faults.shift();
    if (fault !== undefined) return fault;
    const token = /^Bearer (.+)$/.exec(asked.headers["authorization"] ?? "")?.[1];
    const name = token ?? asked.certificate;
    if (name === null || name === undefined || !this.known.has(name))
      return failure(401, "Unauthorized", "Unauthorized");
    if (match === null) return failure(404, "NotFound", "the server could not find the requested resource");
    const [, namespace, job] = match;
    if (namespace !== this.namespace || !this.verbs.includes(verb))
      return failure(
        403,
        "Forbidden",
        `jobs.batch is forbidden: User cannot ${verb} resource "jobs" in API group "batch" in the namespace ` +
          `"${namespace}"`,
      );
    if (verb === "create") return this.#create(asked, url.searchParams);
    if (verb === "list" || verb === "watch") {
      const selector = parseSelector(url.searchParams.get("labelSelector") ?? "");
      if (selector === null) return failure(400, "BadRequest", "unable to parse requirement");
      return verb === "list" ? this.#list(selector, url.searchParams) : this.#watch(selector, url.searchParams);
    }
    const found = this.jobs.get(job!);
    if (found === undefined) return failure(404, "NotFound", `jobs.batch "${job}" not found`);
    return verb === "get" ? { status: 200, body: found } : this.#delete(found, asked);
  }

  #create({ body, headers }: Asked, query: URLSearchParams): Given {
    if (!/^application\/json\b/.test(headers["content-type"] ?? ""))
      return failure(415, "UnsupportedMediaType", "the body of the request was in an unknown format");
    const job = JSON.parse(body ?? "null") as TestJob;
    if (job.apiVersion !== "batch/v1" || job.kind !== "Job")
      return failure(400, "BadRequest", "the object provided is unrecognized");
    if (query.get("fieldValidation") === "Strict") {
      const unknown = Object.keys(job.spec).find((key) => !SPEC_FIELDS.includes(key));
      if (unknown !== undefined)
        return failure(400, "BadRequest", `strict decoding error: unknown field "spec.${unknown}"`);
    }
    const { name, labels = {}, namespace } = job.metadata;
    const invalid = (what: string): Given => failure(422, "Invalid", `Job.batch "${name}" is invalid: ${what}`);
    if (!NAME.test(name) || name.length > 63) return invalid("metadata.name: Invalid value");
    if (namespace !== undefined && namespace !== this.namespace)
      return failure(400, "BadRequest", "the namespace of the provided object does not match the request");
    const pod = job.spec.template;
    for (const [key, value] of [...Object.entries(labels), ...Object.entries(pod.metadata?.labels ?? {})])
      if (!LABEL_KEY.test(key) || !LABEL_VALUE.test(value)) return invalid(`labels: Invalid value: ${key}=${value}`);
    if (!["Never", "OnFailure"].includes(pod.spec.restartPolicy))
      return invalid('spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"');
    for (const { image } of pod.spec.containers)
      if (image === undefined) return invalid("spec.template.spec.containers[0].image: Required value");
    if (this.jobs.has(name)) return failure(409, "AlreadyExists", `jobs.batch "${name}" already exists`);
    const metadata = { ...job.metadata, labels, namespace: this.namespace, uid: randomUUID(), resourceVersion: "" };
    const made = this.#change("ADDED", {
      ...job,
      metadata: { ...metadata, creationTimestamp: "2026-01-01T00:00:00Z" },
      status: {},
    });
    this.onCreate(made);
    return { status: 201, body: made };
  }

  #list(selector: readonly Requirement[], query: URLSearchParams): Given {
    const token = query.get("continue");
    const page =
      token === null
        ? { items: [...this.jobs.values()].filter((job) => selects(selector, job)), version: String(this.#version) }
        : this.#pages.get(token);
    if (page === undefined || Number(page.version) < this.compacted)
      return failure(410, "Expired", "The provided continue parameter is too old to display a consistent list result");
    const limit = Number(query.get("limit") ?? page.items.length);
    const rest = page.items.slice(limit);
    let next: string | undefined;
    if (rest.length > 0) this.#pages.set((next = randomUUID()), { items: rest, version: page.version });
    const metadata = { resourceVersion: page.version, ...(next === undefined ? {} : { continue: next }) };
    const items = page.items.slice(0, limit);
    return { status: 200, body: { apiVersion: "batch/v1", kind: "JobList", metadata, items } };
  }

  #watch(selector: readonly Requirement[], query: URLSearchParams): Given {
    const from = Number(query.get("resourceVersion") ?? "0");
    const gone = failure(410, "Expired", `too old resource version: ${from} (${this.#version})`);
    const since = this.#history.filter(({ version, object }) => version > from && selects(selector, object));
    const lines =
      from < this.compacted
        ? [JSON.stringify({ type: "ERROR", object: gone.body })]
        : since.map(({ type, object }) => JSON.stringify({ type, object }));
    return { status: 200, watch: { lines, selector } };
  }

  #delete(job: TestJob, { body }: Asked): Given {
    const options = JSON.parse(body ?? "{}") as { propagationPolicy?: string; preconditions?: { uid?: string } };
    // Without one Jobs of batch/v1 leave their pods, which no client may want.
    if (!["Background", "Foreground", "Orphan"].includes(options.propagationPolicy ?? "Background"))
      return failure(422, "Invalid", "propagationPolicy: Unsupported value");
    if (options.preconditions?.uid !== undefined && options.preconditions.uid !== job.metadata.uid)
      return failure(409, "Conflict", "the UID in the precondition does not match the UID in record");
    this.#change("DELETED", job);
    if (options.propagationPolicy === "Background") this.onDelete(job);
    return { status: 200, body: { kind: "Status", apiVersion: "v1", status: "Success" } };
  }
}

const SPEC_FIELDS = ["template", "backoffLimit", "ttlSecondsAfterFinished", "activeDeadlineSeconds", "suspend"];

function verbOf(method: string, isNamed: boolean, isWatch: boolean): string {
  if (method === "GET") return isNamed ? "get" : isWatch ? "watch" : "list";
  if (method === "DELETE") return isNamed ? "delete" : "deletecollection";
  return { POST: "create", PUT: "update", PATCH: "patch" }[method] ?? method.toLowerCase();
}

/** A failure as `Status`. */
export function failure(code: number, reason: string, message: string, headers: Record<string, string> = {}): Given {
  return {
    status: code,
    headers,
    body: { kind: "Status", apiVersion: "v1", status: "Failure", message, reason, code },
  };
}

/** Equality alone. @returns null: it is none */
function parseSelector(text: string): readonly Requirement[] | null {
  if (text === "") return [];
  const parts = text.split(",").map((part) => /^([^=!\s]+)(?:(==|=|!=)([^=!\s]*))?$/.exec(part));
  if (parts.some((part) => part === null || !LABEL_KEY.test(part[1]!) || !LABEL_VALUE.test(part[3] ?? ""))) return null;
  return parts.map((part) => ({ key: part![1]!, value: part![3] ?? null, isNegated: part![2] === "!=" }));
}

function selects(selector: readonly Requirement[], { metadata: { labels } }: TestJob): boolean {
  return selector.every(({ key, value, isNegated }) =>
    value === null ? labels[key] !== undefined : (labels[key] === value) !== isNegated,
  );
}
