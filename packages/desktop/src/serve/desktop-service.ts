/**
 * The desktop's HTTP side: the page, and below `/v1` what it asks for. Each request there needs the token of the
 * address, comes from no other origin and is for this host's own name.
 */
import { Hono } from "hono";
import {
  bearerToken,
  isLoopbackName,
  isSameSecret,
  Refusal,
  requireOwnOrigin,
  servePage,
} from "@stratos/volumes/serve";
import { addDesktopRoutes, type DesktopParts } from "./desktop-routes.ts";
import { type SandboxedPlace, SandboxedRoutes } from "./sandboxed-routes.ts";

export interface ServedDesktop extends DesktopParts {
  readonly sandboxed: SandboxedPlace;
  readonly token: string;
  readonly page: ReadonlyMap<string, Uint8Array>;
}

export function createDesktopService(desktop: ServedDesktop): Hono {
  const app = new Hono();
  app.use("*", async (context, next) => {
    checkOrigin(context.req.header("host"), context.req.header("origin"));
    context.header("Cache-Control", "no-store");
    context.header("X-Content-Type-Options", "nosniff");
    await next();
  });
  // Pictures of programs come as blobs.
  servePage(app, desktop.page, { pictures: "data: blob:", frames: "'self'", hasWasm: true });
  const sandboxed = new SandboxedRoutes(desktop.machine, desktop.state, desktop.sandboxed);
  app.get("/sandboxed/:ticket", (context) => sandboxed.frame(context));
  app.use("/v1/*", async (context, next) => {
    if (!isSameSecret(bearerToken(context), desktop.token))
      throw new Refusal(401, "the address is not whole: its key is missing");
    await next();
  });
  addDesktopRoutes(app, desktop);
  sandboxed.addTo(app);
  return app;
}

/** @throws Refusal for another site's name that leads here (DNS rebinding), or another site's page */
export function checkOrigin(host: string | undefined, origin: string | undefined): void {
  if (host === undefined || !isLoopbackName(host)) throw new Refusal(421, "only requests to localhost are served");
  requireOwnOrigin(origin, host);
}
