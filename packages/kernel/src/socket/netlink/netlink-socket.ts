import { stateClass } from "@stratos/base";
import {
  AF_NETLINK,
  AF_UNSPEC,
  CAP_NET_ADMIN,
  EADDRINUSE,
  EAGAIN,
  EBUSY,
  ECONNREFUSED,
  EFAULT,
  EINVAL,
  ENODATA,
  EMSGSIZE,
  ENOBUFS,
  ENOPROTOOPT,
  ENOTTY,
  FIONREAD,
  SIOCGSTAMP,
  SIOCGSTAMPNS,
  SIOCOUTQ,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  POLLERR,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
  RTNLGRP_MAX,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_NETLINK,
  isErrno,
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_BROADCAST_ERROR,
  NETLINK_CAP_ACK,
  NETLINK_DROP_MEMBERSHIP,
  NETLINK_EXT_ACK,
  NETLINK_GENERIC,
  NETLINK_GET_STRICT_CHK,
  NETLINK_KOBJECT_UEVENT,
  NETLINK_LISTEN_ALL_NSID,
  NETLINK_LIST_MEMBERSHIPS,
  NETLINK_NETFILTER,
  NETLINK_NO_ENOBUFS,
  NETLINK_PKTINFO,
  NETLINK_ROUTE,
  NETLINK_SOCK_DIAG,
  NETLINK_USERSOCK,
  NLMSGERR_ATTR_MSG,
  NLMSGERR_ATTR_OFFS,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  Nlmsghdr,
  SockaddrNl,
} from "@stratos/abi";
import { type Credentials, isCapable } from "../../security/credentials.ts";
import type { CallWork } from "../../ground/call-work.ts";
import { putWhole, type IoCursor } from "../../ground/io-cursor.ts";
import { putFields, viewOf } from "../../ground/words.ts";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import { familyOf } from "../inet/inet-address.ts";
import { admittedBytes } from "../socket-filter.ts";
import type { IncomingMessage, OutgoingMessage, PeerCredentials } from "../message.ts";
import { obtainTransferState, Socket } from "../socket.ts";
import { hasReceiveRoom, intOption, optionInt } from "../socket-options.ts";
import { NetlinkWriter, type NetlinkHeading } from "./netlink-writer.ts";
import { NetlinkDump } from "./netlink-dump.ts";
import { answerGeneric } from "./generic-messages.ts";
import type { FilteredNetwork } from "../filtered-network.ts";
import { answerDiagnosis, type DiagnosedNetwork } from "./socket-diagnosis.ts";
import { type NetlinkAnswer, type NetlinkRequest, parseRequests, ShortAttribute } from "./netlink-request.ts";
import { answerRouteRequest } from "./route-requests.ts";
import type { SocketCaller, SocketNetwork } from "../socket-kernel.ts";

/** The group of NETLINK_KOBJECT_UEVENT that the kernel speaks to; udev has another for its own words. */
const KERNEL_UEVENTS = 1;
/** NETLINK_AUDIT isn't among them: libraries take EPROTONOSUPPORT for a kernel without auditing, which this is. */
const PROTOCOLS = new Set([
  NETLINK_ROUTE,
  NETLINK_USERSOCK,
  NETLINK_SOCK_DIAG,
  NETLINK_NETFILTER,
  NETLINK_KOBJECT_UEVENT,
  NETLINK_GENERIC,
]);
const KNOWN_OPTIONS = new Set([
  NETLINK_PKTINFO,
  NETLINK_BROADCAST_ERROR,
  NETLINK_NO_ENOBUFS,
  NETLINK_LISTEN_ALL_NSID,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
]);
/** Units of a request and its acknowledgement (ground/call-work.ts). */
const REQUEST_WORK = 2;

/** Groups of a protocol that a socket may be a member of: at least 32 (af_netlink.c, __netlink_kernel_create). */
const GROUPS_MIN = 32,
  GROUPS = new Map([
    [NETLINK_ROUTE, RTNLGRP_MAX],
    [NETLINK_GENERIC, 64],
  ]);

