/** A desktop, listening: composition root of `serve/`. For this computer alone, and who has the address's key. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { type WebSocket, WebSocketServer } from "ws";
import { pageFilesOf } from "@stratos/console";
import { HostMaintenance } from "@stratos/console/maintenance";
import { watchPeer } from "@stratos/console/watch-peer";
import { isSameSecret, listenAt } from "@stratos/volumes/serve";
import type { DesktopMachine } from "../machine/desktop-machine.ts";
import { connectionAt } from "./connections.ts";
import { checkOrigin } from "./desktop-service.ts";
import { type PageSocket, pageSocketOf } from "./page-socket.ts";
import { parse } from "./terminal-socket.ts";
import { UsersDesktops } from "./users-desktops.ts";

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
    commandLine,
    onDefect,
    tell,
  }: {
    readonly home: string;
    readonly port: number;
    /** Of Stratos: its program, and the words before a command's own. */
    readonly commandLine: { readonly program: string; readonly words: readonly string[] };
    /** A defect of ours. */
    readonly onDefect: (words: string) => void;
    /** What goes wrong with windows, in words for people. */
    readonly tell: (problem: string) => void;
  },
): Promise<DesktopServer> {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const token = randomBytes(24).toString("base64url");
  const page = await pageFilesOf("desktop", DESKTOP_PAGE);
  const maintenance = new HostMaintenance({ home, commandLine, onDefect });
  const desktops = new UsersDesktops(machine, {
    ...{ home, token, page, maintenance, onEnd: () => end(), onDefect, tell },
    onLeft: () => sockets.close(),
  });
  const sockets = new Sockets(desktops, token);
  const place = { host: "127.0.0.1", port };
  const { address, server, close } = await listenAt(place, (request) => desktops.fetch(request));
  (server as Server).maxConnections = CONNECTIONS_MAX;
  server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) =>
    sockets.upgrade(request, stream, head),
  );
  return {
    address: `${address}#${token}`,
    ended,
    close: async () => {
      sockets.close();
      desktops.close();
      await Promise.all([maintenance.close(), close()]);
    },
  };
}

class Sockets {
  readonly #desktops: UsersDesktops;
  readonly #token: string;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_MAX });

  constructor(desktops: UsersDesktops, token: string) {
    this.#desktops = desktops;
    this.#token = token;
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
    const serve = connectionAt(request.url ?? "", this.#desktops.shown);
    if (serve === null) return refuse("404 Not Found");
    if (this.#sockets.clients.size >= SOCKETS_MAX) return refuse("503 Service Unavailable");
    const { number } = this.#desktops.shown;
    this.#sockets.handleUpgrade(request, stream, head, (socket) => this.#greet(socket, number, serve));
  }

  /** The first message says who it is. @param from  the number of the desktop that serves it */
  #greet(socket: WebSocket, from: number, serve: (socket: PageSocket) => void): void {
    const timer = setTimeout(() => socket.terminate(), STRANGER_MS);
    socket.on("error", () => {});
    socket.once("close", () => clearTimeout(timer));
    socket.once("message", (data, isBinary) => {
      clearTimeout(timer);
      const { token, number } =
        isBinary || (data as Buffer).length > STRANGER_BYTES_MAX ? {} : parse((data as Buffer).toString());
      const { state, number: shown } = this.#desktops.shown;
      const isWanted = number === undefined ? shown === 0 : this.#desktops.isShown(number);
      const isKnown = typeof token === "string" && isSameSecret(token, this.#token) && !state.isLocked;
      if (isKnown && isWanted && from === shown) {
        watchPeer(socket);
        serve(pageSocketOf(socket));
      } else socket.close(POLICY_VIOLATION, "the desktop is locked or another's, or the key is another");
    });
  }
}
