/** A hub that listens: composition root of this package. */
import { createAdaptorServer } from "@hono/node-server";
import { createServer as createTlsServer, type Server as SecureServer } from "node:https";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Context } from "hono";
import { followTlsFiles, tlsContext, type TlsFiles } from "@stratos/host-node/tls-files";
import type { ShownCertificate } from "./access/worker-certificates.ts";
import type { KerberosSettings } from "./access/kerberos/kerberos-settings.ts";
import { OidcLogin, type OidcSettings } from "./access/oidc.ts";
import type { BlobStore } from "./blobs/blob-store.ts";
import { blobChores } from "./blobs/collect-blobs.ts";
import { AUDIT_ROUTES } from "./api/audit-routes.ts";
import { ADMIN_ROUTES } from "./api/admin-routes.ts";
import { createApi } from "./api/api-service.ts";
import { blobRoutes } from "./api/blob-routes.ts";
import { authorityPages, CERTIFICATE_ROUTES } from "./api/certificate-routes.ts";
import { passedOn } from "./api/passed-on.ts";
import { TrustedProxies } from "./api/trusted-proxies.ts";
import { RateLimit } from "./api/rate-limit.ts";
import { packageRoutes } from "./api/package-routes.ts";
import { FAILURE_ROUTES } from "./api/failure-routes.ts";
import { PROFILE_ROUTES } from "./api/profile-routes.ts";
import { PLUGIN_ROUTES } from "./api/plugin-routes.ts";
import { HOST_ROUTES } from "./api/host-routes.ts";
import type { ApiRoute } from "./api/route.ts";
import { taskFault } from "./api/task-fault.ts";
import { SETTINGS_ROUTES } from "./api/settings-routes.ts";
import { TASK_ROUTES } from "./api/task-routes.ts";
import { TEMPLATE_ROUTES } from "./api/template-routes.ts";
import { TRIGGER_ROUTES } from "./api/trigger-routes.ts";
import { WEBHOOK_ROUTES } from "./api/webhook-routes.ts";
import type { Database } from "./database/database.ts";
import { POOL_SIZE, SLOW_STATEMENT_MS } from "./database/open-database.ts";
import { HubService, type HubOptions } from "./hub-service.ts";
import { alertChore } from "./leader/raise-alerts.ts";
import { webhookChore } from "./leader/deliver-webhooks.ts";
import { Rebuilds } from "./repositories/rebuilds.ts";
import { Repositories, type ReadPackage } from "./repositories/repositories.ts";
import { repositoryPages } from "./repositories/repository-pages.ts";
import { migrate } from "./store/migrations/migrate.ts";
import { diagnoseRuns } from "./store/failures.ts";
import { hookPages } from "./api/hook-pages.ts";
import { pollChore } from "./triggers/poll-repositories.ts";
import { statusChore } from "./triggers/tell-statuses.ts";
import type { SettingTarget, SettingTargets } from "./run-time-settings.ts";
import { shownSettings } from "./shown-settings.ts";
import { webPages } from "./web/web-pages.ts";

export function apiRoutes(database: Database, blobs: BlobStore, repositories: Repositories): readonly ApiRoute[] {
  return [
    ...TASK_ROUTES,
    ...HOST_ROUTES,
    ...CERTIFICATE_ROUTES,
    ...blobRoutes(blobs),
    ...packageRoutes(repositories, new Rebuilds(database, blobs)),
    ...WEBHOOK_ROUTES,
    ...TRIGGER_ROUTES,
    ...TEMPLATE_ROUTES,
    ...PLUGIN_ROUTES,
    ...PROFILE_ROUTES,
    ...FAILURE_ROUTES,
    ...ADMIN_ROUTES,
    ...AUDIT_ROUTES,
    ...SETTINGS_ROUTES,
  ];
}

/** Of connections; Node's own where nothing is said, but for the first. */
interface HttpSettings {
  /** An idle connection is kept for so long. */
  readonly keepAliveSeconds?: number;
  /** A request with its body has come within it, or is answered 408. */
  readonly requestSeconds?: number;
  /** Its headers have come within it. */
  readonly headersSeconds?: number;
}

