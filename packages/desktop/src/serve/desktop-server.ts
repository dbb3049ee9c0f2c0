/** A desktop, listening: composition root of `serve/`. For this computer alone, and who has the address's key. */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { type WebSocket, WebSocketServer } from "ws";
import { pageFilesOf } from "@stratos/console";
import type { ProgramNotification } from "@stratos/dbus";
import { isSameSecret, listenAt } from "@stratos/volumes/serve";
import type { DesktopMachine } from "../machine/desktop-machine.ts";
import { DesktopPrograms } from "../machine/desktop-programs.ts";
import { GuestBus } from "../machine/guest-bus.ts";
import { checkOrigin, createDesktopService, type DesktopParts } from "./desktop-service.ts";
import { DesktopState } from "./desktop-state.ts";
import { DisplaySocket } from "./display-socket.ts";
import { SettingsFile } from "./settings.ts";
import { parse, serveTerminal } from "./terminal-socket.ts";

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
  const state = new DesktopState(new SettingsFile(join(home, "desktop.json")));
  const { session, user } = machine;
  const { layout } = state.file.settings;
  const programs = new DesktopPrograms(machine);
  const notifications = (): readonly ProgramNotification[] => bus?.open ?? [];
  const display = session === null ? null : new DisplaySocket(session, user, { layout, tell, notifications });
  const bus = session === null ? null : new GuestBus(session, user, programs, (message) => display?.send(message));
  programs.environment = { ...display?.environment, ...bus?.environment };
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const token = randomBytes(24).toString("base64url");
  const page = await pageFilesOf("desktop", DESKTOP_PAGE);
  const parts: DesktopParts = { machine, programs, bus, state, token, page, onEnd: () => end(), onDefect };
  const place = { host: "127.0.0.1", port };
  const { address, server, close } = await listenAt(place, createDesktopService(parts).fetch);
  (server as Server).maxConnections = CONNECTIONS_MAX;
  const sockets = new Sockets(parts, display);
  server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) =>
    sockets.upgrade(request, stream, head),
  );
  state.watch({
    locked: () => sockets.close(),
    settingsChanged: () => display?.setLayout(state.file.settings.layout),
  });
  return {
    address: `${address}#${token}`,
    ended,
    close: async () => {
      sockets.close();
      display?.close();
      bus?.close();
      await close();
    },
  };
}

class Sockets {
  readonly #parts: DesktopParts;
  readonly #display: DisplaySocket | null;
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_MAX });

  constructor(parts: DesktopParts, display: DisplaySocket | null) {
    this.#parts = parts;
    this.#display = display;
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
    const serve = this.#serverOf(request.url ?? "");
    if (serve === null) return refuse("404 Not Found");
    if (this.#sockets.clients.size >= SOCKETS_MAX) return refuse("503 Service Unavailable");
    this.#sockets.handleUpgrade(request, stream, head, (socket) => this.#greet(socket, serve));
  }

  #serverOf(url: string): ((socket: WebSocket) => void) | null {
    const display = this.#display;
    if (url === "/v1/display" && display !== null) return (socket) => display.serve(socket);
    const terminal = this.#parts.programs.terminals.get(Number(/^\/v1\/terminals\/(\d+)$/.exec(url)?.[1] ?? -1));
    return terminal === undefined ? null : (socket) => serveTerminal(socket, terminal);
  }

  /** The first message says who it is. */
  #greet(socket: WebSocket, serve: (socket: WebSocket) => void): void {
    const timer = setTimeout(() => socket.terminate(), STRANGER_MS);
    socket.on("error", () => {});
    socket.once("close", () => clearTimeout(timer));
    socket.once("message", (data, isBinary) => {
      clearTimeout(timer);
      const { token } =
        isBinary || (data as Buffer).length > STRANGER_BYTES_MAX ? {} : parse((data as Buffer).toString());
      const { state, token: wanted } = this.#parts;
      const isKnown = typeof token === "string" && isSameSecret(token, wanted) && !state.isLocked;
      if (isKnown) serve(socket);
      else socket.close(POLICY_VIOLATION, "the desktop is locked, or the key is another");
    });
  }
}
