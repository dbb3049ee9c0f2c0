/** Standard input and outputs of a program whose other ends are beyond a channel. */
import { EAGAIN } from "@stratos/abi";
import { concatBytes, stateClass } from "@stratos/base";
import type { HostConsole, HostStreamIn, HostStreamOut } from "@stratos/host";
import type { TerminalSize } from "./api.ts";
import { STREAM_WINDOW, TERMINAL_WINDOW } from "./protocol.ts";

/** Input that its program has not read. */
interface InputRest {
  readonly bytes: Uint8Array;
  /** No more comes. */
  readonly hasEnd: boolean;
}

/** What the program reads: pieces that came, and then no more. */
export class ChannelInput implements HostStreamIn {
  #onRead: (count: number) => void;
  #pieces: Uint8Array[] = [];
  #within = 0;
  #hasEnd = false;
  /** Of what lies here, the first bytes: they came from somebody else than who is told of reading. */
  #othersBytes = 0;
  #listener: () => void = () => {};
  available = 0;

  /** @param onRead  told of bytes that the program has taken */
  constructor(onRead: (count: number) => void) {
    this.#onRead = onRead;
  }

  /** From here on somebody else gives it bytes. */
  connect(onRead: (count: number) => void): void {
    this.#onRead = onRead;
    this.#othersBytes = this.available;
  }

