/**
 * Signing in at the provider of identities.
 *
 *     GET  /login/oidc             a browser goes to the provider, with a cookie that proves its return
 *     GET  /login/oidc/callback    … and comes back with a code: a session of the pages
 *     POST /login/device           a program gets a code for its user to type at the provider
 *     POST /login/device/token     … and asks until the user has: a key for 12 hours
 */
import { Hono, type Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { AttemptLimit } from "../api/attempt-limit.ts";
import { CALLBACK_PATH, type Identity, type OidcLogin, type SignInSecrets } from "../access/oidc.ts";
import { openSession, SESSION_HOURS } from "../access/web-sessions.ts";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";
import { signedInPage } from "./pages.ts";

/** Lax: the way back from the provider is a link of another site. */
const COOKIE = "stratos_sign_in";
const MINUTES = 10;
const BODY_MAX = 10_000;

interface OidcOptions {
  readonly oidc: OidcLogin;
  readonly attempts: AttemptLimit;
  readonly addressOf: (context: Context) => string;
  readonly isSecure: boolean;
  readonly sessionCookie: string;
}

export function oidcPages(hub: HubService, options: OidcOptions): Hono {
  const { oidc, attempts, addressOf, isSecure, sessionCookie } = options;
  const app = new Hono();

  /** Who fails too often waits, as with wrong keys. */
  const attempt = async <T>(context: Context, work: () => Promise<T>): Promise<T> => {
    const from = addressOf(context);
    if (attempts.isOver(from))
      throw new HubError(429, "too-many-attempts", "Too many failed attempts came from this address; wait a minute.");
    try {
      return await work();
    } catch (error) {
      attempts.count(from);
      await note(context, null);
      throw error;
    }
  };
  const note = (context: Context, identity: Identity | null): Promise<void> =>
    hub.accessLog.add({
      actor: identity?.principal ?? "nobody",
      isAllowed: identity !== null,
      permission: "authenticate",
      method: context.req.method,
      path: context.req.path,
      from: addressOf(context),
    });
  const keyFor = async (context: Context, { principal, roles }: Identity): ReturnType<typeof hub.access.createKey> => {
    const key = await hub.access.createKey(
      {
        principal,
        roles,
        scopes: ["*"],
        note: `signed in at ${new URL(oidc.settings.issuer).host}`.slice(0, 256),
        expiresSeconds: SESSION_HOURS * 3_600,
      },
      principal,
    );
    await note(context, { principal, roles });
    return key;
  };

  app.get("/login/oidc", async (context) => {
    const { url, secrets } = await attempt(context, () => oidc.begin());
    attempts.count(addressOf(context));
    setCookie(context, COOKIE, Buffer.from(JSON.stringify(secrets)).toString("base64url"), {
      httpOnly: true,
      sameSite: "Lax",
      secure: isSecure,
      path: "/login/oidc",
      maxAge: MINUTES * 60,
    });
    return context.redirect(url, 303);
  });
  app.get(CALLBACK_PATH, async (context) => {
    const secrets = readSecrets(getCookie(context, COOKIE));
    // A code is good for one attempt, whatever comes of it.
    deleteCookie(context, COOKIE, { path: "/login/oidc" });
    const identity = await attempt(context, async () => {
      if (secrets === null)
        throw new HubError(401, "not-signed-in", "This sign-in was not begun here, or took too long; begin again.");
      return oidc.finish(new URL(context.req.url).search, secrets);
    });
    const { id } = await keyFor(context, identity);
    const principal = await hub.access.principalOf({ id, principal: identity.principal, scopes: ["*"], roles: [] });
    setCookie(context, sessionCookie, await openSession(hub.database, principal), {
      httpOnly: true,
      sameSite: "Strict",
      secure: isSecure,
      path: "/",
      maxAge: SESSION_HOURS * 3_600,
    });
    // No redirect: a browser that comes from another site would not send the strict cookie with it.
    return context.html(signedInPage(identity.principal));
  });

  app.post("/login/device", async (context) => {
    const code = await attempt(context, () => oidc.beginDevice());
    // Each is a request to the provider.
    attempts.count(addressOf(context));
    return context.json(code);
  });
  app.post("/login/device/token", async (context) => {
    const text = await context.req.text();
    let code: unknown;
    try {
      code = text.length > BODY_MAX ? null : (JSON.parse(text) as { deviceCode?: unknown } | null)?.deviceCode;
    } catch {
      code = null;
    }
    if (typeof code !== "string" || code === "" || code.length > 2_000)
      throw new HubError(422, "bad-body", "deviceCode: what POST /login/device told is expected");
    const identity = await attempt(context, () => oidc.finishDevice(code));
    if (identity === null || identity === "slower")
      return context.json({ isPending: true, isTooOften: identity === "slower" }, 202);
    const { token, expires } = await keyFor(context, identity);
    return context.json({ isPending: false, token, expires, principal: identity.principal, roles: identity.roles });
  });
  return app;
}

function readSecrets(cookie: string | undefined): SignInSecrets | null {
  if (cookie === undefined || cookie.length > 2_000) return null;
  try {
    const value = JSON.parse(Buffer.from(cookie, "base64url").toString("utf8")) as Partial<SignInSecrets> | null;
    const { state, nonce, verifier } = value ?? {};
    return typeof state === "string" && typeof nonce === "string" && typeof verifier === "string"
      ? { state, nonce, verifier }
      : null;
  } catch {
    return null;
  }
}
