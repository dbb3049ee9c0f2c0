/**
 * Signing in at the provider of identities.
 *
 *     GET  /login/oidc             a browser goes to the provider, with a cookie that proves its return
 *     GET  /login/oidc/callback    … and comes back with a code: a session of the pages
 *     POST /login/device           a program gets a code for its user to type at the provider
 *     POST /login/device/token     … and asks until the user has: a key for 12 hours
 */
import { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { wholeBody } from "../api/bounded-body.ts";
import { CALLBACK_PATH, type OidcLogin, type SignInSecrets } from "../access/oidc.ts";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";
import { signedInPage } from "./pages.ts";
import { SignIns, type SignInOptions } from "./sign-ins.ts";

/** Lax: the way back from the provider is a link of another site. */
const COOKIE = "stratos_sign_in";
const MINUTES = 10;
const BODY_MAX = 10_000;

export function oidcPages(hub: HubService, oidc: OidcLogin, options: SignInOptions): Hono {
  const { isSecure } = options;
  const app = new Hono();

  const where = `at ${new URL(oidc.settings.issuer).host}`;
  const signIns = new SignIns(hub, options);

  app.get("/login/oidc", async (context) => {
    const { url, secrets } = await signIns.ask(context, () => oidc.begin());
    setCookie(context, COOKIE, Buffer.from(JSON.stringify(secrets)).toString("base64url"), {
      httpOnly: true,
      sameSite: "Lax",
      secure: isSecure(context),
      path: "/login/oidc",
      maxAge: MINUTES * 60,
    });
    return context.redirect(url, 303);
  });
  app.get(CALLBACK_PATH, async (context) => {
    const secrets = readSecrets(getCookie(context, COOKIE));
    // A code is good for one attempt, whatever comes of it.
    deleteCookie(context, COOKIE, { path: "/login/oidc" });
    const identity = await signIns.ask(context, async () => {
      if (secrets === null)
        throw new HubError(401, "not-signed-in", "This sign-in was not begun here, or took too long; begin again.");
      return oidc.finish(new URL(context.req.url).search, secrets);
    });
    await signIns.openSession(context, identity, where);
    // No redirect: a browser that comes from another site would not send the strict cookie with it.
    return context.html(signedInPage(identity.principal));
  });

  app.post("/login/device", async (context) => {
    const code = await signIns.ask(context, () => oidc.beginDevice());
    // Each is a request to the provider.
    signIns.countAsked(context);
    return context.json(code);
  });
  app.post("/login/device/token", async (context) => {
    const text = (await wholeBody(context, BODY_MAX)).toString("utf8");
    let code: unknown;
    try {
      code = (JSON.parse(text) as { deviceCode?: unknown } | null)?.deviceCode;
    } catch {
      code = null;
    }
    if (typeof code !== "string" || code === "" || code.length > 2_000)
      throw new HubError(422, "bad-body", "deviceCode: what POST /login/device told is expected");
    const identity = await signIns.ask(context, () => oidc.finishDevice(code));
    if (identity === null || identity === "slower")
      return context.json({ isPending: true, isTooOften: identity === "slower" }, 202);
    const { token, expires } = await signIns.keyFor(context, identity, where);
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
