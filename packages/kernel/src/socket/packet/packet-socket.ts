import {
  AF_PACKET,
  ARPHRD_NONE,
  EAGAIN,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENETDOWN,
  ENODEV,
  ENOPROTOOPT,
  ENXIO,
  EOPNOTSUPP,
  ETH_P_ALL,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  PACKET_ADD_MEMBERSHIP,
  PACKET_AUXDATA,
  PACKET_DROP_MEMBERSHIP,
  PACKET_FANOUT,
  PACKET_FANOUT_DATA,
  PACKET_HDRLEN,
  PACKET_IGNORE_OUTGOING,
  PACKET_LOSS,
  PACKET_MR_MULTICAST,
  PACKET_MR_UNICAST,
  PACKET_ORIGDEV,
  PACKET_OUTGOING,
  PACKET_QDISC_BYPASS,
  PACKET_RESERVE,
  PACKET_ROLLOVER_STATS,
  PACKET_RX_RING,
  PACKET_STATISTICS,
  PACKET_TIMESTAMP,
  PACKET_TX_RING,
  PACKET_VERSION,
  POLLERR,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
  SOCK_RAW,
  SOL_PACKET,
  TP_STATUS_USER,
  isErrno,
  PacketMreq,
  SockaddrLl,
  TpacketAuxdata,
  TpacketRolloverStats,
  TpacketStats,
  TpacketStatsV3,
} from "@stratos/abi";
import { ScratchEndpoint } from "@stratos/netstack";
import { admittedBytes } from "../socket-filter.ts";
import { BytesCursor, hexOf, stateClass } from "@stratos/base";
import { FRAME_HEADER_SIZE } from "@stratos/host";
import { put64, putFields, viewOf } from "../../ground/words.ts";
import type { PageCache } from "../../frames/page-cache.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { DatagramQueue, ReceivedDatagram } from "../inet/datagram-queue.ts";
import { NO_EXTENSIONS } from "../inet/extension-headers.ts";
import type { IncomingMessage, OutgoingMessage } from "../message.ts";
import { ETHERNET_ADDRESS_SIZE, type NetworkInterface } from "../network-interface.ts";
import type { SocketCaller, SocketNetwork } from "../socket-kernel.ts";
import { addTimestamps } from "../message-timestamp.ts";
import { hasReceiveRoom, intOption, optionInt } from "../socket-options.ts";
import { Socket } from "../socket.ts";
import type { FilteredPacket } from "../../security/bpf-filter.ts";
import type { FrameObserver } from "../interface-network.ts";
import { type FanoutGroup, type FanoutMember, joinFanout } from "./fanout-group.ts";
import { sendFrame } from "./interface-frames.ts";
import { familyOf } from "../inet/inet-address.ts";
import { ethernetTypeOf, type PacketAddress, parsePacketAddress, writePacketAddress } from "./packet-address.ts";
import { PacketRings } from "./packet-rings.ts";
import type { HeardFrame } from "./receive-ring.ts";

/** Memberships of one socket (net.core.optmem_max in Linux). */
const MEMBERSHIPS_MAX = 64;

function timesOf(key: string, times: number): string {
  return times === 1 ? key : `${key}#${times}`;
}

/** The network of such a socket (network.ts). */
export interface PacketNetwork extends SocketNetwork {
  readonly packetSockets: Set<PacketSocket>;
  /** By number. */
  readonly fanoutGroups: Map<number, FanoutGroup>;
}

/**
 * Sockets that see frames (packet(7)): whole ones (SOCK_RAW), or what they carry behind the Ethernet header
 * (SOCK_DGRAM; the packets of a tun interface have none), of one Ethernet type or all, by one interface or all. What
 * the machine's own sockets exchange over `lo` is packets as long as such a socket sees them (`isSeen` of
 * ../ip/network-ip.ts); what the provider carries is none of ours.
 */
