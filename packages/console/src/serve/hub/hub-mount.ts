/**
 * The hub behind the console: its operations below `/v1/hub`, and all that it serves below `/hub`, so that `--hub
 * https://console/hub` is a hub to workers and commands.
 *
 * Who asks is found out here as for everything else (console-service.ts), and told to the hub beside the request; a key
 * of the hub's own is passed on as it is. What a browser sends by itself (cookies) never comes to the hub, and what the
 * hub says is never a page of this origin: the console's page asks for it with its session's key, and shows it.
 */
import type { IncomingMessage } from "node:http";
import type { Context, Env, Hono } from "hono";
import { proxy } from "hono/proxy";
import { GATEWAY_HEADERS } from "@stratos/hub-api";
import type { Role } from "@stratos/volumes/roles";
import { bearerToken, Refusal, type RequestCounters } from "@stratos/volumes/serve";
import type { Identity } from "../access/sign-in.ts";
import type { HubLink, HubPlace } from "./hub-link.ts";

interface MountOptions {
  readonly identify: (context: Context) => Identity | null;
  readonly note: (identity: Identity, operation: string, target: string, status: number) => void;
  readonly counters: RequestCounters;
  /** Tells of sessions that are over. @returns what ends that */
  readonly onSignedOut: (listener: (session: string) => void) => () => void;
  /** There is a page, which shows the hub's. */
  readonly hasPage: boolean;
}

/** Where the hub is for those who reach the console. */
export const HUB_PATH = "/hub";
export const HUB_API_PATH = "/v1/hub";

/** What each role of the console is at a hub. */
const HUB_ROLES: Readonly<Record<Role, string>> = { viewer: "viewer", operator: "operator", administrator: "admin" };
/** For whoever comes: apt, forges (which sign), hosts that enrol, descriptions and probes. */
const OPEN = /^\/(?:(?:repos|hooks|ca)\/|healthz$|readyz$|v1\/openapi\.json$)/;
/** Of this origin or this connection, and none of the hub's business; what Node's fetch takes itself. */
const OWN_HEADERS = ["host", "cookie", "origin", "referer", "stratos-key", "expect", "forwarded", "upgrade"];
/** Whatever the hub answers is no page here: nothing of it runs, and no form of it goes anywhere. */
const NO_PAGE = "default-src 'none'; sandbox; frame-ancestors 'none'";
const READY_MS = 5_000;
const METRICS_MS = 10_000;

export function mountHub<E extends Env>(app: Hono<E>, hub: HubLink, options: MountOptions): void {
  for (const [prefix, root] of [
    [HUB_API_PATH, "/v1"],
    [HUB_PATH, ""],
  ] as const) {
    app.get(`${prefix}${root === "" ? "/v1" : ""}/openapi.json`, async (context) => {
      const response = await fetch(`${placeOf(hub).url}/v1/openapi.json`).catch(unreachable);
      return context.json(descriptionBelow((await response.json()) as Description, prefix));
    });
    app.all(`${prefix}/*`, (context) => passOn(context as Context, { prefix, root }, hub, options));
  }
  app.get(HUB_PATH, (context) => context.redirect(`/${shownAt("/")}`, 303));
}

interface Description {
  readonly paths: Readonly<Record<string, unknown>>;
}

/** A hub's operations, by their paths here. */
function descriptionBelow(description: Description, prefix: string): object {
  if (prefix === HUB_PATH) return { ...description, servers: [{ url: HUB_PATH }] };
  const paths = Object.entries(description.paths).map(([path, item]) => [path.replace(/^\/v1/, prefix), item]);
  return { ...description, paths: Object.fromEntries(paths) as object };
}

interface Mount {
  readonly prefix: string;
  /** What stands for the prefix at the hub. */
  readonly root: string;
}

async function passOn(
  context: Context,
  { prefix, root }: Mount,
  hub: HubLink,
  options: MountOptions,
): Promise<Response> {
  const startMs = performance.now();
  // As it was sent: the router's path is decoded, and names may hold what a path would be parted by.
  const { pathname, search } = new URL(context.req.url);
  const path = root + pathname.slice(prefix.length);
  const bearer = bearerToken(context);
  const known = options.identify(context);
  // A socket that asks for nothing knows everybody; a key that was shown to it is the hub's all the same.
  const identity = known?.session === null && isHubKey(bearer) ? null : known;
  if (identity === null && bearer === "" && !OPEN.test(path)) {
    if (options.hasPage && isVisit(context)) return context.redirect(`/${shownAt(path + search)}`, 303);
    throw new Refusal(401, "a bearer token is needed: the console's, or a key of the hub");
  }
  const place = placeOf(hub);
  const headers = headersFor(context, place, identity);
  // Who has signed out hears nothing more of a stream that goes on.
  const over = new AbortController();
  const forget = options.onSignedOut((session) => session === identity?.session && over.abort());
  const signal = AbortSignal.any([context.req.raw.signal, over.signal]);
  const request = { raw: context.req.raw, headers, redirect: "manual", signal } as const;
  const given = await proxy(place.url + path + search, request).catch((error: unknown) => {
    forget();
    return unreachable(error);
  });
  const response = new Response(given.body === null ? null : until(over.signal, given.body, forget), given);
  if (given.body === null) forget();
  answered(response, { prefix, root });
  options.counters.add("hub", response.status, (performance.now() - startMs) / 1000);
  // The hub's own audit has every request; here stands what people did at this console.
  const isChange = !["GET", "HEAD"].includes(context.req.method);
  if (identity !== null && identity.session !== null && (isChange || response.status === 403))
    options.note(identity, "hub", `${context.req.method} ${path}`, response.status);
  return response;
}

