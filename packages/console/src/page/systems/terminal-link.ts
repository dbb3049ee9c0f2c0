/** The WebSocket of all terminals of the page. When it ends by itself it is made anew, and they are opened again. */
import { sessionKey } from "./rest.ts";
import { parseTerminalBytes, type PageMessage, type ServerMessage, terminalBytes } from "./terminal-messages.ts";

/** Typed, and not read by the program; what is beyond it waits here. */
const AHEAD_MAX = 1 << 18;
const PIECE = 1 << 14;
const AGAIN_MS = 1000;

export interface Place {
  readonly system: string;
  /** Null: the system's own program. */
  readonly session: string | null;
}

export interface LinkedTerminal {
  readonly place: Place;
  /** What comes from here on begins with all that is kept. */
  begin(): void;
  show(bytes: Uint8Array): void;
  take(message: ServerMessage): void;
  /** The server cannot be reached. */
  interrupt(): void;
}

interface Line {
  readonly terminal: LinkedTerminal;
  /** What was shown before has come; what is typed until then waits here. */
  isLive: boolean;
  ahead: number;
  readonly typed: Uint8Array[];
}

export class TerminalLink {
  #socket: WebSocket | null = null;
  #lines = new Map<number, Line>();
  #last = 0;

  /** @returns the terminal's number */
  open(terminal: LinkedTerminal): number {
    const id = ++this.#last;
    this.#lines.set(id, { terminal, isLive: false, ahead: 0, typed: [] });
    if (this.#socket === null) this.#connect();
    else if (this.#socket.readyState === WebSocket.OPEN) this.#begin(id);
    return id;
  }

  close(id: number): void {
    this.#lines.delete(id);
    this.send({ id, close: true });
  }

  send(message: PageMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  type(id: number, bytes: Uint8Array): void {
    const line = this.#lines.get(id);
    if (line === undefined || this.#socket?.readyState !== WebSocket.OPEN) return;
    for (let from = 0; from < bytes.length; from += PIECE) line.typed.push(bytes.subarray(from, from + PIECE));
    this.#sendTyped(id, line);
  }

  #sendTyped(id: number, line: Line): void {
    while (line.isLive && line.typed.length > 0 && line.ahead < AHEAD_MAX) {
      const piece = line.typed.shift()!;
      line.ahead += piece.length;
      this.#socket!.send(terminalBytes(id, piece));
    }
  }

  #connect(): void {
    const socket = new WebSocket("/v1/terminals");
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.send({ key: sessionKey() });
      for (const id of this.#lines.keys()) this.#begin(id);
    };
    socket.onmessage = ({ data }) => this.#take(data as string | ArrayBuffer);
    socket.onclose = () => {
      for (const { terminal } of this.#lines.values()) terminal.interrupt();
      setTimeout(() => {
        if (this.#lines.size > 0) this.#connect();
        else this.#socket = null;
      }, AGAIN_MS);
    };
  }

  #begin(id: number): void {
    const line = this.#lines.get(id)!;
    line.isLive = false;
    line.ahead = 0;
    line.typed.length = 0;
    line.terminal.begin();
    this.send({ id, open: line.terminal.place });
  }

  #take(data: string | ArrayBuffer): void {
    if (typeof data !== "string") {
      const message = parseTerminalBytes(new Uint8Array(data));
      if (message !== null) this.#lines.get(message.id)?.terminal.show(message.bytes);
      return;
    }
    const message = JSON.parse(data) as ServerMessage;
    const line = this.#lines.get(message.id);
    if (line === undefined) return;
    if ("read" in message) {
      line.ahead -= message.read;
      this.#sendTyped(message.id, line);
      return;
    }
    // It would be opened again with the next connection.
    if ("ended" in message || "problem" in message) this.#lines.delete(message.id);
    line.terminal.take(message);
    if (!("live" in message)) return;
    line.isLive = true;
    this.#sendTyped(message.id, line);
  }
}
