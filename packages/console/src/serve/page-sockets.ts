/** WebSockets of the console's page: for this host's own name, whose first message says who it is. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { parse as parseCookies } from "hono/utils/cookie";
import { type WebSocket, WebSocketServer } from "ws";
import { OWNER } from "@stratos/volumes/serve";
import { watchPeer } from "../display/watch-peer.ts";
import type { Identity, SignIn } from "./access/sign-in.ts";
import { type ConsoleOptions, type CookieName, requireOwnHost } from "./console-service.ts";

/** Each has a connection to the supervisor, which has 500. */
const SOCKETS_MAX = 100;
/** Who connects and does not say who it is. */
const STRANGER_MS = 5000;
/** How often a connection's key is looked at again. */
const KEY_LOOK_MS = 2000;
/** RFC 6455, 7.4.1. */
const POLICY_VIOLATION = 1008;
/** RFC 6455's registry: try again later. */
export const TRY_AGAIN = 1013;

interface PageSocketLimits {
  readonly path: string;
  /** Of the page; a longer one ends its connection. */
  readonly messageBytesMax: number;
  /** How often a page is asked whether it is there. */
  readonly pingMs?: number;
}

export class PageSockets {
  readonly #options: ConsoleOptions;
  readonly #cookie: CookieName;
  readonly #path: string;
  readonly #begin: (socket: WebSocket, identity: Identity) => void;
  readonly #pingMs: number | undefined;
  readonly #sockets: WebSocketServer;

  /** @param begin  somebody who may look has come */
  constructor(
    options: ConsoleOptions,
    cookie: CookieName,
    { path, messageBytesMax, pingMs }: PageSocketLimits,
    begin: (socket: WebSocket, identity: Identity) => void,
  ) {
    this.#options = options;
    this.#cookie = cookie;
    this.#path = path;
    this.#begin = begin;
    this.#pingMs = pingMs;
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload: messageBytesMax });
  }

  close(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  /** @returns false: it is for somebody else */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): boolean {
    if (request.url !== this.#path) return false;
    const status = this.#refusal(request);
    if (status === null) this.#sockets.handleUpgrade(request, stream, head, (socket) => this.#greet(socket, request));
    else refuseUpgrade(stream, status);
    return true;
  }

  #refusal(request: IncomingMessage): string | null {
    const { host, origin } = request.headers;
    const { signIn } = this.#options;
    try {
      if (signIn !== null) requireOwnHost(host, origin, this.#options);
    } catch {
      return "403 Forbidden";
    }
    // Anybody on this computer can connect: who is nobody's browser takes no place of others.
    if (signIn !== null && bearerOf(signIn, request) === null && !signIn.hasCookie(this.#cookieOf(request)))
      return "401 Unauthorized";
    return this.#sockets.clients.size >= SOCKETS_MAX ? "503 Service Unavailable" : null;
  }

  /** The first message says who it is. */
  #greet(socket: WebSocket, request: IncomingMessage): void {
    const timer = setTimeout(() => socket.terminate(), STRANGER_MS);
    socket.on("error", () => {});
    socket.once("close", () => clearTimeout(timer));
    socket.once("message", (data, isBinary) => {
      clearTimeout(timer);
      const identity = isBinary ? null : this.#identityOf(request, parseObject(data as Buffer));
      if (identity === null) return socket.close(POLICY_VIOLATION, "sign in first");
      socket.once("close", this.#watch(request, identity, socket));
      watchPeer(socket, this.#pingMs);
      this.#begin(socket, identity);
    });
  }

  /** Ends the socket with what let it in. @returns what ends that */
  #watch(request: IncomingMessage, { session }: Identity, socket: WebSocket): () => void {
    const { signIn } = this.#options;
    if (signIn === null) return () => {};
    if (session !== null) return signIn.onSignedOut((id) => id === session && socket.terminate());
    const timer = setInterval(() => bearerOf(signIn, request) === null && socket.terminate(), KEY_LOOK_MS);
    timer.unref();
    return () => clearInterval(timer);
  }

  /** Null: a stranger. */
  #identityOf(request: IncomingMessage, { key }: Record<string, unknown>): Identity | null {
    const { signIn } = this.#options;
    if (signIn === null) return { ...OWNER, session: null };
    const bearer = bearerOf(signIn, request);
    if (bearer !== null) return bearer;
    return typeof key === "string" ? signIn.session({ cookie: this.#cookieOf(request), key }) : null;
  }

  #cookieOf({ headers }: IncomingMessage): string {
    return parseCookies(headers.cookie ?? "", this.#cookie.text)[this.#cookie.text] ?? "";
  }
}

/** @param status  as "404 Not Found" */
export function refuseUpgrade(stream: Duplex, status: string): void {
  stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
}

function bearerOf(signIn: SignIn, { headers }: IncomingMessage): Identity | null {
  return signIn.identify(/^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "");
}

/** What is no object says nothing. */
export function parseObject(data: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data.toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
