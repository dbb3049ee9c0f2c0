/**
 * Signing in with a ticket of Kerberos (RFC 4559).
 *
 *     GET  /login/negotiate   a browser shows its ticket: a session of the pages
 *     POST /login/negotiate   a program does: a key for 12 hours
 */
import { Hono, type Context } from "hono";
import type { KerberosLogin } from "../access/kerberos/kerberos-login.ts";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";
import { failurePage, signedInPage } from "./pages.ts";
import { SignIns, type SignInOptions } from "./sign-ins.ts";

export const NEGOTIATE_PATH = "/login/negotiate";
/** In base64; the largest tickets of Windows have 48,000 bytes. */
const TOKEN_MAX = 65_536;
const WHERE = "with a Kerberos ticket";

export function kerberosPages(hub: HubService, kerberos: KerberosLogin, options: SignInOptions): Hono {
  const app = new Hono();
  const signIns = new SignIns(hub, options);

  app.get(NEGOTIATE_PATH, async (context) => {
    const token = tokenOf(context);
    if (token === null) {
      context.header("WWW-Authenticate", "Negotiate");
      return context.html(failurePage(401, "Your browser showed no Kerberos ticket for this hub.", null), 401);
    }
    const identity = await signIns.judge(context, () => kerberos.signIn(token));
    await signIns.openSession(context, identity, WHERE);
    answer(context, identity.answer);
    return context.html(signedInPage(identity.principal));
  });

  app.post(NEGOTIATE_PATH, async (context) => {
    const token = tokenOf(context);
    if (token === null) {
      throw new HubError(401, "no-ticket", "Show a Kerberos ticket (HTTP Negotiate)", {
        headers: { "WWW-Authenticate": "Negotiate" },
      });
    }
    const identity = await signIns.judge(context, () => kerberos.signIn(token));
    const { principal, roles } = identity;
    const key = await signIns.keyFor(context, identity, WHERE);
    answer(context, identity.answer);
    return context.json({ token: key.token, expires: key.expires, principal, roles });
  });
  return app;
}

/** @returns null: the client has not begun @throws HubError 401 */
function tokenOf(context: Context): Buffer | null {
  const header = context.req.header("authorization");
  if (header === undefined) return null;
  const match = /^Negotiate +([A-Za-z0-9+/]+={0,2})$/i.exec(header);
  if (match === null || match[1]!.length > TOKEN_MAX)
    throw new HubError(401, "not-signed-in", "The ticket is refused: no token of HTTP Negotiate");
  return Buffer.from(match[1]!, "base64");
}

function answer(context: Context, token: Buffer): void {
  if (token.length > 0) context.header("WWW-Authenticate", `Negotiate ${token.toString("base64")}`);
  context.header("Cache-Control", "no-store");
}
