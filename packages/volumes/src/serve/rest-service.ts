/**
 * The REST service: checks requests against the routes (rest-routes.ts), calls them, and answers.
 *
 * A page in a browser must not be able to use it behind its reader's back: without a token, only requests that name
 * this host as loopback are served (DNS rebinding), and none that come from another origin.
 */
import {
  EACCES,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ENAMETOOLONG,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
} from "@stratos/abi";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Hono, type Context } from "hono";
import { OperationError } from "@stratos/operation";
import { EngineError } from "../volume-error.ts";
import { metricsText } from "./metrics.ts";
import { RequestCounters } from "./metrics-text.ts";
import { openApiDocument } from "./openapi.ts";
import {
  bearerToken,
  isLoopbackName,
  notServed,
  problemDetails,
  readJson,
  readQuery,
  Refusal,
  requireOwnOrigin,
} from "./rest-input.ts";
import type { RestRequest, RestRoute } from "./rest-route.ts";
import { REST_ROUTES, VOLUMES_API } from "./rest-routes.ts";
import { type Caller, OWNER, requireRole } from "./access/caller.ts";
import type { ServiceAccess } from "./access/service-access.ts";
import { servePage } from "./serve-page.ts";
import type { ServedVolumes } from "./served-volumes.ts";
import { jsonWithSizes } from "@stratos/images/content";

interface RestServiceOptions {
  readonly readOnly: boolean;
  /** Who may ask; null: whoever reaches it. */
  readonly access: ServiceAccess | null;
  /** Of the page, by name; null: there is none. */
  readonly page: ReadonlyMap<string, Uint8Array> | null;
  /** of Stratos */
  readonly version: string;
  /** Told of defects, which those who asked learn nothing of. */
  readonly onDefect: (words: string) => void;
}

const STATUSES: Readonly<Record<number, number>> = {
  [ENOENT]: 404,
  [EEXIST]: 409,
  [ENOTEMPTY]: 409,
  [EBUSY]: 409,
  [EISDIR]: 409,
  [ENOTDIR]: 409,
  [EROFS]: 403,
  [EPERM]: 403,
  [EACCES]: 403,
  [ENOSPC]: 507,
  [EINVAL]: 400,
  [ENAMETOOLONG]: 400,
};

