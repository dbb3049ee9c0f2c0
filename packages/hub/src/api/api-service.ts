/**
 * The hub over HTTP: finds out who asks, checks the request against its route, calls the route, and answers.
 *
 * A page in a browser must not be able to use it behind its reader's back: requests of other origins are refused, and a
 * session by cookie serves the web pages alone.
 */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { addDateTime } from "./date-time-format.ts";
import { Hono, type Context } from "hono";
import type { Problem } from "@stratos/hub-api";
import { mayDo, type Principal } from "../access/access.ts";
import { isKnown } from "../blobs/entity-tags.ts";
import type { ShownCertificate } from "../access/worker-certificates.ts";
import { DatabaseError } from "../database/database.ts";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";
import { AttemptLimit } from "./attempt-limit.ts";
import { boundedBody, wholeBody } from "./bounded-body.ts";
import { carryOutOnce, takesKey } from "./idempotency.ts";
import { metricsText, RequestCounts } from "./metrics.ts";
import { deprecationHeaders } from "./deprecation.ts";
import { openApiDocument } from "./openapi.ts";
import { passedOn, readPassedOn } from "./passed-on.ts";
import { etagOf, readPrecondition } from "./preconditions.ts";
import type { RateLimit } from "./rate-limit.ts";
import { fitsParameter, PATH_PARAMETERS } from "./path-parameters.ts";
import type { ApiRequest, ApiRoute } from "./route.ts";
import { FAULTS_WITH_SCHEMAS, schemaFault } from "./schema-fault.ts";

interface ApiOptions {
  readonly version: string;
  readonly routes: readonly ApiRoute[];
  /** What is below /repos. */
  readonly repositories: Hono;
  /** What is for people; who fails to sign in there and here counts as one. */
  readonly pages: (attempts: AttemptLimit) => Hono;
  /** Where a request came from: for the audit and for limits. */
  readonly addressOf: (context: Context) => string;
  /** The origin of the hub's pages, as the browser of a request has it. */
  readonly originOf: (context: Context) => string;
  /** Where its connection came from. */
  readonly peerOf: (context: Context) => string;
  /** What a client showed in TLS's handshake; null: nothing. */
  readonly certificateOf: (context: Context) => ShownCertificate | null;
  /** What is below /hooks, for forges. */
  readonly hooks: (attempts: AttemptLimit) => Hono;
  /** What is below /ca, for who has no key yet. */
  readonly authority: (attempts: AttemptLimit) => Hono;
  readonly rateLimit: RateLimit;
}

const JSON_BYTES_MAX = 1 << 20;

