/**
 * The terminals of a page, over one WebSocket (terminal-messages.ts). Programs and what they have shown are the
 * supervisor's: here nothing is kept, and whoever comes again sees what was left.
 */
import type { WebSocket } from "ws";
import type { ProgramEnd, TerminalSize } from "@stratos/sdk/api";
import type { SupervisorClient, TerminalSized } from "@stratos/sdk/systems";
import { STREAM_WINDOW } from "@stratos/sdk/wire";
import { mayAct } from "@stratos/volumes/roles";
import type { AuditLog } from "./access/audit-log.ts";
import type { Identity } from "./access/sign-in.ts";
import type { ConsoleOptions, CookieName } from "./console-service.ts";
import { HOST_SHELLS_MAX, HostShell, hostShellUser } from "./host-shell/host-shell.ts";
import { PageSockets, parseObject, TRY_AGAIN } from "./page-sockets.ts";
import {
  HOST_SHELL,
  type PageMessage,
  parseTerminalBytes,
  type ServerMessage,
  terminalBytes,
} from "../page/systems/terminal-messages.ts";

/** Of what a terminal has shown so much comes first. */
const HISTORY_BYTES = 1 << 20;
const TERMINALS_MAX = 32;
/** Bytes of a message of the page; a longer one ends its connection. */
const MESSAGE_MAX = 1 << 17;
/** Typed, and not read by the program: the page is told what is read, and does not send more. */
const AHEAD_MAX = 4 * STREAM_WINDOW;
/** Bytes that wait for a page which does not read them; then its connection ends. */
const BUFFERED_MAX = 1 << 26;
const SIDE_MAX = 1000;
const HOST_SHELL_SIZE = { columns: 80, rows: 24 };

interface Terminal {
  readonly call: number;
  /** Bytes typed that the program has not read. */
  ahead: number;
}

export class Terminals {
  readonly #pages = new Set<PageTerminals>();
  #hostShells = 0;
  readonly sockets: PageSockets;

  constructor(options: ConsoleOptions, cookie: CookieName, audit: AuditLog) {
    const limits = { path: "/v1/terminals", messageBytesMax: MESSAGE_MAX };
    this.sockets = new PageSockets(options, cookie, limits, (socket, identity) => {
      const mayType = mayAct(identity.role, "operator");
      const onOpened = (target: string): void => {
        const { name, role } = identity;
        if (mayType) audit.add({ name, role, operation: "openTerminal", target, status: 101 });
      };
      const page = new PageTerminals(socket, options, {
        mayType,
        onOpened,
        hostShell: () => this.#hostShell(options, identity, audit),
      });
      this.#pages.add(page);
      socket.once("close", () => {
        this.#pages.delete(page);
        page.close();
      });
    });
  }

  /** @returns what is to be called when it has ended; words: it is refused */
  #hostShell({ hasHostShells }: ConsoleOptions, { name, role }: Identity, audit: AuditLog): (() => void) | string {
    const note = (operation: string, status: number): void =>
      audit.add({ name, role, operation, target: hostShellUser(), status });
    const refusal =
      hasHostShells !== true
        ? "this server gives no shells of its computer (--host-shell)"
        : !mayAct(role, "administrator")
          ? "a shell of this computer is for administrators"
          : this.#hostShells >= HOST_SHELLS_MAX
            ? `${HOST_SHELLS_MAX} shells of this computer are open`
            : null;
    note("openHostShell", refusal === null ? 101 : 403);
    if (refusal !== null) return refusal;
    this.#hostShells++;
    return () => {
      this.#hostShells--;
      note("closeHostShell", 200);
    };
  }

  /** That are watched. */
  get count(): number {
    return [...this.#pages].reduce((sum, page) => sum + page.count, 0);
  }
}

class PageTerminals {
  readonly #socket: WebSocket;
  readonly #supervisor: Promise<SupervisorClient>;
  readonly #terminals = new Map<number, Terminal>();
  /** Messages are taken one after the other: a terminal's first ones may wait for the supervisor. */
  #tail: Promise<unknown>;
  readonly #mayType: boolean;
  readonly #onOpened: (terminal: string) => void;
  readonly #hostShell: () => (() => void) | string;
  readonly #shells = new Map<number, HostShell>();

  /** @param rights.mayType  false: it only watches */
  constructor(
    socket: WebSocket,
    { openSupervisor }: ConsoleOptions,
    rights: {
      readonly mayType: boolean;
      readonly onOpened: (terminal: string) => void;
      readonly hostShell: () => (() => void) | string;
    },
  ) {
    this.#socket = socket;
    this.#mayType = rights.mayType;
    this.#onOpened = rights.onOpened;
    this.#hostShell = rights.hostShell;
    this.#supervisor = openSupervisor();
    this.#tail = this.#supervisor.catch(() => {});
    socket.on("message", (data, isBinary) => {
      this.#tail = this.#tail.then(async () => {
        const client = await this.#supervisor;
        if (isBinary) this.#type(client, data as Buffer);
        else this.#take(client, parseObject(data as Buffer) as Partial<PageMessage> & { readonly id?: unknown });
      });
      // The supervisor is not there; the page comes again.
      this.#tail = this.#tail.catch(() => socket.close(TRY_AGAIN, "the supervisor cannot be reached"));
    });
  }

  close(): void {
    for (const shell of this.#shells.values()) shell.close();
    this.#supervisor.then(
      (client) => client.close(),
      () => {},
    );
  }

  get count(): number {
    return this.#terminals.size + this.#shells.size;
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
    const shell = this.#shells.get(id);
    if (shell !== undefined) return this.#toShell(id, shell, message);
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
    if (this.count >= TERMINALS_MAX)
      return this.#tell({ id, problem: `more than ${TERMINALS_MAX} terminals are open` });
    if (system === HOST_SHELL) return this.#openShell(id);
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

  /** It is the page's own: with the page it ends. */
  #openShell(id: number): void {
    const allowed = this.#hostShell();
    if (typeof allowed === "string") return this.#tell({ id, problem: allowed });
    const isOpen = (): boolean => this.#shells.get(id) === shell;
    const shell = new HostShell(
      {
        show: (bytes) => isOpen() && this.#send(terminalBytes(id, bytes)),
        read: (read) => isOpen() && this.#tell({ id, read }),
        ended: (ended) => {
          allowed();
          if (!isOpen()) return;
          this.#shells.delete(id);
          this.#tell({ id, ended });
        },
      },
      HOST_SHELL_SIZE,
    );
    this.#shells.set(id, shell);
    this.#tell({ id, size: HOST_SHELL_SIZE, isOwn: true });
    this.#tell({ id, live: true });
  }

  #toShell(id: number, shell: HostShell, message: Partial<PageMessage>): void {
    if ("size" in message) {
      if (!isSize(message.size)) return;
      shell.resize(message.size);
      this.#tell({ id, size: message.size, isOwn: true });
    } else if ("taken" in message) {
      if (isCount(message.taken)) shell.taken(message.taken);
    } else if ("close" in message) {
      this.#shells.delete(id);
      shell.close();
    }
  }

  #type(client: SupervisorClient, data: Buffer): void {
    const message = parseTerminalBytes(data);
    const shell = message === null ? undefined : this.#shells.get(message.id);
    if (shell !== undefined) return shell.type(message!.bytes);
    const terminal = message === null ? undefined : this.#terminals.get(message.id);
    if (terminal === undefined || !this.#mayType) return;
    terminal.ahead += message!.bytes.length;
    if (terminal.ahead > AHEAD_MAX) return this.#socket.terminate();
    client.send({ call: terminal.call, input: "bytes" }, message!.bytes);
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