export function createRestService(volumes: ServedVolumes, options: RestServiceOptions): Hono<Settings> {
  const app = new Hono<Settings>();
  const counters = new RequestCounters();
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  const { access, page } = options;
  app.use("*", async (context, next) => {
    const path = context.req.path;
    const isOpen = OPEN_PATHS.has(path) || (page?.has(path === "/" ? "index.html" : path.slice(1)) ?? false);
    context.set("caller", guard(context, access, isOpen));
    context.header("Cache-Control", "no-store");
    context.header("X-Content-Type-Options", "nosniff");
    if (path.startsWith(`${OLD_ROOT}/`)) {
      context.header("Deprecation", OLD_SINCE);
      context.header("Link", `<${VOLUMES_API.root}${path.slice(OLD_ROOT.length)}>; rel="successor-version"`);
    }
    await next();
  });
  if (page !== null) servePage(app as unknown as Hono, page);
  const checkSignIn = ajv.compile(SIGN_IN);
  app.on("POST", SESSIONS, async (context) => {
    const body = await readJson(context);
    if (!checkSignIn(body)) throw new Refusal(400, ajv.errorsText(checkSignIn.errors, { dataVar: "body" }));
    const secret = access?.enter((body["secret"] as string).trim()) ?? null;
    if (access !== null && secret === null) throw new Refusal(401, "this is not the token, nor a key or a fresh code");
    return context.json({ secret: secret ?? "" }, 201);
  });
  app.on("GET", SESSIONS, (context) => {
    const { name, role } = callerOf(context);
    return context.json({ name, role, readOnly: options.readOnly });
  });
  app.on("DELETE", SESSIONS, (context) => {
    access?.leave(bearerToken(context));
    return context.json(null);
  });
  app.onError((error, context) => problem(context, error, options.onDefect));
  app.notFound((context) => notServed(app, context));
  app.get("/healthz", (context) => context.text("ok\n"));
  // Volumes are open before the service listens, and stay so.
  app.get("/readyz", (context) => context.text("ready\n"));
  for (const path of DESCRIPTIONS)
    app.get(path, (context) => context.json(openApiDocument(REST_ROUTES, VOLUMES_API, options.version)));
  app.get("/metrics", (context) =>
    context.text(metricsText(volumes, counters), 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" }),
  );
  for (const route of REST_ROUTES) {
    const checkBody = route.body === undefined ? null : ajv.compile(route.body);
    const path = route.path.replace(/\{(\w+)\}/g, ":$1");
    app.on(route.method.toUpperCase(), [VOLUMES_API.root + path, OLD_ROOT + path], async (context) => {
      const startMs = performance.now();
      let response: Response;
      try {
        response = await answer(context, route, volumes, options, (body) => {
          if (checkBody !== null && !checkBody(body))
            throw new Refusal(400, ajv.errorsText(checkBody.errors, { dataVar: "body" }));
        });
      } catch (error) {
        response = problem(context, error, options.onDefect);
      }
      counters.add(route.id, response.status, (performance.now() - startMs) / 1000);
      return response;
    });
  }
  return app;
}

interface Settings {
  Variables: { readonly caller: Caller | null };
}

/** Where all was, until other services of ours had their operations below `/v1`; RFC 9745. */
const OLD_ROOT = "/api/v1";
const OLD_SINCE = "@1795651200";
const SESSIONS = [`${VOLUMES_API.root}/session`, `${OLD_ROOT}/session`];
const DESCRIPTIONS = ["/v1/openapi.json", "/openapi.json"];
const SIGN_IN = {
  type: "object",
  properties: { secret: { type: "string", maxLength: 200 } },
  required: ["secret"],
  additionalProperties: false,
};
/** They tell nothing of the volumes. */
const OPEN_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz", ...DESCRIPTIONS]);

/** @returns who asks; null: a stranger, who may ask for this. @throws Refusal */
function guard(context: Context, access: ServiceAccess | null, isOpen: boolean): Caller | null {
  const host = context.req.header("host") ?? "";
  requireOwnOrigin(context.req.header("origin"), host);
  if (access === null) {
    if (!isLoopbackName(host)) throw new Refusal(403, "without a token, only requests to localhost are served");
    return OWNER;
  }
  const caller = access.identify(bearerToken(context));
  const isSignIn = context.req.method === "POST" && SESSIONS.includes(context.req.path);
  if (caller === null && !isOpen && !isSignIn)
    throw new Refusal(
      401,
      "a bearer token is needed: it is in the file that the service named when it began (--token-file, or " +
        "fs-serve.token in $STRATOS_HOME)",
    );
  return caller;
}

function callerOf(context: Context<Settings>): Caller {
  return context.get("caller")!;
}

async function answer(
  context: Context<Settings>,
  route: RestRoute,
  volumes: ServedVolumes,
  options: RestServiceOptions,
  checkBody: (body: unknown) => void,
): Promise<Response> {
  requireRole(callerOf(context), route.role);
  if (route.changes === true && options.readOnly) throw new Refusal(403, "the service is read-only");
  const parameters = context.req.param() as Record<string, string>;
  const name = parameters["volume"];
  const volume = name === undefined ? volumes.all[0] : volumes.find(name);
  if (name !== undefined && (volume === null || volume === undefined))
    throw new Refusal(404, `${name}: no such volume`);
  const query = readQuery(context, route);
  let body: Record<string, unknown> = {};
  if (route.body !== undefined) {
    body = await readJson(context);
    checkBody(body);
  }
  volume?.touch();
  const request: RestRequest = {
    volumes,
    volume: volume!,
    parameters,
    query,
    body,
    content: (context.req.raw.body ?? []) as AsyncIterable<Uint8Array>,
  };
  const result = await route.handle(request);
  if (route.changes === true) {
    volume!.commit();
    volumes.wake();
  }
  // What cannot be read at all is refused, rather than an answer that breaks off.
  if (route.answer === "bytes")
    return new Response(ReadableStream.from(begun(result as Iterable<Uint8Array>)) as ReadableStream, {
      headers: { "Content-Type": "application/octet-stream", "Cache-Control": "no-store" },
    });
  return context.body(jsonWithSizes(result, 0), (route.status ?? 200) as 200, { "Content-Type": "application/json" });
}

/** The same pieces, of which the first is here. */
function begun(pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  const iterator = pieces[Symbol.iterator]();
  const first = iterator.next();
  return (function* (): Generator<Uint8Array> {
    for (let piece = first; piece.done !== true; piece = iterator.next()) yield piece.value;
  })();
}

/** RFC 9457. */
function problem(context: Context, error: unknown, onDefect: (words: string) => void): Response {
  let status = 500;
  if (error instanceof Refusal) status = error.status;
  else if (error instanceof OperationError)
    status =
      error.cause instanceof EngineError ? (STATUSES[-error.cause.errno] ?? 500) : error.kind === "option" ? 400 : 409;
  const isOurs = error instanceof Refusal || error instanceof OperationError;
  if (!isOurs) onDefect(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return problemDetails(context, status, isOurs ? error.message : "internal error");
}