export function createApi(hub: HubService, options: ApiOptions): Hono {
  const app = new Hono();
  const ajv = addDateTime(
    new Ajv2020({ strict: true, allowUnionTypes: true, validateFormats: true, ...FAULTS_WITH_SCHEMAS }),
  );
  const counts = new RequestCounts();
  const attempts = new AttemptLimit();
  app.use("*", async (context, next) => {
    const origin = context.req.header("origin");
    if (origin !== undefined && origin !== options.originOf(context))
      return problem(context, new HubError(403, "other-origin", "requests from pages of other origins are not served"));
    await readPassedOn(hub, context, { attempts, from: options.peerOf(context) });
    // Who shows something is counted once it is known whether it is good.
    if (bearerOf(context) === null && options.certificateOf(context) === null)
      demandRoom(options.rateLimit, options.addressOf(context), null);
    await next();
    context.res.headers.set("X-Content-Type-Options", "nosniff");
    // What is left of the body is not read: the connection ends, and nobody may begin another request on it.
    if (context.res.status === 413) context.res.headers.set("Connection", "close");
    // HEAD is answered by GET's route, whose stream nobody will read: it would wait for ever, with its transaction.
    if (context.req.method === "HEAD") await context.res.body?.cancel();
    if (!context.res.headers.has("Cache-Control")) context.res.headers.set("Cache-Control", "no-store");
  });
  app.onError((error, context) => {
    if (!(error instanceof HubError))
      hub.options.warn(`${context.req.method} ${context.req.path}: ${error.stack ?? error.message}`);
    return problem(context, error);
  });
  app.notFound((context) => {
    const { method, path } = context.req;
    const allow = methodsOf(app, path);
    return problem(
      context,
      allow === ""
        ? new HubError(404, "not-found", "there is nothing of this name; /v1/openapi.json describes what there is")
        : new HubError(405, "no-such-method", `${method} is not for this; ${allow}`, { headers: { Allow: allow } }),
    );
  });
  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/readyz", async (context) => {
    const fault = await hub.readiness.fault();
    return fault === null
      ? context.text("ready\n")
      : problem(context, new HubError(503, "not-ready", fault, { headers: { "Retry-After": "30" } }));
  });
  app.get("/v1/openapi.json", (context) => context.json(openApiDocument(options.routes, options.version)));
  app.get("/metrics", async (context) => {
    const from = options.addressOf(context);
    const shown = options.certificateOf(context);
    const principal = await authenticate(hub, context, { attempts, rateLimit: options.rateLimit, from, shown });
    await hub.accessLog.demand(principal, "status:read", { method: "GET", path: context.req.path, from });
    return context.text(await metricsText(hub, counts), 200, {
      "Content-Type": "text/plain; version=0.0.4; charset=utf-8",
    });
  });
  for (const route of options.routes) {
    const check = route.body === undefined ? null : ajv.compile(route.body);
    const deprecation = Object.entries(deprecationHeaders(route));
    app.on(route.method.toUpperCase(), `/v1${route.path.replace(/\{(\w+)\}/g, ":$1")}`, async (context) => {
      const started = performance.now();
      let response: Response;
      try {
        response = await answer(hub, route, context, {
          check,
          attempts,
          rateLimit: options.rateLimit,
          from: options.addressOf(context),
          shown: options.certificateOf(context),
        });
      } catch (error) {
        hub.readiness.note(error);
        // Of what passes by itself, or with more room, the words are enough: nothing is wrong with the program.
        if (error instanceof DatabaseError && (error.isPassing || error.isDiskFull))
          hub.options.warn(`${route.id}: ${error.message}`);
        else if (!(error instanceof HubError) && !context.req.raw.signal.aborted)
          hub.options.warn(`${route.id}: ${(error as Error).stack ?? String(error)}`);
        else if (error instanceof HubError && error.status >= 500) hub.options.warn(`${route.id}: ${error.message}`);
        response = problem(context, error);
      }
      for (const [name, value] of deprecation) response.headers.append(name, value);
      counts.add(route.id, response.status, (performance.now() - started) / 1_000);
      return response;
    });
  }
  app.route("/repos", options.repositories);
  app.route("/hooks", options.hooks(attempts));
  app.route("/ca", options.authority(attempts));
  app.route("/", options.pages(attempts));
  return app;
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** By which methods there is something at a path, as `Allow` says it (RFC 9110 §10.2.1); empty: by none. */
function methodsOf(app: Hono, path: string): string {
  const isThere = (method: string): boolean =>
    app.router.match(method, path)[0].some(([[, { method: of }]]) => of === method);
  return METHODS.filter(isThere)
    .flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method]))
    .join(", ");
}

/** Where a request comes from, and what it showed of itself. */
interface Asker {
  readonly attempts: AttemptLimit;
  readonly rateLimit: RateLimit;
  readonly from: string;
  readonly shown: ShownCertificate | null;
}

interface Tools extends Asker {
  readonly check: ValidateFunction | null;
}

async function answer(
  hub: HubService,
  route: ApiRoute,
  context: Context,
  { check, ...asker }: Tools,
): Promise<Response> {
  const principal = await authenticate(hub, context, asker);
  const asked = { method: context.req.method, path: context.req.path, from: asker.from };
  const require: ApiRequest["require"] = (permission, task) => hub.accessLog.demand(principal, permission, asked, task);
  if (route.isScoped !== true) await require(route.permission);
  const parameters = context.req.param() as Record<string, string>;
  for (const [name, value] of Object.entries(parameters))
    if (!fitsParameter(name, value)) throw unfit(route, name, value);
  const query = readQuery(context, route);
  const precondition =
    route.method === "get"
      ? { version: null, mustExist: null }
      : readPrecondition(context.req.raw.headers, route.takesConditions);
  let body: unknown = null;
  if (route.body !== undefined) {
    body = await readJson(context, route);
    if (check !== null && !check(body)) throw new HubError(422, "bad-body", schemaFault(check.errors, "body"));
  }
  const request: ApiRequest = {
    hub,
    principal,
    parameters,
    query,
    body,
    require,
    inside: undefined,
    content: boundedBody(context, route.bodyBytesMax ?? JSON_BYTES_MAX),
    headers: context.req.raw.headers,
    signal: context.req.raw.signal,
    precondition,
    may: (permission) => mayDo(principal, permission),
    mayStill: async (permission = route.permission) => {
      await hub.accessLog.prepare();
      const now = await identify(hub, context, asker.shown);
      return typeof now !== "string" && hub.accessLog.wouldPermit(now, permission, { from: asker.from });
    },
  };
  const key = takesKey(route) ? context.req.header("idempotency-key") : undefined;
  const result = key === undefined ? await route.handle(request) : await carryOutOnce(route, request, key);
  if (result instanceof Response) return result;
  const headers: Record<string, string> = { ...result.headers };
  if (result.version !== undefined) {
    headers["ETag"] = `"${result.version}"`;
    if (route.method === "get") {
      headers["ETag"] = etagOf(result.version, JSON.stringify(result.body));
      if (isKnown(context.req.header("if-none-match"), headers["ETag"]))
        return new Response(null, { status: 304, headers });
    }
  }
  const status = result.status ?? route.status ?? 200;
  if (status === 201 && route.location !== undefined)
    headers["Location"] = route.location(result.body as { id: number });
  return status === 204 ? new Response(null, { status, headers }) : Response.json(result.body, { status, headers });
}

