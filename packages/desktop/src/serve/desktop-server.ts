/** A desktop, listening: composition root of `serve/`. For this computer alone, and who has the address's key. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { type WebSocket, WebSocketServer } from "ws";
import { pageFilesOf } from "@stratos/console";
import { isSameSecret, listenAt } from "@stratos/volumes/serve";
import type { DesktopMachine } from "../machine/desktop-machine.ts";
import { connectionAt } from "./connections.ts";
import { checkOrigin, createDesktopService, type ServedDesktop } from "./desktop-service.ts";
import { type PageSocket, pageSocketOf } from "./page-socket.ts";
import { SettingsFile } from "./settings.ts";
import { type RunningDesktop, runDesktop } from "./running-desktop.ts";
import { parse } from "./terminal-socket.ts";

/** Connections at once, of whoever; WebSockets of those; and how long one may be silent about who it is. */
const CONNECTIONS_MAX = 200,
  SOCKETS_MAX = 100,
  STRANGER_MS = 5000;
/** Bytes of a message of the page; a longer one ends its connection. */
const MESSAGE_MAX = 1 << 16;
const STRANGER_BYTES_MAX = 256;
/** RFC 6455, 7.4.1. */
const POLICY_VIOLATION = 1008;

export interface DesktopServer {
  /** With its key. */
  readonly address: string;
  /** The person has ended the desktop. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

/** The page's sources; the published package has it joined already. */
export const DESKTOP_PAGE = fileURLToPath(new URL("../page", import.meta.url));

/** @throws OperationError, SessionError */
export async function startDesktop(
  machine: DesktopMachine,
  {
    home,
    port,
    onDefect,
    tell,
  }: {
    readonly home: string;
    readonly port: number;
    /** A defect of ours. */
    readonly onDefect: (words: string) => void;
    /** What goes wrong with windows, in words for people. */
    readonly tell: (problem: string) => void;
  },
): Promise<DesktopServer> {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const settings = new SettingsFile(join(home, "desktop.json"));
  const desktop = runDesktop(machine, settings, { onEnd: () => end(), onDefect, tell });
  const token = randomBytes(24).toString("base64url");
  const sandboxed = { home, onDefect };
  const served = { ...desktop, sandboxed, token, page: await pageFilesOf("desktop", DESKTOP_PAGE) };
  const place = { host: "127.0.0.1", port };
  const { address, server, close } = await listenAt(place, createDesktopService(served).fetch);
  (server as Server).maxConnections = CONNECTIONS_MAX;
  const sockets = new Sockets(served);
  server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) =>
    sockets.upgrade(request, stream, head),
  );
  desktop.state.watch({ locked: () => sockets.close() });
  return {
    address: `${address}#${token}`,
    ended,
    close: async () => {
      sockets.close();
      desktop.close();
      await close();
    },
  };
}

class Sockets {
  readonly #desktop: RunningDesktop & ServedDesktop;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_MAX });

  constructor(desktop: RunningDesktop & ServedDesktop) {
    this.#desktop = desktop;
  }

  close(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    // An upgrade takes Node's own listener away, and a reset would end the whole process.
    stream.on("error", () => stream.destroy());
    const refuse = (status: string): void => void stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    try {
      checkOrigin(request.headers.host, request.headers.origin);
    } catch {
      return refuse("403 Forbidden");
    }
    const serve = connectionAt(request.url ?? "", this.#desktop);
    if (serve === null) return refuse("404 Not Found");
    if (this.#sockets.clients.size >= SOCKETS_MAX) return refuse("503 Service Unavailable");
    this.#sockets.handleUpgrade(request, stream, head, (socket) => this.#greet(socket, serve));
  }

  /** The first message says who it is. */
  #greet(socket: WebSocket, serve: (socket: PageSocket) => void): void {
    const timer = setTimeout(() => socket.terminate(), STRANGER_MS);
    socket.on("error", () => {});
    socket.once("close", () => clearTimeout(timer));
    socket.once("message", (data, isBinary) => {
      clearTimeout(timer);
      const { token } =
        isBinary || (data as Buffer).length > STRANGER_BYTES_MAX ? {} : parse((data as Buffer).toString());
      const { state, token: wanted } = this.#desktop;
      const isKnown = typeof token === "string" && isSameSecret(token, wanted) && !state.isLocked;
      if (isKnown) serve(pageSocketOf(socket));
      else socket.close(POLICY_VIOLATION, "the desktop is locked, or the key is another");
    });
  }
}
