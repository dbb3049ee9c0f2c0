import {
  CAP_NET_ADMIN,
  EPERM,
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOPROTOOPT,
  ENOTCONN,
  ENOTTY,
  EOPNOTSUPP,
  EPIPE,
  ESPIPE,
  FIONREAD,
  FIOGETOWN,
  FIOSETOWN,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_WAITALL,
  O_NONBLOCK,
  O_RDWR,
  SIGPIPE,
  SIOCATMARK,
  SIOCGPGRP,
  SIOCGSKNS,
  SIOCGSTAMP,
  SIOCGSTAMPNS,
  SIOCOUTQ,
  SIOCSPGRP,
} from "@stratos/abi";
import type { IpAddress } from "@stratos/netstack";
import { isCapable } from "../security/credentials.ts";
import { sendSignalToSelf } from "../signal/send-signal.ts";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import { BLOCKED, BLOCKED_EINTR, UNFINISHED, WaitQueue } from "../ground/wait-queue.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import { processOwnerSeenBy, setProcessOwner } from "../vfs/file-owner.ts";
import { OpenFile } from "../vfs/open-file.ts";
import { interfaceIoctl } from "./interface-ioctl.ts";
import { IncomingMessage, type OutgoingMessage, PLAIN_MESSAGE, type PeerCredentials } from "./message.ts";
import { storeStamp } from "./message-timestamp.ts";
import { protocolName } from "./socket-inode.ts";
import { SocketOptions } from "./socket-options.ts";
import type { SocketCaller, SocketKernel, SocketNetwork } from "./socket-kernel.ts";

/** What a blocked transfer keeps for its next execution. */
type TransferState = StateOf<"socket">;

/** For read(2); valid during one call. */
const INCOMING = new IncomingMessage(false);

/**
 * The state of this call's transfer, null when it has not waited yet (or a caller such as sendfile keeps a state of its
 * own).
 */
export function transferState(task: SocketCaller): TransferState | null {
  return stateOf(task, "socket");
}

/** The same, made when there is none; null when the call keeps a state of another kind. */
export function obtainTransferState(task: SocketCaller): TransferState | null {
  if (task.syscallState === null)
    task.syscallState = { kind: "socket", transferred: 0, deadlineNs: Infinity, messages: 0 };
  return transferState(task);
}

/**
 * A socket (socket(7)). Families implement `send` and `receive`, which move what they can at once and say −EAGAIN when
 * that is nothing; this class adds waiting, time limits, MSG_WAITALL and SIGPIPE. Addresses are raw sockaddr bytes, so
 * that each family checks its own.
 */
export abstract class Socket extends OpenFile {
  readonly kernel: SocketKernel;
  /** Where it was made, and stays. */
  readonly network: SocketNetwork;
  /** IPV6_ADDRFORM changes it. */
  family: number;
  readonly type: number;
  readonly protocol: number;
  readonly options = new SocketOptions();
  /** Woken whenever `poll()` may have changed. */
  readonly readiness = new WaitQueue();
  /** SO_ERROR as a positive errno; told once. */
  pendingError = 0;
  /** Who waits for room after `send` said −EAGAIN: another socket's queue when its receiver is the bottleneck. */
  protected roomQueue: WaitQueue = this.readiness;

  constructor(
    network: SocketNetwork,
    family: number,
    type: number,
    protocol: number,
    flags: number,
    creator: { fsuid: number; fsgid: number },
  ) {
    super(O_RDWR | flags, network.createInode(creator, protocolName(family, type, protocol)), null);
    this.kernel = network.kernel;
    this.network = network.retain();
    this.options.begin(network.kernel.socketState.buffers);
    this.family = family;
    this.type = type;
    this.protocol = protocol;
  }

  /** May what it sends come from an address that is nobody's here (IP_FREEBIND)? */
  bindsForeign(_ip: IpAddress): boolean {
    return false;
  }

  /** May it have a filter? What carries it knows nothing that a filter could see. */
  get heedsFilter(): boolean {
    return true;
  }

