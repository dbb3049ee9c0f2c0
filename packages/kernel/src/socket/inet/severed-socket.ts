/** What stands in a fork for a socket of the host, which is the original's alone. */
import { EAGAIN, ECONNRESET, EPIPE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostAddress, HostSocket } from "@stratos/host";

/** Is it a provider's? */
export function isHostSocket(object: object): object is HostSocket {
  return "takeError" in object && "peerAddress" in object && "lastSender" in object;
}

/**
 * A connection is reset, one under way fails, and where others could have connected, or sent to, nothing comes any
 * more.
 */
export class SeveredSocket implements HostSocket {
  #local: HostAddress | null;
  #peer: HostAddress | null;
  #isConnection: boolean;
  #error: number;
  readonly lastSender = null;
  readonly lastLength = 0;

  constructor(original: HostSocket) {
    this.#local = original.localAddress();
    this.#peer = original.peerAddress();
    this.#isConnection = this.#peer !== null || this.#local === null;
    this.#error = this.#isConnection ? ECONNRESET : 0;
  }

  connect(): number {
    return -ECONNRESET;
  }

  bind(): number {
    return -ECONNRESET;
  }

  listen(): number {
    return 0;
  }

  accept(): number {
    return -EAGAIN;
  }

  read(): number {
    return -EAGAIN;
  }

  write(): number {
    return -EPIPE;
  }

  shutdown(): number {
    return 0;
  }

  setOption(): number {
    return 0;
  }

  localAddress(): HostAddress | null {
    return this.#local;
  }

  peerAddress(): HostAddress | null {
    return this.#peer;
  }

  readable(): boolean {
    return this.#isConnection;
  }

  writable(): boolean {
    return true;
  }

  available(): number {
    return 0;
  }

  unsent(): number {
    return 0;
  }

  ended(): boolean {
    return this.#isConnection;
  }

  connected(): boolean {
    return false;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  close(): void {}

  abort(): void {}

  static {
    stateClass("SeveredSocket", this, {
      save: (it) => ({ local: it.#local, peer: it.#peer, isConnection: it.#isConnection, error: it.#error }),
      load: (it, from) =>
        ({ local: it.#local, peer: it.#peer, isConnection: it.#isConnection, error: it.#error } = from),
    });
  }
}
