/** Standard input as a run has it that gets what comes from outside in turns: let in, then read. */
import { EAGAIN } from "@stratos/abi";
import type { HostStreamIn } from "@stratos/host";

/** Most bytes that are let in at a time. */
export const INPUT_MAX: number = 1 << 16;

export class OpenInput implements HostStreamIn {
  /** Let in and not read yet. */
  #bytes: Uint8Array;
  #hasEnd: boolean;
  #readable: () => void = () => {};
  readonly #onEmpty: () => void;

  /** @param onEmpty  all was read: more may wait outside. @param from  that of a run that this one goes on from */
  constructor(onEmpty: () => void, from: OpenInput | null = null) {
    this.#onEmpty = onEmpty;
    this.#bytes = from === null ? new Uint8Array(0) : from.#bytes;
    this.#hasEnd = from !== null && from.#hasEnd;
  }

  /** Nothing is there to read, and more may come. */
  get isWaiting(): boolean {
    return this.#bytes.length === 0 && !this.#hasEnd;
  }

  get available(): number {
    return this.#bytes.length;
  }

  get isEnded(): boolean {
    return this.#bytes.length === 0 && this.#hasEnd;
  }

  letIn(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#bytes.length + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, this.#bytes.length);
    this.#bytes = all;
    this.#readable();
  }

  end(): void {
    this.#hasEnd = true;
    this.#readable();
  }

  read(into: Uint8Array, at: number, count: number): number {
    const { length } = this.#bytes;
    if (length === 0) return this.#hasEnd ? 0 : -EAGAIN;
    const taken = Math.min(length, count);
    into.set(this.#bytes.subarray(0, taken), at);
    this.#bytes = this.#bytes.subarray(taken);
    if (this.#bytes.length === 0) this.#onEmpty();
    return taken;
  }

  onReadable(listener: () => void): void {
    this.#readable = listener;
  }
}
