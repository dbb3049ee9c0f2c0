import {
  EADDRINUSE,
  AF_UNSPEC,
  EAGAIN,
  EALREADY,
  ECONNABORTED,
  ECONNREFUSED,
  ECONNRESET,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENOTCONN,
  ETIMEDOUT,
  EOPNOTSUPP,
  EPIPE,
  IPPROTO_TCP,
  MSG_ERRQUEUE,
  MSG_FASTOPEN,
  MSG_MORE,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  O_NONBLOCK,
  POLLIN,
  POLLRDNORM,
  SHUT_RD,
  SHUT_RDWR,
  SHUT_WR,
  SIGURG,
  SI_KERNEL,
  SOCK_STREAM,
  SO_KEEPALIVE,
  SO_OOBINLINE,
  TCP_CLOSE,
  TCP_CLOSE_WAIT,
  TCP_CORK,
  TCP_ESTABLISHED,
  TCP_FIN_WAIT2,
  TCP_INFO,
  TCP_LISTEN,
  TCP_NODELAY,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostAddress } from "@stratos/host";
import { keepEndpoint, ScratchEndpoint } from "@stratos/netstack";
import { signalInfo } from "../../signal/pending-signals.ts";
import { signalFileOwner } from "../../vfs/io-signal.ts";
import { BLOCKED_KILLABLE } from "../../ground/wait-queue.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { IncomingMessage, OutgoingMessage } from "../message.ts";
import type { Socket } from "../socket.ts";
import { DiscardCursor } from "../part-cursor.ts";
import { HostAttempt, HostListener } from "./host-tcp.ts";
import { HostTransport } from "./host-transport.ts";
import { familyOf, readInetAddress } from "./inet-address.ts";
import { type AskedOption, type InetNetwork, InetSocket } from "./inet-socket.ts";
import { LoopbackAttempt, LoopbackListener, type SilentConnection } from "./loopback-tcp.ts";
import { LoopbackTransport } from "./loopback-transport.ts";
import { type HeldPort, holdPort, letHeldPortGo } from "./held-ports.ts";
import type { PortClaim } from "./port-claim.ts";
import type { PortTable } from "./port-table.ts";
import { StackListener } from "./stack-tcp.ts";
import { StackTransport } from "./stack-transport.ts";
import { beginConnection, countFailure } from "./tcp-connect.ts";
import type { NetworkTcp } from "./network-tcp.ts";
import { connectionInfo, listenerInfo } from "./tcp-info.ts";
import { getTcpOption, setTcpOption, streamBuffers, TcpOptions, tellWithBytes } from "./tcp-options.ts";
import { findWay, WAY } from "./tcp-route.ts";
import { synPatienceNs, TcpTimes, type TcpTime } from "./tcp-timers.ts";
import { type Established, readinessOf, readinessWithout } from "./tcp-transport.ts";
import type { TcpAttempt, TcpTransport, WayIn } from "./tcp-transport.ts";
import { sendWithUrgent } from "./urgent-data.ts";
import type { SocketCaller } from "../socket-kernel.ts";

/** What is held back goes after it in any case (tcp(7), TCP_CORK). */
const CORK_NS = 200e6;
/** Until a window that is shut is asked for the first time. */
const FIRST_PROBE_NS = 200e6;

export interface TcpClaim extends PortClaim {
  readonly socket: TcpSocket;
}

/** Where a call connects to; valid during it. */
const TO = new ScratchEndpoint();

/** The network of such a socket (network.ts). */
export interface TcpNetwork extends InetNetwork {
  readonly tcpPorts: PortTable<TcpClaim>;
  /** Carries connections over links. */
  readonly tcp: NetworkTcp;
  /** Takes connections from outside in as packets, since rules are to see them; null: they come as they are. */
  readonly filteredWayIn: WayIn | null;
}