export class PacketSocket extends Socket implements FanoutMember {
  declare readonly network: PacketNetwork;
  #queue = new DatagramQueue();
  /** Ethernet type; 0: hears nothing. */
  #ethernetType: number;
  /** 0: all interfaces. */
  #index = 0;
  /** PACKET_STATISTICS since it was asked last. */
  #seen = 0;
  #dropped = 0;
  #tellsAuxiliary = false;
  #ignoresOutgoing = false;
  /**
   * PACKET_ORIGDEV, PACKET_QDISC_BYPASS and PACKET_TIMESTAMP: they change nothing, as no interface stands on another
   * that frames came by, none has a queue in front of it, and none has a clock.
   */
  #kept = new Map<number, number>();
  /**
   * PACKET_ADD_MEMBERSHIP, as `index:type:length.address`, and `#2`, `#3` … behind it for each further time; every
   * frame is heard in any case. Bound: MEMBERSHIPS_MAX.
   */
  #memberships = new Set<string>();
  fanout: FanoutGroup | null = null;
  readonly rollover = { at: 0, done: 0, failed: 0 };
  /** Frames that it shares with programs instead of copying each. */
  #rings: PacketRings;

  /** @param protocol  as socket(2) takes it, in network order */
  constructor(
    network: PacketNetwork,
    type: number,
    protocol: number,
    flags: number,
    creator: { fsuid: number; fsgid: number },
  ) {
    super(network, AF_PACKET, type, protocol, flags, creator);
    this.#ethernetType = ((protocol & 0xff) << 8) | ((protocol >> 8) & 0xff);
    this.#rings = new PacketRings(this, this.kernel.memory);
    network.packetSockets.add(this);
  }

  /** For /proc/net/packet. */
  get ethernetType(): number {
    return this.#ethernetType;
  }