interface QueuedMessage {
  readonly bytes: Uint8Array;
  /** That hears it; 0: it is for this socket alone. */
  readonly group: number;
  /** The socket that sent it, and its task; port 0 and null: the kernel. */
  readonly port: number;
  readonly sender: PeerCredentials | null;
}

/** Port 0: the kernel; group 0: none. */
interface Destination {
  readonly port: number;
  readonly group: number;
}

const TO_KERNEL: Destination = { port: 0, group: 0 };

const KERNEL: Pick<QueuedMessage, "port" | "sender"> = { port: 0, sender: null };

/** socket(2) for AF_NETLINK: EPROTONOSUPPORT for protocols that nobody here speaks. */
export function createNetlinkSocket(
  task: SocketCaller & { readonly network: NetlinkNetwork },
  type: number,
  protocol: number,
  flags: number,
): Socket | number {
  if (type !== SOCK_RAW && type !== SOCK_DGRAM) return -ESOCKTNOSUPPORT;
  if (!PROTOCOLS.has(protocol)) return -EPROTONOSUPPORT;
  return new NetlinkSocket(task.network, type, protocol, flags, task);
}

/** The network of such a socket (network.ts). */
export interface NetlinkNetwork extends SocketNetwork, DiagnosedNetwork, FilteredNetwork {
  readonly netlinkSockets: Map<number, NetlinkSocket>;
  readonly packetSockets: SocketNetwork["packetSockets"] & DiagnosedNetwork["packetSockets"];
  /** Those that hear groups. */
  readonly netlinkMembers: Set<NetlinkSocket>;
}

const NOT_OF_NETLINK: ReadonlySet<number> = new Set([FIONREAD, SIOCOUTQ, SIOCGSTAMP, SIOCGSTAMPNS]);

/**
 * A conversation with the kernel in datagrams (netlink(7)): what is sent is answered at once into the receive queue,
 * bounded by SO_RCVBUF.
 */
export class NetlinkSocket extends Socket {
  declare readonly network: NetlinkNetwork;
  #opener: Credentials;
  /** nl_pid; 0 until bind or the first message. */
  portId = 0;
  /** Groups that it hears, numbered from 1; of how many there are it knows once it asked for one. */
  #groups = new Set<number>();
  #groupCount = 0;
  #queue: QueuedMessage[] = [];
  #queuedBytes = 0;
  /** The last message of a dump that waits to be read; where there was no room for its end, the last that had. */
  #dumpEnd: QueuedMessage | null = null;
  /** What of that dump has no room in the queue yet. */
  #dump: NetlinkDump | null = null;
  #options = new Map<number, number>();
  /** To which what has no address goes; null: it is not connected. */
  #peer: Destination | null = null;

  constructor(network: NetlinkNetwork, type: number, protocol: number, flags: number, task: SocketCaller) {
    super(network, AF_NETLINK, type, protocol, flags, task.credentials);
    this.#opener = task.credentials;
  }

