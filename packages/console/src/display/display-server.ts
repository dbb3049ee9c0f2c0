/**
 * `run --display`: a page on this computer that shows the windows of a program, and takes keys and pointer for them.
 * One page at a time: a later one takes the earlier one's place. It is for who has the token of its address; pages of
 * other origins and other names of this host (DNS rebinding) are refused.
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { isSameSecret } from "@stratos/volumes/serve";
import { type Rectangle, cursorName } from "@stratos/wayland";
import { type WebSocket, WebSocketServer } from "ws";
import { CopiedText } from "./copied-text.ts";
import { displayPage } from "./page.ts";
import { type Message, PageInput } from "./page-input.ts";
import type { ShownScreen } from "./shown-screen.ts";

/** Frames in a second while a page shows them, and while none does: programs that wait for one must not stand still. */
const SHOWN_HZ = 60,
  UNSEEN_HZ = 1;
/**
 * Anybody on this computer can connect: who has not said the token is a stranger, and is disconnected after a while, or
 * when as many others have come since.
 */
const STRANGERS_MAX = 16,
  STRANGER_MS = 5000;
/** Bytes of a stranger's WebSocket: the token has 32. */
const STRANGER_BYTES_MAX = 4096;
/** Bytes that wait for a page which does not read them; then its connection ends. A whole screen is 4 MiB. */
const BUFFERED_MAX = 1 << 24;
/** Bytes of a message of the page; a longer one ends its connection. */
const MESSAGE_MAX = 4096;
/** Rectangles that wait for a page; of more it gets the whole screen, once. */
const CHANGED_MAX = 64;

interface Viewer {
  readonly socket: WebSocket;
  /** Of the last message of bytes; the next waits for it. */
  isWaiting: boolean;
  /** What changed meanwhile. */
  changed: Rectangle[];
  /** As it was told last. */
  told: Told;
  readonly input: PageInput;
}

/** What a page shows beside pixels. */
interface Told {
  readonly cursor: string;
  readonly title: string;
  /** Where the program takes text, in pixels of the screen; null: it takes keys. */
  readonly text: Rectangle | null;
  /** The program keeps the pointer. */
  readonly locked: boolean;
}

/** What it shows, and how often. */
interface ShownDisplay {
  readonly screen: ShownScreen;
  /** How many frames there are in a second, at most. */
  setRefresh(refreshHz: number): void;
}

interface DisplayServerOptions {
  /** How long a stranger may stay. */
  readonly strangerMs?: number;
}

export class DisplayServer {
  readonly #display: ShownDisplay;
  readonly #token = randomBytes(24).toString("base64url");
  readonly #server: Server;
  readonly #sockets = new WebSocketServer({ noServer: true, clientTracking: false, maxPayload: MESSAGE_MAX });
  readonly #streams = new Set<Duplex>();
  readonly #strangerMs: number;
  /** Who came first is first, and leaves when its timer says so. */
  readonly #strangers = new Map<Duplex, NodeJS.Timeout>();
  #viewer: Viewer | null = null;
  readonly #copied: CopiedText<Viewer>;

  constructor(display: ShownDisplay, { strangerMs = STRANGER_MS }: DisplayServerOptions = {}) {
    this.#display = display;
    this.#strangerMs = strangerMs;
    this.#copied = new CopiedText(
      display.screen,
      () => this.#viewer,
      (viewer, copied) => send(viewer, JSON.stringify({ copied })),
    );
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on("upgrade", (request, stream, head) => this.#upgrade(request, stream, head));
    this.#server.on("connection", (stream) => this.#connected(stream));
    display.setRefresh(UNSEEN_HZ);
  }