/**
 * AF_INET and AF_INET6 SOCK_STREAM (tcp(7)). Connections between sockets of this machine never leave it. Everything
 * else is the provider's: connections out, and those that come in to a listener that is not bound to a loopback
 * address; such a listener accepts from both. A connection to a loopback address that nobody here listens on goes to
 * the provider too, which knows the loopback of the host.
 */
export class TcpSocket extends InetSocket {
  declare readonly network: TcpNetwork;
  readonly tcp = new TcpOptions();
  /** connect(2) made it, not accept(2). */
  isOwnConnection = false;

  override get isAccepted(): boolean {
    return this.#state === "established" && !this.isOwnConnection;
  }

  /** `socket->state` and `sk->sk_state` of Linux, which connect(2) tells apart. */
  #phase: "unconnected" | "connecting" | "connected" | "disconnecting" = "unconnected";
  #state: "closed" | "listening" | "syn-sent" | "established" = "closed";
  #transport: TcpTransport | null = null;
  /** While it connects. */
  #attempt: TcpAttempt | null = null;
  #isReadShut = false;
  #isWriteShut = false;
  #times = new TcpTimes(this);
  /** While its listener keeps it from accept(2). */
  silent: SilentConnection | null = null;
  // Listening: who comes from this network, and from outside.
  #backlogMax = 0;
  fromHere: LoopbackListener | null = null;
  fromLinks: StackListener | null = null;
  #outside: HostListener | null = null;
  #isListenPending = false;
  #isBindPending = false;
  /** Of a connection whose socket has not claimed its port. */
  heldPort: HeldPort | null = null;

  constructor(network: TcpNetwork, family: number, flags: number, creator: { fsuid: number; fsgid: number }) {
    super(network, family, SOCK_STREAM, IPPROTO_TCP, flags, creator);
    this.tcp.begin(network.settings);
    this.options.begin(streamBuffers(network.settings));
  }

  override get heedsFilter(): boolean {
    return this.#attempt === null && (this.#transport === null || this.#transport instanceof StackTransport);
  }

  override get isStream(): boolean {
    return true;
  }

  override get isListening(): boolean {
    return this.#state === "listening";
  }

  protected override get ports(): PortTable<TcpClaim> {
    return this.network.tcpPorts;
  }

