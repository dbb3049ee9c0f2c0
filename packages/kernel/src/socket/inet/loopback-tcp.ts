/** TCP connections between sockets of one network: who listens, and who is on the way there. */
import { EAGAIN, ECONNREFUSED } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { Timer, type TimerClient } from "../../time/timer-queue.ts";
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

  /** TCP_DEFER_ACCEPT: those that have said nothing yet. Bound: the backlog and one. */
  #silent: SilentConnection[] = [];

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
    const { backlogLimit: most, tcp } = listener;
    while (this.#waiting.length > 0 && this.#accepted.length <= most && this.#silent.length <= most) {
      const attempt = this.#waiting.shift()!;
      const { client } = attempt;
      const child = listener.makeChild();
      const { tcpMemory } = listener.network;
      const mine = new LoopbackTransport(child, tcpMemory);
      const other = new LoopbackTransport(client, tcpMemory);
      LoopbackTransport.join(mine, other);
      child.becomeEstablished({ transport: mine, local: client.peer, peer: client.local });
      if (tcp.deferSeconds > 0) this.#silent.push(new SilentConnection(this, child, tcp.deferSeconds));
      else this.#accepted.push(child);
      attempt.admitted(other);
      listener.readiness.wakeAll();
    }
  }

  /** It has said something, ended, or been silent for long enough; one that was reset is gone. */
  release(silent: SilentConnection): void {
    const at = this.#silent.indexOf(silent);
    if (at < 0) return;
    this.#silent.splice(at, 1);
    const { child } = silent;
    if (child.inside!.isReset && !silent.hasHeard) child.release();
    else this.#accepted.push(child);
    this.#admit();
    this.#socket.readiness.wakeAll();
  }

  close(): void {
    const { 0: accepted, 1: waiting } = [this.#accepted, this.#waiting];
    const silent = this.#silent;
    this.#accepted = [];
    this.#waiting = [];
    this.#silent = [];
    // Nobody tells the other end: what it sends meets a reset.
    for (const one of silent) {
      one.end();
      one.child.inside!.giveUp(0);
      one.child.release();
    }
    for (const child of accepted) {
      child.abort();
      child.release();
    }
    for (const attempt of waiting) attempt.refused();
  }

  static {
    stateClass("LoopbackListener", this, {
      save: (it) => ({ socket: it.#socket, accepted: it.#accepted, waiting: it.#waiting, silent: it.#silent }),
      load: (it, from) =>
        ({ socket: it.#socket, accepted: it.#accepted, waiting: it.#waiting, silent: it.#silent } = from),
    });
  }
}

/** A connection that its listener keeps from accept(2) until something comes on it (tcp(7), TCP_DEFER_ACCEPT). */
export class SilentConnection implements TimerClient {
  readonly child: TcpSocket;
  #listener: LoopbackListener;
  #timer = new Timer(this);

  constructor(listener: LoopbackListener, child: TcpSocket, seconds: number) {
    this.#listener = listener;
    this.child = child;
    child.silent = this;
    child.kernel.timers.set(this.#timer, child.kernel.now() + seconds * 1e9);
  }

  /** Something of the connection has changed. */
  look(): void {
    if (this.hasHeard || this.child.inside!.isReset) this.timerExpired();
  }

  /** Has anything come, be it the end? */
  get hasHeard(): boolean {
    const { readable, isEnded } = this.child.inside!;
    return readable > 0 || isEnded;
  }

  timerExpired(): void {
    this.end();
    this.#listener.release(this);
  }

  end(): void {
    this.child.kernel.timers.cancel(this.#timer);
    this.child.silent = null;
  }

  static {
    stateClass("SilentConnection", this, {
      save: (it) => ({ listener: it.#listener, timer: it.#timer }),
      load: (it, from) => ({ listener: it.#listener, timer: it.#timer } = from),
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

  /** The socket has it: it may be admitted at once. */
  begin(): void {
    this.#listener.connect(this);
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