  override bind(task: SocketCaller, address: Uint8Array): number {
    if (address.length < SockaddrNl.size) return -EINVAL;
    if (familyOf(address) !== AF_NETLINK) return -EINVAL;
    const { port, groups } = readName(address);
    // Whoever may send among programs may not hear all of it (net/netlink/af_netlink.c, NL_CFG_F_NONROOT_RECV).
    if (groups !== 0 && this.protocol === NETLINK_USERSOCK && !this.#isAdministrator(task)) return -EPERM;
    if (this.portId !== 0 && port !== this.portId) return -EINVAL;
    if (groups !== 0) this.#knowGroups();
    for (let bit = 0; bit < 32; bit++)
      if ((groups & (1 << bit)) !== 0) this.#groups.add(bit + 1);
      else this.#groups.delete(bit + 1);
    this.#groupsChanged();
    if (this.portId !== 0) return 0;
    if (port === 0) {
      this.#autobind(task);
      return 0;
    }
    if (this.network.netlinkSockets.has(this.#key(port))) return -EADDRINUSE;
    this.#take(port);
    return 0;
  }

  #knowGroups(): void {
    this.#groupCount = GROUPS.get(this.protocol) ?? GROUPS_MIN;
  }

  /** A member hears, whether it has a port or not. */
  #groupsChanged(): void {
    const { netlinkMembers, kernel } = this.network;
    if (this.#groups.size > 0) netlinkMembers.add(this);
    else netlinkMembers.delete(this);
    if (this.protocol !== NETLINK_KOBJECT_UEVENT) return;
    if (this.#groups.has(KERNEL_UEVENTS)) kernel.uevents.listeners.add(this);
    else kernel.uevents.listeners.delete(this);
  }

  #autobind(task: SocketCaller): void {
    if (this.portId !== 0) return;
    const { netlinkSockets } = this.network;
    // The process id, else numbers from the top, where no process is (netlink_autobind).
    let port = task.group.ownPid;
    for (let step = 0; netlinkSockets.has(this.#key(port)); step++) port = 0xfffff000 - step;
    this.#take(port);
  }

  #take(port: number): void {
    this.portId = port;
    this.network.netlinkSockets.set(this.#key(port), this);
  }

  /** Each protocol has ports of its own. */
  #key(port: number): number {
    return this.protocol * 2 ** 32 + port;
  }

  override connect(task: SocketCaller, address: Uint8Array, _nonblocking: boolean): number {
    if (address.length >= 2 && familyOf(address) === AF_UNSPEC) {
      this.#peer = null;
      return 0;
    }
    const peer = this.#readDestination(task, address);
    if (isErrno(peer)) return peer;
    this.#autobind(task);
    this.#peer = peer;
    return 0;
  }

  /** −EINVAL; −EPERM programs and groups are not everybody's to write to, but of NETLINK_USERSOCK. */
  #readDestination(task: SocketCaller, address: Uint8Array): Destination | number {
    if (address.length < SockaddrNl.size) return -EINVAL;
    if (familyOf(address) !== AF_NETLINK) return -EINVAL;
    const { port, groups } = readName(address);
    const isForAll = this.protocol === NETLINK_USERSOCK || (port === 0 && groups === 0);
    if (!isForAll && !this.#isAdministrator(task)) return -EPERM;
    // The lowest (ffs).
    return { port, group: groups === 0 ? 0 : 32 - Math.clz32(groups & -groups) };
  }

  #isAdministrator(task: SocketCaller): boolean {
    return isCapable(task.credentials, CAP_NET_ADMIN, this.network.owner);
  }

  override localName(): Uint8Array {
    return nameBytes(this.portId, this.groupMask);
  }

  /** The first 32 groups that it is a member of, a bit each. */
  get groupMask(): number {
    let groups = 0;
    for (const group of this.#groups) if (group <= 32) groups |= 1 << (group - 1);
    return groups >>> 0;
  }

  /** As many as there are, once it knows them (NETLINK_DIAG_GROUPS). */
  get groupBytes(): Uint8Array {
    const bytes = new Uint8Array(Math.ceil(this.#groupCount / 64) * 8);
    for (const group of this.#groups) bytes[(group - 1) >> 3]! |= 1 << ((group - 1) & 7);
    return bytes;
  }

  get connectedTo(): Destination | null {
    return this.#peer;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  override peerName(): Uint8Array {
    const { port, group } = this.#peer ?? TO_KERNEL;
    return nameBytes(port, group === 0 ? 0 : 1 << (group - 1));
  }

  override send(task: SocketCaller, from: IoCursor, message: OutgoingMessage, flags: number): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    if (from.remaining === 0) return -ENODATA;
    const to = message.address === null ? (this.#peer ?? TO_KERNEL) : this.#readDestination(task, message.address);
    if (isErrno(to)) return to;
    const { port, group } = to;
    const length = from.remaining;
    if (length > this.options.sendBuffer - 32) return -EMSGSIZE;
    this.#autobind(task);
    const bytes = new Uint8Array(length);
    const taken = length === 0 ? 0 : from.take(bytes, 0, length);
    if (taken < length) return taken < 0 ? taken : -EFAULT;
    const { work } = task.kernel;
    if (group !== 0 && task.syscallState === null) this.#broadcast(task, bytes, to);
    if (port !== 0) return this.#tell(task, bytes, to);
    // Nobody in the kernel hears the one; the other is taken, whatever it says.
    if (this.protocol === NETLINK_USERSOCK) return -ECONNREFUSED;
    if (this.protocol === NETLINK_KOBJECT_UEVENT) return length;
    if (this.protocol === NETLINK_NETFILTER) {
      this.#askNetfilter(task, bytes);
      this.readiness.wakeAll();
      return length;
    }
    work.mayPause = true;
    for (const request of parseRequests(bytes)) {
      this.#answer(task, request);
      work.charge(REQUEST_WORK);
      if (request.end >= length || !work.mustPause()) continue;
      const state = obtainTransferState(task);
      if (state === null) continue;
      state.transferred += request.end;
      this.readiness.wakeAll();
      return UNFINISHED;
    }
    this.readiness.wakeAll();
    return length;
  }

  /** To the others of the group: who sends doesn't hear itself (af_netlink.c, do_one_broadcast). */
  #broadcast(task: SocketCaller, bytes: Uint8Array, to: Destination): void {
    const { netlinkMembers } = this.network;
    task.kernel.work.charge(netlinkMembers.size);
    const sender = senderOf(task);
    for (const socket of netlinkMembers)
      if (
        socket !== this &&
        socket.protocol === this.protocol &&
        (to.port === 0 || socket.portId !== to.port) &&
        socket.isMember(to.group)
      )
        socket.deliver(bytes.slice(), to.group, { port: this.portId, sender });
  }

  /** To one program; who is connected to another doesn't hear it. @returns −ECONNREFUSED nobody does */
  #tell(task: SocketCaller, bytes: Uint8Array, to: Destination): number {
    const socket = this.network.netlinkSockets.get(this.#key(to.port));
    if (socket === undefined || (socket.#peer !== null && socket.#peer.port !== this.portId)) return -ECONNREFUSED;
    socket.deliver(bytes, to.group, { port: this.portId, sender: senderOf(task) });
    return bytes.length;
  }

  /** All of a batch at once: it is done or it isn't (net/netfilter/nfnetlink.c, nfnetlink_rcv). */
  #askNetfilter(task: SocketCaller, bytes: Uint8Array): void {
    const { network, portId } = this;
    const requests = [...parseRequests(bytes)];
    task.kernel.work.charge(REQUEST_WORK * requests.length);
    if (requests.length === 0) return;
    if (!this.#isAdministrator(task) || !isCapable(this.#opener, CAP_NET_ADMIN, network.owner)) {
      this.#acknowledge(requests[0]!, -EPERM);
      return;
    }
    const asker = { port: portId, pid: task.group.ownPid, name: task.name };
    network.rules().receive(requests, asker, {
      message: (message) => this.#enqueue(message),
      dump: (request, messages) => {
        if (this.#isDumping) this.#acknowledge(request, -EBUSY);
        else this.#beginDump(request, { isDump: true, messages });
      },
      acknowledge: (request, error, badAt) => this.#acknowledge(request, error, badAt),
      broadcast: (message, group) => {
        for (const socket of network.netlinkMembers)
          if (socket !== this && socket.protocol === NETLINK_NETFILTER && socket.isMember(group))
            socket.deliver(message, group);
      },
    });
  }

  #answer(task: SocketCaller, request: NetlinkRequest): void {
    // Control messages and what isn't a request get an acknowledgement at most (netlink_rcv_skb).
    let error = 0;
    if ((request.flags & NLM_F_REQUEST) !== 0 && request.type >= NLMSG_MIN_TYPE) {
      const answer = this.#ask(task, request);
      if (isErrno(answer)) error = answer;
      else if (answer.isDump) return this.#beginDump(request, answer);
      else for (const message of answer.messages) this.#enqueue(message!);
    }
    if (error !== 0 || (request.flags & NLM_F_ACK) !== 0) this.#acknowledge(request, error);
  }

  #ask(task: SocketCaller, request: NetlinkRequest): NetlinkAnswer {
    // One dump at a time (netlink_dump_start).
    if (this.#isDumping && (request.flags & NLM_F_DUMP) !== 0 && isAsking(this.protocol, request.type)) return -EBUSY;
    try {
      return this.#askProtocol(task, request);
    } catch (error) {
      if (error instanceof ShortAttribute) return -EINVAL;
      throw error;
    }
  }

  #askProtocol(task: SocketCaller, request: NetlinkRequest): NetlinkAnswer {
    switch (this.protocol) {
      case NETLINK_SOCK_DIAG:
        return answerDiagnosis(task, this.network, request, this.portId);
      case NETLINK_GENERIC:
        return answerGeneric(task, request, this.portId);
      default:
        return answerRouteRequest(task, this.network, request, {
          port: this.portId,
          isStrict: this.#options.get(NETLINK_GET_STRICT_CHK) === 1,
          opener: this.#opener,
        });
    }
  }

  get #isDumping(): boolean {
    return this.#dump !== null || this.#dumpEnd !== null;
  }

  #beginDump(request: NetlinkRequest, { messages, failed, doneFlags = 0 }: Exclude<NetlinkAnswer, number>): void {
    const text = this.#options.get(NETLINK_EXT_ACK) === 1 ? failed?.text : undefined;
    const flags = NLM_F_MULTI | (failed?.doneFlags ?? doneFlags) | (text === undefined ? 0 : NLM_F_ACK_TLVS);
    const last = new NetlinkWriter().begin(NLMSG_DONE, this.#heading(request, flags)).u32(failed?.errno ?? 0);
    if (text !== undefined) last.attributeText(NLMSGERR_ATTR_MSG, text);
    this.#dump = new NetlinkDump(messages, last.finish());
    this.#continueDump(this.kernel.work);
  }

  /** As much of it as there is room for, and the call has work for; the rest comes as this is read (netlink_dump). */
  #continueDump(work: CallWork): void {
    const dump = this.#dump;
    if (dump === null) return;
    for (;;) {
      const datagram = dump.next(work);
      if (datagram === null) break;
      if (this.#queue.length > 0 && this.#queuedBytes + datagram.length > this.options.receiveBuffer) break;
      dump.take();
      this.#enqueue(datagram);
      this.#dumpEnd = this.#queue.at(-1) ?? null;
    }
    if (dump.isOver) this.#dump = null;
  }

  /**
   * NLMSG_ERROR with the request's header, and its body when it failed.
   *
   * @param badAt  where the attribute begins that it is about; 0: none
   */
  #acknowledge(request: NetlinkRequest, error: number, badAt = 0): void {
    const isCapped = error === 0 || this.#options.get(NETLINK_CAP_ACK) === 1 || request.payload.length > 1024;
    const isExplained = badAt !== 0 && this.#options.get(NETLINK_EXT_ACK) === 1;
    const flags = (isCapped ? NLM_F_CAPPED : 0) | (isExplained ? NLM_F_ACK_TLVS : 0);
    const writer = new NetlinkWriter().begin(NLMSG_ERROR, this.#heading(request, flags));
    writer
      .u32(error) // struct nlmsgerr
      .fields(Nlmsghdr, {
        nlmsg_len: Nlmsghdr.size + request.payload.length,
        nlmsg_type: request.type,
        nlmsg_flags: request.flags,
        nlmsg_seq: request.sequence,
        nlmsg_pid: this.portId,
      });
    if (!isCapped) writer.bytes(request.payload);
    if (isExplained) writer.attributeU32(NLMSGERR_ATTR_OFFS, badAt);
    this.#enqueue(writer.finish());
  }

  #heading(request: NetlinkRequest, flags: number): NetlinkHeading {
    return { flags, sequence: request.sequence, port: this.portId };
  }

  /** A datagram that isn't an answer: the cookie of mq_notify(2), or what a group hears. */
  deliver(datagram: Uint8Array, group = 0, from: Pick<QueuedMessage, "port" | "sender"> = KERNEL): void {
    this.#enqueue(datagram, group, from);
    this.readiness.wakeAll();
  }

  isMember(group: number): boolean {
    return this.#groups.has(group);
  }

  #enqueue(message: Uint8Array, group = 0, { port, sender }: Pick<QueuedMessage, "port" | "sender"> = KERNEL): void {
    const { udpMemory } = this.network;
    const admitted = admittedBytes(this, message);
    if (admitted < 0) return;
    const bytes = message.subarray(0, admitted);
    if (!hasReceiveRoom(this.#queuedBytes, bytes.length, this.options.receiveBuffer) || udpMemory.isFull) {
      this.pendingError = ENOBUFS;
      return;
    }
    this.#queue.push({ bytes, group, port, sender });
    this.#queuedBytes += bytes.length;
    udpMemory.bytes += bytes.length;
  }

  override receive(task: SocketCaller, to: IoCursor, message: IncomingMessage, flags: number): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    const error = this.takeError();
    if (error !== 0) return -error;
    if (this.#queue.length === 0 && this.#dump !== null && !this.#reachNext(task)) return UNFINISHED;
    const first = this.#queue[0];
    if (first === undefined) return -EAGAIN;
    const { bytes: datagram, group, port, sender } = first;
    const count = Math.min(datagram.length, to.remaining);
    const moved = putWhole(to, datagram, 0, count);
    if ((flags & MSG_PEEK) === 0) {
      this.#queue.shift();
      if (first === this.#dumpEnd) this.#dumpEnd = null;
      this.#queuedBytes -= datagram.length;
      this.network.udpMemory.bytes -= datagram.length;
      this.#continueDump(task.kernel.work);
    }
    if (moved < 0) return moved;
    message.setAddress(nameBytes(port, group >= 1 && group <= 32 ? 1 << (group - 1) : 0));
    if (moved < datagram.length) message.flags |= MSG_TRUNC;
    if (this.options.passCredentials) message.credentials = sender ?? { pid: 0, uid: 0, gid: 0, process: null };
    return (flags & MSG_TRUNC) !== 0 ? datagram.length : moved;
  }

  /** Of a dump, where much was looked at that isn't told of. @returns false: the call goes on with it */
  #reachNext(task: SocketCaller): boolean {
    const { work } = task.kernel;
    this.#continueDump(work);
    while (this.#queue.length === 0 && this.#dump !== null) {
      if (obtainTransferState(task) !== null) {
        work.cut();
        return false;
      }
      this.#continueDump(work.piece());
    }
    return true;
  }

  /** None of those that other sockets have (net/netlink/af_netlink.c, netlink_ioctl). */
  override ioctl(task: SocketCaller, command: number, argument: number): number {
    return NOT_OF_NETLINK.has(command) ? -ENOTTY : super.ioctl(task, command, argument);
  }

  override available(): number {
    return this.#queue[0]?.bytes.length ?? 0;
  }

  override poll(): number {
    let ready = POLLOUT | POLLWRNORM | POLLWRBAND;
    if (this.#queue.length > 0 || this.#dump !== null) ready |= POLLIN | POLLRDNORM;
    if (this.pendingError !== 0) ready |= POLLERR;
    return ready;
  }

  override shutdown(): number {
    return -EOPNOTSUPP;
  }

  override setProtocolOption(_task: SocketCaller, level: number, name: number, value: Uint8Array): number {
    if (level !== SOL_NETLINK) return -ENOPROTOOPT;
    const number = value.length >= 4 ? optionInt(value) : 0;
    if (name === NETLINK_ADD_MEMBERSHIP || name === NETLINK_DROP_MEMBERSHIP) {
      this.#knowGroups();
      if (number < 1 || number > this.#groupCount) return -EINVAL;
      if (name === NETLINK_ADD_MEMBERSHIP) this.#groups.add(number);
      else this.#groups.delete(number);
      this.#groupsChanged();
      return 0;
    }
    if (!KNOWN_OPTIONS.has(name)) return -ENOPROTOOPT;
    this.#options.set(name, number !== 0 ? 1 : 0);
    return 0;
  }

  override getProtocolOption(_task: SocketCaller, level: number, name: number, room: number): Uint8Array | number {
    if (level !== SOL_NETLINK) return -ENOPROTOOPT;
    if (name === NETLINK_LIST_MEMBERSHIPS) {
      const bits = new Uint8Array(Math.ceil(this.#groupCount / 32) * 4);
      for (const group of this.#groups) bits[(group - 1) >> 3]! |= 1 << ((group - 1) & 7);
      return bits;
    }
    if (!KNOWN_OPTIONS.has(name)) return -ENOPROTOOPT;
    return room < 4 ? -EINVAL : intOption(this.#options.get(name) ?? 0);
  }

  /** The kernel's own group. */
  ueventCame(message: Uint8Array): void {
    this.deliver(message, KERNEL_UEVENTS);
  }

  protected override dispose(): void {
    this.network.kernel.uevents.listeners.delete(this);
    this.network.netlinkMembers.delete(this);
    if (this.portId !== 0) {
      this.network.netlinkSockets.delete(this.#key(this.portId));
      if (this.protocol === NETLINK_NETFILTER) this.network.netfilter?.socketClosed(this.portId);
    }
    this.#queue.length = 0;
    this.#dump = null;
    this.network.udpMemory.bytes -= this.#queuedBytes;
  }

  static {
    stateClass("NetlinkSocket", this, {
      save: (it) => ({
        opener: it.#opener,
        groups: it.#groups,
        groupCount: it.#groupCount,
        queue: it.#queue,
        queuedBytes: it.#queuedBytes,
        dumpEnd: it.#dumpEnd,
        dump: it.#dump,
        options: it.#options,
        peer: it.#peer,
      }),
      load: (it, from) =>
        ({
          opener: it.#opener,
          groups: it.#groups,
          groupCount: it.#groupCount,
          queue: it.#queue,
          queuedBytes: it.#queuedBytes,
          dumpEnd: it.#dumpEnd,
          dump: it.#dump,
          options: it.#options,
          peer: it.#peer,
        } = from),
    });
  }
}

function senderOf({ credentials, group }: SocketCaller): PeerCredentials {
  return { pid: group.pid, uid: credentials.euid, gid: credentials.egid, process: group };
}

/** Of rtnetlink each third of four numbers asks; there NLM_F_DUMP means something else to the others. */
function isAsking(protocol: number, type: number): boolean {
  return protocol !== NETLINK_ROUTE || (type & 3) === 2;
}

function nameBytes(port: number, groups: number): Uint8Array {
  const bytes = new Uint8Array(SockaddrNl.size);
  putFields(viewOf(bytes), SockaddrNl, { nl_family: AF_NETLINK, nl_pid: port, nl_groups: groups });
  return bytes;
}

function readName(address: Uint8Array): { port: number; groups: number } {
  const { nl_pid, nl_groups } = SockaddrNl.offset;
  return { port: optionInt(address, nl_pid) >>> 0, groups: optionInt(address, nl_groups) };
}