  get interfaceIndex(): number {
    return Math.max(0, this.#index);
  }

  get queuedBytes(): number {
    return this.#queue.cost;
  }

  /** Can packets come (sock_diag(7), PDI_RUNNING)? */
  get isRunning(): boolean {
    const isUp = this.#index === 0 || this.network.interfaceByIndex(this.#index)?.isUp === true;
    return this.#ethernetType !== 0 && isUp;
  }

  /** bind(2): −EINVAL; −ENODEV no such interface. One that is down is told as a pending ENETDOWN. */
  override bind(_task: SocketCaller, address: Uint8Array): number {
    const wanted = parsePacketAddress(address);
    if (isErrno(wanted)) return wanted;
    if (familyOf(address) !== AF_PACKET || this.fanout !== null) return -EINVAL;
    const one = wanted.index === 0 ? undefined : this.network.interfaceByIndex(wanted.index);
    if (wanted.index !== 0 && one === undefined) return -ENODEV;
    this.#index = wanted.index;
    if (wanted.protocol !== 0) this.#ethernetType = wanted.protocol;
    if (one !== undefined && !one.isUp) this.interfaceDown(one.index);
    return 0;
  }

  override connect(): number {
    return -EOPNOTSUPP;
  }

  override localName(): Uint8Array {
    const one = this.network.interfaceByIndex(this.#index);
    const name = new Uint8Array(SockaddrLl.size);
    const hardwareAddress = one?.hardwareAddress ?? new Uint8Array(0);
    writePacketAddress(
      name,
      {
        protocol: this.#ethernetType,
        index: this.#index,
        hardwareType: one?.hardwareType ?? 0,
        packetType: 0,
      },
      hardwareAddress,
    );
    return name.subarray(0, SockaddrLl.offset.sll_addr + hardwareAddress.length);
  }

  override peerName(): number {
    return -EOPNOTSUPP;
  }

  /** The interface that it was bound to is down, or gone. */
  interfaceDown(index: number): void {
    if (this.#index !== index) return;
    this.pendingError = ENETDOWN;
    this.readiness.wakeAll();
  }

  interfaceGone(index: number): void {
    if (this.#index !== index) return;
    this.interfaceDown(index);
    this.#index = -1;
  }

  /** Is more than a quarter of what it may hold free? */
  get hasRoom(): boolean {
    const { receive } = this.#rings;
    return receive === null ? this.#queue.cost * 4 < this.options.receiveBuffer * 3 : receive.hasRoom;
  }

  hearsFrames(index: number): boolean {
    return this.#ethernetType !== 0 && (this.#index === 0 || this.#index === index);
  }

  /** Do both belong to a group? What one sends the others don't see either. */
  sharesWith(other: FrameObserver): boolean {
    return this.fanout !== null && other instanceof PacketSocket && other.fanout === this.fanout;
  }

  /** A frame came in or goes out: is it for this socket, or its group? */
  frameSeen(one: NetworkInterface, frame: Uint8Array, type: number, packetType: number, isTaken: boolean): void {
    const { fanout } = this;
    // The first of a group asks for all.
    if (fanout !== null && fanout.members[0] !== this) return;
    const isOutgoing = packetType === PACKET_OUTGOING;
    const ignoresOutgoing = fanout === null ? this.#ignoresOutgoing : fanout.ignoresOutgoing;
    if (isOutgoing ? this.#ethernetType !== ETH_P_ALL || ignoresOutgoing : false) return;
    if (this.#ethernetType !== ETH_P_ALL && (isTaken || this.#ethernetType !== type)) return;
    if (this.#index !== 0 && this.#index !== one.index) return;
    const packet: FilteredPacket = {
      bytes: frame,
      start: 0,
      link: 0,
      network: one.linkHeaderSize,
      protocol: type,
      packetType,
      interfaceIndex: one.index,
      hardwareType: one.hardwareType,
    };
    if (fanout === null) this.#take(one, packet);
    else (fanout.memberFor(packet) as PacketSocket).#take(one, packet);
  }

  /** Without room the frame is lost. */
  #take(one: NetworkInterface, packet: FilteredPacket): void {
    const { bytes: frame, packetType, protocol: type } = packet;
    const start = this.type === SOCK_RAW ? 0 : packet.network;
    const admitted = admittedBytes(this, frame, { ...packet, start });
    if (admitted < 0) return;
    this.#seen++;
    if (this.#rings.receive !== null) {
      this.#putInRing(one, packet, start, admitted);
      return;
    }
    const { udpMemory } = this.network;
    const bytes = frame.subarray(start, start + admitted);
    if (!hasReceiveRoom(this.#queue.cost, bytes.length, this.options.receiveBuffer) || udpMemory.isFull) {
      this.#dropped++;
      return;
    }
    const before = this.#queue.cost;
    const { from, to } = HEADER;
    to.ip[0] = frame.length - start;
    if (one.hasFrames) {
      from.ip[0] = ((frame[6]! << 24) | (frame[7]! << 16) | (frame[8]! << 8) | frame[9]!) >>> 0;
      from.ip[1] = (frame[10]! << 8) | frame[11]!;
    }
    from.port = type;
    HEADER.hopLimit = packetType;
    HEADER.trafficClass = one.hardwareType;
    this.#queue.push(HEADER, one.index, new BytesCursor(bytes));
    udpMemory.bytes += this.#queue.cost - before;
    this.readiness.wakeAll(POLLIN | POLLRDNORM);
  }

  #putInRing(one: NetworkInterface, packet: FilteredPacket, start: number, admitted: number): void {
    const { bytes: frame, packetType, protocol } = packet;
    writePacketAddress(
      RING_ADDRESS,
      { protocol, index: one.index, hardwareType: one.hardwareType, packetType },
      one.hasFrames ? frame.subarray(ETHERNET_ADDRESS_SIZE, 2 * ETHERNET_ADDRESS_SIZE) : NO_ADDRESS,
    );
    const heard: HeardFrame = {
      bytes: frame,
      start,
      length: frame.length - start,
      admitted,
      linkHeader: packet.network - start,
    };
    if (this.#rings.receive!.put(heard, RING_ADDRESS, this.#dropped > 0)) return;
    this.#dropped++;
    this.ringReady();
  }

  /** A program has something in the ring, or should make room there. */
  ringReady(): void {
    this.readiness.wakeAll(POLLIN | POLLRDNORM);
  }

  /** Its rings alone can be mapped, and no file bounds them. */
  override get contentInode(): null {
    return null;
  }

  override mapping(offset = 0, length = 0): PageCache | number {
    return this.#rings.mapping(offset, length);
  }

  /**
   * What the ring that sends has marked, when there is one, else `from`.
   *
   * @returns −ENXIO no interface; −ENETDOWN; −EINVAL shorter than a header, or a bad address; −EMSGSIZE beyond the MTU
   */
  override send(_task: SocketCaller, from: IoCursor, message: OutgoingMessage, flags: number): number {
    if ((flags & MSG_OOB) !== 0) return -EOPNOTSUPP;
    const to = message.address === null ? null : parsePacketAddress(message.address);
    if (isErrno(to)) return to;
    const one = this.network.interfaceByIndex(to === null ? this.#index : to.index);
    if (one === undefined) return -ENXIO;
    if (!one.isUp) return -ENETDOWN;
    const { send, skipsBad } = this.#rings;
    if (send !== null) {
      return send.sendMarked((bytes) => this.#sendPacket(one, to, new BytesCursor(bytes)), skipsBad);
    }
    const { remaining } = from;
    const sent = this.#sendPacket(one, to, from);
    return sent < 0 ? sent : remaining;
  }

  #sendPacket(one: NetworkInterface, to: PacketAddress | null, from: IoCursor): number {
    const isRaw = this.type === SOCK_RAW;
    const { remaining } = from;
    const length = isRaw ? remaining : remaining + one.linkHeaderSize;
    if (length > one.mtu + one.linkHeaderSize) return -EMSGSIZE;
    if (length < one.linkHeaderSize) return -EINVAL;
    const frame = new Uint8Array(length);
    const taken = remaining === 0 ? 0 : from.take(frame, length - remaining, remaining);
    if (taken < remaining) return taken < 0 ? taken : -EFAULT;
    const protocol = to === null ? this.#ethernetType : to.protocol;
    if (!isRaw && one.hasFrames) this.#writeHeader(frame, one, to, protocol);
    const isTold = one.hasFrames || protocol === 0 || (isRaw && protocol === ETH_P_ALL);
    const failed = sendFrame(one, frame, isTold ? ethernetTypeOf(one, frame) : protocol, this);
    one.network.ip.settle();
    return failed;
  }

  #writeHeader(frame: Uint8Array, one: NetworkInterface, to: PacketAddress | null, protocol: number): void {
    if (to !== null) frame.set(to.hardwareAddress.subarray(0, ETHERNET_ADDRESS_SIZE));
    frame.set(one.hardwareAddress, ETHERNET_ADDRESS_SIZE);
    frame[2 * ETHERNET_ADDRESS_SIZE] = protocol >> 8;
    frame[2 * ETHERNET_ADDRESS_SIZE + 1] = protocol;
  }

  override receive(_task: SocketCaller, to: IoCursor, message: IncomingMessage, flags: number): number {
    if ((flags & MSG_ERRQUEUE) !== 0) return -EAGAIN;
    if ((flags & ~(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC)) !== 0) return -EINVAL;
    const error = this.takeError();
    if (error !== 0) return -error;
    if (this.#queue.count === 0) return -EAGAIN;
    const { length } = this.#queue;
    const moved = this.#queue.copyTo(to);
    this.#queue.describe(SEEN);
    if ((flags & MSG_PEEK) === 0) {
      const before = this.#queue.cost;
      this.#queue.shift();
      this.network.udpMemory.bytes -= before - this.#queue.cost;
    }
    if (moved < 0) return moved;
    const hardwareAddress = SEEN.trafficClass === ARPHRD_NONE ? NO_ADDRESS : HARDWARE_ADDRESS;
    for (let byte = 0; byte < hardwareAddress.length; byte++)
      hardwareAddress[byte] = byte < 4 ? SEEN.from[0]! >>> (24 - 8 * byte) : SEEN.from[1]! >>> (40 - 8 * byte);
    writePacketAddress(
      message.address,
      {
        protocol: SEEN.port,
        index: SEEN.interfaceIndex,
        hardwareType: SEEN.trafficClass,
        packetType: SEEN.hopLimit,
      },
      hardwareAddress,
    );
    message.addressLength = SockaddrLl.size;
    if (this.#tellsAuxiliary) message.addControl(SOL_PACKET, PACKET_AUXDATA, this.#auxiliary(SEEN.to[0]!, length));
    addTimestamps(this.kernel, this.options, message);
    if (moved < length) message.flags |= MSG_TRUNC;
    return (flags & MSG_TRUNC) !== 0 ? length : moved;
  }

  /** @param captured  what the filter left of it, whatever room the reader has */
  #auxiliary(length: number, captured: number): Uint8Array {
    const data = new Uint8Array(TpacketAuxdata.size);
    putFields(viewOf(data), TpacketAuxdata, {
      tp_status: TP_STATUS_USER,
      tp_len: length,
      tp_snaplen: captured,
      tp_net: this.type === SOCK_RAW && SEEN.trafficClass !== ARPHRD_NONE ? FRAME_HEADER_SIZE : 0,
    });
    return data;
  }

  override available(): number {
    return this.#queue.length;
  }

  override poll(): number {
    let ready = POLLOUT | POLLWRNORM | POLLWRBAND;
    if (this.pendingError !== 0) ready |= POLLERR;
    if (this.#queue.count > 0 || this.#rings.receive?.isReadable === true) ready |= POLLIN | POLLRDNORM;
    return ready;
  }

  override shutdown(): number {
    return -EOPNOTSUPP;
  }

  override setProtocolOption(task: SocketCaller, level: number, name: number, value: Uint8Array): number {
    if (level !== SOL_PACKET) return -ENOPROTOOPT;
    switch (name) {
      case PACKET_ADD_MEMBERSHIP:
      case PACKET_DROP_MEMBERSHIP:
        return this.#changeMembership(name, value);
      case PACKET_AUXDATA:
      case PACKET_IGNORE_OUTGOING:
        if (value.length < 4) return -EINVAL;
        if (name === PACKET_AUXDATA) this.#tellsAuxiliary = optionInt(value) !== 0;
        else this.#ignoresOutgoing = optionInt(value) !== 0;
        return 0;
      case PACKET_ORIGDEV:
        return value.length < 4 ? -EINVAL : this.#keep(name, optionInt(value) !== 0 ? 1 : 0);
      case PACKET_QDISC_BYPASS:
        return value.length !== 4 ? -EINVAL : this.#keep(name, optionInt(value) !== 0 ? 1 : 0);
      case PACKET_TIMESTAMP:
        return value.length !== 4 ? -EINVAL : this.#keep(name, optionInt(value));
      case PACKET_FANOUT:
        return joinFanout(this, value);
      case PACKET_FANOUT_DATA:
        return this.fanout === null ? -EINVAL : this.fanout.setData(task, value);
      case PACKET_VERSION:
      case PACKET_RESERVE:
      case PACKET_LOSS:
      case PACKET_RX_RING:
      case PACKET_TX_RING: {
        const failed = this.#rings.setOption(name, value);
        // What waits was for who reads each frame (packet_set_ring).
        if (failed === 0 && this.#rings.receive !== null) this.#forgetQueue();
        return failed;
      }
      default:
        return -ENOPROTOOPT;
    }
  }

  #keep(name: number, value: number): 0 {
    this.#kept.set(name, value);
    return 0;
  }

  /** Links of ours hand over every frame, so a membership changes nothing but what it tells. */
  #changeMembership(name: number, value: Uint8Array): number {
    if (value.length < PacketMreq.size) return -EINVAL;
    const index = optionInt(value);
    const type = viewOf(value).getUint16(PacketMreq.offset.mr_type, true);
    const key = `${index}:${type}:${value.slice(PacketMreq.offset.mr_alen, PacketMreq.size).join(".")}`;
    let times = 0;
    while (this.#memberships.has(timesOf(key, times + 1))) times++;
    if (name === PACKET_DROP_MEMBERSHIP) {
      // That it was never there is no error (packet_mc_drop).
      this.#memberships.delete(timesOf(key, times));
      return 0;
    }
    if (this.network.interfaceByIndex(index) === undefined) return -ENODEV;
    const length = viewOf(value).getUint16(PacketMreq.offset.mr_alen, true);
    const isAddress = type === PACKET_MR_MULTICAST || type === PACKET_MR_UNICAST;
    if (length > ETHERNET_ADDRESS_SIZE || (isAddress && length !== ETHERNET_ADDRESS_SIZE)) return -EINVAL;
    if (this.#memberships.size >= MEMBERSHIPS_MAX) return -EINVAL;
    this.#memberships.add(timesOf(key, times + 1));
    return 0;
  }

  /** Groups of Ethernet that it has an interface hear, in hexadecimal. */
  groupsAt(index: number): string[] {
    const start = `${index}:${PACKET_MR_MULTICAST}:`;
    const groups: string[] = [];
    for (const key of this.#memberships) {
      if (!key.startsWith(start) || key.includes("#")) continue;
      const [, , ...address] = key.slice(start.length).split(".");
      groups.push(hexOf(Uint8Array.from(address.slice(0, ETHERNET_ADDRESS_SIZE), Number)));
    }
    return groups;
  }

  override getProtocolOption(
    task: SocketCaller,
    level: number,
    name: number,
    length: number,
    address = 0,
  ): Uint8Array | number {
    if (level !== SOL_PACKET) return -ENOPROTOOPT;
    switch (name) {
      case PACKET_STATISTICS:
        return this.#takeStatistics();
      case PACKET_HDRLEN: {
        if (length < 4) return -EINVAL;
        const version = task.space.loadU32(address);
        return version < 0 ? version : this.#rings.getOption(name, version);
      }
      case PACKET_AUXDATA:
        return intOption(this.#tellsAuxiliary ? 1 : 0);
      case PACKET_IGNORE_OUTGOING:
        return intOption(this.#ignoresOutgoing ? 1 : 0);
      case PACKET_ORIGDEV:
      case PACKET_QDISC_BYPASS:
      case PACKET_TIMESTAMP:
        return intOption(this.#kept.get(name) ?? 0);
      case PACKET_FANOUT:
        return intOption(this.fanout === null ? 0 : this.fanout.description);
      case PACKET_ROLLOVER_STATS:
        return this.fanout?.rollsOver === true ? this.#rolloverStatistics() : -EINVAL;
      default:
        return this.#rings.getOption(name, 0);
    }
  }

  /** Asking sets all to zero. */
  #takeStatistics(): Uint8Array {
    const { isOfBlocks, receive } = this.#rings;
    const layout = isOfBlocks ? TpacketStatsV3 : TpacketStats;
    const value = new Uint8Array(layout.size);
    putFields(viewOf(value), layout, { tp_packets: this.#seen, tp_drops: this.#dropped });
    this.#seen = this.#dropped = 0;
    if (isOfBlocks && receive !== null) {
      putFields(viewOf(value), TpacketStatsV3, { tp_freeze_q_cnt: receive.freezes });
      receive.freezes = 0;
    }
    return value;
  }

  #rolloverStatistics(): Uint8Array {
    const value = new Uint8Array(TpacketRolloverStats.size);
    const { done, failed } = this.rollover;
    const { tp_all, tp_failed } = TpacketRolloverStats.offset;
    put64(viewOf(value), tp_all, done);
    put64(viewOf(value), tp_failed, failed);
    return value;
  }

  #forgetQueue(): void {
    this.network.udpMemory.bytes -= this.#queue.cost;
    this.#queue.clear();
  }

  protected override dispose(): void {
    this.network.packetSockets.delete(this);
    this.fanout?.leave(this);
    this.#rings.release();
    this.#forgetQueue();
  }

  static {
    stateClass("PacketSocket", this, {
      save: (it) => ({
        queue: it.#queue,
        ethernetType: it.#ethernetType,
        index: it.#index,
        seen: it.#seen,
        dropped: it.#dropped,
        tellsAuxiliary: it.#tellsAuxiliary,
        ignoresOutgoing: it.#ignoresOutgoing,
        memberships: it.#memberships,
        rings: it.#rings,
        kept: it.#kept,
      }),
      load: (it, from) =>
        ({
          queue: it.#queue,
          ethernetType: it.#ethernetType,
          index: it.#index,
          seen: it.#seen,
          dropped: it.#dropped,
          tellsAuxiliary: it.#tellsAuxiliary,
          ignoresOutgoing: it.#ignoresOutgoing,
          memberships: it.#memberships,
          rings: it.#rings,
          kept: it.#kept,
        } = from),
    });
  }
}

/**
 * A record of the queue: it holds a hardware address, the Ethernet type, the packet's and the hardware's type, and how
 * long the packet was before a filter cut it.
 */
const HEADER = {
  from: new ScratchEndpoint(),
  to: new ScratchEndpoint(),
  hopLimit: 0,
  trafficClass: 0,
  extensions: NO_EXTENSIONS,
};
const SEEN = new ReceivedDatagram();
const HARDWARE_ADDRESS = new Uint8Array(ETHERNET_ADDRESS_SIZE);
/** Of who sends without frames. */
const NO_ADDRESS = new Uint8Array(0);
const RING_ADDRESS = new Uint8Array(SockaddrLl.size);
