import {
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EFAULT,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOBUFS,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  MSG_OOB,
  MSG_PEEK,
  O_NONBLOCK,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
  SHUT_RDWR,
  SIGURG,
  SI_KERNEL,
  SOCK_STREAM,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { WaitQueue } from "../../ground/wait-queue.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { signalInfo } from "../../signal/pending-signals.ts";
import { signalFileOwner } from "../../vfs/io-signal.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { IncomingMessage, OutgoingMessage, PeerCredentials } from "../message.ts";
import type { Socket } from "../socket.ts";
import { admittedBytes } from "../socket-filter.ts";
import { messageCost, MessageQueue } from "./message-queue.ts";
import { StreamQueue } from "./stream-queue.ts";
import { parseUnixTarget } from "./unix-address.ts";
import {
  BOTH_SHUT,
  identityOf,
  RECEIVE_SHUT,
  SEND_SHUT,
  senderOf,
  UnixSocket,
  type UnixCaller,
  type UnixNetwork,
} from "./unix-socket.ts";
import type { SocketCaller } from "../socket-kernel.ts";

type State = "unconnected" | "listening" | "connected";

/**
 * AF_UNIX sockets that connect: SOCK_STREAM and SOCK_SEQPACKET. What one side sends waits in the queue of the other.
 *
 *     connect():  client ── peer ──► embryo (in listener.#backlog)     accept(): the embryo gets a descriptor
 */
export class UnixConnectionSocket extends UnixSocket {
  #state: State = "unconnected";
  #peer: UnixConnectionSocket | null = null;
  #stream: StreamQueue | null;
  #packets: MessageQueue<UnixConnectionSocket> | null;
  /** Cost of the packets in `#packets`. */
  #packetCost = 0;
  #backlog: UnixConnectionSocket[] = [];
  #backlogMax = 0;
  #listener: { credentials: PeerCredentials; groups: readonly number[] } | null = null;
  /** Those who wait for room in the backlog. */
  #connectors = new WaitQueue();

  constructor(network: UnixNetwork, type: number, flags: number, creator: { fsuid: number; fsgid: number }) {
    super(network, type, flags, creator);
    const { inFlight } = network;
    this.#stream = type === SOCK_STREAM ? new StreamQueue(inFlight) : null;
    this.#packets = type === SOCK_STREAM ? null : new MessageQueue<UnixConnectionSocket>(inFlight);
  }

  override get isStream(): boolean {
    return this.#stream !== null;
  }

  override get isListening(): boolean {
    return this.#state === "listening";
  }

  override get backlog(): number {
    return this.#backlog.length;
  }

  override get backlogLimit(): number {
    return this.#backlogMax;
  }

  get isConnected(): boolean {
    return this.#state === "connected";
  }

  override get peerSocket(): UnixConnectionSocket | null {
    return this.#peer;
  }

  protected override get raisesPipeSignal(): boolean {
    return true;
  }

  /** socketpair(2). */
  static pair(task: UnixCaller, type: number, flags: number): [UnixConnectionSocket, UnixConnectionSocket] {
    const one = new UnixConnectionSocket(task.network, type, flags, task.credentials);
    const other = new UnixConnectionSocket(task.network, type, flags, task.credentials);
    const identity = identityOf(task);
    const { groups } = task.credentials;
    one.#join(other, identity, groups);
    other.#join(one, identity, groups);
    return [one, other];
  }

  #join(peer: UnixConnectionSocket, identity: PeerCredentials, groups: readonly number[]): void {
    this.#peer = peer;
    this.#state = "connected";
    this.setPeerIdentity(identity, groups);
  }

  /** listen(2). EINVAL when it has no name or is connected. */
  override listen(task: SocketCaller, backlog: number): number {
    if (this.name.kind === "unnamed") return -EINVAL;
    if (this.#state === "connected") return -EINVAL;
    const most = this.network.settings.backlogOf(backlog);
    const grew = most > this.#backlogMax;
    this.#backlogMax = most;
    this.#state = "listening";
    const identity = identityOf(task);
    this.#listener = { credentials: identity, groups: task.credentials.groups };
    this.setPeerIdentity(identity, task.credentials.groups);
    if (grew) this.#connectors.wakeAll();
    return 0;
  }

  /**
   * connect(2), with the errors of unix(7).
   *
   * @returns 0, BLOCKED, or EAGAIN (backlog full), ECONNREFUSED, EINVAL (it listens), EISCONN, EPROTOTYPE, EACCES,
   *   ENOENT …
   */
  override connect(task: SocketCaller, address: Uint8Array, nonblocking: boolean): number {
    const name = parseUnixTarget(address);
    const target = isErrno(name) ? name : this.findTarget(task, name);
    if (isErrno(target)) return target;
    if (this.options.wantsSender) {
      const failed = this.autobind();
      if (failed < 0) return failed;
    }
    const listener = target as UnixConnectionSocket;
    if (!listener.isListening || (listener.shut & RECEIVE_SHUT) !== 0) return -ECONNREFUSED;
    if (this.#state === "connected") return -EISCONN;
    if (this.#state === "listening") return -EINVAL;
    if (listener.#backlog.length > listener.#backlogMax) {
      return nonblocking ? -EAGAIN : this.waitForConnection(task, listener.#connectors, -EAGAIN);
    }
    const embryo = new UnixConnectionSocket(this.network, this.type, 0, {
      fsuid: listener.inode!.uid,
      fsgid: listener.inode!.gid,
    });
    embryo.options.passCredentials = listener.options.passCredentials;
    embryo.options.passPidfd = listener.options.passPidfd;
    embryo.name = listener.name;
    embryo.#join(this, identityOf(task), task.credentials.groups);
    this.#join(embryo, listener.#listener!.credentials, listener.#listener!.groups);
    listener.#backlog.push(embryo);
    listener.readiness.wakeAll(POLLIN | POLLRDNORM);
    this.readiness.wakeAll();
    return 0;
  }

  override accept(_task: SocketCaller, flags: number): Socket | number {
    if (this.#state !== "listening") return -EINVAL;
    const embryo = this.#backlog.shift();
    // Only who would wait is told that nobody comes any more (net/core/datagram.c, __skb_recv_datagram).
    if (embryo === undefined) return (this.shut & RECEIVE_SHUT) !== 0 && this.waits(0) ? -EINVAL : -EAGAIN;
    embryo.flags |= flags & O_NONBLOCK;
    this.#connectors.wakeAll();
    return embryo;
  }

  override send(task: SocketCaller, from: IoCursor, message: OutgoingMessage, flags: number): number {
    const isUrgent = (flags & MSG_OOB) !== 0;
    if (isUrgent && this.#stream !== null && from.remaining === 0) return -EOPNOTSUPP;
    // SOCK_SEQPACKET has no use for a name (unix_seqpacket_sendmsg).
    const isNamed = message.address !== null && message.address.length > 0;
    if (isNamed && this.#stream !== null) return this.#state === "connected" ? -EISCONN : -EOPNOTSUPP;
    // An error comes first where packets are sent (unix_seqpacket_sendmsg), and last where bytes are.
    const failed = this.#stream === null ? this.takeError() : 0;
    if (failed !== 0) return -failed;
    const peer = this.#peer;
    if (this.#state !== "connected" || peer === null) return -ENOTCONN;
    if (isUrgent && this.#stream === null) return -EOPNOTSUPP;
    if ((this.shut & SEND_SHUT) !== 0) return -EPIPE;
    const error = this.takeError();
    if (error !== 0) return -error;
    if (peer.isClosed || (peer.shut & RECEIVE_SHUT) !== 0) return -EPIPE;
    const sender = this.options.wantsSender || peer.options.wantsSender ? senderOf(task) : null;
    const result =
      this.#stream !== null
        ? this.#sendBytes(peer, from, message, sender)
        : this.#sendPacket(peer, from, message, sender);
    if (isUrgent && result > 0 && from.remaining === 0) {
      peer.#stream!.markUrgent();
      if (peer.owner !== 0) signalFileOwner(this.kernel, peer, signalInfo(SIGURG, SI_KERNEL));
      peer.readiness.wakeAll(POLLIN | POLLRDNORM | POLLPRI);
    } else if (result >= 0) peer.readiness.wakeAll(POLLIN | POLLRDNORM);
    return result;
  }

  #sendBytes(
    peer: UnixConnectionSocket,
    from: IoCursor,
    message: OutgoingMessage,
    sender: PeerCredentials | null,
  ): number {
    if (from.remaining === 0) return 0;
    const moved = peer.#stream!.write(from, this.options.sendBuffer, message.ancillary, sender);
    if (moved > 0 && message.ancillary !== null) message.ancillary = null;
    return moved;
  }

  #sendPacket(
    peer: UnixConnectionSocket,
    from: IoCursor,
    message: OutgoingMessage,
    sender: PeerCredentials | null,
  ): number {
    const length = from.remaining;
    if (length > this.options.sendBuffer - 32) return -EMSGSIZE;
    // The last one may go beyond (net/core/sock.c, sock_alloc_send_pskb).
    if (peer.#packetCost >= this.options.sendBuffer) return -EAGAIN;
    if (peer.#packets!.isScarce) return -EAGAIN;
    if (peer.#packets!.refuses(length)) return -ENOBUFS;
    const bytes = new Uint8Array(length);
    const taken = length === 0 ? 0 : from.take(bytes, 0, length);
    if (taken < length) return taken < 0 ? taken : -EFAULT;
    const admitted = admittedBytes(peer, bytes);
    if (admitted < 0) return length;
    peer.#packets!.push(bytes.subarray(0, admitted), message.ancillary, {
      credentials: sender,
      socket: this,
    });
    if (message.ancillary !== null) message.ancillary = null;
    peer.#packetCost += messageCost(admitted);
    return length;
  }

  override receive(_task: SocketCaller, to: IoCursor, message: IncomingMessage, flags: number): number {
    const isUrgent = (flags & MSG_OOB) !== 0;
    if (this.#state !== "connected") return this.#stream !== null ? -EINVAL : -ENOTCONN;
    if (isUrgent && this.#stream === null) return -EOPNOTSUPP;
    // Before packets that wait (net/core/datagram.c, __skb_try_recv_datagram), behind bytes.
    const failed = this.#stream === null ? this.takeError() : 0;
    if (failed !== 0) return -failed;
    const peek = (flags & MSG_PEEK) !== 0;
    let result = -EAGAIN;
    if (this.#stream !== null) {
      if (isUrgent) return this.#receiveUrgent(to, message, peek);
      if (to.remaining > 0) result = this.#receiveBytes(to, message, peek);
      else if (this.#stream.length > (peek ? this.options.peekOffset : 0) && this.#stream.length > 0) {
        this.#stream.readNone(message, peek, this.options.wantsSender);
        this.tellSender(message, this.#peer);
        result = 0;
      }
    } else if (this.#packets!.count > 0) {
      const cost = this.#packets!.first!.cost;
      result = this.#packets!.read(to, message, flags, this);
      if (result >= 0 && !peek) {
        this.#packetCost -= cost;
        this.#wakeSender();
      }
    }
    if (result === -EAGAIN) {
      const error = this.takeError();
      if (error !== 0) return -error;
      return (this.shut & RECEIVE_SHUT) !== 0 ? 0 : -EAGAIN;
    }
    // Bytes have no time (net/unix/af_unix.c, unix_stream_read_generic).
    if (result >= 0 && this.#stream === null) this.stamp(message);
    return result;
  }

  #receiveBytes(to: IoCursor, message: IncomingMessage, peek: boolean): number {
    const stream = this.#stream!;
    const before = stream.cost;
    const { wantsSender: withCredentials, oobInline: isInline, peekOffset } = this.options;
    const moved = stream.read(to, message, { peek, withCredentials, isInline, skip: peek ? peekOffset : 0 });
    if (moved > 0) this.options.movePeek(peek, moved);
    if (stream.cost < before) this.#wakeSender();
    if (moved > 0) this.tellSender(message, this.#peer);
    return moved === 0 ? -EAGAIN : moved;
  }

  /** EINVAL when no byte is urgent, or it stays in the stream (SO_OOBINLINE). */
  #receiveUrgent(to: IoCursor, message: IncomingMessage, peek: boolean): number {
    if (!this.#stream!.hasUrgent || this.options.oobInline) return -EINVAL;
    const moved = this.#stream!.readUrgent(to, peek);
    if (moved >= 0) message.flags |= MSG_OOB;
    return moved;
  }

  #wakeSender(): void {
    this.#peer?.readiness.wakeAll(POLLOUT | POLLWRNORM | POLLWRBAND);
  }

  /** SIOCATMARK. */
  override get isAtMark(): boolean {
    return this.#stream?.isAtMark ?? false;
  }

  override available(): number {
    return this.#stream !== null ? this.#stream.length : this.#packets!.length;
  }

  override get unsent(): number {
    const peer = this.#peer;
    return peer === null ? 0 : this.#stream !== null ? peer.#stream!.cost : peer.#packetCost;
  }

  override poll(): number {
    let ready = 0;
    if (this.pendingError !== 0) ready |= POLLERR;
    if (this.shut === BOTH_SHUT || this.#state === "unconnected") ready |= POLLHUP;
    if ((this.shut & RECEIVE_SHUT) !== 0) ready |= POLLRDHUP | POLLIN | POLLRDNORM;
    if (this.#state === "listening") return this.#backlog.length > 0 ? ready | POLLIN | POLLRDNORM : ready;
    if (this.#stream !== null ? this.#stream.length > 0 : this.#packets!.count > 0) ready |= POLLIN | POLLRDNORM;
    if (this.#stream?.hasUrgent === true) ready |= POLLPRI;
    // A quarter of the buffer may be in use (net/unix/af_unix.c, unix_writable).
    if (this.unsent * 4 <= this.options.sendBuffer) ready |= POLLOUT | POLLWRNORM | POLLWRBAND;
    return ready;
  }

  /** shutdown(2): each direction ends on both sides; no error when there is no connection. */
  override shutdown(_task: SocketCaller, how: number): number {
    if (how < 0 || how > SHUT_RDWR) return -EINVAL;
    const bits = how + 1;
    this.shut |= bits;
    const peer = this.#peer;
    if (peer !== null) {
      peer.shut |= ((bits & RECEIVE_SHUT) << 1) | ((bits & SEND_SHUT) >> 1);
      peer.readiness.wakeAll();
    }
    this.readiness.wakeAll();
    this.#connectors.wakeAll();
    return 0;
  }

  /** The other side reads ECONNRESET once it has read what was sent to it. */
  resetPeer(): void {
    if (this.#peer !== null) this.#peer.pendingError = ECONNRESET;
  }

  override queuedFiles(): OpenFile[] {
    const files = this.#stream !== null ? this.#stream.files() : this.#packets!.files();
    for (const embryo of this.#backlog) files.push(...embryo.queuedFiles());
    return files;
  }

  override dropQueue(): void {
    this.#stream?.clear();
    this.#packets?.clear(() => {});
    this.#packetCost = 0;
    for (const embryo of this.#backlog) embryo.dropQueue();
  }

  /** Connections that nobody accepted are reset; so is a peer whose bytes were not read (unix(7)). */
  protected override dispose(): void {
    super.dispose();
    const peer = this.#peer;
    if (peer !== null) {
      peer.shut = BOTH_SHUT;
      if (this.available() > 0 || (this.#packets !== null && this.#packets.count > 0)) peer.pendingError = ECONNRESET;
    }
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const embryo of backlog) {
      if (embryo.#peer !== null) embryo.#peer.pendingError = ECONNRESET;
      embryo.release();
    }
    this.dropQueue();
    this.#state = "unconnected";
    this.#connectors.wakeAll();
    peer?.readiness.wakeAll();
  }

  static {
    stateClass("UnixConnectionSocket", this, {
      save: (it) => ({
        state: it.#state,
        peer: it.#peer,
        stream: it.#stream,
        packets: it.#packets,
        packetCost: it.#packetCost,
        backlog: it.#backlog,
        backlogMax: it.#backlogMax,
        listener: it.#listener,
        connectors: it.#connectors,
      }),
      load: (it, from) =>
        ({
          state: it.#state,
          peer: it.#peer,
          stream: it.#stream,
          packets: it.#packets,
          packetCost: it.#packetCost,
          backlog: it.#backlog,
          backlogMax: it.#backlogMax,
          listener: it.#listener,
          connectors: it.#connectors,
        } = from),
    });
  }
}
