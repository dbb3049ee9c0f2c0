/** Connections that came in to one who listens: those whose handshake goes on, and those that wait for accept(2). */
import { stateClass } from "@stratos/base";
import type { TcpConnection } from "./tcp-connection.ts";

/** Handshakes beyond what may wait: a few at least (net.ipv4.tcp_max_syn_backlog is 128 at least). */
const HANDSHAKES_MAX = 1024;

/** Who listens. */
export interface BacklogOwner {
  /** As listen(2) said. */
  readonly backlogLimit: number;
  /** One more waits. */
  changed(): void;
  /** As of who has a connection: of one that begins, or waits to be taken. */
  drops(bytes: Uint8Array, at: number, length: number): boolean;
}

export class TcpBacklog {
  readonly owner: BacklogOwner;
  /** Bound: the backlog and one, as in Linux. */
  #ready: TcpConnection[] = [];
  /** Bound: `handshakesMost`; further SYNs are dropped, and come again. */
  #handshakes = new Set<TcpConnection>();
  isClosed = false;

  constructor(owner: BacklogOwner) {
    this.owner = owner;
  }

  get length(): number {
    return this.#ready.length;
  }

  get isFull(): boolean {
    return this.#ready.length > this.owner.backlogLimit;
  }

  /** Is there room for one more handshake? */
  get takesHandshakes(): boolean {
    return !this.isFull && this.#handshakes.size < Math.min(HANDSHAKES_MAX, Math.max(16, this.owner.backlogLimit + 1));
  }

  begin(connection: TcpConnection): void {
    this.#handshakes.add(connection);
  }

  /** Its handshake is complete. @returns false: there is no room yet */
  admit(connection: TcpConnection): boolean {
    if (this.isFull) return false;
    this.#handshakes.delete(connection);
    this.#ready.push(connection);
    return true;
  }

  forget(connection: TcpConnection): void {
    this.#handshakes.delete(connection);
  }

  /** The first that waits; it may be reset already, which its reader is told. */
  take(): TcpConnection | null {
    return this.#ready.shift() ?? null;
  }

  /** Nobody listens any more: all are reset. */
  close(): void {
    this.isClosed = true;
    const all = [...this.#ready, ...this.#handshakes];
    this.#ready = [];
    this.#handshakes.clear();
    for (const one of all) one.abort();
  }

  static {
    stateClass("tcp.TcpBacklog", this, {
      save: (it) => ({ ready: it.#ready, handshakes: it.#handshakes }),
      load: (it, from) => ({ ready: it.#ready, handshakes: it.#handshakes } = from),
    });
  }
}
