import { createServer, Socket, type Server } from "node:net";
import {
  EAFNOSUPPORT,
  EADDRNOTAVAIL,
  EAGAIN,
  ECONNABORTED,
  ECONNRESET,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENOTCONN,
  EPIPE,
} from "@stratos/abi";
import {
  ByteQueue,
  type BindOptions,
  type HostAddress,
  type HostSocket,
  type HostSocketEvents,
  type HostSocketOption,
} from "@stratos/host";
import { hostErrno } from "./host-errno.ts";
import { HAS_REUSE_PORT } from "./reuse-port.ts";
import type { PublishedPorts } from "./published-ports.ts";

/** What is buffered each way; Node and the host's kernel have buffers of their own beside it. */
const BUFFER_BYTES = 256 * 1024;
/** Connections that wait to be accepted; more are reset. */
const PENDING_MAX = 4096;

/** What an event of a socket brings: bytes, an error, or nothing. */
type Listener = (value: Buffer & Error) => void;

const NOBODY: HostSocketEvents = { changed() {} };

/** TCP by a `net.Socket`, or a listener by a `net.Server`. */
export class NodeStreamSocket implements HostSocket {
  readonly #family: 4 | 6;
  readonly #published: PublishedPorts;
  readonly #closed: (socket: HostSocket) => void;
  #events: HostSocketEvents;
  #socket: Socket | null = null;
  #server: Server | null = null;
  /** It listens, and its port is published elsewhere alone: nobody comes. */
  #isUnreachable = false;
  /** Of the host's socket, ours. */
  readonly #listeners: [event: string, listener: Listener][] = [];
  #bound: HostAddress | null = null;
  #v6Only = false;
  #reusesPort = false;
  #pending: Socket[] = [];
  /** Received bytes that nobody has read. */
  readonly #received = new ByteQueue();
  #isPaused = false;
  #isConnected = false;
  #isEnded = false;
  #isFinished = false;
  #isReadStopped = false;
  /** Set when a write was refused: its end is news. */
  #isFull = false;
  #isClosed = false;
  #error = 0;
  #hasFailed = false;
  /** The addresses stay known after the host's socket is gone. */
  #local: HostAddress | null = null;
  #peer: HostAddress | null = null;
  readonly lastSender = null;
  readonly lastLength = 0;

  constructor(
    family: 4 | 6,
    events: HostSocketEvents,
    closed: (socket: HostSocket) => void,
    published: PublishedPorts,
  ) {
    this.#published = published;
    this.#family = family;
    this.#events = events;
    this.#closed = closed;
  }

