import type { HostConsole } from "../host-console.ts";

/** A terminal with a script in place of a person: what is written to it is kept. */
export class SimulatedConsole implements HostConsole {
  readonly isTerminal = true;
  #rows: number;
  #columns: number;
  #onInput: (bytes: Uint8Array | null) => void = () => {};
  #onResize: () => void = () => {};
  #chunks: Uint8Array[] = [];

  constructor(rows = 24, columns = 80) {
    this.#rows = rows;
    this.#columns = columns;
  }

  write(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
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
    let length = 0;
    for (const chunk of this.#chunks) length += chunk.length;
    const all = new Uint8Array(length);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [];
    return all;
  }
}