  /** What has not been read, and whether no more comes. */
  rest(): InputRest {
    const bytes = concatBytes(this.#pieces).slice(this.#within);
    return { bytes, hasEnd: this.#hasEnd };
  }

  get isEnded(): boolean {
    return this.#hasEnd && this.available === 0;
  }

  push(bytes: Uint8Array): void {
    if (this.#hasEnd || bytes.length === 0) return;
    // A copy: the channel's own memory holds more.
    this.#pieces.push(bytes.slice());
    this.available += bytes.length;
    this.#listener();
  }

  end(): void {
    this.#hasEnd = true;
    this.#listener();
  }

  read(into: Uint8Array, at: number, count: number): number {
    if (this.available === 0) return this.#hasEnd ? 0 : -EAGAIN;
    let moved = 0;
    while (moved < count && this.available > 0) {
      const piece = this.#pieces[0]!;
      const part = Math.min(count - moved, piece.length - this.#within);
      into.set(piece.subarray(this.#within, this.#within + part), at + moved);
      moved += part;
      this.#within += part;
      this.available -= part;
      if (this.#within < piece.length) continue;
      this.#pieces.shift();
      this.#within = 0;
    }
    const others = Math.min(moved, this.#othersBytes);
    this.#othersBytes -= others;
    if (moved > others) this.#onRead(moved - others);
    return moved;
  }

  onReadable(listener: () => void): void {
    this.#listener = listener;
  }

  static {
    stateClass(
      "ChannelInput",
      this,
      {
        save: (it) => ({ pieces: it.#pieces, within: it.#within, hasEnd: it.#hasEnd }),
        load: (it, from) => ({ pieces: it.#pieces, within: it.#within, hasEnd: it.#hasEnd } = from),
      },
      { keeps: ["#onRead", "#othersBytes", "#listener"] },
    );
  }
}

/** What the program writes: on its way until the other side has dealt with it. */
export class ChannelOutput implements HostStreamOut {
  #send: ((bytes: Uint8Array) => void) | null;
  #onWay = 0;
  #isOver = false;
  #listener: () => void = () => {};
  readonly isBroken = false;

  /** @param send  null: the program is held back until somebody connects */
  constructor(send: ((bytes: Uint8Array) => void) | null) {
    this.#send = send;
  }

  /** From here on it goes there. */
  connect(send: (bytes: Uint8Array) => void): void {
    this.#send = send;
    this.#onWay = 0;
    this.#listener();
  }

  get isConnected(): boolean {
    return this.#send !== null;
  }

  get room(): number {
    if (this.#isOver) return STREAM_WINDOW;
    return this.#send === null ? 0 : Math.max(0, STREAM_WINDOW - this.#onWay);
  }

  write(bytes: Uint8Array, at: number, count: number): number {
    // What processes that were left behind write is for nobody.
    if (this.#isOver) return count;
    const part = Math.min(count, this.room);
    if (part === 0) return -EAGAIN;
    this.send(bytes.subarray(at, at + part));
    return part;
  }

  /** Whatever room there is. */
  send(bytes: Uint8Array): void {
    if (this.#isOver || this.#send === null) return;
    this.#onWay += bytes.length;
    this.#send(bytes);
  }

  taken(count: number): void {
    this.#onWay -= count;
    this.#listener();
  }

  /** The program has ended, and nobody listens any more. */
  finish(): void {
    this.#isOver = true;
    this.#listener();
  }

  onWritable(listener: () => void): void {
    this.#listener = listener;
  }

  static {
    // Whom the output was for does not come along.
    stateClass(
      "ChannelOutput",
      this,
      { save: () => ({}), load: (it) => (it.#isOver = true) },
      { keeps: ["#send", "#onWay", "#isOver", "#listener"] },
    );
  }
}

/** The end of what is typed; in the midst of a line it only hands that over, and the next one is the end. */
const CTRL_D = 4;
/** After these a line is empty: a newline, what Return gives, and CTRL_D. */
const LINE_ENDS: ReadonlySet<number> = new Set([0x0a, 0x0d, CTRL_D]);

/** What of a terminal beyond a channel is its own. */
export interface SavedTerminal {
  readonly size: TerminalSize;
  readonly isInLine: boolean;
  readonly hasTypedEnd: boolean;
}

/** A terminal beyond a channel: what is typed comes from the program's input, what it shows goes to its output. */
export class ChannelTerminal implements HostConsole {
  readonly isTerminal = true;
  readonly #output: ChannelOutput;
  #size: TerminalSize;
  #onResize: () => void = () => {};
  readonly #input: ChannelInput;
  #onInput: (bytes: Uint8Array | null) => void = () => {};
  #inputRoom = 0;
  #isTyping = false;
  #isInLine = false;
  #hasTypedEnd = false;

  #close: () => void = () => {};

  constructor(input: ChannelInput, output: ChannelOutput, size: TerminalSize) {
    this.#input = input;
    this.#output = output;
    this.#size = size;
  }

  /** As one that was saved stood. */
  static from(input: ChannelInput, output: ChannelOutput, saved: SavedTerminal): ChannelTerminal {
    const terminal = new ChannelTerminal(input, output, saved.size);
    terminal.#isInLine = saved.isInLine;
    terminal.#hasTypedEnd = saved.hasTypedEnd;
    return terminal;
  }

  save(): SavedTerminal {
    return { size: this.#size, isInLine: this.#isInLine, hasTypedEnd: this.#hasTypedEnd };
  }

  onPty(close: () => void): void {
    this.#close = close;
  }

  /** Shows what is left, and hangs up. */
  close(): void {
    this.#close();
  }

  write(bytes: Uint8Array): void {
    this.#output.send(bytes);
  }

  get room(): number {
    return Math.max(0, this.#output.room - (STREAM_WINDOW - TERMINAL_WINDOW));
  }

  /** What is on its way is the other side's, which drops it if it wants to. */
  readonly pending = 0;
  discardOutput(): void {}

  onWritable(listener: () => void): void {
    this.#output.onWritable(listener);
  }

  size(): TerminalSize {
    return this.#size;
  }

  resize(size: TerminalSize): void {
    this.#size = size;
    this.#onResize();
  }

  onInput(listener: (bytes: Uint8Array | null) => void): void {
    this.#onInput = listener;
    this.#input.onReadable(() => this.#type());
  }

  inputRoom(bytes: number): void {
    this.#inputRoom = bytes;
    this.#type();
  }

  /** What came, as far as the line takes it; who hears of it may tell of more room. */
  #type(): void {
    if (this.#isTyping) return;
    this.#isTyping = true;
    for (;;) {
      const bytes = new Uint8Array(Math.min(this.#input.available, this.#inputRoom));
      if (bytes.length === 0) break;
      this.#inputRoom -= bytes.length;
      this.#input.read(bytes, 0, bytes.length);
      this.#isInLine = !LINE_ENDS.has(bytes.at(-1)!);
      this.#onInput(bytes);
    }
    const end = this.#isInLine ? [CTRL_D, CTRL_D] : [CTRL_D];
    if (this.#input.isEnded && this.#inputRoom >= end.length && !this.#hasTypedEnd) {
      this.#hasTypedEnd = true;
      this.#onInput(Uint8Array.from(end));
    }
    this.#isTyping = false;
  }

  onResize(listener: () => void): void {
    this.#onResize = listener;
  }
}
