/** Standard input and outputs of a program whose other ends are beyond a channel. */
import { EAGAIN } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostConsole, HostStreamIn, HostStreamOut } from "@stratos/host";
import type { TerminalSize } from "./api.ts";
import { STREAM_WINDOW } from "./protocol.ts";

/** What the program reads: pieces that came, and then no more. */
export class ChannelInput implements HostStreamIn {
  readonly #onRead: (count: number) => void;
  #pieces: Uint8Array[] = [];
  #within = 0;
  #hasEnd = false;
  #listener: () => void = () => {};
  available = 0;

  /** @param onRead  told of bytes that the program has taken */
  constructor(onRead: (count: number) => void) {
    this.#onRead = onRead;
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
    this.#onRead(moved);
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
      { keeps: ["#onRead", "#listener"] },
    );
  }
}

/** What the program writes: on its way until the other side has dealt with it. */
export class ChannelOutput implements HostStreamOut {
  readonly #send: (bytes: Uint8Array) => void;
  #onWay = 0;
  #isOver = false;
  #listener: () => void = () => {};
  readonly isBroken = false;

  constructor(send: (bytes: Uint8Array) => void) {
    this.#send = send;
  }

  get room(): number {
    return this.#isOver ? STREAM_WINDOW : Math.max(0, STREAM_WINDOW - this.#onWay);
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

/** Ctrl-D: the end of what is typed. */
const VEOF = Uint8Array.of(4);

/** A terminal beyond a channel: what is typed comes from the program's input, what it shows goes to its output. */
export class ChannelTerminal implements HostConsole {
  readonly isTerminal = true;
  readonly #output: ChannelOutput;
  #size: TerminalSize;
  #onResize: () => void = () => {};
  readonly #input: ChannelInput;

  constructor(input: ChannelInput, output: ChannelOutput, size: TerminalSize) {
    this.#input = input;
    this.#output = output;
    this.#size = size;
  }

  write(bytes: Uint8Array): void {
    this.#output.send(bytes);
  }

  get room(): number {
    return this.#output.room;
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
    const take = (): void => {
      const bytes = new Uint8Array(this.#input.available);
      if (bytes.length > 0) {
        this.#input.read(bytes, 0, bytes.length);
        listener(bytes);
      }
      if (this.#input.isEnded) listener(VEOF);
    };
    this.#input.onReadable(take);
    take();
  }

  onResize(listener: () => void): void {
    this.#onResize = listener;
  }
}
