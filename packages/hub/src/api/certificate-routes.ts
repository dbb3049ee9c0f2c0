/** Certificates of workers: who gets one, and which are good. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { Hono, type Context } from "hono";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";
import type { AttemptLimit } from "./attempt-limit.ts";
import { wholeBody } from "./bounded-body.ts";
import { requireHost } from "./host-routes.ts";
import { silentRoute, type ApiRoute } from "./route.ts";
import { CERTIFICATE_REQUEST, ENROLMENT, INVITATION } from "./schemas.ts";

const INVITATION_SECONDS = 3_600;
const BODY_MAX = 16_000;
const PEM = { "Content-Type": "application/x-pem-file" };

export const CERTIFICATE_ROUTES: readonly ApiRoute[] = [
  {
    id: "inviteHost",
    method: "post",
    path: "/certificates/invitations",
    tag: "certificates",
    permission: "certificate:invite",
    body: INVITATION,
    status: 201,
    joinsTransaction: true,
    tellsOnce: "token",
    summary: "Makes a token by which one worker gets the certificate of a host, once. It is told this once.",
    handle: async ({ hub, body, principal, inside }) => {
      const { host, expiresSeconds = INVITATION_SECONDS } = body as { host: string; expiresSeconds?: number };
      return { body: await hub.certificates.invite(host, { expiresSeconds, actor: principal.name, within: inside }) };
    },
  },
  {
    id: "listCertificates",
    method: "get",
    path: "/certificates",
    tag: "certificates",
    permission: "certificate:read",
    summary: "Lists certificates of workers.",
    handle: async ({ hub }) => ({ body: { items: await hub.certificates.list(), next: null } }),
  },
  silentRoute(
    {
      id: "revokeCertificate",
      method: "delete",
      path: "/certificates/{serial}",
      tag: "certificates",
      permission: "certificate:revoke",
      summary: "Revokes a certificate, for good. It ends with the next request that shows it.",
    },
    ({ hub, parameters, principal }) => hub.certificates.revoke(parameters["serial"]!, principal.name),
  ),
  {
    id: "renewCertificate",
    method: "post",
    path: "/hosts/{host}/certificate",
    tag: "workers",
    permission: "host:serve",
    isScoped: true,
    body: CERTIFICATE_REQUEST,
    status: 201,
    summary: "The next certificate of a host, for who shows its present one.",
    handle: async (request) => {
      await requireHost(request);
      const host = request.parameters["host"]!;
      if (request.principal.host !== host)
        throw new HubError(409, "certificate-needed", `a certificate of ${host} is renewed by who shows it`);
      return { body: await request.hub.certificates.renew(host, (request.body as { request: string }).request) };
    },
  },
];

/** `/ca`: what a host needs that has no certificate yet, and what a proxy needs that checks certificates itself. */
export function authorityPages(hub: HubService, attempts: AttemptLimit, addressOf: (context: Context) => string): Hono {
  const app = new Hono();
  const check = new Ajv2020({ strict: true }).compile(ENROLMENT);
  app.get("/certificate.pem", async (context) => context.body(await hub.certificates.authority(), 200, PEM));
  app.get("/revoked.pem", async (context) => context.body(await hub.certificates.revocationList(), 200, PEM));
  app.post("/enrol", async (context) => {
    const from = addressOf(context);
    await hub.accessLog.prepare();
    const body = readJson(await wholeBody(context, BODY_MAX));
    if (!check(body)) throw new HubError(422, "bad-body", "expected a token and a request for a certificate");
    const { token, request } = body as { token: string; request: string };
    const decide = (actor: string, isAllowed: boolean): void =>
      hub.accessLog.add({ actor, isAllowed, permission: "enrol", method: "POST", path: context.req.path, from });
    try {
      const made = await hub.certificates.enrol(token, request, context.req.query("host"));
      decide(`worker:${made.host}`, true);
      return context.json(made, 201);
    } catch (error) {
      if (error instanceof HubError && error.status === 401) {
        attempts.demandRoom(from, "tokens");
        attempts.count(from);
        decide("nobody", false);
      }
      throw error;
    }
  });
  return app;
}

/** Null for what is no JSON. */
function readJson(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString()) as unknown;
  } catch {
    return null;
  }
}