export interface ServerOptions extends Omit<HubOptions, "plugins"> {
  readonly plugins?: Omit<NonNullable<HubOptions["plugins"]>, "taskFault">;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly version: string;
  /** Artefacts are kept here; several hubs share them. */
  readonly blobs: BlobStore;
  readonly readPackage: ReadPackage;
  /** Files that are read again when they change. */
  readonly tls?: TlsFiles;
  /** Proxies whose headers say who asks, as addresses or networks. */
  readonly trustedProxies?: readonly string[];
  /** Requests a second of one key or address; absent: no limit. */
  readonly rateLimit?: number;
  readonly http?: HttpSettings;
  /** Of a server's database, as it was opened. */
  readonly poolSize?: number;
  readonly slowStatementMs?: number;
  /** A provider of identities, whose users may sign in. */
  readonly oidc?: OidcSettings;
  /** Whose tickets are taken. */
  readonly kerberos?: KerberosSettings;
}

export interface HubServer {
  readonly url: string;
  readonly service: HubService;
  /** The administrator's key of a new database; never told again. */
  readonly firstToken: string | null;
  close(): Promise<void>;
}

export async function startHub(database: Database, options: ServerOptions): Promise<HubServer> {
  // Refused before anything begins.
  const secrets = options.tls === undefined ? null : tlsContext(options.tls);
  const proxies = new TrustedProxies(options.trustedProxies ?? []);
  await migrate(database);
  const { blobs } = options;
  const repositories = new Repositories(database, blobs, options.readPackage);
  // Loaded where it is used: most hubs have no keytab.
  const kerberos =
    options.kerberos === undefined
      ? null
      : new (await import("./access/kerberos/kerberos-login.ts")).KerberosLogin(options.kerberos, database);
  let url = "";
  const addressForPeople = (): string => options.oidc?.publicUrl ?? url;
  const { plugins, ...rest } = options;
  const settings: HubOptions = {
    ...rest,
    isTls: options.tls !== undefined,
    settings: () => shownSettings(database, options, service.settings),
    ...(plugins === undefined ? {} : { plugins: { ...plugins, taskFault } }),
  };
  const service: HubService = new HubService(database, settings, [
    { name: "publish", everyMs: 0, work: (limit) => repositories.publishEnded(limit) },
    ...blobChores(database, blobs),
    { name: "failures", everyMs: 0, work: () => diagnoseRuns(database, service.failureRules) },
    // Before the webhooks, which tell of alerts.
    alertChore(database),
    webhookChore(database),
    pollChore(database, (tasks, owner) => service.plugins.admit(tasks, owner)),
    statusChore(database, addressForPeople),
  ]);
  service.caches.push(repositories.cache);
  if (blobs.room !== undefined) service.readiness.room = () => blobs.room!();
  const rateLimit = new RateLimit(options.rateLimit ?? 0);
  const http = { ...HTTP_DEFAULTS, ...options.http };
  let listening: ReturnType<typeof createAdaptorServer> | null = null;
  service.settings.use({
    "rate-limit": {
      started: rateLimit.perSecond,
      apply: (perSecond: number) => void (rateLimit.perSecond = perSecond),
    },
    ...httpTargets(http, () => listening),
    ...databaseTargets(database, options),
  });
  const firstToken = await service.access.prepare();
  await service.start();
  const oidc = options.oidc === undefined ? null : new OidcLogin(options.oidc, () => url);
  const known = new Set((await service.access.listRoles()).map(({ name }) => name));
  for (const { role } of [...(options.oidc?.roles ?? []), ...(options.kerberos?.roles ?? [])])
    if (!known.has(role)) options.warn(`${role}: there is no such role yet; who signs in has nothing of it`);
  const peerOf = (context: Context): string =>
    (context.env as { incoming?: IncomingMessage }).incoming?.socket.remoteAddress ?? "unknown";
  const clientOf = (context: Context): string => proxies.clientOf(peerOf(context), (name) => context.req.header(name));
  const addressOf = (context: Context): string => passedOn(context)?.from ?? clientOf(context);
  const originOf = (context: Context): string =>
    proxies.originOf(peerOf(context), new URL(context.req.url).origin, (name) => context.req.header(name));
  const certificateOf = (context: Context): ShownCertificate | null =>
    shownCertificate((context.env as { incoming?: IncomingMessage }).incoming?.socket as TLSSocket | undefined);
  const app = createApi(service, {
    version: options.version,
    routes: apiRoutes(database, blobs, repositories),
    repositories: repositoryPages(repositories, blobs),
    pages: (attempts) =>
      webPages(service, {
        isSecure: (context) => originOf(context).startsWith("https:"),
        ...{ attempts, addressOf, oidc, kerberos },
      }),
    hooks: (attempts) => hookPages(service, attempts, addressOf),
    authority: (attempts) => authorityPages(service, attempts, addressOf),
    addressOf,
    originOf,
    peerOf: clientOf,
    certificateOf,
    rateLimit,
  });
  const authority = { ca: await service.certificates.authority() };
  const tls =
    secrets === null
      ? {}
      : // Whoever has no certificate, or another's, is let in here and judged by what it asks for.
        { ...secrets, ...authority, requestCert: true, rejectUnauthorized: false };
  const server = createAdaptorServer({
    fetch: app.fetch,
    // Of requests that name none (HTTP/1.0), as balancers' health checks are.
    hostname: options.host,
    ...(options.tls === undefined ? {} : { createServer: createTlsServer }),
    serverOptions: {
      ...tls,
      ...(kerberos === null ? {} : { maxHeaderSize: TICKET_HEADERS_MAX }),
      ...connectionOptions(http),
    },
  });
  listening = server;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("listening", resolve).once("error", reject);
      server.listen(options.port, options.host);
    });
  } catch (error) {
    await service.close();
    throw error;
  }
  const onDefect = (words: string): void => options.warn(`${words}; the certificate of before stays`);
  const unfollow =
    options.tls === undefined ? () => {} : followTlsFiles(server as SecureServer, options.tls, onDefect, authority);
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  url = `http${options.tls === undefined ? "" : "s"}://${host}:${port}`;
  const close = async (): Promise<void> => {
    unfollow();
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await service.close();
    if ("closeIdleConnections" in server) server.closeIdleConnections();
    const cut = setTimeout(() => "closeAllConnections" in server && server.closeAllConnections(), CLOSE_PATIENCE_MS);
    await closed;
    clearTimeout(cut);
  };
  return { url, service, firstToken, close };
}