/** @throws HubError 429 for who asked too often */
function demandRoom(limit: RateLimit, from: string, keyId: string | null): void {
  const seconds = limit.take(from, keyId);
  if (seconds === 0) return;
  const who = keyId === null ? `${from} without a key` : "this key";
  throw new HubError(
    429,
    "too-many-requests",
    `more than ${limit.perSecond} requests a second of ${who}; wait ${seconds} s`,
    { headers: limit.headers(seconds) },
  );
}

async function authenticate(
  hub: HubService,
  context: Context,
  { attempts, rateLimit, from, shown }: Asker,
): Promise<Principal> {
  await hub.accessLog.prepare();
  const vouchedFor = passedOn(context)?.principal;
  if (vouchedFor != null) {
    demandRoom(rateLimit, from, vouchedFor.keyId);
    return vouchedFor;
  }
  const refuse = async (why: string): Promise<never> => {
    hub.accessLog.add({
      actor: "nobody",
      isAllowed: false,
      permission: "authenticate",
      method: context.req.method,
      path: context.req.path,
      from,
    });
    throw new HubError(401, "no-token", why, { headers: { "WWW-Authenticate": 'Bearer realm="stratos hub"' } });
  };
  const found = await identify(hub, context, shown);
  if (typeof found !== "string") {
    demandRoom(rateLimit, from, found.keyId);
    return found;
  }
  if (bearerOf(context) !== null || shown !== null) demandRoom(rateLimit, from, null);
  // After the look at what it showed: who is behind one address with somebody that guesses is served all the same, and
  // nobody guesses 32 random bytes. What is refused here is not written down, so that it cannot fill the audit.
  attempts.demandRoom(from, "tokens");
  // Nobody guesses a key of P-256: a worker that was revoked must not lock out its neighbours behind one address.
  if (bearerOf(context) !== null) attempts.count(from);
  return refuse(found);
}

function bearerOf(context: Context): string | null {
  return /^Bearer +([\x21-\x7e]+)$/i.exec(context.req.header("authorization") ?? "")?.[1] ?? null;
}

/** @returns who asks, or why that is nobody */
async function identify(
  hub: HubService,
  context: Context,
  shown: ShownCertificate | null,
): Promise<Principal | string> {
  const passed = passedOn(context);
  if (passed !== null && passed.principal !== null)
    return (await passed.again()) ?? "the console before this hub may no longer vouch for this person";
  if (context.req.header("authorization") === undefined && shown !== null) return hub.certificates.authenticate(shown);
  const given = bearerOf(context);
  if (given === null) return "a bearer token is needed: `stratos hub login` keeps one";
  return (await hub.access.authenticate(given)) ?? "this token is unknown, expired or revoked";
}