  /** @returns the address of the page, with its token */
  async listen(): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, "127.0.0.1", resolve);
    });
    return `http://${this.#host}/#${this.#token}`;
  }

  get #host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get #whole(): Rectangle {
    const { width, height } = this.#display.screen.canvas;
    return { x: 0, y: 0, width, height };
  }

  close(): void {
    this.#viewer?.socket.close();
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
    response.end(displayPage(this.#display.screen.canvas, nonce));
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
    let viewer: Viewer | null = null;
    // Messages are short, but there are frames that are none: pings, pongs, empty fragments.
    let strangeBytes = 0;
    const bound = (piece: Buffer): void => {
      strangeBytes += piece.length;
      if (strangeBytes > STRANGER_BYTES_MAX) socket.terminate();
    };
    stream.on("data", bound);
    socket.on("message", (data, isBinary) => {
      const message = isBinary ? {} : parse((data as Buffer).toString());
      if (viewer !== null) this.#take(viewer, message);
      else if (this.#knowsToken(message)) {
        this.#endWait(stream);
        stream.off("data", bound);
        viewer = this.#enter(socket);
      } else socket.terminate();
    });
    // What is no WebSocket's frame, or too long: `close` comes as well.
    socket.on("error", () => {});
    socket.on("close", () => {
      if (viewer !== null) this.#leave(viewer);
    });
  }

  #knowsToken({ token }: Message): boolean {
    return typeof token === "string" && isSameSecret(token, this.#token);
  }

  #enter(socket: WebSocket): Viewer {
    if (this.#viewer !== null) {
      this.#viewer.input.letGo();
      this.#viewer.socket.close();
    }
    const viewer: Viewer = {
      socket,
      isWaiting: false,
      changed: [this.#whole],
      told: { cursor: "", title: "", text: null, locked: false },
      input: new PageInput(this.#display.screen),
    };
    this.#viewer = viewer;
    this.#display.setRefresh(SHOWN_HZ);
    this.#show(viewer);
    return viewer;
  }

  #leave(viewer: Viewer): void {
    if (this.#viewer !== viewer) return;
    this.#viewer = null;
    viewer.input.letGo();
    this.#display.setRefresh(UNSEEN_HZ);
  }

  /** A program has copied something: the page may hand it on to where it is. */
  copied(): void {
    this.#copied.copied();
  }

  /** A frame was composed. */
  frame(changed: readonly Rectangle[]): void {
    const viewer = this.#viewer;
    if (viewer === null) return;
    viewer.changed.push(...changed);
    if (viewer.changed.length > CHANGED_MAX) viewer.changed = [this.#whole];
    this.#show(viewer);
  }

  #show(viewer: Viewer): void {
    this.#tell(viewer);
    if (viewer.isWaiting || viewer.changed.length === 0) return;
    viewer.isWaiting = true;
    const { screen } = this.#display;
    send(viewer, Buffer.concat(viewer.changed.splice(0).map((part) => encodePart(screen.canvas, part))));
  }

  /** Of what is shown beside pixels, what is different now. */
  #tell(viewer: Viewer): void {
    const { screen } = this.#display;
    const { told } = viewer;
    const now: Told = {
      cursor: cursorName(screen.cursor),
      title: screen.windows.at(-1)?.title ?? "",
      text: screen.textPlace,
      locked: screen.isPointerLocked,
    };
    const changes = Object.fromEntries(
      Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(told[name as keyof Told])),
    );
    viewer.told = now;
    if (Object.keys(changes).length > 0) send(viewer, JSON.stringify(changes));
  }

  #take(viewer: Viewer, message: Message): void {
    if (this.#viewer !== viewer) return;
    if (message["shown"] === true) {
      viewer.isWaiting = false;
      this.#show(viewer);
    }
    viewer.input.take(message);
    this.#tell(viewer);
  }
}

function send({ socket }: Viewer, message: string | Buffer): void {
  if (socket.bufferedAmount > BUFFERED_MAX) socket.terminate();
  else socket.send(message);
}

/** What it cannot be read as says nothing. */
function parse(text: string): Message {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Message) : {};
  } catch {
    return {};
  }
}

/** As the page reads it (page.ts). */
function encodePart(
  canvas: { readonly width: number; readonly pixels: Uint32Array },
  { x, y, width, height }: Rectangle,
): Uint8Array {
  const bytes = new Uint8Array(8 + 4 * width * height);
  new Uint16Array(bytes.buffer, 0, 4).set([x, y, width, height]);
  const pixels = new Uint32Array(bytes.buffer, 8);
  let to = 0;
  for (let line = y; line < y + height; line++)
    for (let from = line * canvas.width + x, end = from + width; from < end; from++) {
      const pixel = canvas.pixels[from]!;
      pixels[to++] = (pixel & 0xff00ff00) | ((pixel & 0xff) << 16) | ((pixel >>> 16) & 0xff);
    }
  return bytes;
}