const HTTP_DEFAULTS = {
  /** Longer than clients keep an idle connection, so that none writes a request into one that is being closed. */
  keepAliveSeconds: 75,
  requestSeconds: 300,
  headersSeconds: 60,
} as const;
/** How often Node looks for requests that are late: the times may be changed to short ones. */
const CHECK_MS = { min: 250, max: 1_000 } as const;

type HttpTimes = Required<HttpSettings>;

function connectionOptions({ keepAliveSeconds, requestSeconds, headersSeconds }: HttpTimes): object {
  const shortest = Math.min(requestSeconds, headersSeconds) * 1_000;
  return {
    keepAliveTimeout: keepAliveSeconds * 1_000,
    requestTimeout: requestSeconds * 1_000,
    headersTimeout: headersSeconds * 1_000,
    connectionsCheckingInterval: Math.max(CHECK_MS.min, Math.min(CHECK_MS.max, shortest / 4)),
  };
}

/**
 * Before the server is there a change counts for how it is made, afterwards for what comes: an open connection keeps
 * the time that it was promised.
 */
function httpTargets(
  times: { -readonly [Name in keyof HttpTimes]: HttpTimes[Name] },
  server: () => ReturnType<typeof createAdaptorServer> | null,
): SettingTargets {
  const target = (
    name: keyof HttpTimes,
    property: "keepAliveTimeout" | "requestTimeout" | "headersTimeout",
  ): SettingTarget => ({
    started: times[name],
    apply: (seconds: number) => {
      times[name] = seconds;
      Object.assign(server() ?? {}, { [property]: seconds * 1_000 });
    },
  });
  return {
    "keep-alive": target("keepAliveSeconds", "keepAliveTimeout"),
    "request-timeout": target("requestSeconds", "requestTimeout"),
    "headers-timeout": target("headersSeconds", "headersTimeout"),
  };
}

function databaseTargets(database: Database, { poolSize, slowStatementMs }: ServerOptions): SettingTargets {
  if (database.tune === undefined) return {};
  return {
    "pool": { started: poolSize ?? POOL_SIZE, apply: (size: number) => database.tune!({ poolSize: size }) },
    "slow-query": {
      started: slowStatementMs ?? SLOW_STATEMENT_MS,
      apply: (milliseconds: number) => database.tune!({ slowStatementMs: milliseconds }),
    },
  };
}

/** Tickets of Windows name the groups of their user, up to 48,000 bytes; Node takes 16 KiB of headers. */
const TICKET_HEADERS_MAX = 80_000;
/** Requests that are being answered have so long when the hub ends. */
const CLOSE_PATIENCE_MS = 2_000;

function shownCertificate(socket: TLSSocket | undefined): ShownCertificate | null {
  const certificate = socket?.encrypted === true ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return null;
  return { der: certificate.raw, fault: socket!.authorized ? null : String(socket!.authorizationError) };
}
