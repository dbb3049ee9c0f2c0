import {
  AF_UNSPEC,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
  MSG_OOB,
  MSG_PEEK,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
  SHUT_RDWR,
  SOCK_DGRAM,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import { familyOf } from "../inet/inet-address.ts";
import type { IncomingMessage, OutgoingMessage } from "../message.ts";
import { admittedBytes } from "../socket-filter.ts";
import { messageCost, MessageQueue } from "./message-queue.ts";
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

/** AF_UNIX SOCK_DGRAM (unix(7)): reliable, in order; a full receiver makes its senders wait. */
export class UnixDatagramSocket extends UnixSocket {
  #peer: UnixDatagramSocket | null = null;
  #queue: MessageQueue<UnixDatagramSocket>;
  /** Messages that others may leave in it, and one (net.unix.max_dgram_qlen). */
  #queueMost: number;
  /** Cost of this socket's messages that wait in the queues of others; at most SO_SNDBUF. */
  #outstanding = 0;
  /** Sockets connected to this one: their POLLOUT depends on our queue. */
  #senders = new Set<UnixDatagramSocket>();

  constructor(network: UnixNetwork, flags: number, creator: { fsuid: number; fsgid: number }) {
    super(network, SOCK_DGRAM, flags, creator);
    this.#queue = new MessageQueue(network.inFlight);
    this.#queueMost = network.settings.unixQueueMax();
  }

  static pair(task: UnixCaller, flags: number): [UnixDatagramSocket, UnixDatagramSocket] {
    const one = new UnixDatagramSocket(task.network, flags, task.credentials);
    const other = new UnixDatagramSocket(task.network, flags, task.credentials);
    const identity = identityOf(task);
    one.#setPeer(other);
    other.#setPeer(one);
    one.setPeerIdentity(identity, task.credentials.groups);
    other.setPeerIdentity(identity, task.credentials.groups);
    return [one, other];
  }

  override get peerSocket(): UnixDatagramSocket | null {
    return this.#peer;
  }

  protected override get raisesPipeSignal(): boolean {
    return false;
  }

  #setPeer(peer: UnixDatagramSocket | null): void {
    if (this.#peer !== null) this.#peer.#senders.delete(this);
    this.#peer = peer;
    if (peer !== null) peer.#senders.add(this);
  }

  /**
   * Another peer, or none. What waits is lost, of which a peer that had chosen this socket is told (net/unix/af_unix.c,
   * unix_dgram_disconnected).
   */
  #changePeer(peer: UnixDatagramSocket | null): void {
    const before = this.#peer;
    this.#setPeer(peer);
    if (before === null || before === peer || this.#queue.count === 0) return;
    this.dropQueue();
    if (before.isClosed || before.#peer !== this) return;
    before.pendingError = ECONNRESET;
    before.readiness.wakeAll();
  }

  /**
   * connect(2): where `send` goes and from whom messages are taken; AF_UNSPEC undoes it. EPERM when the peer is
   * connected to another.
   */
  override connect(task: SocketCaller, address: Uint8Array, _nonblocking: boolean): number {
    if (familyOf(address) === AF_UNSPEC && address.length >= 2) {
      this.#changePeer(null);
      return 0;
    }
    const name = parseUnixTarget(address);
    const target = isErrno(name) ? name : this.findTarget(task, name);
    if (isErrno(target)) return target;
    if (this.options.wantsSender) {
      const failed = this.autobind();
      if (failed < 0) return failed;
    }
    const peer = target as UnixDatagramSocket;
    if (!peer.#accepts(this)) return -EPERM;
    if (this.#peer !== peer) this.#changePeer(peer);
    this.readiness.wakeAll();
    return 0;
  }

  #accepts(sender: UnixDatagramSocket): boolean {
    return this.#peer === null || this.#peer === sender;
  }

  override send(task: SocketCaller, from: IoCursor, message: OutgoingMessage, flags: number): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    // Whom it goes to is looked up last (net/unix/af_unix.c, unix_dgram_sendmsg).
    const { address } = message;
    const name = address === null || address.length === 0 ? null : parseUnixTarget(address);
    if (isErrno(name)) return name;
    if (this.options.wantsSender) this.autobind();
    const length = from.remaining;
    if (length > this.options.sendBuffer - 32) return -EMSGSIZE;
    const error = this.takeError();
    if (error !== 0) return -error;
    if ((this.shut & SEND_SHUT) !== 0) return -EPIPE;
    // The last one may go beyond (net/core/sock.c, sock_alloc_send_pskb).
    if (this.#outstanding >= this.options.sendBuffer) return -EAGAIN;
    let target = this.#peer;
    if (name !== null) {
      const found = this.findTarget(task, name);
      if (isErrno(found)) return found;
      target = found as UnixDatagramSocket;
    } else if (target === null) return -ENOTCONN;
    if (target.isClosed) {
      if (name === null) this.#changePeer(null);
      return -ECONNREFUSED;
    }
    if (!target.#accepts(this)) return -EPERM;
    if ((target.shut & RECEIVE_SHUT) !== 0) return -EPIPE;
    if (
      (target !== this && target.#peer !== this && target.#queue.count > target.#queueMost) ||
      target.#queue.isScarce
    ) {
      this.roomQueue = target.readiness;
      return -EAGAIN;
    }
    if (target.#queue.refuses(length)) return -ENOBUFS;
    const bytes = new Uint8Array(length);
    const taken = length === 0 ? 0 : from.take(bytes, 0, length);
    if (taken < length) return taken < 0 ? taken : -EFAULT;
    const admitted = admittedBytes(target, bytes);
    if (admitted < 0) return length;
    const credentials = this.options.wantsSender || target.options.wantsSender ? senderOf(task) : null;
    target.#queue.push(bytes.subarray(0, admitted), message.ancillary, {
      credentials,
      socket: this,
    });
    if (message.ancillary !== null) message.ancillary = null;
    this.#outstanding += messageCost(admitted);
    target.readiness.wakeAll(POLLIN | POLLRDNORM);
    return length;
  }

  override receive(_task: SocketCaller, to: IoCursor, message: IncomingMessage, flags: number): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    // Before what waits (net/core/datagram.c, __skb_try_recv_datagram).
    const error = this.takeError();
    if (error !== 0) return -error;
    const { first, isScarce } = this.#queue;
    const result = first === undefined ? -EAGAIN : this.#queue.read(to, message, flags, this);
    // Who would wait is told that nothing comes any more, who would not is not (net/core/datagram.c).
    if (result === -EAGAIN) return (this.shut & RECEIVE_SHUT) !== 0 && this.waits(flags) ? 0 : -EAGAIN;
    if (result < 0) return result;
    this.stamp(message);
    if ((flags & MSG_PEEK) === 0) this.#delivered(first!.sender, first!.cost, isScarce);
    return result;
  }

  #delivered(sender: UnixDatagramSocket, cost: number, wasScarce: boolean): void {
    sender.#outstanding -= cost;
    sender.readiness.wakeAll(POLLOUT | POLLWRNORM);
    if (this.#queue.count !== this.#queueMost && !wasScarce) return;
    // There is room again: those who wait to send, and those who poll for it.
    this.readiness.wakeAll(0);
    for (const each of this.#senders) each.readiness.wakeAll(POLLOUT | POLLWRNORM);
  }

  override available(): number {
    return this.#queue.firstLength;
  }

  override get unsent(): number {
    return this.#outstanding;
  }

  override poll(): number {
    let ready = 0;
    if (this.pendingError !== 0) ready |= POLLERR;
    if (this.shut === BOTH_SHUT) ready |= POLLHUP;
    if ((this.shut & RECEIVE_SHUT) !== 0) ready |= POLLRDHUP | POLLIN | POLLRDNORM;
    if (this.#queue.count > 0) ready |= POLLIN | POLLRDNORM;
    const peer = this.#peer;
    const peerIsFull =
      peer !== null && ((peer.#peer !== this && peer.#queue.count > peer.#queueMost) || peer.#queue.isScarce);
    if (this.#outstanding * 4 <= this.options.sendBuffer && !peerIsFull) ready |= POLLOUT | POLLWRNORM | POLLWRBAND;
    return ready;
  }

  override shutdown(_task: SocketCaller, how: number): number {
    if (how < 0 || how > SHUT_RDWR) return -EINVAL;
    this.shut |= how + 1;
    this.readiness.wakeAll();
    for (const each of this.#senders) each.readiness.wakeAll();
    return 0;
  }

  override queuedFiles(): OpenFile[] {
    return this.#queue.files();
  }

  override dropQueue(): void {
    this.#queue.clear((message) => {
      message.sender.#outstanding -= message.cost;
      message.sender.readiness.wakeAll();
    });
  }

  protected override dispose(): void {
    super.dispose();
    this.dropQueue();
    this.#setPeer(null);
    for (const each of this.#senders) each.readiness.wakeAll();
    this.readiness.wakeAll();
  }

  static {
    stateClass("UnixDatagramSocket", this, {
      save: (it) => ({
        peer: it.#peer,
        queue: it.#queue,
        queueMost: it.#queueMost,
        outstanding: it.#outstanding,
        senders: it.#senders,
      }),
      load: (it, from) =>
        ({
          peer: it.#peer,
          queue: it.#queue,
          queueMost: it.#queueMost,
          outstanding: it.#outstanding,
          senders: it.#senders,
        } = from),
    });
  }
}
