/**
 * PACKET_FANOUT (packet(7)): packet sockets that share the frames of one Ethernet type and interface, each frame one
 * socket's. The first member takes them for all.
 */
import {
  EALREADY,
  EINVAL,
  ENOMEM,
  ENOSPC,
  ETH_P_IP,
  ETH_P_IPV6,
  FanoutArgs,
  IPPROTO_DCCP,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  PACKET_FANOUT_CBPF,
  PACKET_FANOUT_CPU,
  PACKET_FANOUT_FLAG_IGNORE_OUTGOING,
  PACKET_FANOUT_FLAG_ROLLOVER,
  PACKET_FANOUT_FLAG_UNIQUEID,
  PACKET_FANOUT_HASH,
  PACKET_FANOUT_LB,
  PACKET_FANOUT_QM,
  PACKET_FANOUT_RND,
  PACKET_FANOUT_ROLLOVER,
  PACKET_OUTGOING,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { RandomSource } from "@stratos/host";
import { randomWord } from "../../ground/random-word.ts";
import type { BpfFilter, FilteredPacket } from "../../security/bpf-filter.ts";
import type { SocketCaller } from "../socket-kernel.ts";
import { optionInt } from "../socket-options.ts";
import { readFilter } from "../socket-filter.ts";
import { viewOf } from "../../ground/words.ts";

const KINDS: ReadonlySet<number> = new Set([
  PACKET_FANOUT_HASH,
  PACKET_FANOUT_LB,
  PACKET_FANOUT_CPU,
  PACKET_FANOUT_ROLLOVER,
  PACKET_FANOUT_RND,
  PACKET_FANOUT_QM,
  PACKET_FANOUT_CBPF,
]);
/** Members of a group that says nothing of them, and at most (net/packet/internal.h). */
const MEMBERS_DEFAULT = 256,
  MEMBERS_MAX = 1 << 16;
/** Numbers of groups. */
const IDS_MAX = 1 << 16;
const NO_RECORD = new Uint32Array(0);

/** A socket of a group (packet-socket.ts). */
export interface FanoutMember {
  readonly network: {
    readonly fanoutGroups: Map<number, FanoutGroup>;
    readonly kernel: { readonly random: RandomSource };
  };
  /** Ethernet type; 0: it is bound to none. */
  readonly ethernetType: number;
  readonly interfaceIndex: number;
  fanout: FanoutGroup | null;
  /** Where it rolled over to last, and how often it did and could not. */
  readonly rollover: { at: number; done: number; failed: number };
  /** Is more than a quarter of what it may hold free? */
  readonly hasRoom: boolean;
}

/** Bound: `most` members. */
export class FanoutGroup {
  readonly id: number;
  readonly kind: number;
  readonly flags: number;
  readonly most: number;
  readonly ethernetType: number;
  readonly interfaceIndex: number;
  readonly members: FanoutMember[] = [];
  #turn = 0;
  /** PACKET_FANOUT_DATA. */
  #program: BpfFilter | null = null;

  constructor(how: { id: number; kind: number; flags: number; most: number }, first: FanoutMember) {
    this.id = how.id;
    this.kind = how.kind;
    this.flags = how.flags;
    this.most = how.most;
    this.ethernetType = first.ethernetType;
    this.interfaceIndex = first.interfaceIndex;
  }

  get ignoresOutgoing(): boolean {
    return (this.flags & PACKET_FANOUT_FLAG_IGNORE_OUTGOING) !== 0;
  }

  get rollsOver(): boolean {
    return this.kind === PACKET_FANOUT_ROLLOVER || (this.flags & PACKET_FANOUT_FLAG_ROLLOVER) !== 0;
  }

  /** What getsockopt(2) tells. */
  get description(): number {
    return this.id | ((this.kind | this.flags) << 16);
  }

  /** Whose frame it is. */
  memberFor(packet: FilteredPacket): FanoutMember {
    const at = this.#choose(packet);
    if (this.kind === PACKET_FANOUT_ROLLOVER) return this.#rollOver(at, false);
    return (this.flags & PACKET_FANOUT_FLAG_ROLLOVER) === 0 ? this.members[at]! : this.#rollOver(at, true);
  }

  #choose(packet: FilteredPacket): number {
    const { length } = this.members;
    switch (this.kind) {
      case PACKET_FANOUT_HASH:
        return flowHash(packet) % length;
      case PACKET_FANOUT_LB:
        this.#turn = (this.#turn + 1) >>> 0;
        return this.#turn % length;
      case PACKET_FANOUT_RND:
        return randomWord(this.members[0]!.network.kernel.random) % length;
      case PACKET_FANOUT_CBPF: {
        // It sees what the link's header carries; on the way out the header, too.
        const start = packet.packetType === PACKET_OUTGOING ? 0 : packet.network;
        return this.#program === null ? 0 : (this.#program.run(NO_RECORD, { ...packet, start }) >>> 0) % length;
      }
      // One processor, and a queue for each interface.
      default:
        return 0;
    }
  }

  /** To the next that has room, from where it rolled over to last (net/packet/af_packet.c, fanout_demux_rollover). */
  #rollOver(at: number, mayStay: boolean): FanoutMember {
    const { members } = this;
    const member = members[at]!;
    if (mayStay && member.hasRoom) return member;
    const from = Math.min(member.rollover.at, members.length - 1);
    for (let step = 0; step < members.length; step++) {
      const next = (from + step) % members.length;
      if ((mayStay && next === at) || !members[next]!.hasRoom) continue;
      member.rollover.at = next;
      member.rollover.done++;
      return members[next]!;
    }
    member.rollover.failed++;
    return member;
  }

  /** PACKET_FANOUT_DATA: the program that chooses. −EINVAL of another kind, and what a program is refused for. */
  setData(task: SocketCaller, value: Uint8Array): number {
    if (this.kind !== PACKET_FANOUT_CBPF) return -EINVAL;
    const program = readFilter(task, value);
    if (isErrno(program)) return program;
    this.#program = program;
    return 0;
  }

  /** The last takes its place. */
  leave(member: FanoutMember): void {
    const at = this.members.indexOf(member);
    const last = this.members.pop()!;
    if (last !== member) this.members[at] = last;
    member.fanout = null;
    if (this.members.length === 0) member.network.fanoutGroups.delete(this.id);
  }

  static {
    stateClass("FanoutGroup", this, {
      save: (it) => ({ turn: it.#turn, program: it.#program }),
      load: (it, from) => ({ turn: it.#turn, program: it.#program } = from),
    });
  }
}

/**
 * setsockopt(2), PACKET_FANOUT: joins the group of that number, or makes it.
 *
 * @returns 0; −EALREADY it is a member; −EINVAL bound to nothing, or to something else than the group, or another kind;
 *   −ENOSPC the group is full; −ENOMEM no number is free
 */
export function joinFanout(member: FanoutMember, value: Uint8Array): number {
  if (value.length < 4) return -EINVAL;
  const view = viewOf(value);
  const { max_num_members } = FanoutArgs.offset;
  const word = optionInt(value);
  let id = word & 0xffff;
  const most = value.length >= FanoutArgs.size ? view.getUint32(max_num_members, true) : 0;
  const kind = (word >>> 16) & 0xff;
  let flags = (word >>> 16) & 0xff00;
  if (!KINDS.has(kind) || (kind === PACKET_FANOUT_ROLLOVER && (flags & PACKET_FANOUT_FLAG_ROLLOVER) !== 0))
    return -EINVAL;
  if (member.fanout !== null) return -EALREADY;
  const { fanoutGroups } = member.network;
  if ((flags & PACKET_FANOUT_FLAG_UNIQUEID) !== 0) {
    if (id !== 0) return -EINVAL;
    while (fanoutGroups.has(id)) id++;
    if (id >= IDS_MAX) return -ENOMEM;
    flags &= ~PACKET_FANOUT_FLAG_UNIQUEID;
  }
  let group = fanoutGroups.get(id);
  if (group !== undefined && (group.flags !== flags || (most !== 0 && most !== group.most))) return -EINVAL;
  if (most > MEMBERS_MAX || member.ethernetType === 0) return -EINVAL;
  group ??= new FanoutGroup({ id, kind, flags, most: most || MEMBERS_DEFAULT }, member);
  const isOfGroup =
    group.kind === kind && group.ethernetType === member.ethernetType && group.interfaceIndex === member.interfaceIndex;
  if (!isOfGroup) return -EINVAL;
  if (group.members.length >= group.most) return -ENOSPC;
  group.members.push(member);
  member.fanout = group;
  fanoutGroups.set(id, group);
  return 0;
}

const IPV4_PROTOCOL = 9,
  IPV6_PROTOCOL = 6,
  IPV6_HEADER_SIZE = 40;
/** Their headers begin with two ports. */
const WITH_PORTS: ReadonlySet<number> = new Set([
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_DCCP,
  IPPROTO_SCTP,
  IPPROTO_UDPLITE,
]);

/**
 * The same for all frames of a flow, in both directions (net/core/flow_dissector.c, __skb_get_hash_symmetric). Of what
 * is no IP: the same for all.
 */
function flowHash({ bytes: frame, network: start, protocol: type }: FilteredPacket): number {
  const isV4 = type === ETH_P_IP;
  if (!isV4 && type !== ETH_P_IPV6) return mixed(type);
  const protocol = frame[start + (isV4 ? IPV4_PROTOCOL : IPV6_PROTOCOL)] ?? 0;
  const size = isV4 ? 4 : 16;
  // offset: saddr of `struct iphdr`, of `struct ipv6hdr`; daddr follows
  const addresses = start + (isV4 ? 12 : 8);
  let hash = mixed(type ^ (protocol << 16));
  hash ^= mixed(sumOf(frame, addresses, size) + sumOf(frame, addresses + size, size));
  const ports = start + (isV4 ? (frame[start]! & 15) * 4 : IPV6_HEADER_SIZE);
  if (WITH_PORTS.has(protocol)) hash ^= mixed(sumOf(frame, ports, 2) + sumOf(frame, ports + 2, 2) + 1);
  return mixed(hash);
}

/** A number of some bytes, below 2^31. */
function sumOf(bytes: Uint8Array, at: number, length: number): number {
  let sum = 0;
  for (let byte = 0; byte < length; byte++) sum = (Math.imul(sum, 31) + (bytes[at + byte] ?? 0)) & 0x3fffffff;
  return mixed(sum) & 0x3fffffff;
}

/** Source: the finalizer of MurmurHash3. */
function mixed(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
