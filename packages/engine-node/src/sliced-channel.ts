/** The engine's way back: much at once goes in slices, between which the machine has its turns. */
import type { Socket } from "node:net";

/**
 * Some milliseconds. The host takes each whole: else no more than its buffer would go between two turns of a busy
 * machine, and what is saved of 256 MB would be under way for half a minute.
 */
const SLICE_BYTES = 1 << 22;
/** More than the host takes at once, as a whole screen is: a busy machine would let it wait for many turns. */
const MUCH_BYTES = 1 << 18;

interface Blocking {
  setBlocking?(isBlocking: boolean): number;
}

export class SlicedChannel {
  readonly #socket: Socket;
  /** Behind what is on its way, in order. */
  readonly #waiting: Uint8Array[] = [];
  #isUnderWay = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(bytes: Uint8Array): void {
    if (!this.#isUnderWay && bytes.length <= SLICE_BYTES) {
      this.#write(bytes);
      return;
    }
    this.#waiting.push(bytes);
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    this.#goOn();
  }

  #goOn(): void {
    const bytes = this.#waiting.shift();
    if (bytes === undefined || !this.#socket.writable) {
      this.#waiting.length = 0;
      this.#isUnderWay = false;
      return;
    }
    if (bytes.length > SLICE_BYTES) this.#waiting.unshift(bytes.subarray(SLICE_BYTES));
    this.#write(bytes.subarray(0, SLICE_BYTES));
    setImmediate(() => this.#goOn());
  }

  #write(bytes: Uint8Array): void {
    const { _handle: handle } = this.#socket as unknown as { readonly _handle: Blocking | null };
    const isMuch = bytes.length > MUCH_BYTES;
    if (isMuch) handle?.setBlocking?.(true);
    this.#socket.write(bytes);
    if (isMuch) handle?.setBlocking?.(false);
  }
}