  abstract bind(task: SocketCaller, address: Uint8Array): number;
  /** 0, a negated errno, BLOCKED, or −EINPROGRESS when `nonblocking`. */
  abstract connect(task: SocketCaller, address: Uint8Array, nonblocking: boolean): number;
  abstract localName(): Uint8Array;
  abstract peerName(): Uint8Array | number;
  /** The peer, also where the connection has ended since or only begins (net/ipv4/af_inet.c, inet_getname). */
  get acceptedFrom(): Uint8Array | number {
    return this.peerName();
  }
  /**
   * Bytes queued, −EAGAIN when there is no room now, or another negated errno. May take fewer bytes than there are only
   * when it `isStream`.
   */
  abstract send(task: SocketCaller, from: IoCursor, message: OutgoingMessage, flags: number): number;
  /** Bytes moved (0 at the end of a stream), −EAGAIN when there is nothing now, or another negated errno. */
  abstract receive(task: SocketCaller, to: IoCursor, message: IncomingMessage, flags: number): number;
  /** Bytes that a read would return at once (FIONREAD): of the first datagram, or of the stream. */
  abstract available(): number;

  get isStream(): boolean {
    return false;
  }

  get isListening(): boolean {
    return false;
  }

  /** SO_PEERCRED; null when the family has none. */
  get peerCredentials(): PeerCredentials | null {
    return null;
  }

  get peerGroups(): readonly number[] | null {
    return null;
  }

  listen(task: SocketCaller, backlog: number): number {
    return -EOPNOTSUPP;
  }

  /** A new connection, or −EAGAIN. `flags`: O_NONBLOCK for it. */
  accept(task: SocketCaller, flags: number): Socket | number {
    return -EOPNOTSUPP;
  }

  shutdown(task: SocketCaller, how: number): number {
    return -ENOTCONN;
  }

  /** Options of levels other than SOL_SOCKET. */
  setProtocolOption(task: SocketCaller, level: number, name: number, value: Uint8Array): number {
    return -ENOPROTOOPT;
  }

  /** @param address  of the value, for an option that is asked with one */
  getProtocolOption(task: SocketCaller, level: number, name: number, length: number, address = 0): Uint8Array | number {
    return -EOPNOTSUPP;
  }

  /** An option of SOL_SOCKET changed that the transport must know. */
  optionChanged(name: number): void {}

  /** Bytes sent that the other side has not taken (SIOCOUTQ). */
  get unsent(): number {
    return 0;
  }

  /** Of a listener: connections that wait, and how many may. */
  get backlog(): number {
    return 0;
  }

  get backlogLimit(): number {
    return 0;
  }

  get isAtMark(): boolean {
    return false;
  }

  /**
   * An error that ends a transfer under way, and is told after it: TCP's (net/ipv4/tcp.c, tcp_sendmsg_locked and
   * tcp_recvmsg_locked leave `sk_err` when something was copied). AF_UNIX takes it with the transfer.
   */
  protected get hasLastingError(): boolean {
    return false;
  }

  /** Takes SO_ERROR: positive errno, 0 when none. */
  takeError(): number {
    const error = this.pendingError;
    this.pendingError = 0;
    return error;
  }

  override get waitQueue(): WaitQueue {
    return this.readiness;
  }

  override get asyncQueue(): WaitQueue {
    return this.readiness;
  }

  override get description(): string {
    return `socket:[${this.inode!.ino}]`;
  }

  override release(): void {
    super.release();
    if (this.references === 0) this.network.release();
  }

  override read(task: SocketCaller, to: IoCursor, offset: number): number {
    if (offset >= 0) return -ESPIPE;
    if (to.remaining === 0 && this.isStream) return 0;
    const message = INCOMING.reset();
    const result = this.receiveWaiting(task, to, message, 0);
    if (message.rights !== null) for (const file of message.rights) file.release();
    return result;
  }

  override write(task: SocketCaller, from: IoCursor, offset: number): number {
    if (offset >= 0) return -ESPIPE;
    return this.sendWaiting(task, from, PLAIN_MESSAGE, 0);
  }

  /**
   * Sends, waiting for room unless told not to. A stream takes everything before it returns; what it took before an
   * error or a signal counts (send(2)).
   */
  sendWaiting(task: SocketCaller, from: IoCursor, message: OutgoingMessage, flags: number): number {
    let done = transferState(task)?.transferred ?? 0;
    if (done > 0) from.skip(done);
    for (;;) {
      if (done > 0 && this.hasLastingError) return done;
      const result = this.send(task, from, message, flags);
      if (result >= 0) {
        done += result;
        if (!this.isStream || from.remaining === 0) return done;
        continue;
      }
      if (result !== -EAGAIN) {
        if (done > 0 && result !== BLOCKED && result !== BLOCKED_EINTR && result !== UNFINISHED) return done;
        if (result === -EPIPE && this.raisesPipeSignal && (flags & MSG_NOSIGNAL) === 0) {
          sendSignalToSelf(task, SIGPIPE);
        }
        return result;
      }
      const queue = this.roomQueue;
      this.roomQueue = this.readiness;
      if (!this.waits(flags)) return done > 0 ? done : -EAGAIN;
      return this.#wait(task, queue, this.options.sendTimeoutNs, done);
    }
  }