  override get stateNumber(): number {
    if (this.#state === "listening") return TCP_LISTEN;
    if (this.#state === "syn-sent") return TCP_SYN_SENT;
    if (this.#state !== "established" || this.#isOver) return TCP_CLOSE;
    const { state } = this.#transport!;
    if (state !== 0) return state;
    return this.#isWriteShut ? TCP_FIN_WAIT2 : this.#transport!.isEnded ? TCP_CLOSE_WAIT : TCP_ESTABLISHED;
  }

  override get isListed(): boolean {
    return this.stateNumber !== TCP_CLOSE;
  }

  /** Connections in the queue of a listener, and its bound, for /proc/net/tcp. */
  override get backlogLimit(): number {
    return this.#backlogMax;
  }

  override get backlog(): number {
    return (this.fromHere?.length ?? 0) + (this.fromLinks?.length ?? 0);
  }

  /**
   * bind(2). A port of the machine's choice must be free at the host, too, as the program may tell it before it
   * listens: the host listens there from now on, and the call waits until it does.
   */
  override bind(task: SocketCaller, address: Uint8Array): number {
    if (this.#isBindPending) return this.#finishBinding(task);
    const failed = this.bindAddress(task, address);
    const { provider } = this.network;
    if (failed < 0 || provider === null || !this.isPortOurs || !this.isHeardOutside) return failed;
    this.#outside = new HostListener(this, provider);
    return this.#finishBinding(task);
  }

  #finishBinding(task: SocketCaller): number {
    const result = this.#outside!.beginAnywhere(() => this.claimAgain(task));
    this.#isBindPending = result === -EINPROGRESS;
    if (this.#isBindPending) {
      task.waitOn(this.readiness);
      return BLOCKED_KILLABLE;
    }
    if (result === 0) return 0;
    this.#closeOutside();
    // What else the host has against the place, listen(2) tells.
    if (result !== -EADDRINUSE) return 0;
    this.releasePort();
    return result;
  }

  #closeOutside(): void {
    this.#outside?.close();
    this.#outside = null;
  }

  /**
   * listen(2); takes a free port when there is none. With a provider the call waits until the host listens as well.
   *
   * @returns 0, BLOCKED, or EINVAL (connected), EADDRINUSE, or what the host said
   */
  override listen(task: SocketCaller, backlog: number): number {
    if (this.#isListenPending) return this.#finishListening(task);
    if (this.#state !== "closed" && this.#state !== "listening") return -EINVAL;
    if (this.#phase !== "unconnected") return -EINVAL;
    this.#backlogMax = this.network.settings.backlogOf(backlog);
    if (this.#state === "listening") {
      this.fromHere!.resize();
      return 0;
    }
    const failed = this.claimAnyPort(task);
    if (failed < 0) return failed;
    const refused = this.ports.listen(this.claim as TcpClaim);
    if (refused < 0) return refused;
    const { provider } = this.network;
    this.fromHere = new LoopbackListener(this);
    this.fromLinks = new StackListener(this);
    if (provider !== null && this.isHeardOutside) {
      this.#outside ??= new HostListener(this, provider);
      return this.#finishListening(task);
    }
    this.#state = "listening";
    return 0;
  }

  #finishListening(task: SocketCaller): number {
    // Nobody has been told the port that listen(2) chose.
    const result = this.isAddressBound
      ? this.#outside!.begin()
      : this.#outside!.beginAnywhere(() => this.claimAgain(task) || this.ports.listen(this.claim as TcpClaim));
    this.#isListenPending = result === -EINPROGRESS;
    if (this.#isListenPending) {
      task.waitOn(this.readiness);
      return BLOCKED_KILLABLE;
    }
    if (result < 0) {
      this.#closeOutside();
      this.claim!.isListening = false;
      return result;
    }
    this.#state = "listening";
    return 0;
  }

  override accept(_task: SocketCaller, flags: number): Socket | number {
    if (this.#state !== "listening") return -EINVAL;
    let child = this.fromHere!.accept();
    if (child === -EAGAIN) child = this.fromLinks!.accept();
    if (child === -EAGAIN && this.#outside !== null) child = this.#outside.accept();
    if (!isErrno(child)) child.flags |= flags & O_NONBLOCK;
    return child;
  }

  /** For a connection that came in. */
  makeChild(): TcpSocket {
    const child = new TcpSocket(this.network, this.family, 0, { fsuid: this.inode!.uid, fsgid: this.inode!.gid });
    child.options.inherit(this.options);
    child.ip.inherit(this.ip);
    child.tcp.inherit(this.tcp);
    return child;
  }

  /**
   * connect(2), also asked again while it goes on.
   *
   * @returns 0, BLOCKED, or EINPROGRESS, EALREADY, EISCONN, ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT,
   *   EINVAL …
   */
  override connect(task: SocketCaller, address: Uint8Array, nonblocking: boolean): number {
    if (address.length >= 2 && familyOf(address) === AF_UNSPEC) return this.#disconnect();
    let waiting = -EINPROGRESS;
    if (this.#phase === "connected") return -EISCONN;
    if (this.#phase === "disconnecting") return -EINVAL;
    if (this.#phase === "unconnected") {
      if (this.#state !== "closed") return -EISCONN;
      const malformed = readInetAddress(address, this.family, TO);
      const failed = malformed || this.chooseLink(TO.ip, address) || this.#begin();
      if (failed < 0) return failed;
      this.#phase = "connecting";
      // As on Linux the answer, even from this machine, comes after connect has returned.
      if (nonblocking) return -EINPROGRESS;
    } else waiting = -EALREADY;
    if (this.#state === "syn-sent") {
      if (nonblocking) return waiting;
      return this.waitForConnection(task, this.readiness, waiting);
    }
    if (this.#state !== "established") {
      const error = this.takeError();
      this.#disconnect();
      return error !== 0 ? -error : -ECONNABORTED;
    }
    this.#phase = "connected";
    return 0;
  }

  /** Begins to connect to TO. */
  #begin(): number {
    const noWay = findWay(this, TO);
    if (noWay < 0) return noWay;
    const to = keepEndpoint(TO.ip, TO.port);
    const failed = this.takeEnds(WAY.source, to);
    if (failed < 0) return failed;
    this.#closeOutside();
    this.pendingError = 0;
    this.network.counters.activeOpens++;
    const begun = beginConnection(this, to, WAY.isOnLink);
    if (isErrno(begun)) return this.letEndsGo(begun);
    if (begun.failed !== undefined) this.#fail(begun.failed);
    else if (begun.established !== undefined) this.becomeEstablished(begun.established);
    else {
      this.#attempt = begun.attempt;
      this.#state = "syn-sent";
      if (begun.attempt instanceof LoopbackAttempt) begun.attempt.begin();
      else this.changed();
      // Else the host's patience is what counts.
      const isOurs = !(begun.attempt instanceof HostAttempt) || this.tcp.limitsConnecting;
      if (this.#attempt !== null && isOurs) this.#limitConnecting();
    }
    return 0;
  }

  #limitConnecting(): void {
    const { synRetries, synLinear } = this.network.settings;
    const retries = this.tcp.synRetries || synRetries;
    this.#times.begin("user", synPatienceNs(retries, synLinear, this.tcp.userTimeoutMs));
  }

  /** The connection is there, of a listener's child as well. */
  becomeEstablished({ transport, local, peer }: Established): void {
    this.isOwnConnection = this.#attempt !== null;
    if (this.peer === null) this.network.counters.passiveOpens++;
    this.#attempt = null;
    this.#transport = transport;
    if (local !== null) this.local = local;
    if (peer !== null) this.peer = peer;
    if (this.claim === null) this.heldPort = holdPort(this, null);
    transport.isUrgentInline = this.options.oobInline;
    this.#state = "established";
    if (this.#phase === "unconnected") this.#phase = "connected";
    this.#tellOptions();
  }

  #tellOptions(): void {
    this.tcp.applyTo(this.#transport!, this.options.keepAlive);
  }

  /** In a fork or a loaded machine: what the host carried is over. */
  #noticeSevered(): void {
    const carried = this.#transport instanceof HostTransport ? this.#transport : this.#attempt;
    if ((carried instanceof HostTransport || carried instanceof HostAttempt) && carried.isSevered) this.changed();
  }

  /** The listener ended before it was accepted. */
  abort(): void {
    this.#transport!.abort();
  }

  /** Where bind(2) put it, as the provider takes it; null: nowhere. */
  get boundAtHost(): HostAddress | null {
    return this.isAddressBound ? this.hostLocal : null;
  }

  /** Of a connection between two sockets of this machine; null: it is another. */
  get inside(): LoopbackTransport | null {
    return this.#transport instanceof LoopbackTransport ? this.#transport : null;
  }

  /** @param wasTried  a connection, which is counted */
  #fail(error: number, wasTried = true): void {
    if (wasTried) countFailure(this.network, this.#attempt, error === ECONNREFUSED ? this.peer : null);
    this.#state = "closed";
    this.pendingError = error;
    this.#isReadShut = this.#isWriteShut = true;
    this.#attempt = null;
    this.peer = null;
    this.letPortGo();
  }

  /** The provider's news, or the other side's. */
  override changed(): void {
    if (this.#attempt !== null) {
      const outcome = this.#attempt.outcome();
      if (outcome !== null) this.#times.end("user");
      if (isErrno(outcome)) this.#fail(outcome);
      else if (outcome !== null) this.becomeEstablished(outcome);
    } else if (this.#state === "established") this.#transport!.notice();
    this.silent?.look();
    if (this.tcp.userTimeoutMs > 0) this.#limitWaiting();
    this.readiness.wakeAll();
  }

  urgentArrived(): void {
    if (this.owner !== 0) signalFileOwner(this.kernel, this, signalInfo(SIGURG, SI_KERNEL));
    this.changed();
  }

  /** Drops the connection, or what is left of one; the socket may connect again (net/ipv4/tcp.c, tcp_disconnect). */
  #disconnect(): number {
    const isOpen = this.#state === "syn-sent" || (this.#state === "established" && !this.#isOver);
    this.pendingError = isOpen ? ECONNRESET : this.takeError();
    this.#leave(true);
    this.#transport = null;
    this.#phase = "unconnected";
    this.#isReadShut = false;
    this.#isWriteShut = false;
    this.letEndsGo(0);
    this.readiness.wakeAll();
    return 0;
  }

  override send(_task: SocketCaller, from: IoCursor, message: OutgoingMessage, flags: number): number {
    if ((flags & MSG_FASTOPEN) !== 0) return -EOPNOTSUPP;
    if (this.#state === "syn-sent") return -EAGAIN;
    const error = this.takeError();
    if (error !== 0) return -error;
    if (this.#state !== "established" || this.#isWriteShut) return -EPIPE;
    const transport = this.#transport!;
    if ((flags & MSG_OOB) === 0 || from.remaining === 0) {
      const hasMore = (flags & MSG_MORE) !== 0 || this.tcp.isCorked;
      const sent = transport.write(from, this.capacity, hasMore);
      if (hasMore && transport.holdsBack) this.#times.begin("cork", CORK_NS);
      if (this.tcp.userTimeoutMs > 0 && sent > 0) this.#limitWaiting();
      return sent === 0 && from.remaining > 0 ? -EFAULT : sent;
    }
    return sendWithUrgent(transport, from, this.capacity);
  }

  timeIsOver(time: TcpTime): void {
    if (time === "cork") this.#transport?.push();
    else if (this.#attempt !== null) this.#giveUp(ETIMEDOUT);
    else this.inside?.giveUp(ETIMEDOUT);
  }

  #giveUp(error: number): void {
    this.#attempt?.abandon();
    this.#times.end("user");
    this.#fail(error, this.#attempt !== null);
    this.readiness.wakeAll();
  }

  /** Of a listener, the connections that wait for accept(2) are reset, too (net/ipv4/tcp.c, tcp_abort). */
  override destroy(error: number): number {
    if (this.#state === "established") this.#transport!.destroy(error);
    else {
      if (this.#state === "listening") this.#stopListening();
      this.#giveUp(error);
    }
    return 0;
  }

  /** Inside the machine nothing is lost; what waits is what the peer has no room for (net/ipv4/tcp_timer.c). */
  #limitWaiting(): void {
    if (this.#attempt !== null) return;
    this.#times.end("user");
    const { userTimeoutMs } = this.tcp;
    if (userTimeoutMs > 0 && this.unsent > 0) this.#times.begin("user", userTimeoutMs * 1e6 + FIRST_PROBE_NS);
  }

  #push(): void {
    this.#times.end("cork");
    this.#transport?.push();
  }

  /** Bytes that may be under way: what we may send, and what the other side may receive. */
  get capacity(): number {
    return this.options.sendBuffer + this.options.receiveBuffer;
  }

  override receive(_task: SocketCaller, to: IoCursor, message: IncomingMessage, flags: number): number {
    if ((flags & MSG_ERRQUEUE) !== 0) return -EAGAIN;
    if (this.#state === "listening") return -ENOTCONN;
    if ((flags & MSG_OOB) !== 0 && (this.#state === "syn-sent" || this.#state === "closed")) return -EINVAL;
    if (this.#state === "syn-sent") return -EAGAIN;
    if (this.#state === "closed") {
      const error = this.takeError();
      return error !== 0 ? -error : this.#isReadShut ? 0 : -ENOTCONN;
    }
    if ((flags & MSG_OOB) !== 0) return this.#receiveUrgent(to, message, flags);
    const transport = this.#transport!;
    const peek = (flags & MSG_PEEK) !== 0;
    const passed = peek ? Math.max(0, this.options.peekOffset) : 0;
    // tcp(7): with MSG_TRUNC the bytes are thrown away, not copied.
    const read = transport.read((flags & MSG_TRUNC) !== 0 ? new DiscardCursor(to.remaining) : to, peek, passed);
    if (read === -EAGAIN && this.pendingError !== 0) return -this.takeError();
    if (read > 0) this.options.movePeek(peek, read);
    if ((flags & MSG_TRUNC) !== 0) return read;
    const result = read === -EAGAIN && this.#isReadShut ? 0 : read;
    if (result >= 0) tellWithBytes(this, transport, message, result);
    return result;
  }

  #receiveUrgent(to: IoCursor, message: IncomingMessage, flags: number): number {
    if (this.options.oobInline) return -EINVAL;
    const moved = this.#transport!.readUrgent(to, (flags & MSG_PEEK) !== 0);
    if (moved >= 0) message.flags |= MSG_OOB;
    return moved;
  }

  override get isAtMark(): boolean {
    return this.#transport?.isAtMark ?? false;
  }

  /** Reset, or ended by both sides: the state is CLOSED, or TIME_WAIT, in which Linux keeps no socket. */
  get #isOver(): boolean {
    const transport = this.#transport;
    if (transport === null) return false;
    if (transport.state !== 0) return transport.state === TCP_CLOSE || transport.state === TCP_TIME_WAIT;
    return transport.isReset || (this.#isWriteShut && transport.isEnded && transport.unsent === 0);
  }

  /**
   * A connection that is over has no peer any more, though what had arrived can still be read (net/ipv4/af_inet.c,
   * inet_getname).
   */
  override peerName(): Uint8Array | number {
    return this.#isOver || this.#state === "syn-sent" ? -ENOTCONN : super.peerName();
  }

  override available(): number {
    return this.#transport?.available ?? 0;
  }

  override get unsent(): number {
    return this.#transport?.unsent ?? 0;
  }

  protected override get hasLastingError(): boolean {
    return this.pendingError !== 0 || (this.#transport?.hasError ?? false);
  }

  override takeError(): number {
    return super.takeError() || (this.#transport?.takeError() ?? 0);
  }

  override poll(): number {
    switch (this.#state) {
      case "listening":
        return this.backlog > 0 || this.#outside?.isReadable === true ? POLLIN | POLLRDNORM : 0;
      case "syn-sent":
        return 0;
      case "closed":
        return readinessWithout(this.pendingError !== 0, this.#isReadShut);
      default:
        return readinessOf(this.#transport!, {
          isReadShut: this.#isReadShut,
          isWriteShut: this.#isWriteShut,
          capacity: this.capacity,
          lowAt: this.options.receiveLowAt,
        });
    }
  }

  /** shutdown(2); of a listener it ends the listening. ENOTCONN without a connection. */
  override shutdown(_task: SocketCaller, how: number): number {
    if (how < 0 || how > SHUT_RDWR) return -EINVAL;
    if (this.#state === "syn-sent") return this.#disconnect();
    if (this.#phase === "connecting") this.#phase = this.stateNumber === TCP_CLOSE ? "disconnecting" : "connected";
    if (this.#state === "closed") {
      if (how !== SHUT_RD) this.#isWriteShut = true;
      if (how !== SHUT_WR) this.#isReadShut = true;
      this.readiness.wakeAll();
      return -ENOTCONN;
    }
    if (this.#state === "listening") {
      if (how !== SHUT_WR) this.#stopListening();
      this.readiness.wakeAll();
      return 0;
    }
    if (this.#isOver) return -ENOTCONN;
    if (how !== SHUT_RD) {
      // What was shut before it had a connection has told nobody yet.
      this.#isWriteShut = true;
      this.#transport!.finish();
    }
    if (how !== SHUT_WR) {
      this.#isReadShut = true;
      this.#transport!.stopReading();
    }
    this.readiness.wakeAll();
    return 0;
  }

  #stopListening(): void {
    this.#state = "closed";
    if (this.claim !== null) this.claim.isListening = false;
    this.#closeOutside();
    const { fromHere, fromLinks } = this;
    this.fromHere = this.fromLinks = null;
    fromHere?.close();
    fromLinks?.close();
  }

  /** Gives up whatever goes on. */
  #leave(abort: boolean): void {
    if (this.#state === "listening" || this.#outside !== null) this.#stopListening();
    this.#isListenPending = false;
    this.#isBindPending = false;
    this.#attempt?.abandon();
    this.#attempt = null;
    this.#times.end("user");
    if (abort) this.#transport?.abort();
    else this.#transport?.close();
    if (!abort && this.tcp.finWaitNs < 0) this.inside?.waitNoMore();
    letHeldPortGo(this, this.#transport, this.claim);
    this.#state = "closed";
    this.peer = null;
  }

  override setProtocolOption(task: SocketCaller, level: number, name: number, value: Uint8Array): number {
    if (level !== IPPROTO_TCP) return super.setProtocolOption(task, level, name, value);
    const { stateNumber: state, network } = this;
    const result = setTcpOption(this.tcp, name, value, { state, queueMost: network.settings.backlogMost });
    if ((name === TCP_CORK && !this.tcp.isCorked) || (name === TCP_NODELAY && this.tcp.noDelay)) this.#push();
    if (result === 0 && this.#state === "established") this.tcp.applyTo(this.#transport!, this.options.keepAlive);
    return result;
  }

  override getProtocolOption(...[task, level, name, length, at]: AskedOption): Uint8Array | number {
    if (level !== IPPROTO_TCP) return super.getProtocolOption(task, level, name, length, at);
    if (name !== TCP_INFO) {
      const { synRetries } = this.network.settings;
      return getTcpOption(this.tcp, name, { mss: this.#transport?.segmentBytes ?? 0, synRetries, length });
    }
    const { stateNumber: state } = this;
    if (state === TCP_LISTEN) return listenerInfo(state, { length: this.backlog, most: this.backlogLimit });
    return connectionInfo(state, this.#transport, this.isOwnConnection);
  }

  override optionChanged(name: number): void {
    super.optionChanged(name);
    this.heldPort?.share(this.options);
    if (name === SO_OOBINLINE && this.#transport !== null) this.#transport.isUrgentInline = this.options.oobInline;
    if (name !== SO_KEEPALIVE || this.#state !== "established") return;
    if (this.options.keepAlive) this.#tellOptions();
    else this.#transport!.setOption("keepAlive", 0);
  }

  /** SO_LINGER with 0 seconds resets the connection, otherwise what was written still arrives. */
  protected override dispose(): void {
    this.#times.endAll();
    this.#leave(this.options.lingerSeconds === 0);
    super.dispose();
  }

  static {
    stateClass(
      "TcpSocket",
      this,
      {
        save: (it) => ({
          phase: it.#phase,
          state: it.#state,
          transport: it.#transport,
          attempt: it.#attempt,
          isReadShut: it.#isReadShut,
          isWriteShut: it.#isWriteShut,
          times: it.#times,
          backlogMax: it.#backlogMax,
          outside: it.#outside,
          isListenPending: it.#isListenPending,
          isBindPending: it.#isBindPending,
        }),
        load: (it, from) =>
          ({
            phase: it.#phase,
            state: it.#state,
            transport: it.#transport,
            attempt: it.#attempt,
            isReadShut: it.#isReadShut,
            isWriteShut: it.#isWriteShut,
            times: it.#times,
            backlogMax: it.#backlogMax,
            outside: it.#outside,
            isListenPending: it.#isListenPending,
            isBindPending: it.#isBindPending,
          } = from),
      },
      { loaded: (it) => it.#noticeSevered() },
    );
  }
}