  get #isListener(): boolean {
    return this.#server !== null || this.#isUnreachable;
  }

  bind(to: HostAddress, options: BindOptions): number {
    if (this.#socket !== null || this.#isListener) return -EINVAL;
    this.#bound = to;
    this.#v6Only = options.v6Only;
    this.#reusesPort = options.reusePort === true && HAS_REUSE_PORT;
    return 0;
  }

  connect(to: HostAddress): number {
    if (this.#socket !== null) return this.#isConnected ? -EISCONN : -EINPROGRESS;
    const socket = new Socket({ allowHalfOpen: true });
    this.#adopt(socket);
    const bound = this.#bound;
    const local =
      bound === null
        ? {}
        : {
            localPort: bound.port,
            ...(bound.address === "0.0.0.0" || bound.address === "::" ? {} : { localAddress: bound.address }),
          };
    try {
      socket.connect({ host: to.address, port: to.port, family: to.family, autoSelectFamily: false, ...local });
    } catch (error) {
      return hostErrno(error);
    }
    return -EINPROGRESS;
  }

  #adopt(socket: Socket): void {
    this.#socket = socket;
    const on = (event: string, listener: Listener): void => {
      socket.on(event, listener);
      this.#listeners.push([event, listener]);
    };
    on("connect", () => {
      this.#noticeConnection(socket);
      this.#events.changed();
    });
    on("data", (chunk: Buffer) => {
      if (this.#isReadStopped) return;
      this.#received.push(chunk);
      if (this.#received.length >= BUFFER_BYTES && !this.#isPaused) {
        this.#isPaused = true;
        socket.pause();
      }
      this.#events.changed();
    });
    on("end", () => {
      this.#isEnded = true;
      this.#events.changed();
    });
    on("error", (error: Error) => {
      this.#hasFailed = true;
      this.#error = -hostErrno(error);
      this.#events.changed();
    });
    on("close", () => {
      // A connection that ended without a word or an error was cut by the host.
      if (!this.#isEnded && !this.#hasFailed) this.#error = ECONNABORTED;
      this.#hasFailed ||= !this.#isEnded;
      this.#events.changed();
    });
  }

  /**
   * Hands the connection itself to somebody who goes on with it. What has come is given back; until it is closed or
   * aborted this one has its addresses, and ends it then.
   */
  release(): Socket {
    const socket = this.#socket!;
    socket.pause();
    for (const [event, listener] of this.#listeners.splice(0)) socket.off(event, listener);
    const received = Buffer.alloc(this.#received.length);
    this.#received.read(received, 0, received.length, false);
    if (received.length > 0) socket.unshift(received);
    return socket;
  }

  #noticeConnection(socket: Socket): void {
    this.#isConnected = true;
    this.#local = addressOf(socket.localFamily, socket.localAddress, socket.localPort);
    this.#peer = addressOf(socket.remoteFamily, socket.remoteAddress, socket.remotePort);
  }

  listen(backlog: number): number {
    if (this.#isListener || this.#socket !== null) return -EINVAL;
    const at = this.#bound ?? { family: this.#family, address: this.#family === 4 ? "0.0.0.0" : "::", port: 0 };
    const place = this.#published.onHost("stream", at, this.#v6Only);
    if (place !== null) this.#listenAt(place, backlog);
    else {
      this.#isUnreachable = true;
      setImmediate(() => {
        this.#local = at;
        this.#events.changed();
      });
    }
    return -EINPROGRESS;
  }

  #listenAt(at: HostAddress, backlog: number): void {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    this.#server = server;
    server.on("listening", () => {
      const address = server.address();
      if (typeof address === "object" && address !== null)
        this.#local = this.#published.inGuest(
          "stream",
          addressOf(address.family, address.address, address.port),
          this.#bound,
        );
      this.#events.changed();
    });
    server.on("connection", (socket) => {
      if (this.#pending.length >= PENDING_MAX) {
        socket.resetAndDestroy();
        return;
      }
      // Until someone accepts it an error of the connection is its own affair.
      socket.on("error", () => {});
      this.#pending.push(socket);
      this.#events.changed();
    });
    server.on("error", (error) => {
      const errno = -hostErrno(error);
      // A dual-stack listener on a host without IPv6 is one for IPv4.
      if (
        this.#local === null &&
        at.address === "::" &&
        !this.#v6Only &&
        (errno === EAFNOSUPPORT || errno === EADDRNOTAVAIL)
      ) {
        this.#listenAt({ family: 4, address: "0.0.0.0", port: at.port }, backlog);
        return;
      }
      this.#error = errno;
      this.#events.changed();
    });
    try {
      server.listen({
        host: at.address,
        port: at.port,
        backlog: Math.min(backlog, PENDING_MAX),
        ipv6Only: this.#v6Only,
        reusePort: this.#reusesPort,
        exclusive: true,
      });
    } catch (error) {
      this.#error = -hostErrno(error);
    }
  }

  accept(events: HostSocketEvents): HostSocket | number {
    if (!this.#isListener) return -EINVAL;
    const socket = this.#pending.shift();
    if (socket === undefined) return -EAGAIN;
    const accepted = new NodeStreamSocket(this.#family, events, this.#closed, this.#published);
    accepted.#noticeConnection(socket);
    accepted.#local = this.#published.inGuest("stream", accepted.#local, this.#bound);
    socket.removeAllListeners("error");
    accepted.#adopt(socket);
    if (socket.destroyed) {
      // It was reset before anybody listened to it.
      accepted.#hasFailed = true;
      accepted.#error = ECONNRESET;
    } else socket.resume();
    return accepted;
  }

  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    if (this.#received.length === 0) {
      if (this.#isEnded || this.#isReadStopped) return 0;
      return this.#isConnected ? -EAGAIN : -ENOTCONN;
    }
    const done = this.#received.read(bytes, at, length, peek);
    if (this.#isPaused && this.#received.length <= BUFFER_BYTES / 2) {
      this.#isPaused = false;
      this.#socket?.resume();
    }
    return done;
  }

  write(bytes: Uint8Array, at: number, length: number, _to: HostAddress | null): number {
    const socket = this.#socket;
    if (socket === null || !this.#isConnected) return -ENOTCONN;
    if (this.#isFinished || socket.destroyed || !socket.writable) return -EPIPE;
    if (socket.writableLength >= BUFFER_BYTES) {
      this.#isFull = true;
      return -EAGAIN;
    }
    // The caller uses its bytes again, so they are copied.
    socket.write(Buffer.from(bytes.subarray(at, at + length)), () => this.#noticeRoom());
    if (socket.writableLength >= BUFFER_BYTES) this.#isFull = true;
    return length;
  }

  #noticeRoom(): void {
    if (!this.#isFull || this.#socket === null || this.#socket.writableLength > BUFFER_BYTES / 2) return;
    this.#isFull = false;
    this.#events.changed();
  }

  shutdown(how: 0 | 1 | 2): number {
    const socket = this.#socket;
    if (socket === null || !this.#isConnected) return -ENOTCONN;
    if (how !== 1) {
      this.#isReadStopped = true;
      this.#received.clear();
      // What still comes is thrown away, so that the other side is not held back.
      if (this.#isPaused) socket.resume();
      this.#isPaused = false;
    }
    if (how !== 0 && !this.#isFinished) {
      this.#isFinished = true;
      socket.end();
    }
    return 0;
  }

  setOption(option: HostSocketOption, value: number): number {
    const socket = this.#socket;
    if (socket === null) return 0;
    if (option === "noDelay") socket.setNoDelay(value !== 0);
    else if (option === "keepAlive") socket.setKeepAlive(value !== 0);
    else if (option === "keepAliveSeconds") socket.setKeepAlive(true, value * 1000);
    return 0;
  }

  localAddress(): HostAddress | null {
    return this.#local;
  }

  peerAddress(): HostAddress | null {
    return this.#peer;
  }

  readable(): boolean {
    return this.#received.length > 0 || this.#isEnded || this.#hasFailed || this.#pending.length > 0;
  }

  writable(): boolean {
    const socket = this.#socket;
    if (socket === null || !this.#isConnected) return false;
    if (socket.destroyed || this.#isFinished) return true;
    if (socket.writableLength < BUFFER_BYTES) return true;
    this.#isFull = true;
    return false;
  }

  available(): number {
    return this.#received.length;
  }

  unsent(): number {
    return this.#socket?.writableLength ?? 0;
  }

  ended(): boolean {
    return this.#isEnded;
  }

  connected(): boolean {
    return this.#isConnected;
  }

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  close(): void {
    if (this.#isClosed) return;
    const socket = this.#socket;
    if (socket !== null && this.#isConnected && !socket.destroyed) {
      this.#detach();
      // Sends what is queued, then closes; what still comes is not wanted.
      socket.resume();
      socket.destroySoon();
    } else this.abort();
  }

  abort(): void {
    if (this.#isClosed) return;
    const socket = this.#socket;
    this.#detach();
    if (socket !== null) {
      if (this.#isConnected) socket.resetAndDestroy();
      else socket.destroy();
    }
    this.#server?.close();
    for (const pending of this.#pending.splice(0)) pending.resetAndDestroy();
  }

  /** Nobody listens any more; what Node still says about the socket is dropped. */
  #detach(): void {
    this.#isClosed = true;
    this.#events = NOBODY;
    this.#isReadStopped = true;
    this.#received.clear();
    this.#closed(this);
  }
}

function addressOf(
  family: string | undefined,
  address: string | undefined,
  port: number | undefined,
): HostAddress | null {
  if (address === undefined || port === undefined) return null;
  return { family: family === "IPv4" ? 4 : 6, address: address.replace(/%.*$/, ""), port };
}
