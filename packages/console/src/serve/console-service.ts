/**
 * The console's HTTP side: REST below `/v1`, signing in, metrics, and the page. A request is for this host's own name
 * and from no other origin; below `/v1` it also needs the token, a key or a session (access/sign-in.ts), and the role
 * that its route names.
 */
import { Ajv2020 } from "ajv/dist/2020.js";
import { type Context, Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { StratosError } from "@stratos/sdk/client";
import type { SupervisorClient } from "@stratos/sdk/systems";
import {
  bearerToken,
  isLoopbackName,
  notServed,
  openApiDocument,
  problemDetails,
  readJson,
  readQuery,
  OWNER,
  Refusal,
  RequestCounters,
  requireOwnOrigin,
  requireRole,
  type RestOperation,
  servePage,
  SESSION_SECONDS,
} from "@stratos/volumes/serve";
import { mayAct } from "@stratos/volumes/roles";
import type { Identity, SignIn } from "./access/sign-in.ts";
import type { ConsoleRequest, ConsoleRoute } from "./console-route.ts";
import type { HubLink } from "./hub/hub-link.ts";
import { HUB_API_PATH, HUB_PATH, hubMetrics, mountHub, requireReadyHub } from "./hub/hub-mount.ts";
import { hostShellUser } from "./host-shell/host-shell.ts";
import { HOST_ROUTES, type HostParts } from "./host-routes.ts";
import { consoleMetrics } from "./metrics.ts";
import type { RelayOptions } from "./relay/relay-options.ts";
import { IDENTITY, SIGN_IN, SIGNED_IN } from "./schemas.ts";
import { CONSOLE_API, SYSTEM_ROUTES, type SystemDefaults } from "./system-routes.ts";

export interface ConsoleOptions {
  /** STRATOS_HOME. */
  readonly home: string;
  /** of Stratos */
  readonly version: string;
  /** Null: whoever reaches it may do everything, which a socket's permissions decide. */
  readonly signIn: SignIn | null;
  readonly defaults: SystemDefaults;
  /** Others than those of the loopback that it is reached by, as in a certificate. */
  readonly names: readonly string[];
  readonly isSecure: boolean;
  /** Whether others than users of this host reach it: then metrics need a token as well. */
  readonly isPublic: boolean;
  /** The page's files by name; null: there is none. */
  readonly page: ReadonlyMap<string, Uint8Array> | null;
  /** What machines in tabs may reach through this host; absent: there is no such way. Needs `signIn`. */
  readonly relay?: RelayOptions;
  /** Administrators have shells of this computer. */
  readonly hasHostShells?: boolean;
  /** The build hub that it stands before; absent: there is none. */
  readonly hub?: HubLink;
  /** @throws StratosError */
  readonly openSupervisor: () => Promise<SupervisorClient>;
  /** The command line: its program, and the words before a command's own. */
  readonly commandLine: { readonly program: string; readonly words: readonly string[] };
  /** Told of defects, which those who asked learn nothing of. */
  readonly onDefect: (words: string) => void;
}

const KEY_HEADER = "stratos-key";
/** Known once the server listens: cookies are one for all ports of a host. */
export interface CookieName {
  text: string;
}

const SESSION_OPERATIONS: readonly RestOperation[] = [
  {
    method: "post",
    path: "/session",
    id: "signIn",
    summary: "Sign a browser in: sets a cookie. Needs no token but the one in its body.",
    body: SIGN_IN,
    answer: SIGNED_IN,
    status: 201,
  },
  {
    method: "get",
    path: "/session",
    id: "getIdentity",
    summary: "Show who asks, and what role that is.",
    answer: IDENTITY,
  },
  { method: "delete", path: "/session", id: "signOut", summary: "Sign out.", answer: { type: "null" } },
];
export const CONSOLE_OPERATIONS: readonly RestOperation[] = [...SESSION_OPERATIONS, ...SYSTEM_ROUTES, ...HOST_ROUTES];

/** Characters of a stranger's body; everybody else has said who they are before theirs is read. */
const SIGN_IN_MAX = 4096;

const STATUSES: Partial<Readonly<Record<StratosError["kind"], number>>> = {
  "option": 400,
  "no-user": 400,
  "program": 400,
  "cwd": 400,
  "mount": 400,
  "no-image": 404,
  "no-system": 404,
  "snapshot": 404,
  "engine": 503,
};

interface Settings {
  Variables: { readonly identity: Identity };
}
/** Of whoever reaches a socket that asks for nothing. */
const UNASKED: Identity = { ...OWNER, session: null };
/** Asked by balancers and kubelets, by whatever name they know this host; they tell nothing. */
const PROBES: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";
/** RFC 6797; a year. */
const STRICT_TRANSPORT = "max-age=31536000";

export function createConsoleService(
  options: ConsoleOptions,
  cookie: CookieName,
  { host, terminals }: { readonly host: HostParts; readonly terminals: { readonly count: number } },
): Hono<Settings> {
  const { signIn, page } = options;
  const app = new Hono<Settings>();
  const counters = new RequestCounters();
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  const bodyOf = async (
    context: Context,
    check: ReturnType<typeof ajv.compile>,
    lengthMax?: number,
  ): Promise<Record<string, unknown>> => {
    const body = await readJson(context, lengthMax);
    if (!check(body)) throw new Refusal(400, ajv.errorsText(check.errors, { dataVar: "body" }));
    return body;
  };
  const identify = (context: Context): Identity | null =>
    signIn === null ? UNASKED : (signIn.identify(bearerToken(context)) ?? sessionOf(context, signIn, cookie));

  /** Whoever is nobody is counted, and cannot fill the log. */
  const note = ({ name, role }: Identity, operation: string, target: string, status: number): void =>
    host.audit.add({ name, role, operation, target, status });

  app.use("*", async (context, next) => {
    if (signIn !== null && !PROBES.has(context.req.path))
      requireOwnHost(context.req.header("host"), context.req.header("origin"), options);
    context.header("Cache-Control", "no-store");
    context.header("X-Content-Type-Options", "nosniff");
    if (options.isPublic) context.header("Strict-Transport-Security", STRICT_TRANSPORT);
    await next();
  });
  app.onError((error, context) => failure(context, error, options.onDefect));
  app.notFound((context) => notServed(app, context));
  app.get("/healthz", (context) => {
    // Whoever watches over this process may start it, and so the hub, anew.
    if (options.hub?.isAlive === false) throw new Refusal(503, "the hub has ended, and is being started again");
    return context.text("ok\n");
  });
  app.get("/readyz", async (context) => {
    const client = await options.openSupervisor();
    client.close();
    if (options.hub !== undefined) await requireReadyHub(options.hub);
    return context.text("ready\n");
  });
  app.get("/metrics", async (context) => {
    const identity = identify(context);
    if (identity === null && options.isPublic) throw new Refusal(401, "a bearer token is needed");
    const { openSupervisor } = options;
    const state = { openSupervisor, counters, sessions: signIn?.sessionCount ?? 0, terminals: terminals.count };
    const own = await consoleMetrics(state, identity !== null);
    const text = options.hub === undefined ? own : own + (await hubMetrics(options.hub, context, identity));
    return context.text(text, 200, { "Content-Type": METRICS_TYPE });
  });
  app.get("/v1/openapi.json", (context) => context.json(description(options)));
  if (page !== null) servePage(app as unknown as Hono, page, { hasWasm: true });
  if (options.hub !== undefined) {
    const onSignedOut = (listener: (id: string) => void): (() => void) => signIn?.onSignedOut(listener) ?? (() => {});
    mountHub(app, options.hub, { identify, note, counters, onSignedOut, hasPage: page !== null });
  }

  if (signIn !== null) {
    const checkSignIn = ajv.compile(SIGN_IN);
    app.post("/v1/session", async (context) => {
      const { token } = (await bodyOf(context, checkSignIn, SIGN_IN_MAX)) as { token: string };
      const signedIn = signIn.signIn(token.trim());
      counters.add("signIn", signedIn === null ? 401 : 201, 0);
      if (signedIn === null) throw new Refusal(401, "this is not the token, nor a key, or the code was used before");
      note(signIn.session(signedIn)!, "signIn", "", 201);
      const settings = { httpOnly: true, sameSite: "Strict", path: "/", maxAge: SESSION_SECONDS } as const;
      setCookie(context, cookie.text, signedIn.cookie, { ...settings, secure: options.isSecure });
      return context.json({ key: signedIn.key }, 201);
    });
  }
  app.use("/v1/*", async (context, next) => {
    const identity = identify(context);
    if (identity === null)
      throw new Refusal(401, "a bearer token is needed (the service named its file when it began), or to sign in");
    context.set("identity", identity);
    await next();
  });
  app.get("/v1/session", (context) => {
    const { name, role } = context.get("identity");
    const hasShells = options.hasHostShells === true && mayAct(role, "administrator");
    return context.json({
      ...{ name, role },
      ...(options.hub === undefined ? {} : { hub: HUB_PATH }),
      ...(hasShells ? { hostShell: hostShellUser() } : {}),
    });
  });
  app.delete("/v1/session", (context) => {
    const { session } = context.get("identity");
    note(context.get("identity"), "signOut", "", 200);
    if (session !== null) signIn?.signOut(session);
    deleteCookie(context, cookie.text, { path: "/", secure: options.isSecure });
    return context.json(null);
  });
  /** Checks what is asked and who asks, does it, answers, and notes what has changed. */
  const serveRoute = <Parts>(
    route: ConsoleRoute<Parts>,
    act: (request: ConsoleRequest, handle: ConsoleRoute<Parts>["handle"]) => unknown,
  ): void => {
    const check = route.body === undefined ? null : ajv.compile(route.body);
    const path = CONSOLE_API.root + route.path.replace(/\{(\w+)\}/g, ":$1");
    app.on(route.method.toUpperCase(), path, async (context) => {
      const startMs = performance.now();
      const identity = context.get("identity");
      const parameters = context.req.param() as Record<string, string>;
      let body: Record<string, unknown> = {};
      let response: Response;
      try {
        requireRole(identity, route.role);
        const query = readQuery(context, route);
        if (check !== null) body = await bodyOf(context, check);
        const request = { identity, parameters, query, body, signal: context.req.raw.signal };
        response = answer(context, route, await act(request, route.handle));
      } catch (error) {
        response = failure(context, error, options.onDefect);
      }
      counters.add(route.id, response.status, (performance.now() - startMs) / 1000);
      if (route.method !== "get" || response.status === 403) {
        note(identity, route.id, auditTarget(parameters, body), response.status);
      }
      return response;
    });
  };
  for (const route of SYSTEM_ROUTES)
    serveRoute(route, (request, handle) =>
      withSupervisor(options, request.signal, (client) =>
        handle({ ...request, client, defaults: options.defaults, name: request.parameters["system"] ?? "" }),
      ),
    );
  for (const route of HOST_ROUTES) serveRoute(route, (request, handle) => handle({ ...request, ...host }));
  return app;
}

/** The hub's operations are the hub's to describe. */
function description({ version, hub }: ConsoleOptions): object {
  const own = openApiDocument(CONSOLE_OPERATIONS, CONSOLE_API, version);
  if (hub === undefined) return own;
  const externalDocs = { description: "Builds: the operations of the hub", url: `${HUB_API_PATH}/openapi.json` };
  return { ...own, externalDocs };
}

function answer(context: Context, route: RestOperation, result: unknown): Response {
  const status = (route.status ?? 200) as 200;
  if (route.answer !== "bytes") return context.json(result as object | null, status);
  const headers = { "Content-Type": "text/plain; charset=utf-8", "Content-Disposition": "inline" };
  return context.body(result as Uint8Array<ArrayBuffer>, status, headers);
}

/** A connection for one request: who no longer waits for the answer no longer waits for the work either. */
async function withSupervisor(
  { openSupervisor }: ConsoleOptions,
  signal: AbortSignal,
  work: (client: SupervisorClient) => unknown,
): Promise<unknown> {
  const client = await openSupervisor();
  const leave = (): void => client.close();
  signal.addEventListener("abort", leave, { once: true });
  try {
    return await work(client);
  } finally {
    signal.removeEventListener("abort", leave);
    client.close();
  }
}

/** Names and commands, and nothing else of a body: it may hold secrets. */
function auditTarget(parameters: Readonly<Record<string, string>>, body: Readonly<Record<string, unknown>>): string {
  const { name, label, command } = body;
  const words = [...Object.values(parameters), name, label, ...(Array.isArray(command) ? command : [])];
  return words.filter((word) => typeof word === "string").join(" ");
}

/** @throws Refusal for another site's name that leads here (DNS rebinding), or another site's page */
export function requireOwnHost(
  host: string | undefined,
  origin: string | undefined,
  { names, isSecure }: { readonly names: readonly string[]; readonly isSecure: boolean },
): void {
  if (host === undefined || !(isLoopbackName(host) || names.some((name) => isNamed(host, name))))
    throw new Refusal(
      421,
      names.length === 0 ? "only requests to localhost are served" : "this is not a name of this server",
    );
  requireOwnOrigin(origin, host);
  if (isSecure && origin?.startsWith("http:") === true)
    throw new Refusal(403, "requests of pages that came without TLS are not served");
}

/** @param name  of a certificate: `*.` stands for one label (RFC 6125, 6.4.3) */
function isNamed(host: string, name: string): boolean {
  const own = host.toLowerCase().replace(/:\d+$/, "");
  return own === name || (name.startsWith("*.") && own.includes(".") && own.slice(own.indexOf(".")) === name.slice(1));
}

function sessionOf(context: Context, signIn: SignIn, cookie: CookieName): Identity | null {
  return signIn.session({
    cookie: getCookie(context, cookie.text) ?? "",
    key: context.req.header(KEY_HEADER) ?? "",
  });
}

function failure(context: Context, error: unknown, onDefect: (words: string) => void): Response {
  if (error instanceof Refusal) return problemDetails(context, error.status, error.message);
  if (error instanceof StratosError)
    return problemDetails(context, STATUSES[(error as StratosError).kind] ?? 409, error.message);
  onDefect(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return problemDetails(context, 500, "internal error");
}
