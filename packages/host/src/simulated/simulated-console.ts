import type { HostConsole } from "../host-console.ts";

/** A terminal with a script in place of a person: what is written to it is kept. */
export class SimulatedConsole implements HostConsole {
  readonly isTerminal = true;
  #rows: number;
  #columns: number;
  #onInput: (bytes: Uint8Array | null) => void = () => {};
  #onResize: () => void = () => {};
  #onWritable: () => void = () => {};
  #chunks: Uint8Array[] = [];
  /** Bytes at the end of `#chunks` that wait for the terminal. */
  #pending = 0;
  /** What a slow terminal has yet to show counts against this; Infinity: it is never slow. */
  capacity = Infinity;

  constructor(rows = 24, columns = 80) {
    this.#rows = rows;
    this.#columns = columns;
  }

  write(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
    if (this.capacity !== Infinity) this.#pending += bytes.length;
  }

  get room(): number {
    return Math.min(65536, this.capacity - this.#pending);
  }

  get pending(): number {
    return this.#pending;
  }

  discardOutput(): void {
    const shown = this.#all();
    this.#chunks = [shown.subarray(0, shown.length - this.#pending)];
    this.#pending = 0;
  }

  onWritable(listener: () => void): void {
    this.#onWritable = listener;
  }

  /** A slow terminal shows what is pending. */
  show(): void {
    this.#pending = 0;
    this.#onWritable();
  }

  size(): { rows: number; columns: number } {
    return { rows: this.#rows, columns: this.#columns };
  }

  onInput(listener: (bytes: Uint8Array | null) => void): void {
    this.#onInput = listener;
  }

  onResize(listener: () => void): void {
    this.#onResize = listener;
  }

  /** Presses keys. */
  type(bytes: Uint8Array): void {
    this.#onInput(bytes);
  }

  hangUp(): void {
    this.#onInput(null);
  }

  resize(rows: number, columns: number): void {
    this.#rows = rows;
    this.#columns = columns;
    this.#onResize();
  }

  /** Takes all output since the last time. */
  takeOutput(): Uint8Array {
    const all = this.#all();
    this.#chunks = [];
    return all;
  }

  #all(): Uint8Array {
    let length = 0;
    for (const chunk of this.#chunks) length += chunk.length;
    const all = new Uint8Array(length);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }
}
