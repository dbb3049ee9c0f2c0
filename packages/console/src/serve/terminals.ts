/**
 * The terminals of a page, over one WebSocket (terminal-messages.ts). Programs and what they have shown are the
 * supervisor's: here nothing is kept, and whoever comes again sees what was left.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { parse as parseCookies } from "hono/utils/cookie";
import { type WebSocket, WebSocketServer } from "ws";
import type { ProgramEnd, TerminalSize } from "@stratos/sdk/api";
import type { SupervisorClient, TerminalSized } from "@stratos/sdk/systems";
import { STREAM_WINDOW } from "@stratos/sdk/wire";
import { mayAct } from "@stratos/volumes/roles";
import { OWNER } from "@stratos/volumes/serve";
import type { AuditLog } from "./access/audit-log.ts";
import type { Identity, SignIn } from "./access/sign-in.ts";
import { type ConsoleOptions, type CookieName, requireOwnHost } from "./console-service.ts";
import {
  type PageMessage,
  parseTerminalBytes,
  type ServerMessage,
  terminalBytes,
} from "../page/systems/terminal-messages.ts";

/** Of what a terminal has shown so much comes first. */
const HISTORY_BYTES = 1 << 20;
/** Each has a connection to the supervisor, which has 500. */
const SOCKETS_MAX = 100;
const TERMINALS_MAX = 32;
/** Who connects and does not say who it is. */
const STRANGER_MS = 5000;
/** How often a connection's key is looked at again. */
const KEY_LOOK_MS = 2000;
/** Bytes of a message of the page; a longer one ends its connection. */
const MESSAGE_MAX = 1 << 17;
/** Typed, and not read by the program: the page is told what is read, and does not send more. */
const AHEAD_MAX = 4 * STREAM_WINDOW;
/** Bytes that wait for a page which does not read them; then its connection ends. */
const BUFFERED_MAX = 1 << 26;
const SIDE_MAX = 1000;

interface Terminal {
  readonly call: number;
  /** Bytes typed that the program has not read. */
  ahead: number;
}

export class Terminals {
  readonly #options: ConsoleOptions;
  readonly #cookie: CookieName;
  readonly #audit: AuditLog;
  readonly #pages = new Set<PageTerminals>();
  readonly #sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_MAX });

  constructor(options: ConsoleOptions, cookie: CookieName, audit: AuditLog) {
    this.#options = options;
    this.#cookie = cookie;
    this.#audit = audit;
  }

  close(): void {
    for (const socket of this.#sockets.clients) socket.terminate();
  }

  /** That are watched. */
  get count(): number {
    return [...this.#pages].reduce((sum, page) => sum + page.count, 0);
  }

  /** A request of which nobody else knows. */
  upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const refuse = (status: string): void => void stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
    const { host, origin } = request.headers;
    if (request.url !== "/v1/terminals") return refuse("404 Not Found");
    try {
      if (this.#options.signIn !== null) requireOwnHost(host, origin, this.#options);
    } catch {
      return refuse("403 Forbidden");
    }
    // Anybody on this computer can connect: who is nobody's browser takes no place of others.
    const { signIn } = this.#options;
    if (signIn !== null && bearerOf(signIn, request) === null && !signIn.hasCookie(this.#cookieOf(request)))
      return refuse("401 Unauthorized");
    if (this.#sockets.clients.size >= SOCKETS_MAX) return refuse("503 Service Unavailable");
    this.#sockets.handleUpgrade(request, stream, head, (socket) => this.#greet(socket, request));
  }

  /** The first message says who it is. */
  #greet(socket: WebSocket, request: IncomingMessage): void {
    const timer = setTimeout(() => socket.terminate(), STRANGER_MS);
    socket.on("error", () => {});
    socket.once("close", () => clearTimeout(timer));
    socket.once("message", (data, isBinary) => {
      clearTimeout(timer);
      const identity = isBinary ? null : this.#identityOf(request, parse(data as Buffer));
      if (identity === null) return socket.close(POLICY_VIOLATION, "sign in first");
      const stop = this.#watch(request, identity, socket);
      const page = new PageTerminals(socket, this.#options, {
        mayType: mayAct(identity.role, "operator"),
        onOpened: (target) => this.#opened(identity, target),
      });
      this.#pages.add(page);
      socket.once("close", () => {
        stop();
        this.#pages.delete(page);
        page.close();
      });
    });
  }

  #opened({ name, role }: Identity, target: string): void {
    if (mayAct(role, "operator")) this.#audit.add({ name, role, operation: "openTerminal", target, status: 101 });
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

function bearerOf(signIn: SignIn, { headers }: IncomingMessage): Identity | null {
  return signIn.identify(/^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? "");
}

/** RFC 6455, 7.4.1. */
const POLICY_VIOLATION = 1008;

class PageTerminals {
  readonly #socket: WebSocket;
  readonly #supervisor: Promise<SupervisorClient>;
  readonly #terminals = new Map<number, Terminal>();
  /** Messages are taken one after the other: a terminal's first ones may wait for the supervisor. */
  #tail: Promise<unknown>;
  readonly #mayType: boolean;
  readonly #onOpened: (terminal: string) => void;

  /** @param rights.mayType  false: it only watches */
  constructor(
    socket: WebSocket,
    { openSupervisor }: ConsoleOptions,
    rights: { readonly mayType: boolean; readonly onOpened: (terminal: string) => void },
  ) {
    this.#socket = socket;
    this.#mayType = rights.mayType;
    this.#onOpened = rights.onOpened;
    this.#supervisor = openSupervisor();
    this.#tail = this.#supervisor.catch(() => {});
    socket.on("message", (data, isBinary) => {
      this.#tail = this.#tail.then(async () => {
        const client = await this.#supervisor;
        if (isBinary) this.#type(client, data as Buffer);
        else this.#take(client, parse(data as Buffer) as Partial<PageMessage> & { readonly id?: unknown });
      });
      // The supervisor is not there; the page comes again.
      this.#tail = this.#tail.catch(() => socket.close(TRY_AGAIN, "the supervisor cannot be reached"));
    });
  }

  close(): void {
    this.#supervisor.then(
      (client) => client.close(),
      () => {},
    );
  }

  get count(): number {
    return this.#terminals.size;
  }

  #tell(message: ServerMessage): void {
    this.#send(JSON.stringify(message));
  }

