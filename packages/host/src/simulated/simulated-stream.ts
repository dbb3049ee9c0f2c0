import { EAGAIN, EPIPE } from "@stratos/abi";
import type { HostStreamIn, HostStreamOut } from "../host-stream.ts";

/** A stream that a test feeds. */
export class SimulatedStreamIn implements HostStreamIn {
  #bytes = new Uint8Array(0);
  #hasEnd = false;
  #listener: () => void = () => {};

  get available(): number {
    return this.#bytes.length;
  }

  get isEnded(): boolean {
    return this.#hasEnd && this.#bytes.length === 0;
  }

  onReadable(listener: () => void): void {
    this.#listener = listener;
  }

  read(into: Uint8Array, at: number, count: number): number {
    if (this.#bytes.length === 0) return this.#hasEnd ? 0 : -EAGAIN;
    const part = Math.min(count, this.#bytes.length);
    into.set(this.#bytes.subarray(0, part), at);
    this.#bytes = this.#bytes.subarray(part);
    return part;
  }

  feed(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#bytes.length + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, this.#bytes.length);
    this.#bytes = all;
    this.#listener();
  }

  end(): void {
    this.#hasEnd = true;
    this.#listener();
  }
}

/** A stream that keeps what it is given, up to `capacity` bytes until a test takes them. */
export class SimulatedStreamOut implements HostStreamOut {
  readonly #capacity: number;
  #bytes: number[] = [];
  isBroken = false;
  #listener: () => void = () => {};

  constructor(capacity = 65536) {
    this.#capacity = capacity;
  }

  get room(): number {
    return this.#capacity - this.#bytes.length;
  }

  onWritable(listener: () => void): void {
    this.#listener = listener;
  }

  write(bytes: Uint8Array, at: number, count: number): number {
    if (this.isBroken) return -EPIPE;
    const part = Math.min(count, this.room);
    if (part === 0) return -EAGAIN;
    for (let index = 0; index < part; index++) this.#bytes.push(bytes[at + index]!);
    return part;
  }

  take(): Uint8Array {
    const bytes = Uint8Array.from(this.#bytes);
    this.#bytes = [];
    this.#listener();
    return bytes;
  }

  break(): void {
    this.isBroken = true;
    this.#listener();
  }
}
