/** The engine's way back: much at once goes in slices, between which the machine has its turns. */
import { writeSync } from "node:fs";
import type { Socket } from "node:net";

/** More goes by itself, as fast as the other side takes it: what the host has room for is full after 200 KB. */
const MUCH_BYTES = 1 << 18;
const SLICE_BYTES = 1 << 20;
/** So long it writes before the machine has its turn; of 256 MB less would be under way for half a minute. */
const TURN_MS = 8;
/** Room comes soon, where the other side has its turn: the host has no call that waits for it for so short a time. */
const PAUSE_MS = 0.1;
/** The other side is busy with something else, if room has not come after so long: then it is looked for less often. */
const BUSY_AFTER_MS = 1;
const LOOK_AGAIN_MS = 1;

const pause = new Int32Array(new SharedArrayBuffer(4));

export class SlicedChannel {
  readonly #socket: Pick<Socket, "write" | "writable" | "writableLength" | "destroy">;
  readonly #fd: number;
  /** Behind what is on its way, in order. */
  readonly #waiting: Uint8Array[] = [];
  #isUnderWay = false;

  /** @param fd  of the socket, non-blocking */
  constructor(socket: Pick<Socket, "write" | "writable" | "writableLength" | "destroy">, fd: number) {
    this.#socket = socket;
    this.#fd = fd;
  }

  write(bytes: Uint8Array): void {
    if (!this.#isUnderWay && bytes.length <= MUCH_BYTES) {
      this.#socket.write(bytes);
      return;
    }
    this.#waiting.push(bytes);
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    // What made so much has had a turn of the engine's already.
    setImmediate(this.#goOn);
  }

  readonly #goOn = (): void => {
    if (!this.#socket.writable) {
      this.#end();
      return;
    }
    // What the socket itself still holds goes first.
    const isBusy = this.#socket.writableLength > 0 || !this.#writeForOneTurn();
    if (this.#waiting.length === 0) this.#end();
    else if (isBusy) setTimeout(this.#goOn, LOOK_AGAIN_MS);
    else setImmediate(this.#goOn);
  };

  /** @returns false: the other side takes nothing now */
  #writeForOneTurn(): boolean {
    const start = performance.now();
    let moved = start;
    for (let now = start; this.#waiting.length > 0 && now - start < TURN_MS; now = performance.now()) {
      if (this.#writeSome()) moved = now;
      else if (now - moved > BUSY_AFTER_MS) return false;
      else Atomics.wait(pause, 0, 0, PAUSE_MS);
    }
    return true;
  }

  /** @returns false: there is no room */
  #writeSome(): boolean {
    const bytes = this.#waiting[0]!;
    let count: number;
    try {
      count = writeSync(this.#fd, bytes, 0, Math.min(bytes.length, SLICE_BYTES));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return false;
      this.#waiting.length = 0;
      this.#socket.destroy(error as Error);
      return true;
    }
    if (count < bytes.length) this.#waiting[0] = bytes.subarray(count);
    else this.#waiting.shift();
    return true;
  }

  #end(): void {
    this.#waiting.length = 0;
    this.#isUnderWay = false;
  }
}