function readQuery(context: Context, route: ApiRoute): Record<string, string | number | boolean | undefined> {
  const given = context.req.query();
  const known = route.query ?? {};
  const query: Record<string, string | number | boolean | undefined> = {};
  for (const [name, value] of Object.entries(given)) {
    const schema = known[name]?.schema;
    if (schema === undefined)
      throw new HubError(
        400,
        "bad-query",
        `${name}: no such parameter; there ` +
          (Object.keys(known).length === 0 ? "are none" : `is ${Object.keys(known).join(", ")}`),
      );
    if (schema["type"] !== "integer") {
      if (!isKept(value)) throw new HubError(400, "bad-query", `${name}: ${UNKEPT}`);
      query[name] = value;
      continue;
    }
    const { minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = schema as { minimum?: number; maximum?: number };
    if (!/^\d{1,15}$/.test(value) || Number(value) < minimum || Number(value) > maximum)
      throw new HubError(
        400,
        "bad-query",
        `${name}: expected a number from ${minimum}` + (maximum === Number.MAX_SAFE_INTEGER ? "" : ` to ${maximum}`),
      );
    query[name] = Number(value);
  }
  return query;
}

/** Of what cannot be called so nothing is there; what is to be made is to be called otherwise. */
function unfit({ method, path }: ApiRoute, name: string, value: string): HubError {
  if (method !== "put" || !path.endsWith(`/{${name}}`))
    return new HubError(404, "not-found", `${name} ${value}: there is none`);
  const { pattern } = PATH_PARAMETERS[name] ?? {};
  return new HubError(422, "bad-name", `${value}: no name for a ${name}, which fits ${String(pattern)}`);
}

async function readJson(context: Context, route: ApiRoute): Promise<unknown> {
  const bytesMax = route.bodyBytesMax ?? JSON_BYTES_MAX;
  if (route.isBodyOptional === true && context.req.header("content-type") === undefined)
    if ((await wholeBody(context, bytesMax)).length === 0) return {};
  if (!/^application\/json\b/.test(context.req.header("content-type") ?? ""))
    throw new HubError(415, "bad-media", "expected a body of type application/json");
  // Compressed ones would be bombs, and are not undone.
  const encoding = context.req.header("content-encoding") ?? "identity";
  if (encoding.toLowerCase() !== "identity")
    throw new HubError(415, "bad-media", `Content-Encoding ${encoding}: expected a body as it is`, {
      headers: { "Accept-Encoding": "identity" },
    });
  const bytes = await wholeBody(context, bytesMax);
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new HubError(400, "bad-json", `the body is no JSON: ${(error as Error).message}`);
  }
  const fault = unkeptIn(body);
  if (fault !== null) throw new HubError(422, "bad-body", `body: ${fault}`);
  return body;
}

const UNKEPT = "text with U+0000 or half of a surrogate pair, which no database keeps";

function isKept(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** Who writes and reads JSON, here and in the database, has a stack: what is deeper would be a failure of the hub. */
const DEPTH_MAX = 200;

/**
 * PostgreSQL's text and jsonb hold any text but some ("Character Types"; "JSON Types").
 *
 * @returns what no database keeps, in words; null: nothing
 */
function unkeptIn(body: unknown): string | null {
  let level = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEPTH_MAX) return `deeper than ${DEPTH_MAX} lists or objects in each other`;
    const next: unknown[] = [];
    for (const value of level) {
      const texts =
        typeof value === "string" ? [value] : typeof value === "object" && value !== null ? Object.keys(value) : [];
      const text = texts.find((one) => !isKept(one));
      if (text !== undefined) return `${JSON.stringify(text.slice(0, 80))}: ${UNKEPT}`;
      if (typeof value === "object" && value !== null) for (const entry of Object.values(value)) next.push(entry);
    }
    level = next;
  }
  return null;
}

/** RFC 9457. What went wrong inside is told to the log alone. */
function problem(context: Context, error: unknown): Response {
  const refusal = error instanceof HubError ? error : internal(error);
  const causes: { tool: string; detail: string }[] = [];
  for (let cause = refusal.cause; cause instanceof HubError; cause = cause.cause)
    causes.push({ tool: "hub", detail: cause.message });
  const body: Problem = {
    type: `urn:stratos:hub:${refusal.kind}`,
    title: refusal.kind.replaceAll("-", " "),
    status: refusal.status,
    detail: refusal.message,
    instance: context.req.path,
    ...(causes.length === 0 ? {} : { causes }),
    ...refusal.members,
  };
  return new Response(JSON.stringify(body), {
    status: refusal.status,
    headers: { ...refusal.headers, "Content-Type": "application/problem+json", "Cache-Control": "no-store" },
  });
}

function internal(error: unknown): HubError {
  if (error instanceof DatabaseError && error.isPassing)
    return new HubError(503, "database-away", "the database cannot be reached now; try again", {
      headers: { "Retry-After": "2" },
    });
  if (error instanceof DatabaseError && error.isDiskFull)
    return new HubError(507, "no-space", "the disk of the hub's database is full", {
      headers: { "Retry-After": "60" },
    });
  return new HubError(500, "internal", "the hub failed; its log says why");
}
