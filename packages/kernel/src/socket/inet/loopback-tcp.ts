/** TCP connections between sockets of one network: who listens, and who is on the way there. */
import { EAGAIN, ECONNREFUSED } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { LoopbackTransport } from "./loopback-transport.ts";
import type { Established, TcpAttempt, TcpListener } from "./tcp-transport.ts";
import type { TcpSocket } from "./tcp-socket.ts";

/** Connections that came from this network. */
export class LoopbackListener implements TcpListener {
  #socket: TcpSocket;
  /** Bound: the backlog and one, as in Linux. */
  #accepted: TcpSocket[] = [];
  /** Connections that wait for room in `#accepted`; their connect is in progress. Bound: open sockets. */
  #waiting: LoopbackAttempt[] = [];

  constructor(socket: TcpSocket) {
    this.#socket = socket;
  }

  begin(): number {
    return 0;
  }

  resize(): void {
    this.#admit();
  }

  get length(): number {
    return this.#accepted.length;
  }

  get isReadable(): boolean {
    return this.#accepted.length > 0;
  }

  accept(): TcpSocket | number {
    const first = this.#accepted.shift();
    if (first === undefined) return -EAGAIN;
    this.#admit();
    return first;
  }

  connect(attempt: LoopbackAttempt): void {
    this.#waiting.push(attempt);
    this.#admit();
  }

  forget(attempt: LoopbackAttempt): void {
    const at = this.#waiting.indexOf(attempt);
    if (at >= 0) this.#waiting.splice(at, 1);
  }

  #admit(): void {
    const listener = this.#socket;
    while (this.#waiting.length > 0 && this.#accepted.length <= listener.backlogLimit) {
      const attempt = this.#waiting.shift()!;
      const { client } = attempt;
      const child = listener.makeChild();
      const { tcpMemory } = listener.network;
      const mine = new LoopbackTransport(child, tcpMemory);
      const other = new LoopbackTransport(client, tcpMemory);
      LoopbackTransport.join(mine, other);
      child.becomeEstablished({ transport: mine, local: client.peer, peer: client.local });
      this.#accepted.push(child);
      attempt.admitted(other);
      listener.readiness.wakeAll();
    }
  }

  close(): void {
    const { 0: accepted, 1: waiting } = [this.#accepted, this.#waiting];
    this.#accepted = [];
    this.#waiting = [];
    for (const child of accepted) {
      child.abort();
      child.release();
    }
    for (const attempt of waiting) attempt.refused();
  }

  static {
    stateClass("LoopbackListener", this, {
      save: (it) => ({ socket: it.#socket, accepted: it.#accepted, waiting: it.#waiting }),
      load: (it, from) => ({ socket: it.#socket, accepted: it.#accepted, waiting: it.#waiting } = from),
    });
  }
}

/** A connection to a listener of this network, which waits while the backlog is full. */
export class LoopbackAttempt implements TcpAttempt {
  readonly client: TcpSocket;
  #listener: LoopbackListener;
  #outcome: Established | number | null = null;

  constructor(client: TcpSocket, listener: LoopbackListener) {
    this.client = client;
    this.#listener = listener;
  }

  admitted(transport: LoopbackTransport): void {
    this.#outcome = { transport, local: this.client.local, peer: this.client.peer };
    this.client.changed();
  }

  refused(): void {
    this.#outcome = ECONNREFUSED;
    this.client.changed();
  }

  outcome(): Established | number | null {
    return this.#outcome;
  }

  abandon(): void {
    this.#listener.forget(this);
  }

  static {
    stateClass("LoopbackAttempt", this, {
      save: (it) => ({ listener: it.#listener, outcome: it.#outcome }),
      load: (it, from) => ({ listener: it.#listener, outcome: it.#outcome } = from),
    });
  }
}