  /** A page that does not read is sent away, and would not read why; it comes again when it does. */
  #send(message: string | Uint8Array): void {
    if (this.#socket.bufferedAmount > BUFFERED_MAX) this.#socket.terminate();
    else this.#socket.send(message);
  }

  #take(client: SupervisorClient, message: Partial<PageMessage> & { readonly id?: unknown }): void {
    const { id } = message;
    if (!isCount(id)) return;
    const terminal = this.#terminals.get(id);
    if (terminal === undefined) {
      if ("open" in message && isPlace(message.open)) this.#open(client, id, message.open);
    } else if ("size" in message) {
      if (isSize(message.size) && this.#mayType) client.send({ call: terminal.call, size: message.size });
    } else if ("taken" in message) {
      if (isCount(message.taken)) client.send({ call: terminal.call, taken: message.taken, stream: 1 });
    } else if ("close" in message) {
      this.#terminals.delete(id);
      client.send({ call: terminal.call, cancel: true });
    }
  }

  #open(client: SupervisorClient, id: number, { system, session }: { system: string; session: string | null }): void {
    if (this.#terminals.size >= TERMINALS_MAX)
      return this.#tell({ id, problem: `more than ${TERMINALS_MAX} terminals are open` });
    this.#onOpened(session === null ? system : `${system}/${session}`);
    const isOpen = (): boolean => this.#terminals.get(id) === terminal;
    const { call, answer } = client.call(
      "follow-system",
      { name: system, session: session ?? undefined, endsInput: false, historyBytes: HISTORY_BYTES },
      {
        onStarted: () => isOpen() && this.#tell({ id, live: true }),
        onRead: (read) => {
          terminal.ahead -= read;
          if (isOpen()) this.#tell({ id, read });
        },
        onOutput: (_, bytes) => {
          if (isOpen()) this.#send(terminalBytes(id, bytes));
        },
        onEvent: (event) => {
          const { size, isOwn } = event as TerminalSized;
          if (isOpen()) this.#tell({ id, size, isOwn });
        },
      },
    );
    const terminal: Terminal = { call, ahead: 0 };
    this.#terminals.set(id, terminal);
    const end = (message: ServerMessage): void => {
      if (!isOpen()) return;
      this.#terminals.delete(id);
      this.#tell(message);
    };
    answer.then(
      ({ value }) => {
        const { exitCode, signal } = value as ProgramEnd;
        end({ id, ended: { exitCode, signal } });
      },
      (error: Error) => end({ id, problem: error.message }),
    );
  }

  #type(client: SupervisorClient, data: Buffer): void {
    const message = parseTerminalBytes(data);
    const terminal = message === null ? undefined : this.#terminals.get(message.id);
    if (terminal === undefined || !this.#mayType) return;
    terminal.ahead += message!.bytes.length;
    if (terminal.ahead > AHEAD_MAX) return this.#socket.terminate();
    client.send({ call: terminal.call, input: "bytes" }, message!.bytes);
  }
}

/** RFC 6455's registry: try again later. */
const TRY_AGAIN = 1013;

/** What is no object says nothing. */
function parse(data: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data.toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
}

function isSize(value: unknown): value is TerminalSize {
  const { columns, rows } = (value ?? {}) as Partial<TerminalSize>;
  return [columns, rows].every((side) => isCount(side) && side > 0 && side <= SIDE_MAX);
}

function isPlace(value: unknown): value is { system: string; session: string | null } {
  const { system, session } = (value ?? {}) as Record<string, unknown>;
  return typeof system === "string" && (session === null || typeof session === "string");
}
