import { EAGAIN } from "@stratos/abi";
import type { HostAddress } from "./socket-provider.ts";

/** What an empty datagram counts. */
export const DATAGRAM_OVERHEAD = 64;

/** Datagrams that a socket has received and nobody has read. Bound: so many bytes; more are lost, as on the way. */
export class DatagramQueue {
  readonly #maxBytes: number;
  #waiting: { readonly bytes: Uint8Array; readonly from: HostAddress }[] = [];
  #bytes = 0;
  /** Of what was read last. */
  lastSender: HostAddress | null = null;
  lastLength = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns whether there was room */
  push(bytes: Uint8Array, from: HostAddress): boolean {
    const size = bytes.length + DATAGRAM_OVERHEAD;
    if (this.#bytes + size > this.#maxBytes) return false;
    this.#waiting.push({ bytes, from });
    this.#bytes += size;
    return true;
  }

  /** As `HostSocket.read`. */
  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    const [first] = this.#waiting;
    if (first === undefined) return -EAGAIN;
    if (!peek) {
      this.#waiting.shift();
      this.#bytes -= first.bytes.length + DATAGRAM_OVERHEAD;
    }
    const count = Math.min(length, first.bytes.length);
    bytes.set(first.bytes.subarray(0, count), at);
    this.lastSender = first.from;
    this.lastLength = first.bytes.length;
    return count;
  }

  /** A datagram waits. */
  get isReadable(): boolean {
    return this.#waiting.length > 0;
  }

  /** Bytes of the one that waits longest. */
  get firstLength(): number {
    return this.#waiting[0]?.bytes.length ?? 0;
  }

  clear(): void {
    this.#waiting = [];
    this.#bytes = 0;
  }
}
