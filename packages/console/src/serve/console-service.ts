/**
 * The console's HTTP side: REST below `/v1`, signing in, and the page. A request is for this host's own name and from
 * no other origin; below `/v1` it also needs the token or a session (sign-in.ts).
 */
import { Ajv2020 } from "ajv/dist/2020.js";
import { type Context, Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { StratosError } from "@stratos/sdk/client";
import type { SupervisorClient } from "@stratos/sdk/systems";
import {
  bearerToken,
  isLoopbackName,
  openApiDocument,
  problemDetails,
  readJson,
  readQuery,
  Refusal,
  requireOwnOrigin,
  type RestOperation,
} from "@stratos/volumes/serve";
import { SIGN_IN, SIGNED_IN } from "./schemas.ts";
import { SESSION_SECONDS, type SignIn } from "./sign-in.ts";
import { CONSOLE_API, type ConsoleRoute, SYSTEM_ROUTES, type SystemDefaults } from "./system-routes.ts";

export interface ConsoleOptions {
  /** STRATOS_HOME. */
  readonly home: string;
  /** of Stratos */
  readonly version: string;
  /** Null: whoever reaches it may do everything, which a socket's permissions decide. */
  readonly signIn: SignIn | null;
  readonly defaults: SystemDefaults;
  /** The page's files by name; null: there is none. */
  readonly page: ReadonlyMap<string, Uint8Array> | null;
  /** @throws StratosError */
  readonly openSupervisor: () => Promise<SupervisorClient>;
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
  { method: "delete", path: "/session", id: "signOut", summary: "Sign out.", answer: { type: "null" } },
];
export const CONSOLE_OPERATIONS: readonly RestOperation[] = [...SESSION_OPERATIONS, ...SYSTEM_ROUTES];

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

export function createConsoleService(options: ConsoleOptions, cookie: CookieName): Hono {
  const { signIn, page, version } = options;
  const app = new Hono();
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

  app.use("*", async (context, next) => {
    if (signIn !== null) requireOwnHost(context.req.header("host"), context.req.header("origin"));
    context.header("Cache-Control", "no-store");
    context.header("X-Content-Type-Options", "nosniff");
    await next();
  });
  app.onError((error, context) => failure(context, error, options.onDefect));
  app.notFound((context) => problemDetails(context, 404, "there is nothing of this name"));
  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/readyz", async (context) => {
    const client = await options.openSupervisor();
    client.close();
    return context.text("ready\n");
  });
  app.get("/v1/openapi.json", (context) => context.json(openApiDocument(CONSOLE_OPERATIONS, CONSOLE_API, version)));
  if (page !== null) servePage(app, page);

  if (signIn !== null) {
    const checkSignIn = ajv.compile(SIGN_IN);
    app.post("/v1/session", async (context) => {
      const { token } = (await bodyOf(context, checkSignIn, SIGN_IN_MAX)) as { token: string };
      const signedIn = signIn.signIn(token.trim());
      if (signedIn === null) throw new Refusal(401, "this is not the token, or the code was used before");
      const settings = { httpOnly: true, sameSite: "Strict", path: "/", maxAge: SESSION_SECONDS } as const;
      setCookie(context, cookie.text, signedIn.cookie, settings);
      return context.json({ key: signedIn.key }, 201);
    });
    app.use("/v1/*", async (context, next) => {
      if (!signIn.isToken(bearerToken(context)) && sessionOf(context, signIn, cookie) === null)
        throw new Refusal(401, "a bearer token is needed (the service named its file when it began), or to sign in");
      await next();
    });
    app.delete("/v1/session", (context) => {
      const session = sessionOf(context, signIn, cookie);
      if (session !== null) signIn.signOut(session);
      deleteCookie(context, cookie.text, { path: "/" });
      return context.json(null);
    });
  }
  for (const route of SYSTEM_ROUTES) {
    const check = route.body === undefined ? null : ajv.compile(route.body);
    const path = CONSOLE_API.root + route.path.replace(/\{(\w+)\}/g, ":$1");
    app.on(route.method.toUpperCase(), path, async (context) => {
      const query = readQuery(context, route);
      const body = check === null ? {} : await bodyOf(context, check);
      return answer(context, route, options, { query, body });
    });
  }
  return app;
}

async function answer(
  context: Context,
  route: ConsoleRoute,
  { openSupervisor, home, defaults }: ConsoleOptions,
  { query, body }: { readonly query: Parameters<ConsoleRoute["handle"]>[0]["query"]; readonly body: object },
): Promise<Response> {
  const client = await openSupervisor();
  // Who waits for the answer no longer waits for the work either.
  const leave = (): void => client.close();
  const { signal } = context.req.raw;
  signal.addEventListener("abort", leave, { once: true });
  try {
    const parameters = context.req.param() as Record<string, string>;
    const asked = { client, home, defaults, name: parameters["system"] ?? "", parameters, query };
    const result = await route.handle({ ...asked, body: body as Record<string, unknown> });
    const status = (route.status ?? 200) as 200;
    if (route.answer !== "bytes") return context.json(result as object | null, status);
    const headers = { "Content-Type": "text/plain; charset=utf-8", "Content-Disposition": "inline" };
    return context.body(result as Uint8Array<ArrayBuffer>, status, headers);
  } finally {
    signal.removeEventListener("abort", leave);
    client.close();
  }
}

/** @throws Refusal for another site's name that leads here (DNS rebinding), or another site's page */
export function requireOwnHost(host: string | undefined, origin: string | undefined): void {
  if (host === undefined || !isLoopbackName(host)) throw new Refusal(421, "only requests to localhost are served");
  requireOwnOrigin(origin, host);
}

function sessionOf(context: Context, signIn: SignIn, cookie: CookieName): string | null {
  return signIn.session({
    cookie: getCookie(context, cookie.text) ?? "",
    key: context.req.header(KEY_HEADER) ?? "",
  });
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};
/** Styles of elements are xterm.js's. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src data:; " +
  "form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

function servePage(app: Hono, page: ReadonlyMap<string, Uint8Array>): void {
  for (const [name, content] of page)
    app.get(name === "index.html" ? "/" : `/${name}`, (context) =>
      context.body(content as Uint8Array<ArrayBuffer>, 200, {
        "Content-Type": TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream",
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
      }),
    );
}

function failure(context: Context, error: unknown, onDefect: (words: string) => void): Response {
  if (error instanceof Refusal) return problemDetails(context, error.status, error.message);
  if (error instanceof StratosError)
    return problemDetails(context, STATUSES[(error as StratosError).kind] ?? 409, error.message);
  onDefect(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return problemDetails(context, 500, "internal error");
}
