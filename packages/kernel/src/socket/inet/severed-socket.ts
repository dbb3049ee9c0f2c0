/**
 * What stands in a fork, and in a machine that was saved, for a connection that a host carries: it is the original's
 * alone. Those who listen at the host, and those who have datagrams from there, see to themselves (HostListener,
 * HostDatagrams).
 */
import { EAGAIN, ECONNRESET, EPIPE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostAddress, HostSocket } from "@stratos/host";

/** The stand-in for a provider's socket; undefined for all else. The socket itself is left as it is. */
export function severedSocketFor(object: object): SeveredSocket | undefined {
  return isHostSocket(object) ? new SeveredSocket(object) : undefined;
}

export function isSeveredSocket(socket: HostSocket): boolean {
  return socket instanceof SeveredSocket;
}

function isHostSocket(object: object): object is HostSocket {
  return "takeError" in object && "peerAddress" in object && "lastSender" in object;
}

/** A connection that is reset, or one under way that fails so. */
class SeveredSocket implements HostSocket {
  #local: HostAddress | null;
  #peer: HostAddress | null;
  #error = ECONNRESET;
  readonly lastSender = null;
  readonly lastLength = 0;

  constructor(original: HostSocket) {
    this.#local = original.localAddress();
    this.#peer = original.peerAddress();
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
    return true;
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
    return false;
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
      save: (it) => ({ local: it.#local, peer: it.#peer, error: it.#error }),
      load: (it, from) => ({ local: it.#local, peer: it.#peer, error: it.#error } = from),
    });
  }
}
