/** TCP connections over links, which our own stack carries (network-tcp.ts): those that come in, and those to come. */
import { EAGAIN, ECONNREFUSED, isErrno, TCP_CLOSE, TCP_SYN_RECV, TCP_SYN_SENT } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type BacklogOwner, type InetEndpoint, keepEndpoint, TcpBacklog, type TcpConnection } from "@stratos/netstack";
import { connectionOptions } from "./network-tcp.ts";
import { StackTransport } from "./stack-transport.ts";
import type { Established, TcpAttempt, TcpListener } from "./tcp-transport.ts";
import type { TcpSocket } from "./tcp-socket.ts";

/** The socket decides how long a connection may take (tcp-timers.ts). */
const SYN_RETRIES_MAX = 255;

/** Connections that came by links. */
export class StackListener implements TcpListener, BacklogOwner {
  readonly socket: TcpSocket;
  readonly backlog: TcpBacklog;

  constructor(socket: TcpSocket) {
    this.socket = socket;
    this.backlog = new TcpBacklog(this);
  }

  get backlogLimit(): number {
    return this.socket.backlogLimit;
  }

  changed(): void {
    this.socket.changed();
  }

  drops(bytes: Uint8Array, at: number, length: number): boolean {
    return this.socket.drops(bytes, at, length);
  }

  begin(): number {
    return 0;
  }

  resize(): void {}

  get length(): number {
    return this.backlog.length;
  }

  get isReadable(): boolean {
    return this.backlog.length > 0;
  }

  accept(): TcpSocket | number {
    const connection = this.backlog.take();
    if (connection === null) return -EAGAIN;
    const child = this.socket.makeChild();
    connection.owner = child;
    child.becomeEstablished(establishedOn(connection));
    return child;
  }

  close(): void {
    this.backlog.close();
  }

  static {
    stateClass("StackListener", this);
  }
}

/** A connection by a link. */
export class StackAttempt implements TcpAttempt {
  #connection: TcpConnection;

  private constructor(connection: TcpConnection) {
    this.#connection = connection;
  }

  /** @returns −EADDRNOTAVAIL: there is one between these ends already */
  static begin(socket: TcpSocket, to: InetEndpoint): StackAttempt | number {
    const { local } = socket;
    const options = connectionOptions(socket, socket.options.boundIndex);
    const begin = (connection: TcpConnection): void => {
      connection.owner = socket;
      connection.synRetries = SYN_RETRIES_MAX;
    };
    const made = socket.network.tcp.stack.connect(local!.ip, local!.port, to.ip, to.port, options, begin);
    return isErrno(made) ? made : new StackAttempt(made);
  }

  outcome(): Established | number | null {
    const { state, error } = this.#connection;
    if (state === TCP_SYN_SENT || state === TCP_SYN_RECV) return null;
    if (state !== TCP_CLOSE) return establishedOn(this.#connection);
    return error !== 0 ? error : ECONNREFUSED;
  }

  abandon(): void {
    this.#connection.abort();
  }

  static {
    stateClass("StackAttempt", this, {
      save: (it) => ({ connection: it.#connection }),
      load: (it, from) => ({ connection: it.#connection } = from),
    });
  }
}

function establishedOn(connection: TcpConnection): Established {
  return {
    transport: new StackTransport(connection),
    local: keepEndpoint(connection.local, connection.localPort),
    peer: keepEndpoint(connection.remote, connection.remotePort),
  };
}
