/**
 * The terminal of a machine in a worker, shown by a page: messages over one port.
 *
 *     worker ──► page    output (bytes), discard, screen (what is shown by now is asked for)
 *     page ──► worker    input (bytes), size, shown (bytes of the output that the page is done with, from the start),
 *                        screen (what brings another terminal to show the same), left (that, unasked, by a page that
 *                        may be gone before it is asked), hang-up
 *
 * The worker never has more than PENDING_MAX bytes on their way, so a screenful that nobody wants is soon forgotten.
 */
import type { HostConsole } from "@stratos/host";

type ConsoleOutput =
  | { readonly kind: "output"; readonly bytes: Uint8Array }
  | { readonly kind: "discard" }
  | { readonly kind: "screen" };
type ConsoleInput =
  | { readonly kind: "input"; readonly bytes: Uint8Array }
  | { readonly kind: "size"; readonly rows: number; readonly columns: number }
  | { readonly kind: "shown"; readonly total: number }
  | { readonly kind: "screen"; readonly text: string }
  /** As it was when `total` bytes had been shown. */
  | { readonly kind: "left"; readonly text: string; readonly total: number }
  | { readonly kind: "hang-up" };

/** What is used of a MessagePort. */
export interface ConsolePort {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: object) => void): void;
  start(): void;
}

/** What is used of a terminal of xterm.js. */
export interface TerminalWindow {
  readonly rows: number;
  readonly cols: number;
  write(bytes: Uint8Array, onShown: () => void): void;
  onData(listener: (text: string) => void): void;
  onBinary(listener: (bytes: string) => void): void;
  onResize(listener: (size: { rows: number; cols: number }) => void): void;
  /** What brings another terminal of its size to show the same: characters and sequences. */
  screen?(): string;
}

const PENDING_MAX = 65536;

/** The worker's end. */
export class MessageConsole implements HostConsole {
  readonly isTerminal = true;
  readonly #port: ConsolePort;
  #size: { rows: number; columns: number };
  #sent = 0;
  #done = 0;
  #onWritable: () => void = () => {};
  #onInput: (bytes: Uint8Array | null) => void = () => {};
  #onResize: () => void = () => {};
  /** Of those who asked for the screen, in the order of the answers. */
  readonly #screens: ((text: string) => void)[] = [];
  #left: { readonly text: string; readonly total: number } | null = null;

  constructor(port: ConsolePort, size: { rows: number; columns: number }) {
    this.#port = port;
    this.#size = size;
    port.addEventListener("message", (event) => this.#take((event as { data: ConsoleInput }).data));
    port.start();
  }

  write(bytes: Uint8Array): void {
    this.#sent += bytes.length;
    this.#send({ kind: "output", bytes: bytes.slice() });
  }

  get room(): number {
    return Math.max(0, PENDING_MAX - this.pending);
  }

  get pending(): number {
    return this.#sent - this.#done;
  }

  discardOutput(): void {
    this.#done = this.#sent;
    this.#send({ kind: "discard" });
  }

  /** What the page shows, once it is done with all that was sent by now. */
  screen(): Promise<string> {
    const left = this.#left;
    if (left?.total === this.#sent) return Promise.resolve(left.text);
    return new Promise((resolve) => {
      this.#screens.push(resolve);
      this.#send({ kind: "screen" });
    });
  }

  onWritable(listener: () => void): void {
    this.#onWritable = listener;
  }

  size(): { rows: number; columns: number } {
    return this.#size;
  }

  onInput(listener: (bytes: Uint8Array | null) => void): void {
    this.#onInput = listener;
  }

  onResize(listener: () => void): void {
    this.#onResize = listener;
  }

  #send(message: ConsoleOutput): void {
    this.#port.postMessage(message);
  }

  #take(message: ConsoleInput): void {
    switch (message.kind) {
      case "input":
        return this.#onInput(message.bytes);
      case "hang-up":
        return this.#onInput(null);
      case "size":
        this.#size = { rows: message.rows, columns: message.columns };
        this.#left = null;
        return this.#onResize();
      case "screen":
        return this.#screens.shift()?.(message.text);
      case "left":
        this.#left = message;
        // Answers to them come all the same, where there is still a page.
        if (message.total === this.#sent) for (const resolve of this.#screens) resolve(message.text);
        return;
      case "shown":
        this.#done = Math.max(this.#done, message.total);
        if (this.room > 0) this.#onWritable();
    }
  }
}

/**
 * The page's end: shows what comes, and sends what is typed.
 *
 * @returns to be called when the page may go: the worker gets the screen, as it could not ask for it any more
 */
export function connectTerminal(terminal: TerminalWindow, port: ConsolePort): () => void {
  // Null: the screen is asked for.
  const queue: (Uint8Array | null)[] = [];
  let total = 0,
    isWriting = false;
  const send = (message: ConsoleInput): void => port.postMessage(message);
  const done = (count: number): void => {
    total += count;
    send({ kind: "shown", total });
  };
  const next = (): void => {
    const bytes = queue.shift();
    isWriting = bytes !== undefined;
    if (bytes === undefined) return;
    if (bytes === null) {
      send({ kind: "screen", text: terminal.screen?.() ?? "" });
      return next();
    }
    terminal.write(bytes, () => {
      done(bytes.length);
      next();
    });
  };
  port.addEventListener("message", (event) => {
    const message = (event as { data: ConsoleOutput }).data;
    if (message.kind === "discard") {
      const asked = queue.filter((bytes) => bytes === null);
      done(queue.splice(0).reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0));
      queue.push(...asked);
    } else queue.push(message.kind === "screen" ? null : message.bytes);
    if (!isWriting) next();
  });
  port.start();
  const utf8 = new TextEncoder();
  terminal.onData((text) => send({ kind: "input", bytes: utf8.encode(text) }));
  terminal.onBinary((bytes) => send({ kind: "input", bytes: Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)) }));
  terminal.onResize(({ rows, cols }) => send({ kind: "size", rows, columns: cols }));
  return () => {
    if (!isWriting) send({ kind: "left", text: terminal.screen?.() ?? "", total });
  };
}
