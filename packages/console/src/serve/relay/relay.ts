/**
 * `stratos serve --relay`: a network for machines in tabs, over one WebSocket each (host-browser's relay-frames.ts). A
 * page may ask when its origin is this server's own or was named; it brings the token, or a key of an operator.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { EventLoop } from "@stratos/host";
import { FRAME_MAX, RELAY_CLOSED, RELAY_PATH, RELAY_PROTOCOL, relayToken } from "@stratos/host-browser/relay";
import { mayAct } from "@stratos/volumes/roles";
import { watchPeer } from "../../display/watch-peer.ts";
import type { AuditLog } from "../access/audit-log.ts";
import type { Identity, SignIn } from "../access/sign-in.ts";
import { requireOwnHost } from "../console-service.ts";
import type { RelayOptions } from "./relay-options.ts";
import { RelaySession } from "./relay-session.ts";

interface RelayParts {
  readonly signIn: SignIn;
  readonly names: readonly string[];
  readonly isSecure: boolean;
  readonly loop: EventLoop;
  readonly audit: AuditLog;
  readonly onDefect: (words: string) => void;
}

const TABS_MAX = 16,
  TABS_EACH_MAX = 8;
/** Who is refused has so long to read why. */
const REFUSED_MS = 2000;
const KEY_LOOK_MS = 2000;

export class Relay {
  readonly #options: RelayOptions;
  readonly #parts: RelayParts;
  readonly #total = { count: 0 };
  readonly #tabs = new Map<WebSocket, { readonly name: string; readonly session: RelaySession }>();
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: FRAME_MAX,
    perMessageDeflate: false,
    handleProtocols: () => RELAY_PROTOCOL,
  });

  constructor(options: RelayOptions, parts: RelayParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /** @returns whether the request is for it */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): boolean {
    if (request.url !== RELAY_PATH) return false;
    const refuse = (status: string): void => void stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    const { host, origin, "sec-websocket-protocol": offered } = request.headers;
    try {
      const isNamed = origin !== undefined && this.#options.origins.includes(origin);
      requireOwnHost(host, isNamed ? undefined : origin, this.#parts);
    } catch {
      refuse("403 Forbidden");
      return true;
    }
    const token = relayToken(String(offered ?? ""));
    if (token === null) {
      refuse("400 Bad Request");
      return true;
    }
    this.#sockets.handleUpgrade(request, stream, head, (socket) => this.#greet(socket, token, request));
    return true;
  }

  close(): void {
    for (const { session } of this.#tabs.values()) session.close();
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  /** A page learns of a WebSocket that was not to be no more than that: so it is told afterwards, and has no place. */
  #greet(socket: WebSocket, token: string, request: IncomingMessage): void {
    socket.on("error", () => {});
    const { signIn } = this.#parts;
    const identity = signIn.identify(token);
    const refuse = (code: number, words: string): void => {
      if (identity !== null) this.#noteTab(identity, `${request.headers.origin ?? "no page"}: ${words}`, 403);
      socket.close(code, words);
      setTimeout(() => socket.terminate(), REFUSED_MS).unref();
    };
    if (identity === null) return refuse(RELAY_CLOSED.stranger, "this is not the token, nor a key");
    if (!mayAct(identity.role, "operator")) return refuse(RELAY_CLOSED.mayNot, "a key of an operator is needed");
    const own = [...this.#tabs.values()].filter(({ name }) => name === identity.name).length;
    if (this.#tabs.size >= TABS_MAX || own >= TABS_EACH_MAX)
      return refuse(RELAY_CLOSED.tryLater, "too many tabs have the relay");
    this.#serve(socket, identity, () => signIn.identify(token) !== null, request);
  }

  #serve(socket: WebSocket, identity: Identity, isStillLetIn: () => boolean, request: IncomingMessage): void {
    const { name, role } = identity;
    const { loop, audit, onDefect } = this.#parts;
    this.#noteTab(identity, request.headers.origin ?? "no page", 101);
    const session = new RelaySession(
      {
        get bufferedAmount() {
          return socket.bufferedAmount;
        },
        send: (message, onSent) => socket.send(message, onSent),
      },
      {
        rules: this.#options,
        loop,
        total: this.#total,
        note: (entry) => audit.add({ name, role, ...entry }),
        onViolation: () => {
          this.#noteTab(identity, "broke the rules of frames", 400);
          socket.close(RELAY_CLOSED.protocol, "no such frame is expected");
          session.close();
          setTimeout(() => socket.terminate(), REFUSED_MS).unref();
        },
        onDefect: (error) => {
          onDefect(error instanceof Error ? (error.stack ?? error.message) : String(error));
          socket.terminate();
        },
      },
    );
    this.#tabs.set(socket, { name, session });
    const looking = setInterval(() => isStillLetIn() || socket.terminate(), KEY_LOOK_MS);
    looking.unref();
    watchPeer(socket);
    socket.on("message", (data, isBinary) => {
      if (isBinary) session.take(data as Buffer);
      else session.violate();
    });
    socket.once("close", () => {
      clearInterval(looking);
      this.#tabs.delete(socket);
      session.close();
    });
  }

  #noteTab({ name, role }: Identity, target: string, status: number): void {
    this.#parts.audit.add({ name, role, operation: "relay", target, status });
  }
}