/** The same, but ends with what `over` tells of; `done` is called at its end, however it ends. */
function until(over: AbortSignal, body: ReadableStream<Uint8Array>, done: () => void): ReadableStream<Uint8Array> {
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* body as unknown as AsyncIterable<Uint8Array>;
    } catch (error) {
      if (!over.aborted) throw error;
    } finally {
      done();
    }
  };
  return ReadableStream.from(pieces());
}

function isHubKey(secret: string): boolean {
  return /^stratos_[A-Za-z0-9]{12}_/.test(secret);
}

/** Somebody has followed a link, or typed an address. */
function isVisit(context: Context): boolean {
  const { method } = context.req;
  return method === "GET" && /\btext\/html\b/.test(context.req.header("accept") ?? "");
}

/** The address, behind the page's own, at which it shows a page of the hub's. */
function shownAt(path: string): string {
  const [pathname, query] = path.split(/(?=\?)/, 2) as [string, string?];
  const parts = pathname.split("/").filter((part) => part !== "");
  const shown = ["hub", ...parts, ...(query === undefined ? [] : [encodeURIComponent(query)])];
  return `#${shown.join("/")}`;
}

function placeOf(hub: HubLink): HubPlace {
  if (hub.place === null) throw new Refusal(503, "the hub has ended, and is being started again");
  return hub.place;
}

function unreachable(error: unknown): never {
  const { cause } = error as { cause?: { code?: string; message?: string } };
  throw new Refusal(503, `the hub cannot be reached: ${cause?.code ?? cause?.message ?? (error as Error).message}`);
}

function headersFor(context: Context, place: HubPlace, identity: Identity | null): Headers {
  const headers = new Headers(context.req.raw.headers);
  for (const name of [...OWN_HEADERS, ...Object.values(GATEWAY_HEADERS)]) headers.delete(name);
  for (const name of [...headers.keys()]) if (/^(x-forwarded-|sec-|proxy-)/.test(name)) headers.delete(name);
  for (const [name, value] of Object.entries(gatewayHeaders(context, place, identity))) headers.set(name, value);
  if (identity !== null) headers.delete("authorization");
  return headers;
}

function gatewayHeaders(context: Context, place: HubPlace, identity: Identity | null): Record<string, string> {
  const { incoming } = (context.env ?? {}) as { incoming?: IncomingMessage };
  return {
    [GATEWAY_HEADERS.key]: place.key,
    // Whoever comes by a Unix socket is on this host.
    [GATEWAY_HEADERS.client]: incoming?.socket.remoteAddress ?? "127.0.0.1",
    ...(identity === null
      ? {}
      : { [GATEWAY_HEADERS.person]: identity.name, [GATEWAY_HEADERS.role]: HUB_ROLES[identity.role] }),
  };
}

/** An answer of the hub's becomes one of ours. */
function answered(response: Response, { prefix, root }: Mount): void {
  const { headers } = response;
  for (const name of ["set-cookie", "strict-transport-security", "alt-svc"]) headers.delete(name);
  headers.set("Content-Security-Policy", NO_PAGE);
  headers.set("X-Content-Type-Options", "nosniff");
  const location = headers.get("location");
  if (location?.startsWith(`${root}/`) === true && !location.startsWith("//"))
    headers.set("Location", prefix + location.slice(root.length));
}

/** @throws Refusal with what the hub lacks */
export async function requireReadyHub(hub: HubLink): Promise<void> {
  const response = await fetch(`${placeOf(hub).url}/readyz`, { signal: AbortSignal.timeout(READY_MS) }).catch(
    unreachable,
  );
  if (!response.ok) throw new Refusal(503, `the hub is not ready: it answers ${response.status}`);
}

/** What the hub tells Prometheus; empty: it is away, or tells that person nothing. */
export async function hubMetrics(hub: HubLink, context: Context, identity: Identity | null): Promise<string> {
  if (hub.place === null || identity === null) return "";
  try {
    const headers = gatewayHeaders(context, hub.place, identity);
    const response = await fetch(`${hub.place.url}/metrics`, { headers, signal: AbortSignal.timeout(METRICS_MS) });
    return response.ok ? await response.text() : "";
  } catch {
    return "";
  }
}