  /** May a call with these MSG_* wait? */
  protected waits(flags: number): boolean {
    return (this.flags & O_NONBLOCK) === 0 && (flags & MSG_DONTWAIT) === 0;
  }

  /** Receives, waiting for something unless told not to; with MSG_WAITALL a stream waits for all that was asked for. */
  receiveWaiting(task: SocketCaller, to: IoCursor, message: IncomingMessage, flags: number): number {
    let done = transferState(task)?.transferred ?? 0;
    if (done > 0) to.skip(done);
    const wantsAll = this.isStream && (flags & (MSG_WAITALL | MSG_PEEK)) === MSG_WAITALL;
    for (;;) {
      // What has begun to read stops where urgent data is, also when that came while it waited.
      if (done > 0 && (this.isAtMark || (this.available() === 0 && this.hasLastingError))) return done;
      const result = this.receive(task, to, message, flags);
      if (result >= 0) {
        done += result;
        if (!wantsAll || result === 0 || to.remaining === 0 || message.rights !== null) return done;
        continue;
      }
      if (result !== -EAGAIN) return done > 0 ? done : result;
      if (!this.waits(flags) || (flags & MSG_ERRQUEUE) !== 0) return done > 0 ? done : -EAGAIN;
      return this.#wait(task, this.readiness, this.options.receiveTimeoutNs, done);
    }
  }

  /** Waits for a connection to accept. */
  acceptWaiting(task: SocketCaller, flags: number): Socket | number {
    const result = this.accept(task, flags);
    if (result !== -EAGAIN || (this.flags & O_NONBLOCK) !== 0) return result;
    return this.#wait(task, this.readiness, this.options.receiveTimeoutNs, 0);
  }

  /** For `connect`: waits until the state changes. `timedOut` is what the end of SO_SNDTIMEO means. */
  protected waitForConnection(task: SocketCaller, queue: WaitQueue, timedOut: number): number {
    const result = this.#wait(task, queue, this.options.sendTimeoutNs, 0);
    return result === -EAGAIN ? timedOut : result;
  }

  protected get raisesPipeSignal(): boolean {
    return this.isStream;
  }

  /**
   * @param done  bytes moved so far, to be remembered; a wait with some of them, or with a time limit, is never
   *   restarted (signal(7))
   */
  #wait(task: SocketCaller, queue: WaitQueue, timeoutNs: number, done: number): number {
    const state = obtainTransferState(task);
    if (state === null) {
      if (done > 0) return done;
    } else {
      state.transferred = done;
      if (timeoutNs > 0 && state.deadlineNs === Infinity) state.deadlineNs = this.kernel.now() + timeoutNs;
      if (state.deadlineNs !== Infinity) {
        if (this.kernel.now() >= state.deadlineNs) return done > 0 ? done : -EAGAIN;
        task.waitUntil(state.deadlineNs);
      }
    }
    task.waitOn(queue);
    return timeoutNs > 0 || done > 0 || (state !== null && state.messages > 0) ? BLOCKED_EINTR : BLOCKED;
  }

  override ioctl(task: SocketCaller, command: number, argument: number): number {
    switch (command) {
      case FIONREAD:
        if (this.isListening) return -EINVAL;
        return task.space.storeU32(argument, this.available());
      case SIOCOUTQ:
        if (this.isListening) return -EINVAL;
        return task.space.storeU32(argument, this.unsent);
      case SIOCATMARK:
        return this.isStream ? task.space.storeU32(argument, this.isAtMark ? 1 : 0) : -ENOTTY;
      case FIOSETOWN:
      case SIOCSPGRP: {
        const owner = task.space.loadU32(argument);
        if (owner === -EFAULT) return -EFAULT;
        return setProcessOwner(task, this, owner | 0);
      }
      case FIOGETOWN:
      case SIOCGPGRP:
        return task.space.storeU32(argument, processOwnerSeenBy(task, this) >>> 0);
      case SIOCGSKNS:
        if (!isCapable(task.credentials, CAP_NET_ADMIN, this.network.owner)) return -EPERM;
        return task.kernel.vfs.openNamespace(task, this.network);
      case SIOCGSTAMP:
      case SIOCGSTAMPNS:
        return storeStamp(task, this.options, command, argument);
      default:
        return interfaceIoctl(task, this, command, argument);
    }
  }
}
