/**
 * A page on this computer that shows the windows of programs, and takes keys and pointer for them; several pages may do
 * so at once. It is for who has the token of its address; pages of other origins and other names of this host (DNS
 * rebinding) are refused.
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { isSameSecret } from "@stratos/volumes/serve";
import { parseMessage, type ScreenSource, type Watching } from "@stratos/display";
import { type WebSocket, WebSocketServer } from "ws";
import { displayPage } from "./page.ts";
import { viewerAt } from "./socket-viewer.ts";
import { watchPeer } from "./watch-peer.ts";

/**
 * Anybody on this computer can connect: who has not said the token is a stranger, and is disconnected after a while, or
 * when as many others have come since.
 */
const STRANGERS_MAX = 16,
  STRANGER_MS = 5000;
/** Bytes of a stranger's WebSocket: the token has 32. */
const STRANGER_BYTES_MAX = 4096;
/** Bytes of a message of the page; a longer one ends its connection. */
const MESSAGE_MAX = 4096;
interface DisplayServerOptions {
  /** How long a stranger may stay. */
  readonly strangerMs?: number;
  /** How often a page is asked whether it is there. */
  readonly pingMs?: number;
}

export class DisplayServer {
  readonly #source: ScreenSource;
  readonly #token = randomBytes(24).toString("base64url");
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: MESSAGE_MAX });
  readonly #streams = new Set<Duplex>();
  readonly #strangerMs: number;
  readonly #pingMs: number | undefined;
  /** Who came first is first, and leaves when its timer says so. */
  readonly #strangers = new Map<Duplex, NodeJS.Timeout>();
  readonly #pages = new Set<WebSocket>();

  constructor(source: ScreenSource, { strangerMs = STRANGER_MS, pingMs }: DisplayServerOptions = {}) {
    this.#source = source;
    this.#strangerMs = strangerMs;
    this.#pingMs = pingMs;
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on("upgrade", (request, stream, head) => this.#upgrade(request, stream, head));
    this.#server.on("connection", (stream) => this.#connected(stream));
  }

  /** @returns the address of the page, with its token */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    return `http://${this.#host}/#${this.#token}`;
  }

  get #host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const page of this.#pages) page.close();
    this.#server.close();
    this.#server.closeAllConnections();
    for (const stream of this.#streams) stream.destroy();
  }

  #answer({ method, url, headers }: IncomingMessage, response: ServerResponse): void {
    const refuse = (status: number): void => void response.writeHead(status, { connection: "close" }).end();
    if (headers.host !== this.#host) return refuse(421);
    if (url !== "/") return refuse(404);
    if (method !== "GET") return refuse(405);
    const nonce = randomBytes(16).toString("base64");
    response.writeHead(200, {
      "content-type": "text/html; charset=utf-8",
      connection: "close",
      "content-security-policy":
        `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; ` +
        `connect-src ws://${this.#host}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
    response.end(displayPage(nonce));
  }

  #connected(stream: Duplex): void {
    this.#streams.add(stream);
    const timer = setTimeout(() => stream.destroy(), this.#strangerMs);
    this.#strangers.set(stream, timer);
    // Whatever becomes of it: an upgrade takes Node's own listener away, and a reset would end the whole process.
    stream.on("error", () => stream.destroy());
    stream.on("close", () => {
      this.#streams.delete(stream);
      this.#endWait(stream);
    });
    if (this.#strangers.size <= STRANGERS_MAX) return;
    const [first] = this.#strangers.keys();
    this.#endWait(first!);
    first!.destroy();
  }

  #endWait(stream: Duplex): void {
    clearTimeout(this.#strangers.get(stream));
    this.#strangers.delete(stream);
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const { host, origin } = request.headers;
    if (host !== this.#host || origin !== `http://${host}` || request.url !== "/screen") {
      stream.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
      return;
    }
    this.#sockets.handleUpgrade(request, stream, head, (socket) => this.#listen(socket, stream));
  }

  #listen(socket: WebSocket, stream: Duplex): void {
    let watching: Watching | null = null;
    // Messages are short, but there are frames that are none: pings, pongs, empty fragments.
    let strangeBytes = 0;
    const bound = (piece: Buffer): void => {
      strangeBytes += piece.length;
      if (strangeBytes > STRANGER_BYTES_MAX) socket.terminate();
    };
    stream.on("data", bound);
    socket.on("message", (data, isBinary) => {
      const text = isBinary ? "" : (data as Buffer).toString();
      if (watching !== null) watching.take(text);
      else if (this.#knowsToken(text)) {
        this.#endWait(stream);
        stream.off("data", bound);
        this.#pages.add(socket);
        watchPeer(socket, this.#pingMs);
        watching = this.#source.connect(viewerAt(socket), true);
      } else socket.terminate();
    });
    // What is no WebSocket's frame, or too long: `close` comes as well.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#pages.delete(socket);
      watching?.leave();
    });
  }

  #knowsToken(text: string): boolean {
    const { token } = parseMessage(text);
    return typeof token === "string" && isSameSecret(token, this.#token);
  }
}
